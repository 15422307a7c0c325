//! One connection, in any mode.
use keploy_sdk::{Blob, Connection, Exchange, Fault, Instant, Map, Mode, Peer, Session, Side, Value};

use crate::facts;

/// A request longer than this is cut into several, so that a guest's memory has a bound: 256 KiB.
pub const LONGEST_REQUEST: usize = 256 << 10;
/// A response longer than this is kept by the host: 256 KiB.
pub const LONGEST_RESPONSE: usize = 256 << 10;
/// A server that hangs up this soon behind its last byte meant to; later, it was tired of waiting: 1 s.
const AT_ONCE: Instant = 1_000_000_000;

/// What the host reports when a request was not answered and cannot grow any more.
const UNANSWERED: &str = "nothing recorded matches these bytes; they were not answered";

pub struct Turns {
    mode: Mode,
    /// What the client said and no exchange has.
    request: Vec<u8>,
    /// When the first byte of it came.
    since: Instant,
    /// The turn that the server may still add to. None also means that the server has not spoken since the client did.
    current: Option<Exchange>,
    response: Vec<u8>,
    /// Where a long response goes.
    kept: Option<u64>,
    /// When the server last spoke.
    spoke: Instant,
    spoken: bool,
    client_ended: bool,
    server_ended: bool,
    /// Mocking: the exchange that was opened with the first so many bytes of the request.
    asked: Option<(Exchange, usize)>,
    /// Mocking: the exchange that asks for a greeting, which most servers do not have.
    greeting: Option<Exchange>,
}

impl Turns {
    /// Record: the client speaks, which ends the server's turn.
    fn client_spoke(&mut self, host: &mut dyn Session, at: Instant, mut data: &[u8]) {
        while !data.is_empty() {
            self.finish(host);
            if self.request.is_empty() {
                self.since = at;
            }
            let (now, later) = data.split_at(data.len().min(LONGEST_REQUEST - self.request.len()));
            self.request.extend_from_slice(now);
            data = later;
            if self.request.len() == LONGEST_REQUEST {
                self.open(host);
            }
        }
    }

    /// Record, drive: the server speaks, which ends the client's turn.
    fn server_spoke(&mut self, host: &mut dyn Session, at: Instant, data: &[u8]) {
        if !self.request.is_empty() {
            self.open(host);
        }
        if self.current.is_none() && self.mode == Mode::Record {
            let request = greeting();
            self.current = Some(host.open(request.clone(), facts::of(&request), at));
        }
        (self.spoke, self.spoken) = (at, true);
        self.response.extend_from_slice(data);
        if self.kept.is_some() || self.response.len() > LONGEST_RESPONSE {
            self.kept = Some(host.keep_bytes(&std::mem::take(&mut self.response), self.kept));
        }
    }

    /// The request is whole.
    fn open(&mut self, host: &mut dyn Session) {
        let request = data(std::mem::take(&mut self.request));
        self.current = Some(host.open(request.clone(), facts::of(&request), self.since));
    }

    /// The response is whole, if there is one.
    fn finish(&mut self, host: &mut dyn Session) {
        self.reply(host, Map::new());
    }

    fn reply(&mut self, host: &mut dyn Session, about: Map) {
        let Some(exchange) = self.current.take() else { return };
        let response = std::mem::take(&mut self.response);
        let response = match self.kept.take() {
            Some(blob) => Map::new().with("data", Blob::new(blob)),
            None if response.is_empty() => Map::new(),
            None => Map::new().with("data", Value::readable(response)),
        };
        let response: Map = response.into_iter().chain(about).collect();
        if !response.is_empty() {
            host.reply(exchange, response.into(), self.spoke);
        }
        host.close(exchange);
    }

    /// The server hangs up. The client is told when it had not done so itself, and when it was not for want of work.
    fn server_hung_up(&mut self, host: &mut dyn Session, at: Instant) {
        self.server_ended = true;
        if !self.request.is_empty() {
            self.open(host);
            self.spoke = at;
        }
        let at_once = !self.spoken || at.saturating_sub(self.spoke) <= AT_ONCE;
        let closes = if !self.client_ended && at_once { Map::new().with("closes", true) } else { Map::new() };
        self.reply(host, closes);
    }

