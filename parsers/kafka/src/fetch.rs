//! Fetching. A consumer asks again and again for what comes next; only what it gets is recorded.
//!
//! ```yaml
//! request: {api: Fetch, topics: {orders: {'0': 17, '1': 4}}}     # partitions, and from which offset on
//! response: {topics: {orders: {'0': {from: 17, highWatermark: 18, batches: […]}}}}
//! ```
use std::collections::BTreeMap;

use keploy_sdk::{Fault, Map, Session, Value};

use crate::{
    batch,
    topics::{Topics, list, number, said},
};

/// Topic and partition.
type Place = (String, i128);

/// What a client fetches on a connection: brokers remember it (KIP-227), so requests only say what is new.
#[derive(Default)]
pub struct Fetching(BTreeMap<Place, i128>);

impl Fetching {
    /// Takes a request; its document.
    pub fn request(&mut self, request: &Value, topics: &Topics) -> Value {
        if request.get("sessionEpoch").is_none_or(|epoch| epoch.as_int() <= Some(0)) {
            self.0.clear();
        }
        for topic in list(request, "topics") {
            let name = said(topic).to_owned();
            for partition in list(topic, "partitions") {
                self.0.insert((name.clone(), number(partition, "partition")), number(partition, "fetchOffset"));
            }
        }
        for topic in list(request, "forgottenTopicsData") {
            let name = said(topic).to_owned();
            for partition in list(topic, "partitions").iter().filter_map(Value::as_int) {
                self.0.remove(&(name.clone(), partition));
            }
        }
        let mut document = Map::new().with("api", "Fetch");
        if let Some(level) = request.get("isolationLevel") {
            document.insert("isolationLevel", level.clone());
        }
        let offsets = self.0.iter().map(|(place, offset)| (place, Value::Int(*offset)));
        document.insert("topics", by_topic(offsets));
        let named = self.0.keys().filter_map(|(id, _)| Some((id.clone(), topics.name(id)?.into())));
        let names: Map = named.collect();
        if !names.is_empty() {
            document.insert("names", names);
        }
        document.into()
    }

    /// What a response has; `None`: nothing new.
    pub fn response(&self, host: &dyn Session, response: &Value) -> Result<Option<Value>, Fault> {
        let mut found: Vec<(Place, Value)> = Vec::new();
        for topic in list(response, "responses") {
            let name = said(topic).to_owned();
            for partition in list(topic, "partitions") {
                let place = (name.clone(), number(partition, "partitionIndex"));
                let batches =
                    batch::read_all(host, partition.get("records").and_then(Value::as_raw).unwrap_or_default())?;
                if batches.is_empty() && partition.get("errorCode").is_none() {
                    continue;
                }
                let from = self.0.get(&place).copied().unwrap_or_default();
                let mut document = Map::new().with("from", Value::Int(from));
                for name in ["errorCode", "highWatermark", "lastStableOffset", "logStartOffset", "abortedTransactions"]
                {
                    if let Some(value) = partition.get(name).filter(|value| **value != Value::Null) {
                        document.insert(name, value.clone());
                    }
                }
                found.push((place, document.with("batches", Value::Array(batches)).into()));
            }
        }
        let is_empty = found.is_empty();
        let found: Value =
            Map::new().with("topics", by_topic(found.iter().map(|(place, value)| (place, value.clone())))).into();
        Ok((!is_empty).then_some(found))
    }
}

fn by_topic<'a>(places: impl Iterator<Item = (&'a Place, Value)>) -> Map {
    let mut topics: BTreeMap<&str, Map> = BTreeMap::new();
    for ((topic, partition), value) in places {
        topics.entry(topic).or_default().insert(partition.to_string(), value);
    }
    topics.into_iter().map(|(topic, partitions)| (topic.to_owned(), partitions.into())).collect()
}

/// The response to a live request: what was recorded for the offsets that it names, and nothing new elsewhere. Without a
/// session: each request then says all that it wants.
pub fn answer(request: &Value, recorded: &Value) -> Option<Map> {
    let mut responses = Vec::new();
    for topic in list(request, "topics") {
        let name = said(topic).to_owned();
        let mut partitions = Vec::new();
        for partition in list(topic, "partitions") {
            let (index, offset) = (number(partition, "partition"), number(partition, "fetchOffset"));
            let found = recorded.get("topics").and_then(|topics| topics.get(&name)?.get(&index.to_string()));
            let found = found.filter(|found| number(found, "from") == offset);
            let mut answer = Map::new().with("partitionIndex", Value::Int(index));
            match found {
                None => {
                    answer.insert("highWatermark", Value::Int(offset));
                    answer.insert("lastStableOffset", Value::Int(offset));
                }
                Some(found) => {
                    let copied = found.as_map()?.iter().filter(|(name, _)| !matches!(*name, "from" | "batches"));
                    copied.for_each(|(name, value)| answer.insert(name, value.clone()));
                    answer.insert("records", Value::Bytes(batch::write_all(list(found, "batches"))?));
                }
            }
            partitions.push(answer.into());
        }
        let named =
            ["topic", "topicId"].into_iter().filter_map(|name| Some((name.to_owned(), topic.get(name)?.clone())));
        responses.push(named.collect::<Map>().with("partitions", Value::Array(partitions)).into());
    }
    Some(Map::new().with("responses", Value::Array(responses)))
}
