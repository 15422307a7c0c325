//! MongoDB, and whatever else speaks its wire protocol: OP_MSG, compressed or not, and the old way of saying hello.
//!
//! Bytes become messages (`wire`), messages become commands (`command`) whose values people can read ([`bson`]), and each
//! command is an exchange: `record` reads them, `mock` answers them. What drivers do on their own (`hello`, heartbeats,
//! `login`) is kept apart from what the application asks.
#![forbid(unsafe_code)]

pub mod bson;
mod canonical;
mod command;
mod conversation;
mod detect;
mod errors;
mod facts;
mod hello;
mod login;
mod mock;
mod record;
mod upgrade;
mod wire;

pub use conversation::Conversation;
use keploy_sdk::{Facts, Manifest, Parser, Part, Peer, Recorded, Value, Verdict};

pub struct Mongo;

impl Parser for Mongo {
    type Connection = Conversation;

    fn manifest() -> Manifest {
        let extra = [
            // What keploy.yml says there is our setting `password`.
            ("setting", "password test.mongoPassword"),
            // Variables with one of these words in their name or value are our setting `environment`.
            ("environment", "PASS PWD SECRET mongodb"),
        ];
        Manifest {
            drives: false,
            ports: vec![27017],
            extra: extra.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..Manifest::new("Mongo")
        }
    }

    fn detect(_: &Peer, client: &[u8], _: &[u8]) -> Verdict {
        detect::detect(client)
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
            other => Err(format!("Mongo documents of schema {other} are newer than this parser, which writes 1")),
        }
    }
}

keploy_sdk::export!(Mongo);
