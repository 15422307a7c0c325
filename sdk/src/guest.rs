//! The component glue: `wit/parser.wit` on one side, the traits on the other. Nothing here decides anything.
use std::{cell::RefCell, marker::PhantomData};

use exports::keploy::parser::{connection, plugin};
use keploy::parser::{codec, host, types};

use crate::{Connection, Facts, Fault, Instant, Level, Lifetime, Mode, Pace, Parser, Part, Peer, Session, Side, Value};

wit_bindgen::generate!({
    path: "../wit",
    world: "parser",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "keploy_sdk::guest",
});

/// A parser as a component.
pub struct Component<P>(PhantomData<P>);

impl<P: Parser> plugin::Guest for Component<P> {
    fn describe() -> plugin::Manifest {
        let manifest = P::manifest();
        plugin::Manifest {
            protocol: manifest.protocol,
            schema: manifest.schema,
            speaks_first: match manifest.speaks_first {
                crate::SpeaksFirst::Client => plugin::SpeaksFirst::Client,
                crate::SpeaksFirst::Server => plugin::SpeaksFirst::Server,
                crate::SpeaksFirst::Either => plugin::SpeaksFirst::Either,
            },
            lockstep: manifest.lockstep,
            drives: manifest.drives,
            intervenes: manifest.intervenes,
            alpn: manifest.alpn,
            ports: manifest.ports,
            volatile_request: manifest.volatile_request,
            volatile_response: manifest.volatile_response,
            extra: manifest.extra,
        }
    }

    fn detect(peer: types::Peer, client: Vec<u8>, server: Vec<u8>) -> plugin::Verdict {
        match P::detect(&peer_in(peer), &client, &server) {
            crate::Verdict::No => plugin::Verdict::No,
            crate::Verdict::More(n) => plugin::Verdict::More(n),
            crate::Verdict::Yes(n) => plugin::Verdict::Yes(n),
        }
    }

    fn canonical(part: plugin::Part, document: Vec<u8>) -> Vec<u8> {
        let part = match part {
            plugin::Part::Request => Part::Request,
            plugin::Part::Response => Part::Response,
        };
        P::canonical(part, read(&document)).to_cbor()
    }

    fn classify(request: Vec<u8>) -> types::Facts {
        facts(P::classify(&read(&request)))
    }

    fn upgrade(schema: u32, spec: Vec<u8>) -> Result<Vec<plugin::Exchange>, String> {
        Ok(P::upgrade(schema, &read(&spec))?
            .into_iter()
            .map(|exchange| plugin::Exchange {
                request: exchange.request.to_cbor(),
                facts: facts(exchange.facts),
                responses: exchange.responses.iter().map(Value::to_cbor).collect(),
            })
            .collect())
    }
}

impl<P: Parser> connection::Guest for Component<P> {
    type Conn = Conn<P::Connection>;
}

/// One connection behind the boundary.
pub struct Conn<C> {
    inner: RefCell<C>,
    session: host::Session,
}

impl<C: Connection> connection::GuestConn for Conn<C> {
    fn new(session: host::Session, mode: types::Mode, peer: types::Peer, config: Vec<u8>) -> Self {
        let mode = match mode {
            types::Mode::Record => Mode::Record,
            types::Mode::Mock => Mode::Mock,
            types::Mode::Drive => Mode::Drive,
        };
        let inner = C::new(mode, peer_in(peer), read(&config));
        Self { inner: RefCell::new(inner), session }
    }
    fn start(&self, at: Instant) -> Result<(), types::Fault> {
        self.call(|conn, host| conn.start(host, at))
    }
    fn feed(&self, from: types::Side, offset: u64, at: Instant, data: Vec<u8>) -> Result<(), types::Fault> {
        self.call(|conn, host| conn.feed(host, side(from), offset, at, &data))
    }
    fn kept(&self, from: types::Side, blob: u64, at: Instant) -> Result<(), types::Fault> {
        self.call(|conn, host| conn.kept(host, side(from), blob, at))
    }
    fn end(&self, from: types::Side, at: Instant) -> Result<(), types::Fault> {
        self.call(|conn, host| conn.end(host, side(from), at))
    }
    fn answer(&self, exchange: u64, responses: Vec<Vec<u8>>) -> Result<(), types::Fault> {
        let responses = responses.iter().map(|response| read(response)).collect();
        self.call(|conn, host| conn.answer(host, exchange, responses))
    }
    fn miss(&self, exchange: u64, reason: String) -> Result<(), types::Fault> {
        self.call(|conn, host| conn.miss(host, exchange, &reason))
    }
    fn send(&self, exchange: u64, request: Vec<u8>) -> Result<(), types::Fault> {
        self.call(|conn, host| conn.send(host, exchange, read(&request)))
    }
}

