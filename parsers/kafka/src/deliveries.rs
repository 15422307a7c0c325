//! Records that members of a group get are tests, when a commit shows that the work on them is done.
//!
//! What they get is kept until then. The records that one commit is the first to cover are one test, and the commit is its
//! outcome. What is never committed is recorded as what comes of an offset, like what is fetched without a group.
//!
//! A client may also commit by a timer, whatever the application does meanwhile, and nothing on the wire shows it. So the user
//! says that commits are the application's own: `plugins.Kafka.commits: work`.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use keploy_sdk::{Instant, Map, Session, Value};

use crate::{
    facts,
    fetch::{self, Fetching, Found, Record},
    groups::{Commit, Offset, Place, outcome},
    topics::{Topics, list},
};

/// Bytes of records that are kept, and of how many offsets; what came first then is recorded as without a group.
const MOST: usize = 8 << 20;
const MOST_OFFSETS: usize = 1000;

const UNCOMMITTED: &str = "no commit showed that the work on it was done";

#[derive(Default)]
pub struct Deliveries {
    /// Commits are the application's own.
    are_settled: bool,
    /// Topics that members of a group fetch.
    grouped: BTreeSet<String>,
    kept: VecDeque<Kept>,
    size: usize,
    /// Of each partition, up to where it is known what came of its records.
    done: BTreeMap<Place, i128>,
    /// Some group has committed something.
    has_committed: bool,
    /// When the last test began. Several may begin at once; they have an order.
    last: Instant,
}

/// What came of an offset.
struct Kept {
    found: Found,
    /// When it came.
    at: Instant,
    size: usize,
    /// Of its records.
    last: i128,
}

impl Deliveries {
    pub fn new(config: &Value) -> Self {
        let are_settled = config.get("commits").and_then(Value::as_str) == Some("work");
        Self { are_settled, ..Self::default() }
    }

    /// A group's members fetch this topic.
    pub fn grouped(&mut self, topic: String) {
        self.grouped.insert(topic);
    }

    /// Takes what came of an offset; gives it back when it can be no test.
    pub fn keep(&mut self, found: Found, at: Instant, topics: &Topics) -> Option<Found> {
        let is_its = |topic: &String| topics.shown(topic) == topics.shown(&found.position.0.0);
        let is_plain = ["errorCode", "abortedTransactions"].iter().all(|name| found.document.get(name).is_none());
        if !self.are_settled || !is_plain || !self.grouped.iter().any(is_its) {
            return Some(found);
        }
        let Some(last) = fetch::records(&found.document).map(|record| record.offset).last() else { return Some(found) };
        let size = fetch::records(&found.document).map(|record| record.size()).sum();
        self.size += size;
        self.kept.push_back(Kept { found, at, size, last });
        None
    }

    /// What was kept and is too much.
    pub fn too_much(&mut self, host: &mut dyn Session, fetching: &Fetching, topics: &Topics) {
        while (self.size > MOST || self.kept.len() > MOST_OFFSETS)
            && let Some(kept) = self.kept.pop_front()
        {
            self.size -= kept.size;
            self.give_up(host, fetching, topics, kept);
        }
    }

    /// Nothing more comes.
    pub fn end(&mut self, host: &mut dyn Session, fetching: &Fetching, topics: &Topics) {
        for kept in std::mem::take(&mut self.kept) {
            self.give_up(host, fetching, topics, kept);
        }
        self.size = 0;
    }

    /// The records that a commit is the first to cover, by offset, and when they came.
    fn covered<'a>(&'a self, commit: &Commit, topics: &Topics) -> BTreeMap<(Place, i128), (Instant, Record<'a>)> {
        let offsets = commit.offsets(topics);
        let mut covered = BTreeMap::new();
        for kept in &self.kept {
            let place = place(&kept.found, topics);
            let Some(Offset { next, .. }) = offsets.get(&place) else { continue };
            let new = self.done(&place)..*next;
            let its = fetch::records(&kept.found.document).filter(|record| new.contains(&record.offset));
            covered.extend(its.map(|record| ((place.clone(), record.offset), (kept.at, record))));
        }
        covered
    }

    fn done(&self, place: &Place) -> i128 {
        self.done.get(place).copied().unwrap_or(i128::MIN)
    }

    /// The work on the records that this commit covers is done: they are a test.
    pub fn commit(&mut self, host: &mut dyn Session, topics: &Topics, commit: &Commit) {
        self.has_committed = true;
        let covered = self.covered(commit, topics);
        let Some(((first, _), _)) = covered.first_key_value() else { return };
        let (subject, mut offsets) = (subject(first), commit.offsets(topics));
        let came = covered.values().map(|(at, _)| *at).max().unwrap_or_default();
        let records = covered.iter().map(|(((topic, partition), offset), (_, record))| {
            let document = Map::new().with("topic", topic.as_str()).with("partition", Value::Int(*partition));
            record.add_to(document.with("offset", Value::Int(*offset))).into()
        });
        let request = Map::new().with("api", "Fetch").with("records", Value::Array(records.collect())).into();
        let done: BTreeMap<Place, i128> = covered.into_keys().map(|(place, offset)| (place, offset + 1)).collect();
        offsets.retain(|place, _| done.contains_key(place));
        self.done.extend(done);
        self.last = came.max(self.last + 1);
        let facts = facts::of(&request);
        let exchange = host.open_inbound(&subject, request, facts, self.last);
        host.reply(exchange, outcome(&commit.group, &offsets), commit.at.max(self.last));
        host.close(exchange);
        let kept = std::mem::take(&mut self.kept).into_iter();
        self.kept = kept.filter(|kept| kept.last >= self.done(&place(&kept.found, topics))).collect();
        self.size = self.kept.iter().map(|kept| kept.size).sum();
    }

    /// Records what is left of it as what comes of an offset.
    fn give_up(
        &mut self,
        host: &mut dyn Session,
        fetching: &Fetching,
        topics: &Topics,
        Kept { mut found, at, .. }: Kept,
    ) {
        let place = place(&found, topics);
        let done = self.done(&place);
        let (position, since) = ((found.position.0.clone(), found.position.1.max(done)), found.since);
        // Who begins in the middle of a batch gets all of it.
        let is_left = |batch: &&Value| fetch::last_of(batch) >= done;
        let left = list(&found.document, "batches").iter().filter(is_left).cloned().collect();
        if let Some(document) = found.document.as_map_mut() {
            document.insert("batches", Value::Array(left));
        }
        if self.has_committed {
            let request = fetching.document(&position, topics);
            for _ in fetch::records(&found.document).filter(|record| record.offset >= done) {
                let exchange = host.open_inbound(&subject(&place), request.clone(), facts::of(&request), at);
                host.abandon(exchange, UNCOMMITTED);
            }
        }
        crate::record::record(host, fetching.document(&position, topics), since, (found.document, at));
    }
}

fn place(found: &Found, topics: &Topics) -> Place {
    let ((topic, partition), _) = &found.position;
    (topics.shown(topic).to_owned(), *partition)
}

/// What a connection serves that fetches there.
pub fn subject((topic, partition): &Place) -> String {
    format!("{topic}/{partition}")
}
