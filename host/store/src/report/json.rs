//! Documents as JSON, which knows no bytes: those are `{"$base64": ...}`, a kept body is `{"$blob": hash, "size": n}`.
use base64::{Engine, prelude::BASE64_STANDARD};
use document::Value;
use serde::{Serialize, Serializer};
use serde_json::{Number, Value as Json, json};

pub(super) fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    of(value).serialize(serializer)
}

pub(super) fn of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        // JSON's readers lose what is larger; as text nobody does.
        Value::Int(n) => Number::from_i128(*n).map_or_else(|| Json::String(n.to_string()), Json::Number),
        Value::Float(n) => Number::from_f64(*n).map_or_else(|| Json::String(n.to_string()), Json::Number),
        Value::Text(text) => Json::String(text.clone()),
        Value::Bytes(bytes) => json!({ "$base64": BASE64_STANDARD.encode(bytes) }),
        Value::Array(items) => items.iter().map(of).collect(),
        Value::Map(map) => map.iter().map(|(name, item)| (name.to_owned(), of(item))).collect(),
        Value::Blob(blob) => json!({ "$blob": crate::assets::name(blob), "size": blob.size }),
    }
}