impl<C: Connection> Conn<C> {
    fn call(&self, f: impl FnOnce(&mut C, &mut dyn Session) -> Result<(), Fault>) -> Result<(), types::Fault> {
        f(&mut self.inner.borrow_mut(), &mut Host(&self.session))
            .map_err(|fault| types::Fault { code: fault.code, message: fault.message })
    }
}

struct Host<'a>(&'a host::Session);

impl Session for Host<'_> {
    fn open(&mut self, request: Value, about: Facts, at: Instant) -> u64 {
        self.0.open(&request.to_cbor(), &facts(about), at)
    }
    fn open_inbound(&mut self, subject: &str, request: Value, about: Facts, at: Instant) -> u64 {
        self.0.open_inbound(subject, &request.to_cbor(), &facts(about), at)
    }
    fn serves(&mut self, subject: &str) {
        self.0.serves(subject);
    }
    fn serves_no_more(&mut self, subject: &str) {
        self.0.serves_no_more(subject);
    }
    fn tell(&mut self, subject: &str, message: Value) {
        self.0.tell(subject, &message.to_cbor());
    }
    fn reply(&mut self, exchange: u64, response: Value, at: Instant) {
        self.0.reply(exchange, &response.to_cbor(), at);
    }
    fn close(&mut self, exchange: u64) {
        self.0.close(exchange);
    }
    fn abandon(&mut self, exchange: u64, reason: &str) {
        self.0.abandon(exchange, reason);
    }
    fn write(&mut self, to: Side, data: &[u8]) {
        self.0.write(side_out(to), data);
    }
    fn write_blob(&mut self, to: Side, blob: u64) {
        self.0.write_blob(side_out(to), blob);
    }
    fn finish(&mut self, to: Side) {
        self.0.finish(side_out(to));
    }
    fn keep(&mut self, from: Side, offset: u64, len: u64, into: Option<u64>) -> u64 {
        self.0.keep(side_out(from), offset, len, into)
    }
    fn keep_bytes(&mut self, data: &[u8], into: Option<u64>) -> u64 {
        self.0.keep_bytes(data, into)
    }
    fn set_pace(&mut self, pace: Pace) {
        self.0.set_pace(match pace {
            Pace::Lockstep => host::Pace::Lockstep,
            Pace::Free => host::Pace::Free,
        });
    }
    fn upgrade_tls(&mut self, client: u64, server: u64) {
        self.0.upgrade_tls(client, server);
    }
    fn withhold(&mut self, from: Side, offset: u64, len: u64) {
        self.0.withhold(side_out(from), offset, len);
    }
    fn leave_encrypted(&mut self, reason: &str) {
        self.0.leave_encrypted(reason);
    }
    fn log(&mut self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => host::Level::Debug,
            Level::Info => host::Level::Info,
            Level::Warn => host::Level::Warn,
            Level::Error => host::Level::Error,
        };
        host::log(level, message);
    }
    fn decode(&self, coding: &str, data: &[u8], limit: u64) -> Result<Vec<u8>, String> {
        codec::decode(coding, data, limit)
    }
    fn encode(&self, coding: &str, data: &[u8]) -> Result<Vec<u8>, String> {
        codec::encode(coding, data)
    }
    fn derive_key(&self, password: &[u8], salt: &[u8], rounds: u32) -> Result<Vec<u8>, String> {
        codec::derive_key(password, salt, rounds)
    }
}

/// Documents come from the host, which made them with the same code.
fn read(document: &[u8]) -> Value {
    Value::from_cbor(document).expect("the host sends well-formed documents")
}

fn facts(facts: Facts) -> types::Facts {
    types::Facts {
        class: facts.class,
        summary: facts.summary,
        lifetime: match facts.lifetime {
            Lifetime::Test => types::Lifetime::Test,
            Lifetime::Connection => types::Lifetime::Connection,
            Lifetime::Session => types::Lifetime::Session,
        },
    }
}

fn peer_in(peer: types::Peer) -> Peer {
    Peer { host: peer.host, port: peer.port, encrypted: peer.encrypted }
}

fn side(side: types::Side) -> Side {
    match side {
        types::Side::Client => Side::Client,
        types::Side::Server => Side::Server,
    }
}
fn side_out(side: Side) -> types::Side {
    match side {
        Side::Client => types::Side::Client,
        Side::Server => types::Side::Server,
    }
}
