//! How members of groups join.
//!
//! They join again whenever another does: recorded is what each was told in the end, so that a replay has the group as it was
//! when all were there. In groups of the new kind (KIP-848) the coordinator assigns partitions, and members say again and
//! again who they are and in which epoch: recorded is how one joined, and what it was assigned first, in whichever answer
//! that came. Who it is, it makes up anew in each run (or is told), so that all else is between it and a mock.
use std::collections::BTreeMap;

use keploy_sdk::{Instant, Map, Parser as _, Part, Value};

use crate::{
    Kafka,
    topics::{list, number},
};

/// Who was not asked to join again for so long is where it stays. Nanoseconds.
const SETTLED: u64 = 10_000_000_000;

const API: &str = "ConsumerGroupHeartbeat";
/// The broker's own, in milliseconds.
const INTERVAL: u64 = 5_000;

/// Is it what a member of such a group says?
pub fn is_of(request: &Value) -> bool {
    request.get("api").and_then(Value::as_str) == Some(API)
}

/// Members that may be asked to join again.
#[derive(Default)]
pub struct Rejoining {
    /// By request, without who asks.
    joins: BTreeMap<Vec<u8>, Join>,
    last: Instant,
}

impl Rejoining {
    /// Gives back what is no way to join.
    pub fn hear(&mut self, said: Join) -> Option<Join> {
        if !matches!(said.request.get("api").and_then(Value::as_str), Some("JoinGroup" | "SyncGroup")) {
            return Some(said);
        }
        self.last = said.at;
        let key = Kafka::canonical(Part::Request, said.request.clone()).to_cbor();
        match self.joins.get_mut(&key) {
            // When it was thrown out, it had been there.
            Some(_) if said.response.get("errorCode").is_some() => {}
            Some(join) => join.response = said.response,
            None => drop(self.joins.insert(key, said)),
        }
        None
    }

    /// What it came to, if it is what it stays. `after`: what was said last.
    pub fn settle(&mut self, after: &Value, now: Instant) -> Vec<Join> {
        let has_left = after.get("api").and_then(Value::as_str) == Some("LeaveGroup");
        if has_left || now.saturating_sub(self.last) >= SETTLED { self.end() } else { Vec::new() }
    }

    /// The connection is over.
    pub fn end(&mut self) -> Vec<Join> {
        let mut joins: Vec<Join> = std::mem::take(&mut self.joins).into_values().collect();
        joins.sort_by_key(|join| (join.since, join.at));
        joins
    }
}

/// Members of the new kind that have no partitions yet.
#[derive(Default)]
pub struct Joining(BTreeMap<(String, String), Join>);

/// How one joined, and what it was told.
pub struct Join {
    pub request: Value,
    pub since: Instant,
    pub response: Value,
    pub at: Instant,
}

impl Joining {
    /// What it comes to, if that is known now.
    pub fn hear(&mut self, said: Join) -> Option<Join> {
        let Join { request, since, response, at } = said;
        let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        // Older clients are told who they are.
        let who = [&request, &response].map(|of| text(of, "memberId")).into_iter().find(|who| !who.is_empty());
        let key = (text(&request, "groupId"), who.unwrap_or_default());
        let epoch = number(&request, "memberEpoch");
        let is_done = epoch < 0 || response.get("errorCode").is_some() || is_assigned(&response);
        let (request, since) = match self.0.remove(&key) {
            Some(join) => (join.request, join.since),
            None if epoch == 0 => (request, since),
            None => return None,
        };
        let join = Join { request, since, response, at };
        if is_done {
            return Some(join);
        }
        self.0.insert(key, join);
        None
    }

    /// The connection is over.
    pub fn end(&mut self) -> impl Iterator<Item = Join> + use<> {
        std::mem::take(&mut self.0).into_values()
    }
}

fn is_assigned(response: &Value) -> bool {
    response.get("assignment").is_some_and(|assignment| !list(assignment, "topicPartitions").is_empty())
}

/// What a mock says to a member that has joined, or leaves.
pub fn answer(request: &Value) -> Option<Map> {
    let epoch = number(request, "memberEpoch");
    (is_of(request) && epoch != 0).then(|| {
        let who = request.get("memberId").cloned().unwrap_or_default();
        let answer = Map::new().with("memberId", who).with("memberEpoch", Value::Int(epoch));
        answer.with("heartbeatIntervalMs", INTERVAL)
    })
}

/// A member that joins goes by the name that it has now, if it has one.
pub fn welcome(request: &Value, response: Map) -> Map {
    match request.get("memberId").and_then(Value::as_str).filter(|who| is_of(request) && !who.is_empty()) {
        Some(who) => response.with("memberId", who),
        None => response,
    }
}
