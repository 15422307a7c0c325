//! In the broker's place.
use std::collections::BTreeMap;

use keploy_sdk::{Exchange, Fault, Instant, Level, Map, Session, Side as Wire, Value};

use crate::{
    codec, facts, fetch,
    fetch::Fetching,
    frame::{API_VERSIONS, Header, put_answer},
    produce::{self, Part},
    request::{Asked as Said, Request},
    schema::{Schemas, Side},
    topics::{Topics, list},
};

/// UNKNOWN_SERVER_ERROR
const FAILED: i64 = -1;

#[derive(Default)]
pub struct Mocking {
    schemas: Schemas,
    topics: Topics,
    fetching: Fetching,
    asked: BTreeMap<Exchange, Asked>,
    /// What a consumer was told that there is nothing new of.
    waits_for: Option<Value>,
    /// Its next request for that. Brokers answer in order: this one is, when something else is asked.
    parked: Option<(Header, Value)>,
    /// Requests to produce whose records are not all answered, by their number.
    producing: BTreeMap<i32, Producing>,
}

enum Asked {
    Call(Header, Value),
    /// A record of a request: its number, the part of it, the record of that.
    Record(i32, usize, usize),
    Fetch {
        header: Header,
        request: Value,
        document: Value,
    },
    /// Nothing is said to it.
    Silent,
}

struct Producing {
    header: Header,
    parts: Vec<(Part, Vec<Option<Value>>)>,
    left: usize,
}

impl Mocking {
    pub fn client_said(&mut self, host: &mut dyn Session, frame: &[u8], since: Instant) -> Result<(), Fault> {
        let Request { header, asked } =
            Request::read(host, frame, &mut self.schemas, &self.topics, &mut self.fetching)?;
        if let Some((header, request)) = self.parked.take() {
            self.fetched(host, header, &request, &Value::Null)?;
        }
        let open = |host: &mut dyn Session, request: Value| {
            let facts = facts::of(&request);
            host.open(request, facts, since)
        };
        match asked {
            Said::Call(document) => {
                let exchange = open(host, document.clone());
                self.asked.insert(exchange, Asked::Call(header, document));
            }
            Said::Fetch { document, request } => {
                if self.waits_for.as_ref() == Some(&document) {
                    self.parked = Some((header, request));
                    return Ok(());
                }
                let exchange = open(host, document.clone());
                self.asked.insert(exchange, Asked::Fetch { header, request, document });
            }
            Said::Produce { parts, is_answered } => {
                let number = header.correlation;
                let left = parts.iter().map(|part| part.records.len()).sum();
                for (p, part) in parts.iter().enumerate() {
                    for (r, record) in part.records.iter().enumerate() {
                        let exchange = open(host, record.clone());
                        let asked = if is_answered { Asked::Record(number, p, r) } else { Asked::Silent };
                        self.asked.insert(exchange, asked);
                    }
                }
                if is_answered {
                    let parts = parts.into_iter().map(|part| (vec![None; part.records.len()], part));
                    let parts = parts.map(|(answers, part)| (part, answers)).collect();
                    self.producing.insert(number, Producing { header, parts, left });
                    self.produced(host, number)?;
                }
            }
        }
        Ok(())
    }

