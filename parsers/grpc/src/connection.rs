//! One connection, in one of the three modes.
use std::rc::Rc;

use keploy_sdk::{Connection, Exchange, Fault, Instant, Mode, Peer, Session, Side, Value};

use crate::{drive::Drive, mock::Mock, proto, record::Record};

/// An HTTP/2 connection with gRPC calls on it.
pub struct GrpcConnection {
    place: Place,
    /// The settings cannot be used, and why.
    broken: Option<String>,
}

enum Place {
    Record(Box<Record>),
    Mock(Box<Mock>),
    Drive(Box<Drive>),
}

impl Connection for GrpcConnection {
    fn new(mode: Mode, _: Peer, config: Value) -> Self {
        let (types, broken) = match proto::types(&config) {
            Ok(types) => (Rc::new(types), None),
            Err(why) => (Rc::default(), Some(why)),
        };
        let place = match mode {
            Mode::Record => Place::Record(Box::new(Record::new(types))),
            Mode::Mock => Place::Mock(Box::new(Mock::new(types))),
            Mode::Drive => Place::Drive(Box::new(Drive::new(types))),
        };
        Self { place, broken }
    }

    fn start(&mut self, _: &mut dyn Session, _: Instant) -> Result<(), Fault> {
        self.broken.take().map_or(Ok(()), |why| Err(Fault::new("bad-descriptors", why)))
    }

    fn feed(&mut self, host: &mut dyn Session, from: Side, _: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        match (&mut self.place, from) {
            (Place::Record(record), _) => record.feed(host, from, at, data),
            (Place::Mock(mock), Side::Client) => {
                mock.feed(host, at, data);
                Ok(())
            }
            (Place::Drive(drive), Side::Server) => drive.feed(host, at, data),
            // From the side whose place the host takes nothing comes.
            (Place::Mock(_), Side::Server) | (Place::Drive(_), Side::Client) => Ok(()),
        }
    }

    fn end(&mut self, host: &mut dyn Session, from: Side, at: Instant) -> Result<(), Fault> {
        match (&mut self.place, from) {
            (Place::Record(record), _) => record.end(host, from, at),
            (Place::Mock(mock), Side::Client) => mock.end(host),
            (Place::Drive(drive), Side::Server) => drive.end(host, at),
            (Place::Mock(_), Side::Server) | (Place::Drive(_), Side::Client) => {}
        }
        Ok(())
    }

    fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        match &mut self.place {
            Place::Mock(mock) => mock.answer(host, exchange, &responses),
            Place::Record(_) | Place::Drive(_) => Err(wrong_mode("answer")),
        }
    }

    fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        match &mut self.place {
            Place::Mock(mock) => {
                mock.miss(host, exchange, reason);
                Ok(())
            }
            Place::Record(_) | Place::Drive(_) => Err(wrong_mode("miss")),
        }
    }

    fn send(&mut self, host: &mut dyn Session, exchange: Exchange, request: Value) -> Result<(), Fault> {
        match &mut self.place {
            Place::Drive(drive) => drive.send(host, exchange, &request),
            Place::Record(_) | Place::Mock(_) => Err(wrong_mode("send")),
        }
    }
}

fn wrong_mode(call: &str) -> Fault {
    Fault::new("wrong-mode", format!("`{call}` does not belong to this connection's mode"))
}
