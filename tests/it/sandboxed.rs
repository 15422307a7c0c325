//! Every transcript again, through the built WebAssembly: a parser says the same inside the sandbox as outside.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use harness::{built, file, test_parsers};
use keploy_sdk::testing::Effect;
use keploy_sdk::{
    Exchange, Facts, Fault, Instant, Lifetime, Manifest, Mode, Pace, Part, Peer, Side, SpeaksFirst, Value,
};
use keploy_transcript::{Driver, Link, check_with};
use plugins::{Connection, Engine, Failure, Plugin};

#[test]
fn http() {
    transcripts(&built("parsers/http.wasm"), "../parsers/http/tests/transcripts");
}

#[test]
fn redis() {
    transcripts(&built("parsers/redis.wasm"), "../parsers/redis/tests/transcripts");
}

#[test]
fn postgres() {
    transcripts(&built("parsers/postgres.wasm"), "../parsers/postgres/tests/transcripts");
}

#[test]
fn mysql() {
    transcripts(&built("parsers/mysql.wasm"), "../parsers/mysql/tests/transcripts");
}

#[test]
fn kafka() {
    transcripts(&built("parsers/kafka.wasm"), "../parsers/kafka/tests/transcripts");
}

#[test]
fn amqp() {
    transcripts(&built("parsers/amqp.wasm"), "../parsers/amqp/tests/transcripts");
}

#[test]
fn mongo() {
    transcripts(&built("parsers/mongo.wasm"), "../parsers/mongo/tests/transcripts");
}

#[test]
fn http2() {
    transcripts(&built("parsers/http2.wasm"), "../parsers/http2/tests/transcripts");
}

#[test]
fn grpc() {
    transcripts(&built("parsers/grpc.wasm"), "../parsers/grpc/tests/transcripts");
}

#[test]
fn generic() {
    transcripts(&built("parsers/generic.wasm"), "../parsers/generic/tests/transcripts");
}

#[test]
fn the_sdks_example() {
    transcripts(&test_parsers("line").join("line.wasm"), "../sdk/examples/line/tests/transcripts");
}

fn transcripts(wasm: &Path, folder: &str) {
    let engine = Engine::new().expect("a processor that wasmtime knows");
    let bytes = std::fs::read(wasm).expect("it was built");
    let plugin = Plugin::load(&engine, &wasm.display().to_string(), &bytes).expect("a parser").trusted();
    let folder: PathBuf = file(folder);
    check_with(&mut Sandboxed(Arc::new(plugin)), folder.to_str().expect("a path of ours"));
}

struct Sandboxed(Arc<Plugin>);

impl Driver for Sandboxed {
    fn manifest(&mut self) -> Manifest {
        let manifest = &self.0.manifest;
        Manifest {
            protocol: manifest.protocol.clone(),
            schema: manifest.schema,
            speaks_first: match manifest.speaks_first {
                plugins::SpeaksFirst::Client => SpeaksFirst::Client,
                plugins::SpeaksFirst::Server => SpeaksFirst::Server,
                plugins::SpeaksFirst::Either => SpeaksFirst::Either,
            },
            lockstep: manifest.lockstep,
            drives: manifest.drives,
            intervenes: manifest.intervenes,
            alpn: manifest.alpn.clone(),
            ports: manifest.ports.clone(),
            volatile_request: manifest.volatile_request.clone(),
            volatile_response: manifest.volatile_response.clone(),
            extra: manifest.extra.clone(),
        }
    }

    fn canonical(&mut self, part: Part, document: Value) -> Value {
        let part = match part {
            Part::Request => plugins::Part::Request,
            Part::Response => plugins::Part::Response,
        };
        self.0.canonical(part, &document).expect("a canonical form")
    }

    fn connect(&mut self, mode: Mode, peer: Peer, config: Value) -> Box<dyn Link> {
        let mode = match mode {
            Mode::Record => plugins::Mode::Record,
            Mode::Mock => plugins::Mode::Mock,
            Mode::Drive => plugins::Mode::Drive,
        };
        let peer = plugins::Peer { host: peer.host, port: peer.port, encrypted: peer.encrypted };
        let connection = self.0.connect(mode, &peer, &config).expect("an instance");
        Box::new(Sandbox { connection, blobs: BTreeSet::new() })
    }
}

struct Sandbox {
    connection: Connection,
    /// Seen so far: the host says of a kept piece only which blob it belongs to.
    blobs: BTreeSet<u64>,
}

type Called = Result<Vec<Effect>, Fault>;

