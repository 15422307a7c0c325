//! Both sides are real.
use std::collections::BTreeMap;

use keploy_sdk::{Fault, Instant, Map, Session, Value};

use crate::{
    codec,
    deliveries::Deliveries,
    facts,
    fetch::{Fetching, Found},
    frame::{API_VERSIONS, Header, answer_of},
    groups::{self, Told},
    membership::{self, Join, Joining, Rejoining},
    metadata,
    produce::{self, Part},
    request::{Asked, Request},
    schema::{Schemas, Side},
    topics::Topics,
    wire::Reader,
};

/// LEADER_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, REBALANCE_IN_PROGRESS
const FOR_LATER: [i128; 5] = [5, 14, 15, 16, 27];

#[derive(Default)]
pub struct Recording {
    schemas: Schemas,
    topics: Topics,
    fetching: Fetching,
    deliveries: Deliveries,
    joining: Joining,
    rejoining: Rejoining,
    /// By the number that the response will have.
    pending: BTreeMap<i32, Pending>,
    client_ended: bool,
}

struct Pending {
    header: Header,
    what: What,
}

enum What {
    /// Setting up, a client asks until a broker is ready; recorded is how it went in the end.
    Call(Value, Instant),
    Metadata {
        documents: Vec<Value>,
        request: Map,
        since: Instant,
    },
    Produce(Vec<Part>),
    /// A consumer asks again and again, until there is something.
    Fetch,
}

impl Recording {
    pub fn new(config: &Value) -> Self {
        Self { deliveries: Deliveries::new(config), ..Self::default() }
    }

    pub fn client_said(&mut self, host: &mut dyn Session, frame: &[u8], since: Instant) -> Result<(), Fault> {
        let Request { header, asked } = Request::read(host, frame, &mut self.schemas, &self.topics)?;
        let open = |host: &mut dyn Session, request: Value| {
            let facts = facts::of(&request);
            host.open(request, facts, since)
        };
        let what = match asked {
            Asked::Call(document) | Asked::LogIn(document, _) => What::Call(document, since),
            Asked::Produce { mut parts, is_answered } => {
                for part in &mut parts {
                    part.exchanges = part.records.iter().map(|record| open(host, record.clone())).collect();
                }
                if !is_answered {
                    parts.iter().flat_map(|part| &part.exchanges).for_each(|exchange| host.close(*exchange));
                    return Ok(());
                }
                What::Produce(parts)
            }
            Asked::Metadata { documents, request } => What::Metadata { documents, request, since },
            Asked::Fetch(request) => {
                self.fetching.request(&request, since);
                What::Fetch
            }
        };
        self.pending.insert(header.correlation, Pending { header, what });
        Ok(())
    }

    pub fn server_said(&mut self, host: &mut dyn Session, frame: &[u8], at: Instant) -> Result<(), Fault> {
        let mut reader = Reader(frame);
        let correlation = reader.i32().ok_or_else(|| Fault::new("bad-response", "a response without a number"))?;
        let pending = self.pending.remove(&correlation);
        let Some(Pending { header, what }) = pending else {
            return Err(Fault::new("unasked-response", format!("no request has the number {correlation}")));
        };
        let response = self.read(host, reader, header)?;
        match what {
            What::Call(request, _) if is_for_later(&response) && !facts::is_act(&request) => {}
            What::Call(request, since) if membership::is_of(&request) => {
                if let Some(join) = self.joining.hear(Join { request, since, response, at }) {
                    record(host, join.request, join.since, (join.response, join.at));
                }
            }
            What::Call(request, since) => {
                let told = groups::told(&request, &response, since);
                self.tell(host, told);
                let settled = self.rejoining.settle(&request, at);
                let other = self.rejoining.hear(Join { request, since, response, at });
                for call in settled.into_iter().chain(other) {
                    record(host, call.request, call.since, (call.response, call.at));
                }
            }
            What::Metadata { documents, request, since } => {
                let answers = response.as_map().map(|response| metadata::answers(&request, response));
                for (document, answer) in documents.into_iter().zip(answers.unwrap_or_default()) {
                    if let Some(answer) = answer.filter(|answer| !is_for_later(answer)) {
                        record(host, document, since, (answer, at));
                    }
                }
            }
            What::Produce(parts) => {
                for part in parts {
                    for (exchange, answer) in part.exchanges.iter().zip(produce::answers(&part, &response)) {
                        host.reply(*exchange, answer, at);
                        host.close(*exchange);
                    }
                }
            }
            What::Fetch => {
                for found in self.fetching.response(host, &response)? {
                    if let Some(Found { position, since, document }) = self.deliveries.keep(found, at, &self.topics) {
                        let request = self.fetching.document(&position, &self.topics);
                        record(host, request, since, (document, at));
                    }
                }
                self.deliveries.too_much(host, &self.fetching, &self.topics);
            }
        }
        Ok(())
    }

