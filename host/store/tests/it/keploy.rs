//! Keploy's real recordings load: the files under `tests/keploy/` are from public sample repositories.
use std::path::{Path, PathBuf};

use document::Value;
use store::{Lifetime, TestSet};

use crate::Plugins;

fn load(set: &str) -> TestSet {
    let directory: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keploy").join(set);
    TestSet::load(&directory, &Plugins)
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(|e| format!("{e}\n")).collect::<String>()))
}

#[test]
fn http() {
    let set = load("http");
    let names: Vec<_> = set.tests.iter().map(|test| (test.name.as_str(), test.started)).collect();
    assert_eq!(
        names,
        [
            ("test-1", 1_771_310_385_882_421_038),
            ("post-shorten-1", 1_784_279_453_449_166_379),
            ("stream-1", 1_785_578_400_000_000_000)
        ],
        "in the order they were recorded"
    );
    let [sse, shorten, stream] = set.tests.as_slice() else { panic!("three tests") };
    assert_eq!(sse.ended, sse.started, "this one has no time for its response");
    assert_eq!(shorten.ended, 1_784_279_453_456_735_046);
    assert_eq!((shorten.app_port, shorten.schema), (8080, 1));
    assert_eq!(shorten.noise, [("header.Date".to_owned(), Vec::new())]);
    assert_eq!(shorten.source.line, 2, "behind the comment");
    assert_eq!(stream.noise, [("header.Date".to_owned(), Vec::new())], "the older list");
    assert!(stream.assertions.get("status_code_in").is_some(), "kept for whoever acts on it");
    assert!(stream.responses[0].body.get("body").is_some_and(|body| body.as_array().is_some()));

    let [mock] = set.mocks.as_slice() else { panic!("one mock") };
    assert_eq!(mock.started, 1_722_581_523_420_647_819, "the offset is +05:30");
    assert_eq!(mock.lifetime, Lifetime::Session, "what the plugin says");

    assert_eq!(set.mappings.len(), 5);
    let first = &set.mappings[0];
    assert_eq!((first.test.as_str(), first.mocks.len()), ("post-shorten-1", 3));
    assert_eq!(first.mocks[0].started, 1_784_279_453_454_518_546);
    assert_eq!(first.mocks[0].evidence, "");
}

#[test]
fn redis_and_generic() {
    let redis = load("redis");
    assert_eq!(redis.mocks.len(), 2);
    assert_eq!(redis.mocks[1].name, "mock-2");
    assert_eq!(redis.mocks[1].source.line, 20);
    assert_eq!(redis.mocks[1].ended, 1_722_636_910_612_786_841, "lower-case keys");
    assert_eq!(load("generic").mocks.len(), 1);
}

#[test]
fn dns_is_the_hosts() {
    let [a, aaaa] = load("dns").mocks.try_into().expect("two mocks");
    assert_eq!(a.request.get("name").and_then(Value::as_str), Some("keploy_rec_pg."));
    assert_eq!(a.lifetime, Lifetime::Session);
    assert!(a.responses[0].body.get("answers").is_some());
    assert_eq!(a.responses[0].at, a.ended);
    assert_eq!(aaaa.responses[0].body.get("answers"), None);
}

#[test]
fn kinds_without_a_parser_are_kept_as_they_are() {
    for (set, kind, tests, mocks) in [
        ("grpc", "gRPC", 1, 1),
        ("mysql", "MySQL", 0, 2),
        ("postgres-v3", "PostgresV3", 0, 5),
        ("postgres-v1", "Postgres", 0, 1),
        ("mongo", "Mongo", 0, 2),
    ] {
        let loaded = load(set);
        assert!(loaded.tests.is_empty() && loaded.mocks.is_empty(), "{set}");
        assert_eq!(loaded.foreign.len(), tests + mocks, "{set}");
        assert!(
            loaded.foreign.iter().all(|foreign| foreign.kind == kind && foreign.document.get("spec").is_some()),
            "{set}"
        );
    }
    let mappings = load("grpc").mappings;
    let names: Vec<Vec<_>> = mappings
        .iter()
        .map(|m| m.mocks.iter().map(|mock| (mock.name.as_str(), mock.kind.as_str())).collect())
        .collect();
    assert_eq!(
        names,
        [vec![("mock-3", ""), ("mock-4", "")], vec![("mock-5", ""), ("mock-6", "")], vec![("mock-7", "gRPC")]]
    );
}
