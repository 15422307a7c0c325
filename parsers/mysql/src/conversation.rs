//! One connection, in either mode: who has to say something next, and what it does to the connection.
//!
//! A packet is taken only when it is its side's turn. So what a client sends ahead is understood in the state that the
//! answers before it leave, in a recording as in a mock.
use keploy_sdk::{Connection, Exchange, Fault, Instant, Map, Mode, Peer, Session, Side, Value};

use crate::{
    answer::{Outcome, Reader},
    capabilities::{CLIENT_COMPRESS, CLIENT_ZSTD_COMPRESSION, Capabilities},
    command::{Answer, Command, Context, Upkeep},
    ending::Ok as OkPacket,
    facts,
    greeting::Greeting,
    login::{Hello, Login},
    sql::{self, Settings},
    state::State,
    statements::{Statement, Statements},
    upload::Upload,
    wire::{Compression, Inbox, Outbox, Packet},
};

pub struct Conversation {
    mode: Mode,
    pub(crate) client: Inbox,
    pub(crate) server: Inbox,
    pub(crate) out: Outbox,
    pub(crate) phase: Phase,
    /// By the server.
    offered: Capabilities,
    pub(crate) agreed: Capabilities,
    pub(crate) state: State,
    pub(crate) statements: Statements,
}

/// Whose turn it is.
pub(crate) enum Phase {
    /// The server's, to greet.
    Greeting,
    /// The client's, to ask for TLS or to log in.
    Hello,
    /// The server's, to accept the log-in.
    Login(Exchange, Login),
    /// The client's, to prove itself in the way that the mock asked for.
    Switching(OkPacket),
    /// The client's.
    Idle,
    /// The server's: OK or an error, that is no exchange.
    Acknowledging(Upkeep),
    /// The server's.
    Answering(Exchange, Turn),
    /// The client's, to send a file.
    Uploading(Upload, Turn),
    Over,
}

/// A command that is being answered.
pub(crate) struct Turn {
    pub answer: Answer,
    /// Recording.
    pub reader: Option<Reader>,
    /// What it sets when it does not fail.
    pub settings: Settings,
    /// It undoes a transaction.
    pub gives_up: bool,
}

impl Conversation {
    /// The server greeted.
    pub(crate) fn greeted(&mut self, greeting: &Greeting) {
        self.offered = greeting.capabilities;
        self.phase = Phase::Hello;
    }

    /// The client's first packet, or its first inside TLS.
    pub(crate) fn hello(&mut self, host: &mut dyn Session, packet: &Packet) -> Result<(), Fault> {
        self.out.behind(packet.sequence, 0);
        match Hello::read(&packet.payload, self.offered)? {
            Hello::Tls => {
                host.upgrade_tls(self.client.offset(), self.server.offset());
                self.client.clear();
                self.server.clear();
            }
            Hello::Login(agreed, login) => {
                self.agreed = agreed;
                self.ask_to_log_in(host, login, packet.since);
            }
        }
        Ok(())
    }

    fn ask_to_log_in(&mut self, host: &mut dyn Session, login: Login, since: Instant) {
        let document = login.document();
        let facts = facts::of(&document);
        let exchange = host.open(document, facts, since);
        self.phase = Phase::Login(exchange, login);
    }

    pub(crate) fn logged_in(&mut self, login: &Login, ok: &OkPacket) {
        self.statements.clear();
        self.state.log_in(login.database());
        self.state.told(ok);
        self.phase = Phase::Idle;
    }

    /// Compression starts behind the packet that accepts the log-in.
    pub(crate) fn compression(&self) -> Option<Compression> {
        match self.agreed {
            agreed if agreed.has(CLIENT_COMPRESS) => Some(Compression::Zlib),
            agreed if agreed.has(CLIENT_ZSTD_COMPRESSION) => Some(Compression::Zstd),
            _ => None,
        }
    }

    /// The client's turn: a command.
    pub(crate) fn command(&mut self, host: &mut dyn Session, packet: &Packet) -> Result<(), Fault> {
        if packet.first != 0 {
            return Ok(()); // no command, but what is left of a log-in that was accepted before
        }
        self.out.behind(packet.sequence, self.client.packed_sequence);
        let mut context = Context { agreed: self.agreed, state: &self.state, statements: &mut self.statements };
        match context.read(&packet.payload)? {
            Command::Ask(request, answer) => self.ask(host, request, answer, packet.since),
            Command::Acknowledged(upkeep) => self.phase = Phase::Acknowledging(upkeep),
            Command::Silent => {}
            Command::Login(login) => self.ask_to_log_in(host, login, packet.since),
            Command::Quit => {
                if self.mode == Mode::Mock {
                    host.finish(Side::Client);
                }
                self.phase = Phase::Over;
            }
        }
        Ok(())
    }

