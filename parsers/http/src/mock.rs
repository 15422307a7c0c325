//! The server is gone: read requests, write what it answered.
use std::collections::VecDeque;

use keploy_sdk::{Exchange, Fault, Instant, Level, Map, Session, Side, Value};

use crate::{
    about::About,
    document, facts,
    framing::{self, Framing},
    head::{MAX_HEAD, Request},
    inbox::Inbox,
    reader::{Reader, Step},
    switch::Protocol,
    websocket::{self, Frames},
    write::{self, After, Wire},
};

pub struct Mock {
    client: Inbox,
    /// Of the URLs in documents.
    scheme: &'static str,
    requests: Reader<Request>,
    /// Exchanges whose answers are still to come, in the order they were opened.
    waiting: VecDeque<Waiting>,
    /// A client waits for `100 Continue` behind the answers it waits for.
    owes_continue: bool,
    tunnel: Option<Tunnel>,
    state: State,
}

struct Waiting {
    exchange: Exchange,
    asked: Asked,
}

enum Asked {
    Http(About),
    /// A message on a connection that HTTP has left.
    Message {
        kind: Kind,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Data,
    Ping,
    Pong,
    Close,
}

struct Tunnel {
    protocol: Protocol,
    url: String,
    frames: Frames,
    /// Both have to say goodbye before the connection ends.
    said_close: bool,
    heard_close: bool,
}

#[derive(PartialEq, Eq)]
enum State {
    Open,
    /// The client sends no more. It may still wait for answers.
    ClientEnded,
    /// The recorded response has no end: nothing can come behind it.
    Unfinished,
    Finished,
}

impl Mock {
    pub fn new(scheme: &'static str) -> Self {
        Self {
            client: Inbox::default(),
            scheme,
            requests: Reader::new(Side::Client),
            waiting: VecDeque::new(),
            owes_continue: false,
            tunnel: None,
            state: State::Open,
        }
    }

    pub fn feed(&mut self, host: &mut dyn Session, offset: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        if self.state != State::Open {
            return Ok(());
        }
        self.client.push(offset, at, data);
        self.read(host)?;
        self.client.fed();
        Ok(())
    }

    pub fn kept(&mut self, host: &mut dyn Session, at: Instant) -> Result<(), Fault> {
        self.requests.kept(&mut self.client, at);
        self.read(host)
    }

    pub fn end(&mut self, host: &mut dyn Session) {
        match self.state {
            State::Finished | State::ClientEnded => {}
            State::Open if !self.waiting.is_empty() => self.state = State::ClientEnded,
            State::Open | State::Unfinished => self.finish(host),
        }
    }

    pub fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: &[Value]) -> Result<(), Fault> {
        match self.asked(exchange)? {
            Asked::Http(about) => self.answer_http(&about, responses, host)?,
            Asked::Message { kind } => {
                for response in responses {
                    self.say(response, host)?;
                }
                if kind == Kind::Close && responses.is_empty() {
                    self.finish(host);
                }
            }
        }
        self.go_on(host)
    }

