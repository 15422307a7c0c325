//! Expect blocks: exchanges as YAML, and back.
use std::collections::BTreeMap;

use keploy_sdk::{Blob, Lifetime, Map, Value};
use serde_yaml::value::{Tag, TaggedValue};
use sha2::{Digest, Sha256};

use crate::{
    case::{escape, unescape},
    run::{Ended, Exchange, Recording},
};

/// The content of blobs by their hash.
pub type Contents = BTreeMap<[u8; 32], Vec<u8>>;

/// One YAML document.
pub fn document(text: &str) -> Result<Value, String> {
    let yaml: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| format!("not YAML: {error}"))?;
    from_yaml(yaml)
}

pub fn yaml(document: &Value, contents: &Contents) -> String {
    serde_yaml::to_string(&to_yaml(document, contents)).expect("every document has a YAML form: names are text")
}

/// What was recorded, as an expect block says it: all there is to say.
pub fn whole(recording: &Recording) -> Value {
    said(recording, |_, _| true)
}

/// What was recorded, with as much detail as `expected` has: names and lifetimes are compared where they are given.
pub fn like(recording: &Recording, expected: &Value) -> Value {
    said(recording, |index, name| expected.as_array().and_then(|all| all.get(index)?.get(name)).is_some())
}

fn said(recording: &Recording, wanted: impl Fn(usize, &str) -> bool) -> Value {
    let exchanges = recording.exchanges.iter().enumerate();
    let mut entries: Vec<Value> =
        exchanges.map(|(index, exchange)| entry(exchange, |name| wanted(index, name))).collect();
    if let Some(fault) = &recording.fault {
        entries.push(Map::new().with("fault", fault.code.as_str()).into());
    }
    entries.into()
}

fn entry(exchange: &Exchange, wanted: impl Fn(&str) -> bool) -> Value {
    let mut map = Map::new();
    if wanted("class") {
        map.insert("class", exchange.facts.class.as_str());
    }
    if wanted("summary") {
        map.insert("summary", exchange.facts.summary.as_str());
    }
    match exchange.facts.lifetime {
        Lifetime::Test => {}
        Lifetime::Connection => map.insert("lifetime", "connection"),
        Lifetime::Session => map.insert("lifetime", "session"),
    }
    if let Some(subject) = &exchange.inbound {
        map.insert("inbound", subject.as_str());
    }
    map.insert("request", exchange.request.clone());
    map.insert("responses", exchange.responses.clone());
    match &exchange.ended {
        Ended::Closed => {}
        Ended::Abandoned(reason) => map.insert("abandoned", reason.as_str()),
        Ended::No => map.insert("open", true),
    }
    map.into()
}

fn to_yaml(value: &Value, contents: &Contents) -> serde_yaml::Value {
    match value {
        Value::Null => serde_yaml::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
            (Ok(value), _) => value.into(),
            (_, Ok(value)) => value.into(),
            _ => tagged("int", value.to_string()),
        },
        Value::Float(value) => (*value).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Bytes(bytes) => tagged("bytes", escape(bytes)),
        Value::Blob(blob) => match contents.get(&blob.sha256) {
            Some(content) => tagged("blob", escape(content)),
            None => tagged("unknown-blob", blob.id.to_string()),
        },
        Value::Array(items) => items.iter().map(|item| to_yaml(item, contents)).collect(),
        Value::Map(map) => {
            let entries = map.iter().map(|(name, value)| (name.into(), to_yaml(value, contents)));
            serde_yaml::Value::Mapping(entries.collect())
        }
    }
}

fn tagged(tag: &str, text: String) -> serde_yaml::Value {
    serde_yaml::Value::Tagged(Box::new(TaggedValue { tag: Tag::new(tag), value: text.into() }))
}

fn from_yaml(yaml: serde_yaml::Value) -> Result<Value, String> {
    Ok(match yaml {
        serde_yaml::Value::Null => Value::Null,
        serde_yaml::Value::Bool(value) => value.into(),
        serde_yaml::Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), ..) => value.into(),
            (_, Some(value), _) => value.into(),
            (_, _, value) => Value::Float(value.unwrap_or(f64::NAN)),
        },
        serde_yaml::Value::String(text) => text.into(),
        serde_yaml::Value::Sequence(items) => items.into_iter().map(from_yaml).collect::<Result<Vec<_>, _>>()?.into(),
        serde_yaml::Value::Mapping(entries) => {
            let mut map = Map::new();
            for (name, value) in entries {
                let name = name.as_str().ok_or_else(|| format!("the name {name:?} is not text"))?;
                map.insert(name, from_yaml(value)?);
            }
            map.into()
        }
        serde_yaml::Value::Tagged(tagged) => {
            let text = tagged.value.as_str().ok_or_else(|| format!("{}: wants text", tagged.tag))?;
            match tagged.tag.to_string().as_str() {
                "!bytes" => unescape(text)?.into(),
                "!blob" => blob(&unescape(text)?).into(),
                "!int" => Value::Int(text.parse().map_err(|_| format!("!int: `{text}` is not a number"))?),
                tag => return Err(format!("unknown tag {tag}; known: !bytes, !blob, !int")),
            }
        }
    })
}

fn blob(content: &[u8]) -> Blob {
    Blob { id: 0, size: content.len() as u64, sha256: Sha256::digest(content).into() }
}
