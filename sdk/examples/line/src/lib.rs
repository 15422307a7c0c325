//! A parser for Line, a small key-value protocol: the SDK's teaching example.
//!
//! The client sends `SET key value`, `GET key` or `QUIT`, each ended by a line feed, and may send more before it has
//! been answered. The server answers each with one line, in order: `OK`, `VALUE value`, `NONE`, `ERROR reason`, `BYE`.
#![forbid(unsafe_code)]
use std::collections::VecDeque;

use keploy_sdk::{
    Connection, Exchange, Facts, Fault, Instant, Lifetime, Manifest, Map, Mode, Parser, Peer, Session, Side, Value,
    Verdict,
};

pub struct Line;

impl Parser for Line {
    type Connection = Conversation;

    fn manifest() -> Manifest {
        Manifest { ports: vec![7070], ..Manifest::new("Line") }
    }

    fn detect(_: &Peer, client: &[u8], _: &[u8]) -> Verdict {
        let commands: [&[u8]; 3] = [b"SET ", b"GET ", b"QUIT\n"];
        match () {
            () if commands.iter().any(|command| client.starts_with(command)) => Verdict::Yes(100),
            () if commands.iter().any(|command| command.starts_with(client)) => Verdict::More(client.len() as u32 + 1),
            () => Verdict::No,
        }
    }

    /// Requests that are alike have one class. Their summary is what a person would call them.
    fn classify(request: &Value) -> Facts {
        let text = |name| request.get(name).and_then(Value::as_str);
        let command = text("command").unwrap_or("?");
        let summary = [text("key"), text("value")].into_iter().flatten().fold(command.to_owned(), |a, b| a + " " + b);
        // Saying goodbye is not worth a test: one recorded answer serves every connection.
        let lifetime = if command == "QUIT" { Lifetime::Session } else { Lifetime::Test };
        Facts { class: command.to_owned(), summary, lifetime }
    }
}

/// One connection, in any mode: two halves that collect lines, and the exchanges that wait for one.
pub struct Conversation {
    mode: Mode,
    client: Lines,
    server: Lines,
    waiting: VecDeque<Exchange>,
    /// Mocking: the exchange that ends the connection.
    quit: Option<Exchange>,
}

impl Connection for Conversation {
    fn new(mode: Mode, _: Peer, _: Value) -> Self {
        Self { mode, client: Lines::default(), server: Lines::default(), waiting: VecDeque::new(), quit: None }
    }

    fn feed(&mut self, host: &mut dyn Session, from: Side, _: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        match from {
            Side::Client => {
                self.client.push(data, at)?;
                while let Some((line, since)) = self.client.next()? {
                    let document = request(&line);
                    let facts = Line::classify(&document);
                    let quit = facts.class == "QUIT";
                    let exchange = host.open(document, facts, since);
                    match self.mode {
                        Mode::Mock if quit => self.quit = Some(exchange),
                        Mode::Mock => {}
                        _ => self.waiting.push_back(exchange),
                    }
                }
            }
            Side::Server => {
                self.server.push(data, at)?;
                while let Some((line, _)) = self.server.next()? {
                    let Some(exchange) = self.waiting.pop_front() else {
                        return Err(Fault::new(
                            "unasked-answer",
                            format!("the server sent `{line}` and nothing was asked"),
                        ));
                    };
                    host.reply(exchange, response(&line), at);
                    host.close(exchange);
                }
            }
        }
        Ok(())
    }

    /// Whoever hangs up, no more answers come.
    fn end(&mut self, host: &mut dyn Session, from: Side, _: Instant) -> Result<(), Fault> {
        if from == Side::Server {
            for exchange in self.waiting.drain(..) {
                host.abandon(exchange, "the server hung up before it answered");
            }
        }
        Ok(())
    }

    fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        for response in &responses {
            host.write(Side::Client, wire(response, ["status", "value"])?.as_bytes());
        }
        if self.quit == Some(exchange) {
            host.finish(Side::Client);
        }
        Ok(())
    }

    fn miss(&mut self, host: &mut dyn Session, _: Exchange, reason: &str) -> Result<(), Fault> {
        host.write(Side::Client, format!("ERROR keploy: {}\n", reason.replace('\n', " ")).as_bytes());
        Ok(())
    }

    fn send(&mut self, host: &mut dyn Session, exchange: Exchange, request: Value) -> Result<(), Fault> {
        host.write(Side::Server, wire(&request, ["command", "key", "value"])?.as_bytes());
        self.waiting.push_back(exchange);
        Ok(())
    }
}

/// `SET key value`: the value is all that is left, spaces included.
fn request(line: &str) -> Value {
    line.splitn(3, ' ')
        .zip(["command", "key", "value"])
        .fold(Map::new(), |map, (text, name)| map.with(name, text))
        .into()
}

fn response(line: &str) -> Value {
    line.splitn(2, ' ').zip(["status", "value"]).fold(Map::new(), |map, (text, name)| map.with(name, text)).into()
}

/// The line that a document was read from.
fn wire<const N: usize>(document: &Value, names: [&str; N]) -> Result<String, Fault> {
    let words: Vec<&str> = names.iter().map_while(|name| document.get(name)?.as_str()).collect();
    let line = words.join(" ");
    if words.is_empty() || line.contains('\n') {
        return Err(Fault::new("bad-document", format!("`{}` is missing, or holds a line feed", names[0])));
    }
    Ok(line + "\n")
}

/// Bytes that come in cut at any place, and go out as whole lines.
#[derive(Default)]
struct Lines {
    buffer: VecDeque<u8>,
    /// When the first byte of the buffer came.
    since: Instant,
}

impl Lines {
    /// The longest line there may be: a peer that never ends one must not fill our memory.
    const LIMIT: usize = 64 * 1024;

    fn push(&mut self, data: &[u8], at: Instant) -> Result<(), Fault> {
        if self.buffer.is_empty() {
            self.since = at;
        }
        self.buffer.extend(data);
        if self.buffer.len() > Self::LIMIT && !self.buffer.range(..Self::LIMIT).any(|byte| *byte == b'\n') {
            return Err(Fault::new("line-too-long", format!("no line feed within {} bytes", Self::LIMIT)));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<(String, Instant)>, Fault> {
        let Some(length) = self.buffer.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let mut line: Vec<u8> = self.buffer.drain(..=length).collect();
        line.pop();
        let line = String::from_utf8(line).map_err(|error| Fault::new("not-text", error.to_string()))?;
        Ok(Some((line, self.since)))
    }
}

keploy_sdk::export!(Line);