impl Sandbox {
    fn call(&mut self, f: impl FnOnce(&mut Connection, &mut Vec<plugins::Effect>) -> Result<(), Failure>) -> Called {
        let mut effects = Vec::new();
        match f(&mut self.connection, &mut effects) {
            Ok(()) => Ok(effects.into_iter().map(|effect| self.outside(effect)).collect()),
            Err(Failure::Fault(fault)) => Err(Fault::new(&fault.code, fault.message)),
            Err(other) => panic!("{other}"),
        }
    }

    fn outside(&mut self, effect: plugins::Effect) -> Effect {
        use plugins::Effect as Inside;
        let document = |cbor: Vec<u8>| Value::from_cbor(&cbor).expect("a document");
        match effect {
            Inside::Open { exchange, request, facts, at } => {
                Effect::Open { exchange, request: document(request), facts: outside_facts(facts), at }
            }
            Inside::OpenInbound { exchange, subject, request, facts, at } => {
                let (request, facts) = (document(request), outside_facts(facts));
                Effect::OpenInbound { exchange, subject, request, facts, at }
            }
            Inside::Serves { subject } => Effect::Serves { subject },
            Inside::ServesNoMore { subject } => Effect::ServesNoMore { subject },
            Inside::Tell { subject, message } => Effect::Tell { subject, message: document(message) },
            Inside::Reply { exchange, response, at } => Effect::Reply { exchange, response: document(response), at },
            Inside::Close { exchange } => Effect::Close { exchange },
            Inside::Abandon { exchange, reason } => Effect::Abandon { exchange, reason },
            Inside::Write { to, data } => Effect::Write { to: outside_side(to), data },
            Inside::WriteBlob { to, blob } => Effect::WriteBlob { to: outside_side(to), blob },
            Inside::Finish { to } => Effect::Finish { to: outside_side(to) },
            Inside::Keep { from, offset, len, blob } => {
                Effect::Keep { from: outside_side(from), offset, len, into: self.known(blob), blob }
            }
            Inside::KeepBytes { data, blob } => Effect::KeepBytes { data, into: self.known(blob), blob },
            Inside::SetPace(plugins::Pace::Lockstep) => Effect::SetPace(Pace::Lockstep),
            Inside::SetPace(plugins::Pace::Free) => Effect::SetPace(Pace::Free),
            Inside::UpgradeTls { client, server } => Effect::UpgradeTls { client, server },
            Inside::Withhold { from, offset, len } => Effect::Withhold { from: outside_side(from), offset, len },
            Inside::LeaveEncrypted { reason } => Effect::LeaveEncrypted { reason },
        }
    }

    fn known(&mut self, blob: u64) -> Option<u64> {
        (!self.blobs.insert(blob)).then_some(blob)
    }
}

impl Link for Sandbox {
    fn start(&mut self, at: Instant) -> Called {
        self.call(|connection, effects| connection.start(at, effects))
    }
    fn feed(&mut self, from: Side, offset: u64, at: Instant, data: &[u8]) -> Called {
        self.call(|connection, effects| connection.feed(inside_side(from), offset, at, data, effects))
    }
    fn kept(&mut self, from: Side, blob: u64, at: Instant) -> Called {
        self.call(|connection, effects| connection.kept(inside_side(from), blob, at, effects))
    }
    fn end(&mut self, from: Side, at: Instant) -> Called {
        self.call(|connection, effects| connection.end(inside_side(from), at, effects))
    }
    fn answer(&mut self, exchange: Exchange, responses: Vec<Value>) -> Called {
        let responses: Vec<Vec<u8>> = responses.iter().map(Value::to_cbor).collect();
        self.call(|connection, effects| connection.answer(exchange, &responses, effects))
    }
    fn miss(&mut self, exchange: Exchange, reason: &str) -> Called {
        self.call(|connection, effects| connection.miss(exchange, reason, effects))
    }
    fn send(&mut self, exchange: Exchange, request: Value) -> Called {
        self.call(|connection, effects| connection.send(exchange, &request.to_cbor(), effects))
    }
}

fn inside_side(side: Side) -> plugins::Side {
    match side {
        Side::Client => plugins::Side::Client,
        Side::Server => plugins::Side::Server,
    }
}

fn outside_side(side: plugins::Side) -> Side {
    match side {
        plugins::Side::Client => Side::Client,
        plugins::Side::Server => Side::Server,
    }
}

fn outside_facts(facts: plugins::Facts) -> Facts {
    let lifetime = match facts.lifetime {
        plugins::Lifetime::Test => Lifetime::Test,
        plugins::Lifetime::Connection => Lifetime::Connection,
        plugins::Lifetime::Session => Lifetime::Session,
    };
    Facts { class: facts.class, summary: facts.summary, lifetime }
}
