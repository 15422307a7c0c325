//! Parsers that go wrong on purpose: when a client says `BAD NOW`.
//!
//! Until then they read a line protocol in which every line that starts with `BAD ` is answered by one line.
#![forbid(unsafe_code)]
use std::marker::PhantomData;

use keploy_sdk::{
    Connection, Exchange, Facts, Fault, Instant, Manifest, Map, Mode, Parser, Peer, Session, Side, Value, Verdict,
};

/// What goes wrong.
pub trait Misdeed: 'static {
    fn commit();
}

pub struct Bad<M>(PhantomData<M>);

impl<M: Misdeed> Parser for Bad<M> {
    type Connection = Conversation<M>;

    fn manifest() -> Manifest {
        Manifest::new("Bad")
    }

    fn detect(_: &Peer, client: &[u8], _: &[u8]) -> Verdict {
        match () {
            () if client.starts_with(b"BAD ") => Verdict::Yes(255),
            () if b"BAD ".starts_with(client) => Verdict::More(4),
            () => Verdict::No,
        }
    }

    fn classify(request: &Value) -> Facts {
        let line = request.get("line").and_then(Value::as_str).unwrap_or_default();
        Facts { class: "BAD".to_owned(), summary: line.to_owned(), ..Facts::default() }
    }
}

pub struct Conversation<M> {
    open: Option<Exchange>,
    misdeed: PhantomData<M>,
}

impl<M: Misdeed> Connection for Conversation<M> {
    fn new(_: Mode, _: Peer, _: Value) -> Self {
        Self { open: None, misdeed: PhantomData }
    }

    fn feed(&mut self, host: &mut dyn Session, from: Side, _: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        let line = Value::from(Map::new().with("line", String::from_utf8_lossy(data).trim_end()));
        match from {
            Side::Client => {
                let facts = Bad::<M>::classify(&line);
                self.open = Some(host.open(line, facts, at));
                if data.starts_with(b"BAD NOW") {
                    M::commit();
                }
            }
            Side::Server => {
                if let Some(exchange) = self.open.take() {
                    host.reply(exchange, line, at);
                    host.close(exchange);
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, _: &mut dyn Session, _: Side, _: Instant) -> Result<(), Fault> {
        Ok(())
    }

    fn answer(&mut self, _: &mut dyn Session, _: Exchange, _: Vec<Value>) -> Result<(), Fault> {
        Err(only_recorded())
    }

    fn miss(&mut self, _: &mut dyn Session, _: Exchange, _: &str) -> Result<(), Fault> {
        Err(only_recorded())
    }

    fn send(&mut self, _: &mut dyn Session, _: Exchange, _: Value) -> Result<(), Fault> {
        Err(only_recorded())
    }
}

fn only_recorded() -> Fault {
    Fault::new("only-recorded", "the tests never replay this protocol")
}
