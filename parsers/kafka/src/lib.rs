//! Apache Kafka's protocol, as clients speak it with brokers.
//!
//! Requests and responses become documents by Kafka's own definitions (`schema`, `codec`), records are taken out of their
//! batches (`batch`). Producing is recorded a record at a time (`produce`), fetching by what was waited for (`fetch`); all
//! else as it is.
#![forbid(unsafe_code)]

mod batch;
mod codec;
mod conversation;
mod facts;
mod fetch;
mod frame;
mod mock;
mod produce;
mod record;
mod request;
mod schema;
mod topics;
mod wire;

pub use conversation::Conversation;
use keploy_sdk::{Facts, Manifest, Parser, Part, Peer, Value, Verdict};

pub struct Kafka;

/// What members of a group say of themselves: the group's coordinator has told them, or their clock.
const OF_THE_MEMBER: [&str; 5] =
    ["memberId", "generationId", "generationIdOrMemberEpoch", "memberEpoch", "assignments"];
/// In every request, and never compared.
const ALWAYS: [&str; 4] = ["version", "clientSoftwareName", "clientSoftwareVersion", "names"];

impl Parser for Kafka {
    type Connection = Conversation;

    fn manifest() -> Manifest {
        Manifest { drives: false, ports: vec![9092], ..Manifest::new("Kafka") }
    }

    /// What clients begin with: ApiVersions, or (old ones) Metadata or SaslHandshake.
    fn detect(_: &Peer, client: &[u8], _: &[u8]) -> Verdict {
        const FIRST: usize = 14;
        let [_, _, rest @ ..] = client else { return Verdict::More(FIRST as u32) };
        let api = rest.get(2..4).map(|api| i16::from_be_bytes([api[0], api[1]]));
        match (client, api) {
            // A first request is short: its length begins with zeros.
            ([0, 0, ..], None) => Verdict::More(FIRST as u32),
            ([0, 0, ..], Some(3 | 17 | 18)) if client.len() < FIRST => Verdict::More(FIRST as u32),
            ([0, 0, _, _, 0, 18, 0, 0..=9, ..], _) => Verdict::Yes(200),
            // PostgreSQL's start-up packet begins like Metadata, but goes on with a letter, not with a small number.
            ([0, 0, _, _, 0, 3, 0, 0..=20, 0, ..], _) => Verdict::Yes(245),
            ([0, 0, _, _, 0, 17, 0, 0..=20, 0, ..], _) => Verdict::Yes(120),
            _ => Verdict::No,
        }
    }

    fn canonical(part: Part, mut document: Value) -> Value {
        let api = document.get("api").and_then(Value::as_str).unwrap_or_default();
        let is_membership =
            matches!(api, "Heartbeat" | "SyncGroup" | "OffsetCommit" | "LeaveGroup" | "TxnOffsetCommit");
        if let (Part::Request, Some(request)) = (part, document.as_map_mut()) {
            ALWAYS.iter().for_each(|name| drop(request.remove(name)));
            // Some clients keep topics in sets.
            if let Some(Value::Array(topics)) = request.get_mut("topics") {
                topics.sort_by_key(Value::to_cbor);
            }
            if is_membership {
                OF_THE_MEMBER.iter().for_each(|name| drop(request.remove(name)));
            }
        }
        document
    }

    fn classify(request: &Value) -> Facts {
        facts::of(request)
    }
}

keploy_sdk::export!(Kafka);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_requests_are_known_and_start_up_packets_are_not() {
        let detect = |client: &[u8]| Kafka::detect(&Peer::default(), client, &[]);
        let versions = b"\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff";
        for cut in 0..versions.len() {
            assert_eq!(detect(&versions[..cut]), Verdict::More(14), "{cut}");
        }
        assert_eq!(detect(versions), Verdict::Yes(200));
        assert_eq!(detect(b"\0\0\0\x0e\0\x03\0\0\0\0\0\x01\xff\xff\0\0\0\0"), Verdict::Yes(245));
        for other in [
            &b"\0\0\0\x11\0\x03\0\0user\0ada\0\0"[..],
            b"GET / HTTP/1.1",
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0\0",
        ] {
            assert_eq!(detect(other), Verdict::No, "{}", other.escape_ascii());
        }
    }
}