    /// Mock: asks for an answer to all that came.
    fn ask(&mut self, host: &mut dyn Session, at: Instant, mut data: &[u8]) {
        while !data.is_empty() {
            if self.request.is_empty() {
                self.since = at;
            }
            let (now, later) = data.split_at(data.len().min(LONGEST_REQUEST - self.request.len()));
            self.request.extend_from_slice(now);
            data = later;
            let len = self.request.len();
            let request = crate::turns::data(self.request.clone());
            let exchange = host.open(request.clone(), facts::of(&request), self.since);
            self.asked = Some((exchange, len));
            if len == LONGEST_REQUEST {
                // It cannot grow, so whatever the answer is, what comes now is another request.
                self.asked = None;
                self.request.clear();
            }
        }
    }
}

impl Connection for Turns {
    fn new(mode: Mode, _: Peer, _: Value) -> Self {
        Self {
            mode,
            request: Vec::new(),
            since: 0,
            current: None,
            response: Vec::new(),
            kept: None,
            spoke: 0,
            spoken: false,
            client_ended: false,
            server_ended: false,
            asked: None,
            greeting: None,
        }
    }

    fn start(&mut self, host: &mut dyn Session, at: Instant) -> Result<(), Fault> {
        if self.mode == Mode::Mock {
            // Nobody knows yet whether there is one to be had. If there is, the client may be waiting for it.
            let request = greeting();
            self.greeting = Some(host.open(request.clone(), facts::of(&request), at));
        }
        Ok(())
    }

    fn feed(&mut self, host: &mut dyn Session, from: Side, _: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        match (self.mode, from) {
            (Mode::Record, Side::Client) => self.client_spoke(host, at, data),
            (Mode::Mock, Side::Client) => self.ask(host, at, data),
            (_, Side::Server) => self.server_spoke(host, at, data),
            (Mode::Drive, Side::Client) => {}
        }
        Ok(())
    }

    fn end(&mut self, host: &mut dyn Session, from: Side, at: Instant) -> Result<(), Fault> {
        match from {
            Side::Client if self.mode == Mode::Mock => {
                if let Some((exchange, _)) = self.asked.take() {
                    host.abandon(exchange, UNANSWERED);
                }
                host.finish(Side::Client);
            }
            Side::Client => {
                self.client_ended = true;
                if self.server_ended && !self.request.is_empty() {
                    self.open(host);
                    self.finish(host);
                }
            }
            Side::Server => self.server_hung_up(host, at),
        }
        Ok(())
    }

    fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        if let Some((_, len)) = self.asked.take_if(|asked| asked.0 == exchange) {
            self.request.drain(..len);
        }
        for response in &responses {
            match response.get("data") {
                None => {}
                Some(Value::Blob(blob)) => host.write_blob(Side::Client, blob.id),
                Some(data) => {
                    let raw =
                        data.as_raw().ok_or_else(|| Fault::new("bad-document", "`data` is neither text nor bytes"))?;
                    host.write(Side::Client, raw);
                }
            }
            if response.get("closes") == Some(&Value::Bool(true)) {
                host.finish(Side::Client);
            }
        }
        Ok(())
    }

    /// More of the request may be on its way; and no bytes of ours would be an error in a protocol we do not know.
    fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, _: &str) -> Result<(), Fault> {
        let may_grow = self.asked.is_some_and(|asked| asked.0 == exchange);
        if !may_grow && self.greeting != Some(exchange) {
            host.abandon(exchange, UNANSWERED);
        }
        Ok(())
    }

    fn send(&mut self, host: &mut dyn Session, exchange: Exchange, request: Value) -> Result<(), Fault> {
        self.finish(host);
        self.current = Some(exchange);
        if let Some(data) = request.get("data") {
            let raw = data.as_raw().ok_or_else(|| Fault::new("bad-document", "`data` is neither text nor bytes"))?;
            host.write(Side::Server, raw);
        }
        if self.server_ended {
            self.finish(host);
        }
        Ok(())
    }
}

pub fn data(bytes: Vec<u8>) -> Value {
    Map::new().with("data", Value::readable(bytes)).into()
}

pub fn greeting() -> Value {
    Map::new().with("greeting", true).into()
}