    pub fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        let response = responses.into_iter().next();
        match (self.asked.remove(&exchange), response) {
            (Some(Asked::Record(number, part, record)), Some(response)) => {
                self.record(host, number, part, record, Some(response))
            }
            (Some(Asked::Fetch { header, request, .. }), Some(response)) => {
                self.waits_for = None;
                self.fetched(host, header, &request, &response)
            }
            (Some(Asked::Call(header, _)), Some(response)) => {
                let document = response.as_map().ok_or_else(|| Fault::new("bad-document", "a response is a map"))?;
                self.write(host, header, document)
            }
            (Some(Asked::Fetch { header, request, document }), None) => {
                self.nothing_new(host, header, &request, document)
            }
            // The recorded broker did not answer.
            _ => Ok(()),
        }
    }

    pub fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        match self.asked.remove(&exchange) {
            Some(Asked::Record(number, part, record)) => self.record(host, number, part, record, None),
            Some(Asked::Call(header, request)) => self.write(host, header, &usual(&request)),
            Some(Asked::Fetch { header, request, document }) => self.nothing_new(host, header, &request, document),
            Some(Asked::Silent) | None => {
                host.log(Level::Warn, reason);
                Ok(())
            }
        }
    }

    /// Said once: asking for the same again is to wait for what never comes.
    fn nothing_new(
        &mut self,
        host: &mut dyn Session,
        header: Header,
        request: &Value,
        document: Value,
    ) -> Result<(), Fault> {
        self.waits_for = Some(document);
        self.fetched(host, header, request, &Value::Null)
    }

    fn fetched(&mut self, host: &mut dyn Session, header: Header, request: &Value, found: &Value) -> Result<(), Fault> {
        let document = fetch::answer(request, found);
        let document = document.ok_or_else(|| Fault::new("bad-document", "records that cannot be sent"))?;
        self.write(host, header, &document)
    }

    fn record(
        &mut self,
        host: &mut dyn Session,
        number: i32,
        part: usize,
        record: usize,
        answer: Option<Value>,
    ) -> Result<(), Fault> {
        let producing = self.producing.get_mut(&number);
        if let Some(producing) = producing {
            producing.left -= 1;
            if let Some(place) = producing.parts.get_mut(part).and_then(|(_, answers)| answers.get_mut(record)) {
                *place = answer;
            }
        }
        self.produced(host, number)
    }

    /// Answers a request, all of whose records are answered.
    fn produced(&mut self, host: &mut dyn Session, number: i32) -> Result<(), Fault> {
        if self.producing.get(&number).is_none_or(|producing| producing.left > 0) {
            return Ok(());
        }
        let Some(Producing { header, parts, .. }) = self.producing.remove(&number) else { return Ok(()) };
        self.write(host, header, &produce::response(&parts))
    }

    fn write(&mut self, host: &mut dyn Session, header: Header, document: &Map) -> Result<(), Fault> {
        let api = header.api;
        let bad = || Fault::new("bad-document", format!("this is no response of API {api}"));
        let message = self.schemas.get(Side::Response, api).ok_or_else(bad)?;
        let is_unknown = api == API_VERSIONS && !message.versions.has(header.version);
        let header = if is_unknown { Header { version: 0, ..header } } else { header };
        if message.name == "Metadata" {
            self.topics.learn(document);
        }
        let body = codec::write(message, header.version, document).ok_or_else(bad)?;
        let mut out = Vec::new();
        put_answer(&mut out, message, header, &body);
        host.write(Wire::Client, &out);
        Ok(())
    }
}

/// What a broker says to a request that nobody recorded: members of a group that go on as they did are told that all is
/// well, others that something went wrong.
fn usual(request: &Value) -> Map {
    match request.get("api").and_then(Value::as_str).unwrap_or_default() {
        "Heartbeat" | "LeaveGroup" => Map::new(),
        "OffsetCommit" => {
            let topics = list(request, "topics").iter().map(|topic| {
                let said = ["name", "topicId"]
                    .into_iter()
                    .filter_map(|name| Some((name.to_owned(), topic.get(name)?.clone())));
                let well = |partition: &Value| {
                    let index = partition.get("partitionIndex").cloned().unwrap_or(Value::Int(0));
                    Map::new().with("partitionIndex", index).into()
                };
                let partitions = list(topic, "partitions").iter().map(well).collect();
                said.collect::<Map>().with("partitions", Value::Array(partitions)).into()
            });
            Map::new().with("topics", Value::Array(topics.collect()))
        }
        _ => Map::new().with("errorCode", FAILED),
    }
}
