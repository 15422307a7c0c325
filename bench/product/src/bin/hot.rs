//! `hot PATH TIMES`: a path that every exchange takes, so often, and nothing else that grows with it. What an exchange takes is
//! the difference between two numbers of times, in instructions (see `cargo xtask bench --instructions`).
use std::{hint::black_box, path::Path};

use bench_product::{
    exchanges::{Exchanges, connection},
    plugin,
    sets::{self, Schemas},
};
use document::yaml;
use keploy_value::Value;
use plugins::Registry;
use record::Recorder;
use relay::{Answer, Exchange, Sink as _};
use replay::{RealTime, Replay};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, times] = &arguments[..] else { panic!("usage: hot PATH TIMES") };
    let times = times.parse().expect("a number");
    let folder = std::env::temp_dir().join(format!("keploy-hot-{}", std::process::id()));
    match path.as_str() {
        "record" => record(&folder, times),
        "files" => files(&folder, times),
        "load" => load(times),
        "compare" => compare(times),
        "http" | "redis" => guest(path, times),
        "prepare" => drop(prepared(times)),
        "answer" => answer(times),
        _ => panic!("no path is called {path}"),
    }
    // There is none where nothing is written.
    let _ = std::fs::remove_dir_all(folder);
}

/// From bytes to documents: a small request, and its answer.
fn guest(name: &str, times: u64) {
    let plugin = plugin(name);
    let (mut connection, mut exchanges) = (connection(&plugin), Exchanges::of(&plugin.manifest.protocol));
    (0..times).for_each(|_| exchanges.feed(&mut connection));
}

/// From what was read from files to what is looked up.
fn prepared(calls: u64) -> Replay {
    let mut registry = Registry::default();
    registry.add(plugin("http"));
    registry.add(plugin("redis"));
    sets::prepare(sets::in_memory(calls, &Schemas::of(&registry)), &registry)
}

/// From a request's document to its recorded answer's.
fn answer(times: u64) {
    assert!(times <= sets::CALLS, "one test makes no more calls");
    let replay = prepared(sets::CALLS);
    let (answers, asks, facts) = (replay.answers(), sets::destination(), sets::facts());
    replay.begin(0..1, &RealTime);
    for number in 0..times {
        let answer = answers.answer(&asks, "Redis", &facts, sets::request(number), 0);
        assert!(matches!(answer, Answer::Recorded(_)), "call {number} was recorded");
    }
}

/// From what a guest has read to the journal.
fn record(folder: &Path, times: u64) {
    let recording = sets::create(folder);
    let recorder = Recorder::new(&recording);
    let connection = std::sync::Arc::new(sets::destination());
    let mock = sets::mock(1, &Schemas::ANY);
    let (request, response) = (mock.request.to_cbor(), mock.responses[0].body.to_cbor());
    for _ in 0..times {
        recorder.opened(&connection);
        recorder.exchange(Exchange {
            connection: connection.clone(),
            protocol: mock.kind.clone(),
            schema: mock.schema,
            facts: sets::facts(),
            request: request.clone(),
            started: mock.started,
            responses: vec![(response.clone(), mock.ended)],
            written: None,
            inbound: None,
        });
    }
}

/// From the journal to files.
fn files(folder: &Path, times: u64) {
    let mut recording = sets::create(folder);
    let journal = recording.journal();
    for number in 0..times {
        journal.mock(sets::mock(number, &Schemas::ANY));
    }
    recording.for_each(&mut |record| drop(black_box(record.clone()))).expect("a journal");
    recording.finish(None, &[]).expect("a disk with room on it");
}

/// From a file to documents.
fn load(times: u64) {
    let text: String = (0..times).map(mock_text).collect();
    black_box(yaml::parse_all(&text).expect("it is as the product writes it"));
}

fn mock_text(number: u64) -> String {
    let mock = sets::mock(number, &Schemas::ANY);
    let document = Value::from(
        document::Map::new()
            .with("version", "api.keploy.io/v1beta1")
            .with("kind", mock.kind.as_str())
            .with("name", format!("mock-{number}"))
            .with("spec", document::Map::new().with("req", mock.request).with("resp", mock.responses[0].body.clone())),
    );
    format!("---\n{}", yaml::emit(&document))
}

/// What tells whether a request is the recorded one, and whether an answer is.
fn compare(times: u64) {
    for number in 0..times {
        let (recorded, live) = (sets::mock(number, &Schemas::ANY), sets::mock(number + 1, &Schemas::ANY));
        black_box(document::hash(&recorded.request));
        let bodies = (&recorded.responses[0].body, &live.responses[0].body);
        let (noise, options) = (document::Noise::default(), document::DiffOptions::default());
        black_box(document::diff(bodies.0, bodies.1, &noise, options));
        black_box(matcher::shape(&recorded.request));
    }
}