    fn ask(&mut self, host: &mut dyn Session, request: Map, answer: Answer, since: Instant) {
        let settings = match (request.get("query"), request.get("use")) {
            (Some(query), _) => query.as_str().map(sql::settings).unwrap_or_default(),
            (_, Some(database)) => vec![("database", Some(database.clone()))],
            _ => Vec::new(),
        };
        let gives_up = request.get("query").and_then(Value::as_str).is_some_and(sql::gives_up);
        let columns = match answer {
            Answer::Binary(number) | Answer::Rows(number) => {
                self.statements.get(number).map(|statement| statement.columns.clone()).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let reader = (self.mode == Mode::Record).then(|| Reader::new(answer.clone(), self.agreed, columns));
        self.open(host, request, Turn { answer, reader, settings, gives_up }, since);
    }

    fn open(&mut self, host: &mut dyn Session, request: Map, turn: Turn, since: Instant) {
        let request = Value::Map(request);
        let facts = facts::of(&request);
        let exchange = host.open(request, facts, since);
        self.phase = Phase::Answering(exchange, turn);
    }

    /// The client's turn: a part of the file that it was asked for.
    pub(crate) fn part(&mut self, host: &mut dyn Session, packet: &Packet) {
        self.out.behind(packet.sequence, self.client.packed_sequence);
        let (mut upload, turn) = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Uploading(upload, turn) => (upload, turn),
            other => {
                self.phase = other;
                return;
            }
        };
        if !packet.payload.is_empty() {
            upload.push(host, packet);
            self.phase = Phase::Uploading(upload, turn);
            return;
        }
        let since = upload.since().unwrap_or(packet.since);
        let mut request = upload.document();
        self.state.put(&mut request);
        self.open(host, request, turn, since);
    }

    pub(crate) fn acknowledged(&mut self, upkeep: Upkeep) {
        if upkeep == Upkeep::ResetConnection {
            self.statements.clear();
            self.state.reset();
        }
        self.phase = Phase::Idle;
    }

    /// An answer is complete.
    pub(crate) fn answered(&mut self, turn: Turn, outcome: Outcome) {
        if let Some(ok) = &outcome.told {
            self.state.told(ok);
        }
        if !outcome.failed {
            self.state.set(turn.settings);
        }
        match turn.answer {
            Answer::Prepared(sql) => match outcome.prepared {
                Some((number, params)) => {
                    let statement = Statement { sql, params, columns: outcome.columns, ..Statement::default() };
                    self.statements.insert(number, statement);
                }
                None => self.statements.failed(),
            },
            Answer::Binary(number) => {
                if let Some(statement) = self.statements.get(number) {
                    statement.columns = outcome.columns;
                }
            }
            Answer::Rows(number) => {
                let statement = self.statements.get(number);
                if let Some(cursor) = statement.and_then(|statement| statement.cursor.as_mut()) {
                    cursor.row += outcome.rows;
                }
            }
            Answer::Text | Answer::Columns | Answer::Line => {}
        }
        self.phase = Phase::Idle;
    }
}

impl Connection for Conversation {
    fn new(mode: Mode, _: Peer, _: Value) -> Self {
        Self {
            mode,
            client: Inbox::default(),
            server: Inbox::default(),
            out: Outbox::default(),
            phase: Phase::Greeting,
            offered: Capabilities::default(),
            agreed: Capabilities::default(),
            state: State::default(),
            statements: Statements::default(),
        }
    }

    fn start(&mut self, host: &mut dyn Session, at: Instant) -> Result<(), Fault> {
        if self.mode == Mode::Mock {
            self.ask_for_greeting(host, at);
        }
        Ok(())
    }

    fn feed(&mut self, host: &mut dyn Session, from: Side, offset: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        match from {
            Side::Client => self.client.push(host, offset, at, data)?,
            Side::Server => self.server.push(host, offset, at, data)?,
        }
        match self.mode {
            Mode::Mock => self.serve(host),
            Mode::Record | Mode::Drive => self.read(host, at),
        }
    }

    fn end(&mut self, host: &mut dyn Session, from: Side, _: Instant) -> Result<(), Fault> {
        match (self.mode, from) {
            (Mode::Mock, _) => host.finish(Side::Client),
            (_, Side::Client) => {}
            (_, Side::Server) => self.hung_up(host),
        }
        Ok(())
    }

    fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        self.say(host, exchange, &responses)?;
        self.serve(host)
    }

    fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        self.say_nothing_matches(host, exchange, reason)?;
        self.serve(host)
    }

    fn send(&mut self, _: &mut dyn Session, _: Exchange, _: Value) -> Result<(), Fault> {
        Err(Fault::new("no-drive", "applications that serve MySQL are not driven by this parser"))
    }
}
