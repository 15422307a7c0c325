//! PostgreSQL: the wire protocol 3.0 and 3.2, and whatever else speaks it.
//!
//! Bytes become messages ([`wire`], `request`, `response`), and messages become documents that say what was asked
//! (`question`) and what came of it (`response`), with values as people read them ([`value`]). What earlier messages mean
//! for later ones (statements, portals, the transaction, settings) is followed in `state`, in the same way when a
//! conversation is read (`record`) and when it is answered (`mock`).
//!
//! Each execution is an exchange, however it was asked: as text, prepared or not, under any name, in either format.
#![forbid(unsafe_code)]

mod connection;
mod detect;
mod facts;
mod log_in;
mod mock;
mod question;
mod queue;
mod record;
mod request;
mod response;
mod sql;
mod state;
pub mod value;
pub mod wire;

pub use connection::Conversation;
use keploy_sdk::{Facts, Manifest, Parser, Part, Peer, Value, Verdict};

pub struct Postgres;

impl Parser for Postgres {
    type Connection = Conversation;

    fn manifest() -> Manifest {
        Manifest {
            lockstep: true, // TLS may begin in mid-stream
            drives: false,
            intervenes: true, // in log-ins that are bound to the server's certificate
            alpn: vec!["postgresql".into()],
            ports: vec![5432],
            ..Manifest::new("Postgres")
        }
    }

    fn detect(_: &Peer, client: &[u8], _: &[u8]) -> Verdict {
        detect::detect(client)
    }

    fn canonical(part: Part, document: Value) -> Value {
        match part {
            Part::Request => question::canonical(document),
            Part::Response => document,
        }
    }

    fn classify(request: &Value) -> Facts {
        facts::of(request)
    }
}

keploy_sdk::export!(Postgres);
