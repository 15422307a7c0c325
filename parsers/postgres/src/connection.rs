//! One connection, from its first byte: encryption, the log-in, and then [`Recording`] or [`Mock`].
//!
//! Nothing of how a client proves who it is becomes part of a document, and a mock asks for no proof.
use keploy_sdk::{Connection, Exchange, Fault, Instant, Level, Map, Mode, Pace, Peer, Session, Side, Value};

use crate::{
    detect::{CANCEL_REQUEST, GSSENC_REQUEST, SSL_REQUEST},
    log_in::{Course, LogIn, StandIn},
    mock::{self, Mock},
    question::Question,
    record::Recording,
    request::Request,
    response::{Notice, Response, bad},
    wire::{Body, Fields, Inbox, Message, Out},
};

pub struct Conversation {
    mode: Mode,
    peer: Peer,
    phase: Phase,
    /// What we read was encrypted on the wire.
    encrypted: bool,
    client: Inbox,
    server: Inbox,
    /// Recording: the log-in may not survive us.
    stand_in: Option<StandIn>,
    recording: Recording,
    mock: Mock,
}

#[derive(Debug, PartialEq)]
enum Phase {
    /// The client has said nothing, or was told that there is no encryption, or is inside of it.
    Begin,
    /// It asked for encryption.
    Encryption {
        since: Instant,
        gss: bool,
    },
    LoggingIn(LogIn),
    Ready,
    /// Nothing more is read.
    Over,
}

impl Conversation {
    fn read_startup(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        while self.phase == Phase::Begin {
            let Some(since) = self.client.since() else { return Ok(()) };
            if self.client.peek() == Some(b'X') {
                self.over(host); // a client that changed its mind says good-bye, too
                return Ok(());
            }
            let Some((code, body)) = self.client.startup()? else { return Ok(()) };
            match code {
                SSL_REQUEST | GSSENC_REQUEST => {
                    let gss = code == GSSENC_REQUEST;
                    if self.mode == Mode::Mock && gss {
                        host.write(Side::Client, b"N");
                        continue;
                    }
                    if self.mode == Mode::Mock {
                        Question::encryption().open(host, since);
                    }
                    self.phase = Phase::Encryption { since, gss };
                }
                CANCEL_REQUEST => {
                    // It names a connection by secrets, and is not answered.
                    self.over(host);
                    if self.mode == Mode::Mock {
                        host.finish(Side::Client);
                    }
                }
                0x0003_0000..=0x0003_ffff => self.log_in(host, code, &body, since)?,
                other => {
                    return Err(self
                        .client
                        .fault("bad-startup", &format!("a start-up packet with the code {other:#x}")));
                }
            }
        }
        Ok(())
    }

    fn log_in(&mut self, host: &mut dyn Session, protocol: u32, body: &[u8], since: Instant) -> Result<(), Fault> {
        let startup = startup_parameters(body)
            .ok_or_else(|| self.client.fault("bad-startup", "the fields of a start-up packet do not fit"))?;
        self.recording.state.begin(&startup);
        self.mock.state.begin(&startup);
        let exchange = Question::connect(protocol, &startup).open(host, since);
        self.phase = Phase::LoggingIn(LogIn::new(exchange));
        if self.mode == Mode::Record && self.encrypted && self.client.is_empty() && self.server.is_empty() {
            self.stand_in = Some(StandIn::new(&self.peer, since));
        } else if self.mode == Mode::Record {
            host.set_pace(Pace::Free); // no encryption can begin any more
        }
        Ok(())
    }

    fn over(&mut self, host: &mut dyn Session) {
        self.phase = Phase::Over;
        self.client.clear();
        self.server.clear();
        if self.mode == Mode::Record {
            host.set_pace(Pace::Free);
        }
    }

