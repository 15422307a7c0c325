//! The store from outside: files in, files out.
mod broken;
mod config;
mod keploy;
mod project;
mod recording;
mod report;
mod round_trip;
mod secrets;

use document::{Map, Value};
use store::{Lifetime, Upgrade, Upgraded};

/// Stands for the plugins: knows some kinds, at schema 1, and reads Keploy's documents of them.
#[derive(Default)]
struct Plugins;

impl Upgrade for Plugins {
    fn schema(&self, kind: &str) -> Option<u32> {
        ["Http", "Redis", "Generic"].contains(&kind).then_some(1)
    }

    fn upgrade(&self, kind: &str, schema: u32, spec: &Value) -> Result<Vec<Upgraded>, String> {
        assert_eq!(schema, 0, "these are Keploy's");
        let (request, response) = match kind {
            "Http" => ("req", "resp"),
            "Redis" => ("redisrequests", "redisresponses"),
            _ => ("genericrequests", "genericresponses"),
        };
        let part = |key| spec.get(key).cloned().ok_or_else(|| format!("`{key}` is missing"));
        let (request, response) = (part(request)?, part(response)?);
        Ok(vec![Upgraded { request, class: "seed".into(), lifetime: Lifetime::Session, responses: vec![response] }])
    }
}

/// A request or response document as the HTTP parser might make it.
fn document(method: &str, url: &str) -> Value {
    let header = Map::new().with("Host", "localhost:8080").with("Cookie", vec![Value::from("a=1"), "b=2".into()]);
    Map::new().with("method", method).with("url", url).with("header", header).with("body", "{\"n\": 1}").into()
}
