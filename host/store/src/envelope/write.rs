//! Records as documents.
use document::{Map, Value};

use super::{DNS, Keys, VERSION, keys};
use crate::{Lifetime, Mock, Record, Response, TestCase, Timestamp, time};

/// The document of a record, without what only people read (`curl`).
pub(crate) fn document(record: Record) -> Map {
    match record {
        Record::Test(test) => test_document(test),
        Record::Mock(mock) => mock_document(mock),
    }
}

fn test_document(test: TestCase) -> Map {
    let mut metadata = metadata(&test.kind, test.schema, test.class, test.connection);
    let is_sent = test.sender.is_some();
    if let Some(sender) = test.sender {
        metadata.insert("destination", sender.destination);
        metadata.insert("subject", sender.subject);
    }
    let mut request = test.request;
    if !add_timestamp(&mut request, test.started) {
        metadata.insert("started", time::format(test.started));
    }
    let mut responses = test.responses;
    let last = responses.last().map_or(test.started, |response| response.at);
    if test.ended != last {
        metadata.insert("ended", time::format(test.ended));
    }
    if let [only] = responses.as_mut_slice()
        && !add_timestamp(&mut only.body, only.at)
    {
        metadata.insert("answered", time::format(only.at));
    }
    let mut assertions = test.assertions;
    if !test.noise.is_empty() {
        let noise = test.noise.into_iter().map(|(path, patterns)| (path, texts(patterns)));
        assertions.insert("noise", noise.collect::<Map>());
    }
    let mut spec = Map::new();
    exchange(&mut spec, keys(&test.kind), metadata, request, responses);
    spec.insert("objects", Vec::<Value>::new());
    spec.insert("assertions", assertions);
    spec.insert("created", time::seconds(test.started));
    if !is_sent {
        spec.insert("app_port", test.app_port);
    }
    if let Some(name) = test.tls {
        spec.insert("tls", name);
    }
    envelope(test.kind, test.name, spec)
}

fn mock_document(mock: Mock) -> Map {
    let mut metadata = metadata(&mock.kind, mock.schema, mock.class, mock.connection.clone());
    let (lifetime, config) = match mock.lifetime {
        Lifetime::Test => ("test", false),
        Lifetime::Connection => ("connection", true),
        Lifetime::Session => ("session", true),
    };
    metadata.insert("lifetime", lifetime);
    // What Keploy knows of lifetimes.
    metadata.insert("type", if config { "config" } else { "mocks" });
    if !mock.destination.is_empty() {
        metadata.insert("destination", mock.destination);
    }
    if let Some(how) = mock.unreachable {
        metadata.insert("unreachable", how);
    }
    if let [only] = mock.responses.as_slice()
        && only.at != mock.ended
    {
        metadata.insert("answered", time::format(only.at));
    }
    let mut spec = Map::new();
    exchange(&mut spec, keys(&mock.kind), metadata, mock.request, mock.responses);
    spec.insert("created", time::seconds(mock.started));
    spec.insert("reqTimestampMock", time::format(mock.started));
    spec.insert("resTimestampMock", time::format(mock.ended));
    let mut document = envelope(mock.kind, mock.name, spec);
    if !mock.connection.is_empty() {
        document.insert("connectionId", mock.connection);
    }
    let mut noise = Map::new();
    for (key, values) in [("req", mock.noise), ("value", mock.noise_values)] {
        if !values.is_empty() {
            noise.insert(key, texts(values));
        }
    }
    if !noise.is_empty() {
        document.insert("noise", noise);
    }
    document
}

fn metadata(kind: &str, schema: u32, class: String, connection: String) -> Map {
    let mut metadata = Map::new();
    if kind == DNS {
        metadata.insert("name", DNS);
    }
    // Without a plugin there is no schema, and the shape is Keploy's for good.
    if kind != DNS || schema != 0 {
        metadata.insert("schema", schema);
    }
    if !class.is_empty() {
        metadata.insert("class", class);
    }
    if !connection.is_empty() {
        metadata.insert("connID", connection);
    }
    metadata
}

fn exchange(spec: &mut Map, keys: Keys, metadata: Map, request: Value, mut responses: Vec<Response>) {
    spec.insert("metadata", metadata);
    spec.insert(keys.request, request);
    if responses.len() == 1 {
        spec.insert(keys.response, responses.remove(0).body);
        return;
    }
    let entry = |r: Response| Value::from(Map::new().with("at", time::format(r.at)).with(keys.response, r.body));
    spec.insert("responses", responses.into_iter().map(entry).collect::<Vec<_>>());
}

fn envelope(kind: String, name: String, spec: Map) -> Map {
    Map::new().with("version", VERSION).with("kind", kind).with("name", name).with("spec", spec)
}

/// Keploy has a `timestamp` in the request and in the response. False when there is no room for one.
fn add_timestamp(document: &mut Value, at: Timestamp) -> bool {
    match document.as_map_mut() {
        Some(map) if map.get("timestamp").is_none() => {
            map.insert("timestamp", time::format(at));
            true
        }
        _ => false,
    }
}

fn texts(items: Vec<String>) -> Value {
    items.into_iter().map(Value::from).collect::<Vec<_>>().into()
}
