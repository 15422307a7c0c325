//! Records that are tests, in replay: they come when the host sends them, to who asks for what comes next in their partition, and
//! are done when the group has committed all of them.
use std::collections::{BTreeMap, BTreeSet};

use keploy_sdk::{Exchange, Fault, Map, Value};

use crate::{
    groups::{Commit, Offset, Place, outcome},
    topics::{Topics, list, number},
};

#[derive(Default)]
pub struct Outbox {
    sent: Vec<Sent>,
    served: BTreeSet<Place>,
}

/// A test's records.
struct Sent {
    exchange: Exchange,
    records: BTreeMap<Place, BTreeMap<i128, Map>>,
    given: BTreeSet<Place>,
    /// What was committed so far, of partitions of which all was.
    committed: BTreeMap<Place, Offset>,
}

impl Outbox {
    pub fn send(&mut self, exchange: Exchange, request: &Value) -> Result<(), Fault> {
        let mut records: BTreeMap<Place, BTreeMap<i128, Map>> = BTreeMap::new();
        for record in list(request, "records") {
            let bad = || Fault::new("bad-document", "a record that has no topic");
            let mut document = record.as_map().ok_or_else(bad)?.clone();
            let topic = document.remove("topic").and_then(|topic| Some(topic.as_str()?.to_owned())).ok_or_else(bad)?;
            ["partition", "offset"].iter().for_each(|name| drop(document.remove(name)));
            let place = (topic, number(record, "partition"));
            records.entry(place).or_default().insert(number(record, "offset"), document);
        }
        if records.is_empty() {
            return Err(Fault::new("bad-document", "there are no records to send"));
        }
        self.sent.push(Sent { exchange, records, given: BTreeSet::new(), committed: BTreeMap::new() });
        Ok(())
    }

    /// What there is for who asks for this offset: who asks once more, gets it once more, until it is committed.
    pub fn find(&self, place: &Place, offset: i128) -> Option<Value> {
        let sent = self.sent.iter().filter_map(|sent| sent.records.get(place));
        let records: BTreeMap<i128, &Map> =
            sent.flat_map(|records| records.range(offset..)).map(|(offset, record)| (*offset, record)).collect();
        let ((first, _), (last, _)) = (records.first_key_value()?, records.last_key_value()?);
        let (first, last) = (*first, *last);
        let delta =
            |(offset, record): (&i128, &&Map)| (*record).clone().with("offsetDelta", Value::Int(offset - first)).into();
        let batch = Map::new().with("offset", Value::Int(first)).with("lastOffset", Value::Int(last));
        let batch = batch.with("records", Value::Array(records.iter().map(delta).collect()));
        let found = Map::new().with("highWatermark", Value::Int(last + 1));
        let found = found.with("lastStableOffset", Value::Int(last + 1));
        Some(found.with("batches", Value::Array(vec![batch.into()])).into())
    }

    /// The tests that are done now, and what came of them.
    pub fn commit(&mut self, commit: &Commit, topics: &Topics) -> Vec<(Exchange, Value)> {
        let offsets = commit.offsets(topics);
        let mut done = Vec::new();
        self.sent.retain_mut(|sent| {
            for (place, records) in &sent.records {
                let last = records.last_key_value().map_or(i128::MIN, |(offset, _)| *offset);
                if let Some(offset) = offsets.get(place).filter(|offset| offset.next > last) {
                    sent.committed.entry(place.clone()).or_insert_with(|| offset.clone());
                }
            }
            let is_done = sent.committed.len() == sent.records.len();
            if is_done {
                done.push((sent.exchange, outcome(&commit.group, &sent.committed)));
            }
            !is_done
        });
        done
    }

    /// The client got what there was for these partitions.
    pub fn gave(&mut self, places: &BTreeSet<Place>) {
        for sent in &mut self.sent {
            sent.given.extend(sent.records.keys().filter(|place| places.contains(place)).cloned());
        }
    }

    /// Is there something that the client has not got, of partitions that it does not ask for just now?
    pub fn is_left_out(&self, asked: &BTreeSet<Place>) -> bool {
        let is_left = |sent: &Sent, place: &Place| !sent.given.contains(place) && !asked.contains(place);
        self.sent.iter().any(|sent| sent.records.keys().any(|place| is_left(sent, place)))
    }

    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// The client fetches from these partitions; those that are new. It may leave some out, and come back to them.
    pub fn serves(&mut self, places: BTreeSet<Place>) -> Vec<Place> {
        let new = places.difference(&self.served).cloned().collect();
        self.served.extend(places);
        new
    }
}
