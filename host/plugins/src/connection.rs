//! One live connection: a guest in a store of its own, and what it asked for.
use wasmtime::{
    Store,
    component::{Resource, ResourceAny},
};

use crate::{
    Facts, Fault, Mode, Pace, Peer, Side,
    bindings::Parser,
    sandbox::{self, Context},
};

/// What a guest asked of the host, in order. Documents are CBOR, not yet looked at.
#[derive(Clone, Debug)]
pub enum Effect {
    Open { exchange: u64, request: Vec<u8>, facts: Facts, at: u64 },
    OpenInbound { exchange: u64, subject: String, request: Vec<u8>, facts: Facts, at: u64 },
    Serves { subject: String },
    ServesNoMore { subject: String },
    Tell { subject: String, message: Vec<u8> },
    Reply { exchange: u64, response: Vec<u8>, at: u64 },
    Close { exchange: u64 },
    Abandon { exchange: u64, reason: String },
    Write { to: Side, data: Vec<u8> },
    WriteBlob { to: Side, blob: u64 },
    Finish { to: Side },
    Keep { from: Side, offset: u64, len: u64, blob: u64 },
    KeepBytes { data: Vec<u8>, blob: u64 },
    SetPace(Pace),
    UpgradeTls { client: u64, server: u64 },
    Withhold { from: Side, offset: u64, len: u64 },
    LeaveEncrypted { reason: String },
}

/// Why a guest reads no further. The connection's bytes go on in any case.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The guest's own words: the stream is not what it reads.
    #[error("{}: {}", .0.code, .0.message)]
    Fault(Fault),
    /// The sandbox ended it.
    #[error("the parser was stopped: {0}")]
    Stopped(&'static str),
    /// It panicked, or did what a parser cannot do.
    #[error("the parser trapped: {0}")]
    Trap(String),
}

/// A connection's guest. Every call either returns what the guest asked for or ends the guest.
pub struct Connection {
    store: Store<Context>,
    parser: Parser,
    conn: ResourceAny,
}

type Called = wasmtime::Result<Result<(), Fault>>;

impl Connection {
    pub(crate) fn new(
        mut store: Store<Context>,
        parser: Parser,
        mode: Mode,
        peer: &Peer,
        config: &Vec<u8>,
    ) -> Result<Self, Failure> {
        let session = Resource::new_own(sandbox::SESSION);
        sandbox::arm(&mut store);
        let made = parser.keploy_parser_connection().conn().call_constructor(&mut store, session, mode, peer, config);
        match made {
            Ok(conn) => Ok(Self { store, parser, conn }),
            Err(error) => Err(failure(&mut store, &error)),
        }
    }

    /// # Errors
    /// For this and every other call: the guest is at its end and must not be called again.
    pub fn start(&mut self, at: u64, effects: &mut Vec<Effect>) -> Result<(), Failure> {
        self.call(effects, |parser, store, conn| parser.keploy_parser_connection().conn().call_start(store, conn, at))
    }
    /// # Errors
    /// See [`Connection::start`].
    pub fn feed(
        &mut self,
        from: Side,
        offset: u64,
        at: u64,
        data: &[u8],
        effects: &mut Vec<Effect>,
    ) -> Result<(), Failure> {
        self.call(effects, |parser, store, conn| {
            parser.keploy_parser_connection().conn().call_feed(store, conn, from, offset, at, data)
        })
    }
    /// # Errors
    /// See [`Connection::start`].
    pub fn kept(&mut self, from: Side, blob: u64, at: u64, effects: &mut Vec<Effect>) -> Result<(), Failure> {
        self.call(effects, |parser, store, conn| {
            parser.keploy_parser_connection().conn().call_kept(store, conn, from, blob, at)
        })
    }
    /// # Errors
    /// See [`Connection::start`].
    pub fn end(&mut self, from: Side, at: u64, effects: &mut Vec<Effect>) -> Result<(), Failure> {
        self.call(effects, |parser, store, conn| {
            parser.keploy_parser_connection().conn().call_end(store, conn, from, at)
        })
    }
    /// # Errors
    /// See [`Connection::start`].
    pub fn answer(&mut self, exchange: u64, responses: &[Vec<u8>], effects: &mut Vec<Effect>) -> Result<(), Failure> {
        self.call(effects, |parser, store, conn| {
            parser.keploy_parser_connection().conn().call_answer(store, conn, exchange, responses)
        })
    }
    /// # Errors
    /// See [`Connection::start`].
    pub fn miss(&mut self, exchange: u64, reason: &str, effects: &mut Vec<Effect>) -> Result<(), Failure> {
        self.call(effects, |parser, store, conn| {
            parser.keploy_parser_connection().conn().call_miss(store, conn, exchange, reason)
        })
    }
    /// # Errors
    /// See [`Connection::start`].
    pub fn send(&mut self, exchange: u64, request: &Vec<u8>, effects: &mut Vec<Effect>) -> Result<(), Failure> {
        self.call(effects, |parser, store, conn| {
            parser.keploy_parser_connection().conn().call_send(store, conn, exchange, request)
        })
    }

    fn call(
        &mut self,
        effects: &mut Vec<Effect>,
        f: impl FnOnce(&Parser, &mut Store<Context>, ResourceAny) -> Called,
    ) -> Result<(), Failure> {
        sandbox::arm(&mut self.store);
        let failed = match f(&self.parser, &mut self.store, self.conn) {
            Ok(Ok(())) => {
                effects.append(&mut self.store.data_mut().staged);
                return Ok(());
            }
            Ok(Err(fault)) => Failure::Fault(fault),
            Err(error) => failure(&mut self.store, &error),
        };
        self.store.data_mut().staged.clear();
        Err(failed)
    }
}

pub(crate) fn failure(store: &mut Store<Context>, error: &wasmtime::Error) -> Failure {
    match store.data_mut().stopped.take() {
        Some(why) => Failure::Stopped(why),
        None => Failure::Trap(error.root_cause().to_string()),
    }
}
