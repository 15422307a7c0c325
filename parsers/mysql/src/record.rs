//! Recording: both sides are read, whoever's turn it is.
use keploy_sdk::{Fault, Instant, Map, Pace, Session, Value};

use crate::{
    answer::Step,
    command::Upkeep,
    conversation::{Conversation, Phase, Turn},
    ending::{self, EOF, ERR, OK, Ok as OkPacket},
    facts,
    greeting::Greeting,
    upload::Upload,
    wire::Packet,
};

impl Conversation {
    /// Goes on as far as what has come allows.
    pub(crate) fn read(&mut self, host: &mut dyn Session, at: Instant) -> Result<(), Fault> {
        while self.read_one(host, at)? {}
        Ok(())
    }

    /// Takes one packet of the side whose turn it is; whether there was one.
    fn read_one(&mut self, host: &mut dyn Session, at: Instant) -> Result<bool, Fault> {
        if let Phase::Login(..) = self.phase {
            // What the client proves is not ours to read. A command that was sent ahead starts at 0.
            while self.client.sequence().is_some_and(|sequence| sequence != 0) && self.client.packet()?.is_some() {}
        }
        let is_clients_turn = matches!(self.phase, Phase::Hello | Phase::Idle | Phase::Uploading(..) | Phase::Over);
        let inbox = if is_clients_turn { &mut self.client } else { &mut self.server };
        let Some(packet) = inbox.packet()? else { return Ok(false) };
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Greeting => self.read_greeting(host, &packet, at)?,
            Phase::Hello => {
                self.phase = Phase::Hello;
                self.hello(host, &packet)?;
            }
            Phase::Login(exchange, login) => match packet.payload.first() {
                Some(&OK) => {
                    let ok = OkPacket::read(&packet.payload, self.agreed)?;
                    host.reply(exchange, ok.document(), at);
                    host.close(exchange);
                    self.logged_in(&login, &ok);
                    self.compress(host)?;
                }
                Some(&ERR) => {
                    host.reply(exchange, ending::error(&packet.payload)?, at);
                    host.close(exchange);
                    host.set_pace(Pace::Free);
                    if login.changes {
                        self.phase = Phase::Idle; // the user stays who it was, unless the server hangs up
                    }
                }
                // A challenge, or what a plugin of the server's says to the client's.
                _ => self.phase = Phase::Login(exchange, login),
            },
            Phase::Idle => {
                self.phase = Phase::Idle;
                self.command(host, &packet)?;
            }
            Phase::Acknowledging(upkeep) => self.read_acknowledgement(upkeep, &packet)?,
            Phase::Answering(exchange, turn) => self.read_answer(host, exchange, turn, &packet, at)?,
            uploading @ Phase::Uploading(..) => {
                self.phase = uploading;
                self.part(host, &packet);
            }
            Phase::Switching(_) | Phase::Over => {}
        }
        Ok(true)
    }

    fn read_greeting(&mut self, host: &mut dyn Session, packet: &Packet, at: Instant) -> Result<(), Fault> {
        let request: Value = Map::new().with("connect", true).into();
        let facts = facts::of(&request);
        let greeting = match packet.payload.first() {
            Some(&ERR) => None,
            _ => Some(Greeting::read(&packet.payload)?),
        };
        let exchange = host.open(request, facts, packet.since);
        match greeting {
            Some(greeting) => {
                host.reply(exchange, greeting.document(), at);
                self.greeted(&greeting);
            }
            // Too many connections, or none from this address.
            None => host.reply(exchange, ending::error(&packet.payload)?, at),
        }
        host.close(exchange);
        Ok(())
    }

    fn compress(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        host.set_pace(Pace::Free);
        if let Some(compression) = self.compression()
            && !self.client.is_compressed()
        {
            self.client.decompress(host, compression)?;
            self.server.decompress(host, compression)?;
        }
        Ok(())
    }

    fn read_acknowledgement(&mut self, upkeep: Upkeep, packet: &Packet) -> Result<(), Fault> {
        match packet.payload.first() {
            Some(&OK) => self.state.told(&OkPacket::read(&packet.payload, self.agreed)?),
            Some(&EOF) => self.state.told(&OkPacket::read_eof(&packet.payload, self.agreed)?),
            _ => {
                self.phase = Phase::Idle;
                return Ok(());
            }
        }
        self.acknowledged(upkeep);
        Ok(())
    }

    fn read_answer(
        &mut self,
        host: &mut dyn Session,
        exchange: u64,
        mut turn: Turn,
        packet: &Packet,
        at: Instant,
    ) -> Result<(), Fault> {
        let Some(reader) = turn.reader.as_mut() else { return Ok(()) };
        let mut replies = Vec::new();
        let step = reader.take(&packet.payload, &mut replies)?;
        for reply in replies {
            host.reply(exchange, reply, at);
        }
        match step {
            Step::More => self.phase = Phase::Answering(exchange, turn),
            Step::File(name) => {
                host.close(exchange);
                self.phase = Phase::Uploading(Upload::new(name), turn);
            }
            Step::Done => {
                host.close(exchange);
                if let Some(outcome) = turn.reader.take().map(crate::answer::Reader::outcome) {
                    self.answered(turn, outcome);
                }
            }
        }
        Ok(())
    }

    /// The server says no more.
    pub(crate) fn hung_up(&mut self, host: &mut dyn Session) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Login(exchange, _) => host.abandon(exchange, "the connection ended during the log-in"),
            Phase::Answering(exchange, _) => {
                host.abandon(exchange, "the server hung up before its answer was complete")
            }
            _ => {}
        }
    }
}
