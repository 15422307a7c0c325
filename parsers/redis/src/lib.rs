//! Redis: RESP2 and RESP3, and whatever else speaks them (Valkey, KeyDB, Dragonfly).
//!
//! Bytes become commands and replies ([`resp`], `inbox`); what earlier commands mean for later ones is followed
//! (`state`), so that a command's document ([`command`]) means something on its own; replies find the command they
//! belong to (`replies`). A reply's document is `reply:` and the value as [`resp`] spells it.
//!
//! Each command is an exchange, also in a pipeline and inside MULTI, where it says `queued`; EXEC says what it executes.
//! A subscription is one exchange: its confirmations and its messages are the replies, until it ends.
#![forbid(unsafe_code)]

mod command;
mod conversation;
mod detect;
mod facts;
mod inbox;
mod inline;
mod replies;
pub mod resp;
mod secrets;
mod state;
mod upgrade;

pub use conversation::Conversation;
use keploy_sdk::{Facts, Manifest, Parser, Part, Peer, Recorded, Value, Verdict};

pub struct Redis;

impl Parser for Redis {
    type Connection = Conversation;

    fn manifest() -> Manifest {
        Manifest { ports: vec![6379], ..Manifest::new("Redis") }
    }

    fn detect(_: &Peer, client: &[u8], _: &[u8]) -> Verdict {
        detect::detect(client)
    }

    fn canonical(part: Part, document: Value) -> Value {
        match part {
            Part::Request => command::canonical(document),
            Part::Response => document,
        }
    }

    fn classify(request: &Value) -> Facts {
        facts::of(request)
    }

    fn upgrade(schema: u32, spec: &Value) -> Result<Vec<Recorded>, String> {
        match schema {
            0 => upgrade::from_seed(spec),
            other => Err(format!("Redis documents of schema {other} are newer than this parser, which writes 1")),
        }
    }
}

keploy_sdk::export!(Redis);
