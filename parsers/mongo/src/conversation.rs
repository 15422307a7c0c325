//! One connection, in any mode.
use keploy_scram::Passwords;
use keploy_sdk::{Connection, Exchange, Fault, Instant, Mode, Peer, Session, Side, Value};

use crate::{
    command::Command,
    mock::Mock,
    record::Recording,
    wire::{Inbox, WHOLE},
};

pub struct Conversation {
    client: Inbox,
    server: Inbox,
    role: Role,
}

enum Role {
    Recording(Recording),
    Mock(Mock),
}

impl Conversation {
    /// Of messages longer than `whole` bytes, the host keeps what makes them so.
    pub fn keeping(mode: Mode, config: &Value, whole: usize) -> Self {
        let role = match mode {
            Mode::Mock => Role::Mock(Mock::new(Passwords::new(config, &["mongodb", "mongodb+srv"]))),
            Mode::Record | Mode::Drive => Role::Recording(Recording::default()),
        };
        Self { client: Inbox::new(Side::Client, whole), server: Inbox::new(Side::Server, whole), role }
    }

    fn read(&mut self, host: &mut dyn Session, from: Side, at: Instant) -> Result<(), Fault> {
        let inbox = match from {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        while let Some(message) = inbox.message(host)? {
            match (&mut self.role, from) {
                (Role::Recording(recording), Side::Client) => recording.command(host, Command::read(message)?),
                (Role::Recording(recording), Side::Server) => recording.reply(host, message, at)?,
                (Role::Mock(mock), _) => mock.command(host, Command::read(message)?)?,
            }
        }
        Ok(())
    }
}

impl Connection for Conversation {
    fn new(mode: Mode, _: Peer, config: Value) -> Self {
        Self::keeping(mode, &config, WHOLE)
    }

    fn feed(&mut self, host: &mut dyn Session, from: Side, offset: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        match from {
            Side::Client => self.client.push(offset, at, data),
            Side::Server => self.server.push(offset, at, data),
        }
        self.read(host, from, at)
    }

    fn kept(&mut self, host: &mut dyn Session, from: Side, blob: u64, at: Instant) -> Result<(), Fault> {
        match from {
            Side::Client => self.client.kept(blob, at),
            Side::Server => self.server.kept(blob, at),
        }
        self.read(host, from, at)
    }

    fn end(&mut self, host: &mut dyn Session, from: Side, _: Instant) -> Result<(), Fault> {
        match (&mut self.role, from) {
            (Role::Mock(_), Side::Client) => host.finish(Side::Client),
            (Role::Mock(_), Side::Server) => {}
            (Role::Recording(recording), Side::Client) => recording.client_ended = true,
            (Role::Recording(recording), Side::Server) => recording.end(host, !self.server.is_empty()),
        }
        Ok(())
    }

    fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        match &mut self.role {
            Role::Mock(mock) => mock.answer(host, exchange, &responses),
            Role::Recording(_) => Ok(()),
        }
    }

    fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        match &mut self.role {
            Role::Mock(mock) => mock.miss(host, exchange, reason),
            Role::Recording(_) => Ok(()),
        }
    }

    fn send(&mut self, _: &mut dyn Session, _: Exchange, _: Value) -> Result<(), Fault> {
        Err(Fault::new("no-drive", "an application that serves MongoDB is driven by another parser"))
    }
}