    /// What this connection has seen, here and elsewhere.
    fn tell(&mut self, host: &mut dyn Session, told: Vec<Told>) {
        for one in told {
            one.tell(host);
            self.hear(host, one);
        }
    }

    /// What this connection or another has seen.
    pub fn hear(&mut self, host: &mut dyn Session, told: Told) {
        let Self { deliveries, topics, .. } = self;
        match told {
            Told::Topic { id, name } => {
                topics.insert(&id, &name);
            }
            Told::Group { topic } => deliveries.grouped(topic),
            Told::Commit(commit) => deliveries.commit(host, topics, &commit),
        }
    }

    fn read(&mut self, host: &mut dyn Session, reader: Reader<'_>, header: Header) -> Result<Value, Fault> {
        let bad = || Fault::new("bad-response", format!("a response of API {} version {}", header.api, header.version));
        let message = self.schemas.get(Side::Response, header.api).ok_or_else(bad)?;
        let body = answer_of(reader, message, header).ok_or_else(bad)?;
        let read = codec::read(message, header.version, body);
        // A broker that does not know the version answers in the first one.
        let read = read.or_else(|| if header.api == API_VERSIONS { codec::read(message, 0, body) } else { None });
        let mut response = read.ok_or_else(bad)?;
        match message.name {
            "Metadata" => self.topics.learn(&response).iter().for_each(|told| told.tell(host)),
            // What proves who the broker is, says something about the password.
            "SaslAuthenticate" => drop(response.remove("authBytes")),
            _ => {}
        }
        Ok(response.into())
    }

    pub fn client_ended(&mut self) {
        self.client_ended = true;
    }

    /// `inside`: in the middle of a response.
    pub fn server_ended(&mut self, host: &mut dyn Session, inside: bool) {
        self.deliveries.end(host, &self.fetching, &self.topics);
        for join in self.joining.end().chain(self.rejoining.end()) {
            record(host, join.request, join.since, (join.response, join.at));
        }
        let mut left = Vec::new();
        for pending in std::mem::take(&mut self.pending).into_values() {
            let mut open = |request: Value, since| {
                let facts = facts::of(&request);
                left.push(host.open(request, facts, since));
            };
            match pending.what {
                What::Call(request, since) => open(request, since),
                What::Metadata { documents, since, .. } => documents.into_iter().for_each(|one| open(one, since)),
                What::Produce(parts) => left.extend(parts.into_iter().flat_map(|part| part.exchanges)),
                What::Fetch => {}
            }
        }
        for exchange in left {
            match self.client_ended && !inside {
                true => host.close(exchange),
                false => host.abandon(exchange, "the broker hung up before it answered"),
            }
        }
    }
}

/// A whole exchange, once it is known how it went.
pub fn record(host: &mut dyn Session, request: Value, since: Instant, (response, at): (Value, Instant)) {
    let facts = facts::of(&request);
    let exchange = host.open(request, facts, since);
    host.reply(exchange, response, at);
    host.close(exchange);
}

/// A broker that is not ready says so, somewhere in its response.
fn is_for_later(response: &Value) -> bool {
    match response {
        Value::Map(map) => {
            let code = map.get("errorCode").and_then(Value::as_int);
            code.is_some_and(|code| FOR_LATER.contains(&code)) || map.iter().any(|(_, value)| is_for_later(value))
        }
        Value::Array(items) => items.iter().any(is_for_later),
        _ => false,
    }
}