    fn read_client(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        self.read_startup(host)?;
        match self.phase {
            Phase::Over => self.client.clear(),
            Phase::LoggingIn(_) if self.mode == Mode::Mock => return Ok(()), // until we have answered
            Phase::LoggingIn(_) | Phase::Ready => {
                while let Some(mut message) = self.client.message()? {
                    if let Some(stand_in) = &mut self.stand_in {
                        self.client.forget();
                        let course = stand_in.client(host, &mut message);
                        self.pass_on(host, Side::Server, &message, course)?;
                    }
                    let since = message.since;
                    let request = Request::read(message)?;
                    match self.mode {
                        Mode::Mock => self.mock.client(host, request, since)?,
                        _ => self.recording.client(host, request, since),
                    }
                }
            }
            Phase::Begin | Phase::Encryption { .. } => {}
        }
        Ok(())
    }

    fn read_server(&mut self, host: &mut dyn Session, at: Instant) -> Result<(), Fault> {
        loop {
            if let Phase::Encryption { since, gss } = self.phase {
                let Some(answer) = self.server.peek() else { return Ok(()) };
                if !self.encryption(host, answer, since, gss, at)? {
                    return Ok(());
                }
            } else if self.phase == Phase::Over {
                self.server.clear();
                return Ok(());
            }
            let Some(message) = self.server.message()? else { return Ok(()) };
            match &mut self.phase {
                Phase::LoggingIn(_) => self.logging_in(host, message, at)?,
                _ => self.recording.server(host, message, at)?,
            }
            if self.recording.over {
                self.over(host);
            }
        }
    }

    /// The server's answer to a request for encryption. False when what follows is not for us.
    fn encryption(
        &mut self,
        host: &mut dyn Session,
        answer: u8,
        since: Instant,
        gss: bool,
        at: Instant,
    ) -> Result<bool, Fault> {
        self.phase = Phase::Begin;
        if answer == b'E' {
            return Ok(true); // a server that does not know the request says so in a message
        }
        self.server.byte();
        let accepted = match (answer, gss) {
            (b'N', _) => false,
            (b'S', false) => true,
            (b'G', true) => {
                host.log(
                    Level::Warn,
                    "the connection is encrypted by GSSAPI and cannot be read\nhint: gssencmode=disable",
                );
                self.over(host);
                return Ok(false);
            }
            _ => return Err(self.server.fault("bad-encryption-answer", &format!("{:?}", char::from(answer)))),
        };
        if !gss {
            let exchange = Question::encryption().open(host, since);
            host.reply(exchange, Map::new().with("accepted", accepted).into(), at);
            host.close(exchange);
        }
        if accepted {
            self.encrypted = true;
            host.upgrade_tls(self.client.position(), self.server.position());
            self.client.clear();
            self.server.clear();
            return Ok(false);
        }
        self.read_client(host)?;
        Ok(true)
    }

    fn logging_in(&mut self, host: &mut dyn Session, message: Message, at: Instant) -> Result<(), Fault> {
        if let Some(stand_in) = &mut self.stand_in {
            let course = stand_in.server(host, &message)?;
            self.pass_on(host, Side::Client, &message, course)?;
        }
        let Phase::LoggingIn(log_in) = &mut self.phase else { return Ok(()) };
        if log_in.server(host, message, at)? {
            self.recording.process = log_in.process;
            self.recording.state.begun(&log_in.parameters);
            self.phase = Phase::Ready;
        }
        Ok(())
    }

    /// While somebody stands in: what came goes where it was meant to go, or does not.
    fn pass_on(&mut self, host: &mut dyn Session, to: Side, message: &Message, course: Course) -> Result<(), Fault> {
        if course == Course::Stays {
            return Ok(());
        }
        let Body::Bytes(body) = &message.body else {
            return Err(Fault::new("too-large", "a message of a log-in is too large to be read"));
        };
        let mut out = Out::default();
        out.message(message.tag, |out| out.extend(body));
        host.write(to, &out.0);
        if course == Course::Released {
            self.stand_in = None;
            for (to, rest) in [(Side::Client, self.server.rest()), (Side::Server, self.client.rest())] {
                if !rest.is_empty() {
                    host.write(to, rest);
                }
            }
            host.set_pace(Pace::Free);
        }
        Ok(())
    }

    /// Mocking: the answer to a request for encryption.
    fn answer_encryption(&mut self, host: &mut dyn Session, accepted: bool) -> Result<(), Fault> {
        self.phase = Phase::Begin;
        host.write(Side::Client, if accepted { b"S" } else { b"N" });
        if !accepted {
            return self.read_client(host);
        }
        self.encrypted = true;
        host.upgrade_tls(self.client.position(), 0);
        self.client.clear();
        Ok(())
    }