    pub fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        match self.asked(exchange)? {
            Asked::Http(about) => {
                host.write(Side::Client, &bad_gateway(&about, reason));
                if about.closes {
                    self.finish(host);
                }
            }
            Asked::Message { kind } => self.miss_message(kind, reason, host)?,
        }
        self.go_on(host)
    }

    fn asked(&mut self, exchange: Exchange) -> Result<Asked, Fault> {
        match self.waiting.pop_front() {
            Some(waiting) if waiting.exchange == exchange => Ok(waiting.asked),
            _ => Err(Fault::new(
                "bad-order",
                format!("the answer to exchange {exchange} is not the next one to be written"),
            )),
        }
    }

    fn answer_http(&mut self, about: &About, responses: &[Value], host: &mut dyn Session) -> Result<(), Fault> {
        let mut last = After::More;
        for response in responses {
            if let After::Switch(_) = last {
                self.say(response, host)?;
                continue;
            }
            let (wire, after) = write::response(response, about, host).map_err(|why| bad_document("response", why))?;
            if self.state == State::Finished {
                break;
            }
            wire.send(Side::Client, host);
            last = after;
            if let After::Switch(protocol) = after {
                let url = about.url.clone();
                self.tunnel =
                    Some(Tunnel { protocol, url, frames: Frames::default(), said_close: false, heard_close: false });
            }
        }
        match last {
            // Nothing, or nothing final: the recorded server went away.
            After::More | After::Close => self.finish(host),
            After::Unfinished if self.state == State::Open => self.state = State::Unfinished,
            After::Unfinished => self.finish(host),
            After::KeepAlive | After::Switch(_) => {}
        }
        Ok(())
    }

    /// A message of the recorded server behind the end of HTTP.
    fn say(&mut self, message: &Value, host: &mut dyn Session) -> Result<(), Fault> {
        let Some(tunnel) = self.tunnel.as_mut().filter(|_| self.state != State::Finished) else { return Ok(()) };
        let wire = match (message.get("websocket"), message.get("upgraded").and_then(write::Content::of)) {
            (Some(message), _) => {
                tunnel.said_close |= websocket::is_close(message);
                websocket::frame(message, Side::Client)
            }
            (None, Some(bytes)) => Ok(Wire::with_content(Vec::new(), bytes)),
            (None, None) => Err("it has neither `websocket` nor `upgraded`".to_owned()),
        };
        wire.map_err(|why| bad_document("message", why))?.send(Side::Client, host);
        self.goodbye(host);
        Ok(())
    }

    fn miss_message(&mut self, kind: Kind, reason: &str, host: &mut dyn Session) -> Result<(), Fault> {
        let raw = self.tunnel.as_ref().is_none_or(|tunnel| tunnel.protocol == Protocol::Raw);
        if raw {
            // Unknown bytes have no error of their own.
            self.finish(host);
            return Ok(());
        }
        let reply = |kind: &str| Map::new().with("type", kind);
        let reply = match kind {
            // Whether pings fall into a recording is chance, and so is who says goodbye first.
            Kind::Pong => return Ok(()),
            Kind::Close if self.tunnel.as_ref().is_some_and(|tunnel| tunnel.said_close) => return Ok(()),
            Kind::Ping => reply("pong"),
            Kind::Close => reply("close").with("code", 1000),
            Kind::Data => {
                // A close frame has room for 123 bytes behind its code.
                let reason: String = format!("keploy: {reason}").chars().filter(char::is_ascii).take(120).collect();
                reply("close").with("code", 1011).with("data", reason)
            }
        };
        self.say(&Map::new().with("websocket", reply).into(), host)
    }

    fn read(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        while self.state != State::Finished {
            if self.tunnel.is_some() {
                return self.read_messages(host);
            }
            if self.may_switch() {
                if self.client.rest().len() > MAX_HEAD {
                    return Err(Fault::new("early-data", "the client goes on behind a request for another protocol"));
                }
                return Ok(());
            }
            match self.requests.next(&mut self.client, host)? {
                Step::Wait => return Ok(()),
                Step::Head => {
                    let Some(head) = self.requests.head() else { continue };
                    let framing = framing::of_request(head)?;
                    let wants_continue = About::of(head, self.scheme).expects_continue && framing != Framing::None;
                    self.requests.frame(framing, &mut self.client, host);
                    self.owes_continue = wants_continue;
                    self.pay_continue(host);
                }
                Step::Message(message) => {
                    self.owes_continue = false;
                    let (about, at) = (About::of(&message.head, self.scheme), message.first);
                    let request = document::request(message, self.scheme, host);
                    let known = facts::of(&request);
                    let exchange = host.open(request, known, at);
                    self.waiting.push_back(Waiting { exchange, asked: Asked::Http(about) });
                }
            }
        }
        Ok(())
    }

    fn read_messages(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        let Some(tunnel) = &mut self.tunnel else { return Ok(()) };
        loop {
            let (message, kind, at) = match tunnel.protocol {
                Protocol::WebSocket => {
                    let Some(message) = tunnel.frames.next(&mut self.client, host)? else { return Ok(()) };
                    tunnel.heard_close |= message.is_close();
                    let (at, message) = (message.first, message.into_value());
                    let kind = match message.get("type").and_then(Value::as_str) {
                        Some("close") => Kind::Close,
                        Some("ping") => Kind::Ping,
                        Some("pong") => Kind::Pong,
                        _ => Kind::Data,
                    };
                    (message, kind, at)
                }
                Protocol::Raw if self.client.is_empty() => return Ok(()),
                // Nobody knows where such a request ends: what comes at once is one.
                Protocol::Raw => {
                    let (at, bytes) = (self.client.at(), self.client.rest().to_vec());
                    self.client.take(bytes.len());
                    (Value::readable(bytes), Kind::Data, at)
                }
            };
            let request = tunnel.protocol.request(&tunnel.url, message);
            let known = facts::of(&request);
            let exchange = host.open(request, known, at);
            self.waiting.push_back(Waiting { exchange, asked: Asked::Message { kind } });
        }
    }

    fn may_switch(&self) -> bool {
        matches!(self.waiting.back(), Some(Waiting { asked: Asked::Http(about), .. }) if about.may_switch)
    }

    /// After an answer: what waited for it.
    fn go_on(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        self.goodbye(host);
        if self.state == State::ClientEnded && self.waiting.is_empty() {
            // Requests may still be held back behind one for another protocol.
            self.read(host)?;
            if self.waiting.is_empty() {
                self.finish(host);
            }
            return Ok(());
        }
        self.pay_continue(host);
        if self.state == State::Open { self.read(host) } else { Ok(()) }
    }

    fn pay_continue(&mut self, host: &mut dyn Session) {
        if self.owes_continue && self.waiting.is_empty() && self.state == State::Open {
            self.owes_continue = false;
            host.write(Side::Client, b"HTTP/1.1 100 Continue\r\n\r\n");
        }
    }

    fn goodbye(&mut self, host: &mut dyn Session) {
        if self.tunnel.as_ref().is_some_and(|tunnel| tunnel.said_close && tunnel.heard_close) && self.waiting.is_empty()
        {
            self.finish(host);
        }
    }

    fn finish(&mut self, host: &mut dyn Session) {
        if self.state != State::Finished {
            self.state = State::Finished;
            host.finish(Side::Client);
            if !self.waiting.is_empty() {
                host.log(
                    Level::Debug,
                    &format!("the recorded server closed with {} requests still open", self.waiting.len()),
                );
            }
        }
    }
}

/// Our own answer, told apart from a recorded one by its header.
fn bad_gateway(request: &About, reason: &str) -> Vec<u8> {
    let close = if request.closes { "Connection: close\r\n" } else { "" };
    let body = format!("{}\n", reason.trim_end());
    let head = format!(
        "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\nX-Keploy-Miss: 1\r\nContent-Length: {}\r\n{close}\r\n",
        body.len()
    );
    let body = if request.is_head() { String::new() } else { body };
    (head + &body).into_bytes()
}

fn bad_document(what: &str, why: String) -> Fault {
    Fault::new("bad-document", format!("the recorded {what} cannot be sent: {why}"))
}
