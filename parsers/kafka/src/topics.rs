//! Topics by ID: since version 13 of their APIs, requests do not say names. Documents keep to the IDs, since not every
//! connection is told the names; where one is, they are there for people (`names`) and not compared.
use std::collections::BTreeMap;

use keploy_sdk::{Map, Value};

use crate::groups::Told;

#[derive(Default)]
pub struct Topics(BTreeMap<String, String>);

impl Topics {
    /// From a response of the Metadata API; what is new in it.
    pub fn learn(&mut self, metadata: &Map) -> Vec<Told> {
        let mut new = Vec::new();
        for topic in metadata.get("topics").and_then(Value::as_array).unwrap_or_default() {
            let text = |name: &str| topic.get(name).and_then(Value::as_str).map(str::to_owned);
            if let (Some(id), Some(name)) = (text("topicId"), text("name"))
                && self.insert(&id, &name)
            {
                new.push(Told::Topic { id, name });
            }
        }
        new
    }

    /// True: it was not known.
    pub fn insert(&mut self, id: &str, name: &str) -> bool {
        self.0.insert(id.to_owned(), name.to_owned()).as_deref() != Some(name)
    }

    /// The name of a topic that was said by its ID, when this connection was told.
    pub fn name(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }

    /// A topic as people know it, if that is known here.
    pub fn shown<'a>(&'a self, said: &'a str) -> &'a str {
        self.name(said).unwrap_or(said)
    }
}

/// As a request says it: by name, or by ID.
pub fn said(topic: &Value) -> &str {
    ["name", "topic", "topicId"].into_iter().find_map(|name| topic.get(name)?.as_str()).unwrap_or_default()
}

/// The same, as fields for a response.
pub fn saying(topic: &Value) -> Map {
    let fields =
        ["name", "topic", "topicId"].into_iter().filter_map(|name| Some((name.to_owned(), topic.get(name)?.clone())));
    fields.filter(|(_, value)| *value != Value::Null).collect()
}

/// Items of a list in a document.
pub fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).unwrap_or_default()
}

pub fn number(of: &Value, name: &str) -> i128 {
    of.get(name).and_then(Value::as_int).unwrap_or_default()
}
