//! Trace ids: what names a request in what it causes.
//!
//! Applications that are traced hand the id of a request on: in the headers of what they ask, in comments of SQL, in what
//! they publish. So a call that carries the id of one request in flight, and of no other, was made for it.
use std::{
    collections::HashSet,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
};

use document::Value;

/// Fields whose value is such an id, or has one in it, in any case.
const NAMES: &[&str] = &[
    "traceparent",
    "b3",
    "x-b3-traceid",
    "x-request-id",
    "x-correlation-id",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-datadog-trace-id",
    "uber-trace-id",
    "sentry-trace",
];
/// Shorter words may be anything.
const SHORTEST: usize = 8;
/// What is between dashes is an id of its own when it is as long as a trace's.
const SHORTEST_PART: usize = 16;

/// The ids of one document, by their hashes.
#[derive(Default)]
pub(crate) struct Traces(HashSet<u64>);

impl Traces {
    /// What a request and its answers say that they are called.
    pub fn named<'a>(documents: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut traces = Self::default();
        documents.into_iter().for_each(|document| traces.collect_named(document));
        traces
    }

    /// Everything in a call that may be an id.
    pub fn carried(call: &Value) -> Self {
        let mut traces = Self::default();
        traces.collect(call);
        traces
    }

    pub fn shares(&self, with: &Self) -> bool {
        !self.0.is_disjoint(&with.0)
    }

    fn collect_named(&mut self, value: &Value) {
        match value {
            Value::Map(map) => {
                for (name, value) in map.iter() {
                    if NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)) {
                        self.collect(value);
                    } else {
                        self.collect_named(value);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect_named(item)),
            _ => {}
        }
    }

    fn collect(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.words(text),
            Value::Bytes(bytes) => self.words(&String::from_utf8_lossy(bytes)),
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Value::Map(map) => map.iter().for_each(|(_, item)| self.collect(item)),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Blob(_) => {}
        }
    }

    fn words(&mut self, text: &str) {
        let is_id = |word: &str| word.contains(|c: char| c.is_ascii_digit());
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            if word.len() >= SHORTEST && is_id(word) {
                self.add(word);
                word.split('-')
                    .filter(|part| part.len() >= SHORTEST_PART && is_id(part))
                    .for_each(|part| self.add(part));
            }
        }
    }

    fn add(&mut self, id: &str) {
        self.0.insert(BuildHasherDefault::<DefaultHasher>::default().hash_one(id));
    }
}

#[cfg(test)]
mod tests {
    use document::Map;

    use super::*;

    fn request(header: &str, value: &str) -> Value {
        Map::new().with("method", "GET").with("header", Map::new().with(header, value)).into()
    }

    #[test]
    fn an_id_is_found_in_what_it_causes() {
        const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        let uuid = "550e8400-e29b-41d4-a716-446655440000";
        for (header, value, call) in [
            ("Traceparent", format!("00-{ID}-00f067aa0ba902b7-01"), format!("00-{ID}-b7ad6b7169203331-01")),
            (
                "traceparent",
                format!("00-{ID}-00f067aa0ba902b7-01"),
                format!("SELECT 1 /*traceparent='00-{ID}-b7-01'*/"),
            ),
            ("b3", format!("{ID}-00f067aa0ba902b7-1"), format!("{ID}-a2fb4a1d1a96d312-1")),
            ("uber-trace-id", format!("{ID}:1:0:1"), ID.to_owned()),
            ("X-Request-Id", uuid.to_owned(), format!("request={uuid}")),
        ] {
            let traces = Traces::named([&request(header, &value)]);
            assert!(traces.shares(&Traces::carried(&call.as_str().into())), "{header}: {value} in {call}");
            let other = Traces::named([&request(header, &value.replace('4', "5"))]);
            assert!(!other.shares(&Traces::carried(&call.as_str().into())), "{header}: another's in {call}");
        }
    }

    #[test]
    fn other_fields_and_short_words_name_nothing() {
        let call = Traces::carried(&"id=1234567890123456 seven77".into());
        assert!(!Traces::named([&request("X-Customer", "1234567890123456")]).shares(&call));
        assert!(!Traces::named([&request("X-Request-Id", "seven77")]).shares(&call));
    }
}
