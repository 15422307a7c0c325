//! What a request asks, in either mode.
use keploy_sdk::{Fault, Map, Session, Value};

use crate::{
    codec,
    frame::{API_VERSIONS, Header, body_of},
    metadata,
    produce::{self, Part},
    schema::{Schemas, Side},
    topics::Topics,
    wire::Reader,
};

pub struct Request {
    pub header: Header,
    pub asked: Asked,
}

pub enum Asked {
    Call(Value),
    /// A step of a log-in, and what the client says to prove who it is: that is in no document.
    LogIn(Value, Vec<u8>),
    /// `is_answered`: the client waits for the broker (`acks` is not 0).
    Produce {
        parts: Vec<Part>,
        is_answered: bool,
    },
    /// A document of the brokers, and one of each topic.
    Metadata {
        documents: Vec<Value>,
        request: Map,
    },
    Fetch(Value),
}

impl Request {
    pub fn read(host: &dyn Session, frame: &[u8], schemas: &mut Schemas, topics: &Topics) -> Result<Self, Fault> {
        let mut reader = Reader(frame);
        let header = Header::read(&mut reader).ok_or_else(|| Fault::new("bad-header", "a request without a header"))?;
        let message = schemas.get(Side::Request, header.api);
        let message = message.ok_or_else(|| Fault::new("unknown-api", format!("there is no API {}", header.api)))?;
        let version = header.version;
        let named = Map::new().with("api", message.name).with("version", Value::Int(version.into()));
        if header.api == API_VERSIONS && !message.versions.has(version) {
            // It will be told which versions there are, and asks again.
            return Ok(Self { header, asked: Asked::Call(named.into()) });
        }
        let body = body_of(reader, message, version).and_then(|body| codec::read(message, version, body));
        let Some(body) = body.filter(|_| message.versions.has(version)) else {
            let message = format!("a request of {} version {version} cannot be read", message.name);
            return Err(Fault::new("bad-request", message));
        };
        let asked = match message.name {
            "Produce" => {
                let is_answered = body.get("acks").is_some();
                Asked::Produce { parts: produce::parts(host, &body.into(), topics)?, is_answered }
            }
            "Fetch" => Asked::Fetch(body.into()),
            "Metadata" if let Some(documents) = metadata::documents(&named, &body) => {
                Asked::Metadata { documents, request: body }
            }
            "SaslAuthenticate" => {
                let proof = body.get("authBytes").and_then(Value::as_raw).unwrap_or_default().to_vec();
                Asked::LogIn(named.into(), proof)
            }
            _ => Asked::Call(body.into_iter().fold(named, |document, (name, value)| document.with(name, value)).into()),
        };
        Ok(Self { header, asked })
    }
}
