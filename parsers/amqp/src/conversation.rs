//! One connection, in either mode.
use keploy_sdk::{Connection, Exchange, Fault, Instant, Mode, Peer, Session, Side, Value};

use crate::{frame::Inbox, mock::Mocking, record::Recording};

/// Longer messages of a client are kept by the host.
const KEEP_ABOVE: usize = 1 << 20;

pub struct Conversation {
    client: Inbox,
    server: Inbox,
    role: Role,
}

enum Role {
    Recording(Recording),
    Mocking(Mocking),
}

impl Connection for Conversation {
    fn new(mode: Mode, _: Peer, _: Value) -> Self {
        let role = match mode {
            Mode::Mock => Role::Mocking(Mocking::default()),
            // The manifest says that nothing here drives.
            Mode::Record | Mode::Drive => Role::Recording(Recording::default()),
        };
        // A mock has to write what servers sent, frame by frame: it is not given away.
        Self { client: Inbox::new(KEEP_ABOVE), server: Inbox::new(usize::MAX), role }
    }

    fn feed(&mut self, host: &mut dyn Session, from: Side, _: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        let inbox = match from {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        inbox.push(at, data);
        while let Some(said) = inbox.next(host)? {
            match (&mut self.role, from) {
                (Role::Recording(recording), Side::Client) => recording.client_said(host, said, at),
                (Role::Recording(recording), Side::Server) => recording.server_said(host, said, at)?,
                (Role::Mocking(mocking), _) => mocking.client_said(host, said, at)?,
            }
        }
        Ok(())
    }

    fn end(&mut self, host: &mut dyn Session, from: Side, _: Instant) -> Result<(), Fault> {
        match (&mut self.role, from) {
            (Role::Mocking(_), _) => host.finish(Side::Client),
            (Role::Recording(recording), Side::Client) => recording.client_ended(),
            (Role::Recording(recording), Side::Server) => recording.server_ended(host, !self.server.is_empty()),
        }
        Ok(())
    }

    fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        match &mut self.role {
            Role::Mocking(mocking) => mocking.answer(host, exchange, &responses),
            Role::Recording(_) => Ok(()), // nothing is answered while recording
        }
    }

    fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        match &mut self.role {
            Role::Mocking(mocking) => mocking.miss(host, exchange, reason),
            Role::Recording(_) => Ok(()), // as above
        }
    }

    fn send(&mut self, host: &mut dyn Session, exchange: Exchange, request: Value) -> Result<(), Fault> {
        match &mut self.role {
            Role::Mocking(mocking) => mocking.send(host, exchange, &request),
            Role::Recording(_) => {
                Err(Fault::new("cannot-drive", "applications that are brokers themselves are not driven"))
            }
        }
    }
}
