//! Mocking: requests are read, and answered with what was recorded. Every log-in is accepted.
use keploy_sdk::{Exchange, Fault, Instant, Map, Session, Side, Value};

use crate::{
    command::Upkeep,
    conversation::{Conversation, Phase, Turn},
    document::{AUTOCOMMIT, Fields},
    ending::{self, OK, Ok as OkPacket},
    facts,
    greeting::{Greeting, NONCE},
    login::{Expects, Login},
    upload::Upload,
    wire::put_nul,
    writer::{Writer, Written},
};

/// AuthSwitchRequest, and the plugin whose clients all have it and need no key.
const SWITCH: u8 = 0xfe;
const SWITCH_TO: &[u8] = b"caching_sha2_password";
/// AuthMoreData of caching_sha2_password: the fast proof was good.
const FAST_OK: [u8; 2] = [1, 3];

impl Conversation {
    pub(crate) fn ask_for_greeting(&mut self, host: &mut dyn Session, at: Instant) {
        let request: Value = Map::new().with("connect", true).into();
        let facts = facts::of(&request);
        host.open(request, facts, at);
    }

    /// Reads what the client has said, up to what has to be answered first.
    pub(crate) fn serve(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        loop {
            if let Phase::Acknowledging(upkeep) = self.phase {
                self.acknowledge(host, upkeep)?;
            }
            let is_clients_turn = matches!(
                self.phase,
                Phase::Hello | Phase::Switching(_) | Phase::Idle | Phase::Uploading(..) | Phase::Over
            );
            if !is_clients_turn {
                return Ok(());
            }
            let Some(packet) = self.client.packet()? else { return Ok(()) };
            match &self.phase {
                Phase::Hello => self.hello(host, &packet)?,
                Phase::Idle => self.command(host, &packet)?,
                Phase::Uploading(..) => self.part(host, &packet),
                Phase::Switching(ok) => {
                    let ok = ok.clone();
                    self.out.behind(packet.sequence, self.client.packed_sequence);
                    self.accept(host, &ok, Expects::FastOk)?;
                    self.phase = Phase::Idle;
                }
                _ => {}
            }
        }
    }

    fn acknowledge(&mut self, host: &mut dyn Session, upkeep: Upkeep) -> Result<(), Fault> {
        let ok = OkPacket { status: self.state.status(), ..OkPacket::default() };
        let packet = match upkeep {
            Upkeep::Eof => ok.write_eof(self.agreed)?,
            Upkeep::Other | Upkeep::ResetConnection => ok.write(OK, self.agreed)?,
        };
        self.out.packet(&packet);
        self.acknowledged(upkeep);
        self.out.send(host)
    }

    pub(crate) fn say(&mut self, host: &mut dyn Session, exchange: Exchange, responses: &[Value]) -> Result<(), Fault> {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Greeting => self.greet(host, responses)?,
            Phase::Login(_, login) => {
                let response = responses.first();
                match response.and_then(|response| response.get("error")) {
                    Some(error) if login.changes => {
                        self.out.packet(&ending::write_error(error, self.agreed)?);
                        self.phase = Phase::Idle;
                        return self.out.send(host);
                    }
                    Some(error) => return self.refuse(host, error),
                    None => {}
                }
                let ok = match response.and_then(|response| response.get("ok")) {
                    Some(ok) => OkPacket::from_fields(Fields::new("ok", ok)?)?,
                    None => OkPacket::default(),
                };
                self.let_in(host, &login, ok)?;
            }
            Phase::Answering(_, turn) => self.write_answer(turn, responses)?,
            other => {
                self.phase = other;
                return Err(Fault::new("unasked-answer", format!("exchange {exchange} is not open")));
            }
        }
        self.out.send(host)
    }

    /// A log-in is accepted, recorded or not; of everything else, the client is told.
    pub(crate) fn say_nothing_matches(
        &mut self,
        host: &mut dyn Session,
        exchange: Exchange,
        reason: &str,
    ) -> Result<(), Fault> {
        match &self.phase {
            Phase::Login(..) => {
                let ok = OkPacket { status: AUTOCOMMIT, ..OkPacket::default() };
                self.say(host, exchange, &[ok.document()])
            }
            Phase::Greeting => self.refuse(host, &ending::missed(reason)),
            // It always can, and a connection that could not would be of no use to anybody any more.
            Phase::Answering(_, turn) if turn.gives_up => {
                let ok = OkPacket { status: AUTOCOMMIT, ..OkPacket::default() };
                self.say(host, exchange, &[ok.document()])
            }
            _ => self.say(host, exchange, &[Map::new().with("error", ending::missed(reason)).into()]),
        }
    }

    fn greet(&mut self, host: &mut dyn Session, responses: &[Value]) -> Result<(), Fault> {
        let response = responses.first();
        let Some(greeting) = response.and_then(|response| response.get("greeting")) else {
            let error = response.and_then(|response| response.get("error")).cloned();
            return self.refuse(host, &error.unwrap_or_else(|| ending::missed("the recorded server did not greet")));
        };
        let greeting = Greeting::from_document(greeting)?;
        self.out.packet(&greeting.write());
        self.greeted(&greeting);
        Ok(())
    }

    /// An error, behind which servers hang up.
    fn refuse(&mut self, host: &mut dyn Session, error: &Value) -> Result<(), Fault> {
        self.out.packet(&ending::write_error(error, self.agreed)?);
        self.out.send(host)?;
        host.finish(Side::Client);
        self.phase = Phase::Over;
        Ok(())
    }

    fn let_in(&mut self, host: &mut dyn Session, login: &Login, ok: OkPacket) -> Result<(), Fault> {
        self.logged_in(login, &ok);
        if login.expects != Expects::Key {
            return self.accept(host, &ok, login.expects);
        }
        let mut switch = vec![SWITCH];
        put_nul(&mut switch, SWITCH_TO);
        put_nul(&mut switch, NONCE);
        self.out.packet(&switch);
        self.phase = Phase::Switching(ok);
        Ok(())
    }

    fn accept(&mut self, host: &mut dyn Session, ok: &OkPacket, expects: Expects) -> Result<(), Fault> {
        if expects == Expects::FastOk {
            self.out.packet(&FAST_OK);
        }
        self.out.packet(&ok.write(OK, self.agreed)?);
        self.out.send(host)?;
        if let Some(compression) = self.compression()
            && !self.client.is_compressed()
        {
            self.client.decompress(host, compression)?;
            self.out.compress(compression);
        }
        Ok(())
    }

    fn write_answer(&mut self, turn: Turn, responses: &[Value]) -> Result<(), Fault> {
        let writer = Writer {
            agreed: self.agreed,
            status: self.state.status(),
            answer: &turn.answer,
            statements: &mut self.statements,
            out: &mut self.out,
        };
        let Written { outcome, file } = writer.write(responses)?;
        match file {
            Some(name) => self.phase = Phase::Uploading(Upload::new(name), turn),
            None => self.answered(turn, outcome),
        }
        Ok(())
    }
}
