//! One connection, in either mode.
use keploy_scram::Passwords;
use keploy_sdk::{Connection, Exchange, Fault, Instant, Mode, Peer, Session, Side, Value};

use crate::{frame::Inbox, groups::Told, mock::Mocking, record::Recording};

/// Not an exchange: what another connection told.
const TOLD: Exchange = 0;

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
    fn new(mode: Mode, _: Peer, config: Value) -> Self {
        let role = match mode {
            Mode::Mock => Role::Mocking(Mocking::new(Passwords::new(&config, &[]))),
            // The manifest says that nothing here drives.
            Mode::Record | Mode::Drive => Role::Recording(Recording::new(&config)),
        };
        Self { client: Inbox::default(), server: Inbox::default(), role }
    }

    fn feed(&mut self, host: &mut dyn Session, from: Side, _: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        let inbox = match from {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        inbox.push(at, data);
        while let Some((frame, since)) = inbox.next()? {
            match (&mut self.role, from) {
                (Role::Recording(recording), Side::Client) => recording.client_said(host, &frame, since)?,
                (Role::Recording(recording), Side::Server) => recording.server_said(host, &frame, at)?,
                (Role::Mocking(mocking), _) => mocking.client_said(host, &frame, since)?,
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
            Role::Mocking(mocking) => mocking.answer(host, exchange, responses),
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
        if exchange == TOLD {
            let told = Told::read(&request).ok_or_else(|| Fault::new("bad-document", "it was told nothing"))?;
            match &mut self.role {
                Role::Recording(recording) => recording.hear(host, told),
                Role::Mocking(mocking) => mocking.hear(host, told),
            }
            return Ok(());
        }
        match &mut self.role {
            Role::Mocking(mocking) => mocking.send(host, exchange, &request),
            Role::Recording(_) => {
                Err(Fault::new("cannot-drive", "applications that are brokers themselves are not driven"))
            }
        }
    }
}
