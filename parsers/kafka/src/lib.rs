//! Apache Kafka's protocol, as clients speak it with brokers.
//!
//! Requests and responses become documents by Kafka's own definitions (`schema`, `codec`), records are taken out of their
//! batches (`batch`). What clients put together as they please is taken apart: producing is recorded a record at a time
//! (`produce`), fetching by what comes of an offset (`fetch`), metadata by topic (`metadata`); all else as it is. Records that
//! a group's member has got and then committed are tests (`deliveries`); its other connections say what it commits (`groups`).
#![forbid(unsafe_code)]

mod batch;
mod codec;
mod conversation;
mod deliveries;
mod detect;
mod facts;
mod fetch;
mod frame;
mod groups;
mod login;
mod membership;
mod metadata;
mod mock;
mod outbox;
mod produce;
mod record;
mod request;
mod schema;
mod supply;
mod topics;
mod wire;

pub use conversation::Conversation;
use keploy_sdk::{Facts, Manifest, Map, Parser, Part, Peer, Value, Verdict};

pub struct Kafka;

/// What members of a group say of themselves: the group's coordinator has told them, or their clock.
const OF_THE_MEMBER: [&str; 5] =
    ["memberId", "generationId", "generationIdOrMemberEpoch", "memberEpoch", "assignments"];
/// In every request, and never compared. Whether a topic may be made says nothing of one that is there; why a member joins or
/// leaves is for people.
const ALWAYS: [&str; 6] =
    ["version", "clientSoftwareName", "clientSoftwareVersion", "names", "allowAutoTopicCreation", "reason"];

const SETS: [&str; 5] = ["topics", "partitions", "partitionIndexes", "groups", "coordinatorKeys"];

impl Parser for Kafka {
    type Connection = Conversation;

    fn manifest() -> Manifest {
        // Variables with one of these words in their name or value are our setting `environment`.
        let extra = vec![("environment".to_owned(), "PASS PWD SECRET LoginModule".to_owned())];
        Manifest { drives: false, ports: vec![9092], extra, ..Manifest::new("Kafka") }
    }

    fn detect(_: &Peer, client: &[u8], _: &[u8]) -> Verdict {
        detect::detect(client)
    }

    fn canonical(part: Part, mut document: Value) -> Value {
        let api = document.get("api").and_then(Value::as_str).unwrap_or_default();
        let is_membership = matches!(
            api,
            "Heartbeat"
                | "SyncGroup"
                | "OffsetCommit"
                | "OffsetFetch"
                | "LeaveGroup"
                | "TxnOffsetCommit"
                | "ConsumerGroupHeartbeat"
        );
        if let (Part::Request, Some(request)) = (part, document.as_map_mut()) {
            ALWAYS.iter().for_each(|name| drop(request.remove(name)));
            request.iter_mut().for_each(|(name, value)| sort(name, value));
            if is_membership {
                leave_out_the_member(request);
            }
        }
        document
    }

    fn classify(request: &Value) -> Facts {
        facts::of(request)
    }
}

fn leave_out_the_member(request: &mut Map) {
    OF_THE_MEMBER.iter().for_each(|name| drop(request.remove(name)));
    // Of several groups, each has its member.
    if let Some(Value::Array(groups)) = request.get_mut("groups") {
        for group in groups.iter_mut().filter_map(Value::as_map_mut) {
            OF_THE_MEMBER.iter().for_each(|name| drop(group.remove(name)));
        }
    }
}

/// Some clients keep topics, and what they want of each, in sets.
fn sort(name: &str, value: &mut Value) {
    match value {
        Value::Map(fields) => fields.iter_mut().for_each(|(name, value)| sort(name, value)),
        Value::Array(items) if SETS.contains(&name) => {
            items.iter_mut().for_each(|item| sort("", item));
            items.sort_by_key(Value::to_cbor);
        }
        _ => {}
    }
}

keploy_sdk::export!(Kafka);
