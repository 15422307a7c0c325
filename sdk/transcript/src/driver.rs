//! What the runner needs of a parser, wherever it runs.
use std::marker::PhantomData;

use keploy_sdk::{
    Connection, Exchange, Fault, Instant, Manifest, Mode, Parser, Part, Peer, Side, Value,
    testing::{Effect, Recorder},
};

/// A parser.
pub trait Driver {
    fn manifest(&mut self) -> Manifest;
    fn canonical(&mut self, part: Part, document: Value) -> Value;
    fn connect(&mut self, mode: Mode, peer: Peer, config: Value) -> Box<dyn Link>;
}

/// A connection of it. Each call returns what the parser asked of the host, in order; a fault asks nothing.
pub trait Link {
    /// # Errors
    /// What the parser said, here and below.
    fn start(&mut self, at: Instant) -> Result<Vec<Effect>, Fault>;
    fn feed(&mut self, from: Side, offset: u64, at: Instant, data: &[u8]) -> Result<Vec<Effect>, Fault>;
    fn kept(&mut self, from: Side, blob: u64, at: Instant) -> Result<Vec<Effect>, Fault>;
    fn end(&mut self, from: Side, at: Instant) -> Result<Vec<Effect>, Fault>;
    fn answer(&mut self, exchange: Exchange, responses: Vec<Value>) -> Result<Vec<Effect>, Fault>;
    fn miss(&mut self, exchange: Exchange, reason: &str) -> Result<Vec<Effect>, Fault>;
    fn send(&mut self, exchange: Exchange, request: Value) -> Result<Vec<Effect>, Fault>;
}

/// The parser `P`, called directly.
pub struct Native<P>(PhantomData<P>);

impl<P> Default for Native<P> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<P: Parser> Driver for Native<P> {
    fn manifest(&mut self) -> Manifest {
        P::manifest()
    }
    fn canonical(&mut self, part: Part, document: Value) -> Value {
        P::canonical(part, document)
    }
    fn connect(&mut self, mode: Mode, peer: Peer, config: Value) -> Box<dyn Link> {
        Box::new(NativeLink { connection: P::Connection::new(mode, peer, config), recorder: Recorder::new() })
    }
}

struct NativeLink<C> {
    connection: C,
    recorder: Recorder,
}

impl<C: Connection> NativeLink<C> {
    fn call(&mut self, f: impl FnOnce(&mut C, &mut Recorder) -> Result<(), Fault>) -> Result<Vec<Effect>, Fault> {
        let outcome = f(&mut self.connection, &mut self.recorder);
        let effects = self.recorder.take();
        outcome.map(|()| effects)
    }
}

impl<C: Connection> Link for NativeLink<C> {
    fn start(&mut self, at: Instant) -> Result<Vec<Effect>, Fault> {
        self.call(|connection, host| connection.start(host, at))
    }
    fn feed(&mut self, from: Side, offset: u64, at: Instant, data: &[u8]) -> Result<Vec<Effect>, Fault> {
        self.call(|connection, host| connection.feed(host, from, offset, at, data))
    }
    fn kept(&mut self, from: Side, blob: u64, at: Instant) -> Result<Vec<Effect>, Fault> {
        self.call(|connection, host| connection.kept(host, from, blob, at))
    }
    fn end(&mut self, from: Side, at: Instant) -> Result<Vec<Effect>, Fault> {
        self.call(|connection, host| connection.end(host, from, at))
    }
    fn answer(&mut self, exchange: Exchange, responses: Vec<Value>) -> Result<Vec<Effect>, Fault> {
        self.call(|connection, host| connection.answer(host, exchange, responses))
    }
    fn miss(&mut self, exchange: Exchange, reason: &str) -> Result<Vec<Effect>, Fault> {
        self.call(|connection, host| connection.miss(host, exchange, reason))
    }
    fn send(&mut self, exchange: Exchange, request: Value) -> Result<Vec<Effect>, Fault> {
        self.call(|connection, host| connection.send(host, exchange, request))
    }
}
