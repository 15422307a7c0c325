//! Fetching. A consumer asks again and again for what comes next, of all its partitions at once; recorded is what it gets, a
//! partition and an offset at a time.
//!
//! ```yaml
//! request: {api: Fetch, topic: orders, partition: 0, offset: 17}
//! response: {highWatermark: 18, batches: […]}
//! ```
use std::collections::BTreeMap;

use keploy_sdk::{Fault, Instant, Map, Session, Value};

use crate::{
    batch, supply,
    topics::{Topics, list, number, said, saying},
};

/// Topic, as the client says it, and partition.
pub type Place = (String, i128);
/// A place, and an offset in it.
pub type Position = (Place, i128);

const OF_A_RESPONSE: [&str; 5] =
    ["errorCode", "highWatermark", "lastStableOffset", "logStartOffset", "abortedTransactions"];

/// What a client fetches on a connection: brokers remember it (KIP-227), so requests only say what is new.
#[derive(Default)]
pub struct Fetching {
    places: BTreeMap<Place, Wanted>,
    isolation_level: Option<Value>,
}

struct Wanted {
    offset: i128,
    /// When it was asked for first.
    since: Instant,
}

/// A record of a document of what there is.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    pub offset: i128,
    batch: &'a Value,
    record: &'a Value,
}

impl Record<'_> {
    /// Its fields, behind others.
    pub fn add_to(&self, mut document: Map) -> Map {
        let fields = self.record.as_map().into_iter().flat_map(Map::iter);
        for (name, value) in fields.filter(|(name, _)| *name != "offsetDelta") {
            let appended = self.batch.get("appended").filter(|_| name == "timestamp");
            document.insert(name, appended.unwrap_or(value).clone());
        }
        document
    }

    /// About as much memory as it takes.
    pub fn size(&self) -> usize {
        const BESIDE: usize = 256;
        let raw = |name: &str| self.record.get(name).and_then(Value::as_raw).map_or(0, <[u8]>::len);
        BESIDE + raw("key") + raw("value")
    }
}

/// The offset of a batch's last record.
pub fn last_of(batch: &Value) -> i128 {
    let last = list(batch, "records").len().saturating_sub(1) as i128;
    let delta = list(batch, "records").last().and_then(|record| record.get("offsetDelta")).and_then(Value::as_int);
    number(batch, "offset") + delta.unwrap_or(last)
}

/// All of them, in order. Marks of transactions' ends are none.
pub fn records(document: &Value) -> impl Iterator<Item = Record<'_>> {
    let batches = list(document, "batches").iter().filter(|batch| batch.get("control").is_none());
    batches.flat_map(|batch| {
        list(batch, "records").iter().enumerate().map(move |(n, record)| {
            let delta = record.get("offsetDelta").and_then(Value::as_int).unwrap_or(n as i128);
            Record { offset: number(batch, "offset") + delta, batch, record }
        })
    })
}

pub struct Found {
    pub position: Position,
    /// When it was asked for first.
    pub since: Instant,
    pub document: Value,
}

impl Fetching {
    /// Takes a request.
    pub fn request(&mut self, request: &Value, since: Instant) {
        let mut before = BTreeMap::new();
        if request.get("sessionEpoch").is_none_or(|epoch| epoch.as_int() <= Some(0)) {
            before = std::mem::take(&mut self.places);
        }
        self.isolation_level = request.get("isolationLevel").cloned();
        for topic in list(request, "topics") {
            for partition in list(topic, "partitions") {
                let place = (said(topic).to_owned(), number(partition, "partition"));
                let offset = number(partition, "fetchOffset");
                let known = before.remove(&place).or_else(|| self.places.remove(&place));
                let known = known.filter(|known| known.offset == offset);
                self.places.insert(place, known.unwrap_or(Wanted { offset, since }));
            }
        }
        for topic in list(request, "forgottenTopicsData") {
            for partition in list(topic, "partitions").iter().filter_map(Value::as_int) {
                self.places.remove(&(said(topic).to_owned(), partition));
            }
        }
    }

    /// What is asked for now.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.places.iter().map(|(place, wanted)| (place.clone(), wanted.offset))
    }

    /// The request for what is there.
    pub fn document(&self, ((topic, partition), offset): &Position, topics: &Topics) -> Value {
        let mut document = Map::new().with("api", "Fetch").with("topic", topic.as_str());
        document.insert("partition", Value::Int(*partition));
        document.insert("offset", Value::Int(*offset));
        if let Some(level) = &self.isolation_level {
            document.insert("isolationLevel", level.clone());
        }
        if let Some(name) = topics.name(topic) {
            document.insert("names", Map::new().with(topic.as_str(), name));
        }
        document.into()
    }

    /// What a response has that is new.
    pub fn response(&self, host: &dyn Session, response: &Value) -> Result<Vec<Found>, Fault> {
        let mut found = Vec::new();
        for topic in list(response, "responses") {
            for partition in list(topic, "partitions") {
                let place = (said(topic).to_owned(), number(partition, "partitionIndex"));
                let records = partition.get("records").and_then(Value::as_raw).unwrap_or_default();
                let batches = batch::read_all(host, records)?;
                let is_new = !batches.is_empty() || partition.get("errorCode").is_some();
                let Some(Wanted { offset, since }) = self.places.get(&place).filter(|_| is_new) else { continue };
                let copied = OF_A_RESPONSE.iter().filter_map(|name| Some((name, partition.get(name)?)));
                let copied = copied.filter(|(_, value)| **value != Value::Null);
                let document: Map = copied.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                let document = document.with("batches", Value::Array(batches)).into();
                found.push(Found { position: (place, *offset), since: *since, document });
            }
        }
        Ok(found)
    }
}

/// The response to a live request: what was recorded for the positions that it names, and nothing new elsewhere. Without a
/// session: each request then says all that it wants.
pub fn answer(request: &Value, recorded: &BTreeMap<Position, Value>) -> Option<Map> {
    let mut responses = Vec::new();
    for topic in list(request, "topics") {
        let mut partitions = Vec::new();
        for partition in list(topic, "partitions") {
            let (index, offset) = (number(partition, "partition"), number(partition, "fetchOffset"));
            let mut answer = Map::new().with("partitionIndex", Value::Int(index));
            match recorded.get(&((said(topic).to_owned(), index), offset)) {
                None => {
                    answer.insert("highWatermark", Value::Int(offset));
                    answer.insert("lastStableOffset", Value::Int(offset));
                }
                Some(found) => {
                    let copied = found.as_map()?.iter().filter(|(name, _)| *name != "batches");
                    copied.for_each(|(name, value)| answer.insert(name, value.clone()));
                    answer.insert("records", Value::Bytes(batch::write_all(list(found, "batches"))?));
                }
            }
            partitions.push(answer.into());
        }
        responses.push(saying(topic).with("partitions", Value::Array(partitions)).into());
    }
    let answer = Map::new().with("responses", Value::Array(responses));
    Some(if recorded.is_empty() { answer.with("throttleTimeMs", supply::PAUSE_MS) } else { answer })
}