    /// Mocking: the answer to the start-up packet.
    fn answer_log_in(&mut self, host: &mut dyn Session, response: &Value) -> Result<(), Fault> {
        let mut out = Out::default();
        if let Some(error) = response.get("error") {
            Notice::from_document(error)?.write(b'E', &mut out);
            host.write(Side::Client, &out.0);
            self.over(host);
            host.finish(Side::Client);
            return Ok(());
        }
        if let Some(newest) = response.get("protocol").and_then(Value::as_str) {
            let unknown = response.get("unknown").and_then(Value::as_array).unwrap_or_default();
            let minor: u32 = newest.strip_prefix("3.").and_then(|minor| minor.parse().ok()).unwrap_or_default();
            out.message(b'v', |body| {
                body.extend((0x0003_0000 | minor).to_be_bytes());
                body.extend((unknown.len() as u32).to_be_bytes());
                unknown.iter().for_each(|name| crate::wire::put_string(body, name.as_raw().unwrap_or_default()));
            });
        }
        let parameters = mock::write_login(response, &mut out)?;
        self.mock.state.begun(&parameters);
        host.write(Side::Client, &out.0);
        self.phase = Phase::Ready;
        self.read_client(host)
    }
}

impl Connection for Conversation {
    fn new(mode: Mode, peer: Peer, _: Value) -> Self {
        Self {
            mode,
            phase: Phase::Begin,
            encrypted: peer.encrypted,
            peer,
            stand_in: None,
            client: Inbox::new(Side::Client),
            server: Inbox::new(Side::Server),
            recording: Recording::default(),
            mock: Mock::default(),
        }
    }

    fn feed(&mut self, host: &mut dyn Session, from: Side, offset: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        if self.stand_in.is_some() {
            host.withhold(from, offset, data.len() as u64);
        }
        match from {
            Side::Client => {
                self.client.push(offset, at, data);
                self.read_client(host)
            }
            Side::Server => {
                self.server.push(offset, at, data);
                self.read_server(host, at)
            }
        }
    }

    fn end(&mut self, host: &mut dyn Session, from: Side, _: Instant) -> Result<(), Fault> {
        match (self.mode, from) {
            (Mode::Mock, Side::Client) => host.finish(Side::Client),
            (Mode::Record, Side::Server) => {
                if let Phase::LoggingIn(log_in) = &self.phase {
                    log_in.end(host);
                }
                self.recording.end(host);
            }
            (Mode::Record, Side::Client) => {
                if let Some(stand_in) = &self.stand_in {
                    stand_in.hung_up(host);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        match self.phase {
            Phase::Encryption { .. } => {
                let accepted = responses.first().and_then(|response| response.get("accepted"));
                self.answer_encryption(host, accepted != Some(&Value::Bool(false)))
            }
            Phase::LoggingIn(_) => {
                let response = responses.first().ok_or_else(|| bad("a log-in without a response"))?;
                self.answer_log_in(host, response)
            }
            _ => self.mock.answer(host, exchange, responses),
        }
    }

    fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        match self.phase {
            Phase::Encryption { .. } => self.answer_encryption(host, true),
            Phase::LoggingIn(_) => {
                let error = Notice::error("FATAL", mock::MISSING, &format!("keploy: {reason}"));
                let response = Response { error: Some(error), ..Response::default() };
                self.answer_log_in(host, &response.document())
            }
            _ => self.mock.miss(host, exchange, reason),
        }
    }

    fn send(&mut self, _: &mut dyn Session, _: Exchange, _: Value) -> Result<(), Fault> {
        Err(Fault::new("no-drive", "an application that serves PostgreSQL is driven by another parser"))
    }
}

/// Names and values until an empty name.
fn startup_parameters(body: &[u8]) -> Option<Vec<(String, String)>> {
    let mut fields = Fields(body);
    let mut parameters = Vec::new();
    loop {
        let name = fields.string()?;
        if name.is_empty() {
            return fields.end(parameters);
        }
        let value = fields.string()?;
        parameters.push((String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned()));
    }
}
