//! AMQP 0-9-1, as RabbitMQ speaks it.
//!
//! Bytes become methods and messages (`frame`, `method`, `table`, `properties`); what earlier words mean for later ones is
//! followed (`channel`), so that a request's document means something on its own; what a server says finds the exchange
//! that it belongs to (`record`). In the server's place, `mock` writes what was recorded, with delivery tags, confirmations
//! and consumer tags of the live connection, and hands deliveries to consumers as fast as they settle them: those that were
//! recorded as answers, when the consumer begins; those that are tests, when the host says so.
#![forbid(unsafe_code)]

mod channel;
mod conversation;
mod facts;
mod frame;
mod login;
mod method;
mod mock;
mod properties;
mod record;
mod table;
mod wire;

pub use conversation::Conversation;
use keploy_sdk::{Facts, Manifest, Parser, Part, Peer, Value, Verdict};

pub struct Amqp;

/// Where tracing libraries put what differs on each run.
const TRACING: [&str; 4] = ["traceparent", "tracestate", "baggage", "b3"];

/// What a client tells of itself, and what the specification keeps for later.
const UNIMPORTANT: [&str; 8] =
    ["client-properties", "mechanism", "locale", "channel-max", "frame-max", "heartbeat", "reserved-1", "reserved-2"];

impl Parser for Amqp {
    type Connection = Conversation;

    fn manifest() -> Manifest {
        let volatile_request = TRACING.iter().map(|name| format!("properties.headers.{name}")).collect();
        // What waits on one channel holds up no other.
        let extra = vec![("multiplexed".to_owned(), "true".to_owned())];
        Manifest { drives: false, ports: vec![5672], volatile_request, extra, ..Manifest::new("Amqp") }
    }

    fn detect(_: &Peer, client: &[u8], _: &[u8]) -> Verdict {
        let wanted = &frame::PROTOCOL;
        match client.len() {
            len if len >= wanted.len() && client.starts_with(wanted) => Verdict::Yes(255),
            len if len < wanted.len() && wanted.starts_with(client) => Verdict::More(len as u32 + 1),
            _ => Verdict::No,
        }
    }

    /// A server does the same for all clients, whatever their versions.
    fn canonical(part: Part, mut document: Value) -> Value {
        if let (Part::Request, Some(request)) = (part, document.as_map_mut()) {
            for name in UNIMPORTANT {
                request.remove(name);
            }
        }
        document
    }

    fn classify(request: &Value) -> Facts {
        facts::of(request)
    }
}

keploy_sdk::export!(Amqp);
