//! Recordings made of nothing, of any size, and the way in which the product reads them.
use std::{net::SocketAddr, path::Path, time::Duration};

use document::{Map, Value};
use plugins::{Facts, Lifetime, Registry};
use record::Observed;
use relay::{ConnectionInfo, Direction};
use replay::{Replay, Settings};
use store::{
    Assets, MappedMock, Mapping, Mock, Project, Recording, Response, SecretRules, TestCase, TestSet, Upgrade, Upgraded,
};

/// Calls that each test of a large recording makes.
pub const CALLS: u64 = 1000;
/// When it was recorded.
const BEGAN: u64 = 1_784_279_453_000_000_000;
const MILLISECOND: u64 = 1_000_000;

/// A new recording below `directory`, whose secrets are looked for as they are by default.
///
/// # Panics
/// When the directory cannot be written to.
pub fn create(directory: &Path) -> Recording {
    let rules = SecretRules::default();
    let project = Project::open(directory, None).with_secrets(rules);
    Recording::create(&project, store::Naming::default()).expect("a folder that can be written to")
}

/// A recording with so many mocks, [`CALLS`] of them of one test each, written as `keploy record` writes it.
///
/// # Panics
/// When the directory cannot be written to.
pub fn generate(directory: &Path, mocks: u64, schemas: &Schemas) {
    let mut recording = create(directory);
    let journal = recording.journal();
    for number in 0..mocks {
        if number % CALLS == 0 {
            journal.test(test(number / CALLS, schemas));
        }
        journal.mock(mock(number, schemas));
        // Nothing may be left out here; while an application runs, nobody would wait.
        while journal.waiting() > 64 << 20 {
            std::thread::yield_now();
        }
    }
    let mappings = record::attribution::of_recording(&mut recording, &Observed::default()).expect("a journal");
    let finished = recording.finish(Some(BEGAN), &mappings).expect("a disk with room on it");
    assert_eq!((finished.mocks, finished.dropped), (mocks, 0));
}

/// The same, as it is when it was read.
pub fn in_memory(mocks: u64, schemas: &Schemas) -> TestSet {
    let named = |number| Mock { name: format!("mock-{number}"), ..mock(number, schemas) };
    let mocks: Vec<Mock> = (0..mocks).map(named).collect();
    let of_test = |(number, mocks): (u64, &[Mock])| {
        let test = TestCase { name: format!("get-items-{number}"), ..test(number, schemas) };
        let mapped = |mock: &Mock| MappedMock {
            name: mock.name.clone(),
            kind: mock.kind.clone(),
            started: mock.started,
            ended: mock.ended,
            evidence: "window".to_owned(),
        };
        let mapping = Mapping { test: test.name.clone(), mocks: mocks.iter().map(mapped).collect() };
        (test, mapping)
    };
    let chunk = usize::try_from(CALLS).expect("a thousand");
    let (tests, mappings) = (0..).zip(mocks.chunks(chunk)).map(of_test).unzip();
    TestSet { name: "test-set-0".to_owned(), tests, mocks, mappings, ..TestSet::default() }
}

/// Which schemas the parsers write today.
pub struct Schemas {
    http: u32,
    redis: u32,
}

impl Schemas {
    /// Where nobody reads it again.
    pub const ANY: Self = Self { http: 1, redis: 1 };

    /// # Panics
    /// When one of the two parsers is missing.
    pub fn of(registry: &Registry) -> Self {
        let of = |kind: &str| registry.get(kind).expect("it is built in").manifest.schema;
        Self { http: of("Http"), redis: of("Redis") }
    }
}

/// The test with this number, a second after the one before.
pub fn test(number: u64, schemas: &Schemas) -> TestCase {
    let started = BEGAN + number * 1000 * MILLISECOND;
    let ended = started + 900 * MILLISECOND;
    let request = Map::new()
        .with("method", "GET")
        .with("proto_major", 1_u32)
        .with("proto_minor", 1_u32)
        .with("url", format!("http://localhost:8080/items/{number}"))
        .with("header", Map::new().with("Host", "localhost:8080").with("Accept", "*/*"))
        .with("body", "");
    let response = Map::new()
        .with("status_code", 200_u32)
        .with("status_message", "OK")
        .with("proto_major", 1_u32)
        .with("proto_minor", 1_u32)
        .with("header", Map::new().with("Content-Type", "application/json").with("Content-Length", "31"))
        .with("body", format!("{{\"id\":{number},\"status\":\"created\"}}"));
    TestCase {
        kind: "Http".into(),
        schema: schemas.http,
        class: "GET /items/*".into(),
        request: request.into(),
        responses: vec![Response { body: response.into(), at: ended }],
        started,
        ended,
        connection: "1".into(),
        app_port: 8080,
        ..TestCase::default()
    }
}

/// The call with this number, while its test was in flight.
pub fn mock(number: u64, schemas: &Schemas) -> Mock {
    let at = BEGAN + number / CALLS * 1000 * MILLISECOND + (number % CALLS + 1) * MILLISECOND / 2;
    let response = Map::new().with("reply", format!("some value of entry {number}, as caches have them"));
    Mock {
        kind: "Redis".into(),
        schema: schemas.redis,
        class: "GET item:*".into(),
        destination: destination().destination(),
        request: request(number),
        responses: vec![Response { body: response.into(), at: at + MILLISECOND / 4 }],
        started: at,
        ended: at + MILLISECOND / 4,
        connection: "2".into(),
        ..Mock::default()
    }
}

/// What call `number` asks.
pub fn request(number: u64) -> Value {
    let arguments: Vec<Value> = vec![format!("item:{number}").into()];
    Map::new().with("command", "GET").with("args", arguments).into()
}

/// Where all calls go.
pub fn destination() -> ConnectionInfo {
    let address: SocketAddr = ([127, 0, 0, 1], 6379).into();
    let host = address.ip().to_string();
    ConnectionInfo { id: 2, socket: 0, direction: Direction::Outgoing, address, host, tls: None }
}

/// What the parser says of each of them.
pub fn facts() -> Facts {
    Facts { class: "GET item:*".into(), summary: "GET item:*".into(), lifetime: Lifetime::Test }
}

struct Parsers<'a>(&'a Registry);

impl Upgrade for Parsers<'_> {
    fn schema(&self, kind: &str) -> Option<u32> {
        self.0.get(kind).map(|plugin| plugin.manifest.schema)
    }

    fn upgrade(&self, kind: &str, _: u32, _: &Value) -> Result<Vec<Upgraded>, String> {
        Err(format!("a {kind} document of another schema: these were made just now"))
    }
}

/// As `keploy test` reads a test set.
///
/// # Panics
/// When something is wrong with it.
pub fn load(directory: &Path, registry: &Registry) -> TestSet {
    let mut set = TestSet::load(directory, &Parsers(registry)).expect("it was written just now");
    if set.mappings.is_empty() {
        set.mappings = record::attribution::of_set(&set);
    }
    set
}

/// As `keploy test` prepares to answer.
///
/// # Panics
/// When something is wrong with it.
pub fn prepare(set: TestSet, registry: &Registry) -> Replay {
    let settings = Settings {
        api_timeout: Duration::from_secs(5),
        patience: Duration::from_secs(5),
        noise: Vec::new(),
        ignore_ordering: false,
        parallel: 1,
        learns: false,
    };
    let assets = Assets::new(&set.directory, None);
    Replay::prepare(set, registry, assets, settings).expect("it was written just now")
}
