//! Producing, a record at a time: how a client puts records together is up to its clock.
//!
//! ```yaml
//! request: {api: Produce, topic: orders, key: '42', value: …, headers: {…}}
//! response: {partition: 3, offset: 17}
//! ```
use keploy_sdk::{Exchange, Fault, Map, Session, Value};

use crate::{
    batch,
    topics::{Topics, list, number, said, saying},
};

/// What a client says when a broker has not said more: of no kind that it would try again for.
const UNKNOWN_SERVER_ERROR: i64 = -1;

/// The records of a partition.
pub struct Part {
    /// The topic as the request says it: `name` or `topicId`.
    topic: Map,
    partition: i128,
    pub records: Vec<Value>,
    pub exchanges: Vec<Exchange>,
}

/// The documents of all records of a request.
pub fn parts(host: &dyn Session, request: &Value, topics: &Topics) -> Result<Vec<Part>, Fault> {
    let mut parts = Vec::new();
    for topic in list(request, "topicData") {
        let id = said(topic);
        for partition in list(topic, "partitionData") {
            let bytes = partition.get("records").and_then(Value::as_raw).unwrap_or_default();
            let batches = batch::read_all(host, bytes)?;
            let records = batches.iter().flat_map(|batch| list(batch, "records"));
            let records = records.map(|record| document(request, (id, topics.name(id)), record)).collect();
            let (topic, partition) = (saying(topic), number(partition, "index"));
            parts.push(Part { topic, partition, records, exchanges: Vec::new() });
        }
    }
    Ok(parts)
}

fn document(request: &Value, (topic, name): (&str, Option<&str>), record: &Value) -> Value {
    let mut document = Map::new().with("api", "Produce").with("topic", topic);
    for name in ["key", "value", "headers"] {
        if let Some(value) = record.get(name).filter(|value| **value != Value::Null || name == "value") {
            document.insert(name, value.clone());
        }
    }
    for name in ["transactionalId", "acks"] {
        if let Some(value) = request.get(name).filter(|value| **value != Value::Int(-1)) {
            document.insert(name, value.clone());
        }
    }
    if let Some(name) = name {
        document.insert("names", Map::new().with(topic, name));
    }
    document.into()
}

/// What a response says of each record of `part`.
pub fn answers(part: &Part, response: &Value) -> Vec<Value> {
    let is_its = |topic: &&Value| part.topic.iter().all(|(name, value)| topic.get(name) == Some(value));
    let partitions =
        list(response, "responses").iter().filter(is_its).flat_map(|topic| list(topic, "partitionResponses"));
    let found = partitions.into_iter().find(|partition| number(partition, "index") == part.partition);
    let Some(found) = found else { return vec![Map::new().into(); part.records.len()] };
    let one = |n: usize| {
        let mut answer = Map::new().with("partition", Value::Int(part.partition));
        for name in ["errorCode", "errorMessage", "logAppendTimeMs"] {
            if let Some(value) = found.get(name) {
                answer.insert(name, value.clone());
            }
        }
        if found.get("errorCode").is_none() {
            answer.insert("offset", Value::Int(number(found, "baseOffset") + n as i128));
        }
        answer.into()
    };
    (0..part.records.len()).map(one).collect()
}

/// The response to records that were answered one by one, in the order of `parts`; `None`: nobody recorded this one.
pub fn response(parts: &[Part], answers: &[Option<Value>]) -> Map {
    let mut rest = answers;
    let responses = parts.iter().map(|part| {
        let (answers, others) = rest.split_at(part.records.len().min(rest.len()));
        rest = others;
        let mut partition = Map::new().with("index", Value::Int(part.partition));
        let failed = answers.iter().flatten().find(|answer| answer.get("errorCode").is_some());
        match (failed, answers.first()) {
            (_, _) if answers.contains(&None) => {
                partition.insert("errorCode", UNKNOWN_SERVER_ERROR);
                partition.insert("errorMessage", "keploy: no recorded call matches");
            }
            (Some(failed), _) => {
                partition.insert("errorCode", Value::Int(number(failed, "errorCode")));
                partition.insert("errorMessage", failed.get("errorMessage").cloned().unwrap_or_default());
            }
            (None, first) => {
                let offset = first.and_then(Option::as_ref).map_or(0, |first| number(first, "offset"));
                partition.insert("baseOffset", Value::Int(offset));
                partition.insert("logStartOffset", 0);
            }
        }
        part.topic.clone().with("partitionResponses", Value::Array(vec![partition.into()])).into()
    });
    Map::new().with("responses", Value::Array(responses.collect()))
}
