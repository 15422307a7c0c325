//! One connection, in one of the three modes.
use keploy_sdk::{Connection, Exchange, Fault, Instant, Mode, Peer, Session, Side, Value};

use crate::{drive::Drive, mock::Mock, record::Record};

/// An HTTP/2 connection.
pub struct Http2Connection(Place);

enum Place {
    Record(Box<Record>),
    Mock(Box<Mock>),
    Drive(Box<Drive>),
}

impl Connection for Http2Connection {
    fn new(mode: Mode, _: Peer, _: Value) -> Self {
        Self(match mode {
            Mode::Record => Place::Record(Box::new(Record::new())),
            Mode::Mock => Place::Mock(Box::new(Mock::new())),
            Mode::Drive => Place::Drive(Box::new(Drive::new())),
        })
    }

    fn feed(&mut self, host: &mut dyn Session, from: Side, _: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        match (&mut self.0, from) {
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
        match (&mut self.0, from) {
            (Place::Record(record), _) => record.end(host, from, at),
            (Place::Mock(mock), Side::Client) => mock.end(host),
            (Place::Drive(drive), Side::Server) => drive.end(host, at),
            (Place::Mock(_), Side::Server) | (Place::Drive(_), Side::Client) => {}
        }
        Ok(())
    }

    fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        match &mut self.0 {
            Place::Mock(mock) => mock.answer(host, exchange, &responses),
            Place::Record(_) | Place::Drive(_) => Err(wrong_mode("answer")),
        }
    }

    fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        match &mut self.0 {
            Place::Mock(mock) => {
                mock.miss(host, exchange, reason);
                Ok(())
            }
            Place::Record(_) | Place::Drive(_) => Err(wrong_mode("miss")),
        }
    }

    fn send(&mut self, host: &mut dyn Session, exchange: Exchange, request: Value) -> Result<(), Fault> {
        match &mut self.0 {
            Place::Drive(drive) => drive.send(host, exchange, &request),
            Place::Record(_) | Place::Mock(_) => Err(wrong_mode("send")),
        }
    }
}

fn wrong_mode(call: &str) -> Fault {
    Fault::new("wrong-mode", format!("`{call}` does not belong to this connection's mode"))
}
