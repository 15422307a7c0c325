//! Metadata, a topic at a time: of which topics a client asks together is up to its clock.
//!
//! ```yaml
//! request: {api: Metadata}                        # which brokers there are
//! request: {api: Metadata, topic: orders}         # a name, or an ID
//! response: {name: orders, topicId: …, partitions: […]}
//! ```
use keploy_sdk::{Map, Value};

use crate::topics::{said, saying};

/// TOPIC_AUTHORIZATION_FAILED, the one for which no client asks again: for topics that there are not, they wait.
const NO_SUCH_TOPIC: i64 = 29;

/// The documents of a request, of the brokers and of each topic; `None`: it wants all topics that there are.
pub fn documents(named: &Map, request: &Map) -> Option<Vec<Value>> {
    let is_oldest = named.get("version") == Some(&Value::Int(0));
    let topics = match request.get("topics") {
        None if !is_oldest => &[],
        topics => topics.and_then(Value::as_array)?,
    };
    let of_brokers = request.get("includeClusterAuthorizedOperations");
    let mut brokers = named.clone();
    of_brokers.into_iter().for_each(|value| brokers.insert("includeClusterAuthorizedOperations", value.clone()));
    let of_topics = |topic: &Value| {
        let others =
            request.iter().filter(|(name, _)| !matches!(*name, "topics" | "includeClusterAuthorizedOperations"));
        others.fold(named.clone().with("topic", said(topic)), |document, (name, value)| {
            document.with(name, value.clone())
        })
    };
    Some(std::iter::once(brokers).chain(topics.iter().map(of_topics)).map(Value::from).collect())
}

/// What a response says to each of the documents.
pub fn answers(request: &Map, response: &Map) -> Vec<Option<Value>> {
    let brokers: Map = response
        .iter()
        .filter(|(name, _)| *name != "topics")
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    let found = response.get("topics").and_then(Value::as_array).unwrap_or_default();
    let topics = request.get("topics").and_then(Value::as_array).unwrap_or_default();
    let of_topic = |topic: &Value| {
        let asked = saying(topic);
        found.iter().find(|found| asked.iter().all(|(name, value)| found.get(name) == Some(value))).cloned()
    };
    std::iter::once(Some(brokers.into())).chain(topics.iter().map(of_topic)).collect()
}

/// The response, of what was answered to the documents.
pub fn response(request: &Map, answers: &[Option<Value>]) -> Map {
    let topics = request.get("topics").and_then(Value::as_array).unwrap_or_default();
    let (brokers, found) = answers.split_first().unwrap_or((&None, &[]));
    let unknown = |topic: &Value| saying(topic).with("errorCode", NO_SUCH_TOPIC).into();
    let of_topics = topics.iter().zip(found).map(|(topic, found)| found.clone().unwrap_or_else(|| unknown(topic)));
    let brokers = brokers.as_ref().and_then(Value::as_map).cloned().unwrap_or_default();
    brokers.with("topics", Value::Array(of_topics.collect()))
}
