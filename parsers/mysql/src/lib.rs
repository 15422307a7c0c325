//! MySQL and MariaDB: version 10 of the protocol, from the greeting on.
//!
//! Bytes become packets (`wire`), packets the log-in (`greeting`, `login`), commands (`command`) and answers (`answer`);
//! `values` are those of parameters and rows. What earlier commands mean for later ones is followed (`state`,
//! `statements`), so that a request's document means something on its own: the text of the statement, its parameters by
//! value, and what of the session changes the answer. A mock writes recorded answers (`writer`) in the encoding that is
//! asked for then, which need not be the one they were recorded in.
#![forbid(unsafe_code)]

mod answer;
mod canonical;
mod capabilities;
mod column;
mod command;
mod conversation;
mod detect;
mod document;
mod ending;
mod facts;
mod greeting;
mod kind;
mod login;
mod mock;
mod parameters;
mod record;
mod session_track;
mod sql;
mod state;
mod statements;
mod upgrade;
mod upload;
mod values;
mod wire;
mod writer;

pub use conversation::Conversation;
use keploy_sdk::{Facts, Manifest, Parser, Part, Peer, Recorded, SpeaksFirst, Value, Verdict};

pub struct MySql;

impl Parser for MySql {
    type Connection = Conversation;

    fn manifest() -> Manifest {
        Manifest {
            speaks_first: SpeaksFirst::Server,
            lockstep: true, // until the log-in is over: TLS may begin before it
            drives: false,
            ports: vec![3306],
            ..Manifest::new("MySQL")
        }
    }

    fn detect(_: &Peer, client: &[u8], server: &[u8]) -> Verdict {
        detect::detect(client, server)
    }

    fn canonical(part: Part, document: Value) -> Value {
        match part {
            Part::Request => canonical::request(document),
            Part::Response => document,
        }
    }

    fn classify(request: &Value) -> Facts {
        facts::of(request)
    }

    fn upgrade(schema: u32, spec: &Value) -> Result<Vec<Recorded>, String> {
        match schema {
            0 => upgrade::from_seed(spec),
            other => Err(format!("MySQL documents of schema {other} are newer than this parser, which writes 1")),
        }
    }
}

keploy_sdk::export!(MySql);
