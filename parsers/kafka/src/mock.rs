//! In the broker's place.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use keploy_scram::Passwords;
use keploy_sdk::{Exchange, Fault, Instant, Level, Map, Session, Side as Wire, Value};

use crate::{
    codec, deliveries, facts, fetch,
    fetch::{Fetching, Position},
    frame::{API_VERSIONS, Header, put_answer},
    groups::{self, Place, Told},
    login::{self, LogIn},
    membership, metadata,
    outbox::Outbox,
    produce::{self, Part},
    request::{Asked, Request},
    schema::{Schemas, Side},
    supply::{Supply, WhenEmpty},
    topics::{Topics, list, saying},
};

/// UNKNOWN_SERVER_ERROR
const FAILED: i64 = -1;

pub struct Mocking {
    log_in: LogIn,
    schemas: Schemas,
    topics: Topics,
    fetching: Fetching,
    supply: Supply,
    outbox: Outbox,
    now: Instant,
    exchanges: BTreeMap<Exchange, PartOf>,
    /// Requests in the order in which they came, which is that of their answers: some clients insist.
    queue: VecDeque<Pending>,
}

/// What an exchange is a part of.
enum PartOf {
    /// A request, by its number, and which of its parts.
    Request(i32, usize),
    /// Whatever consumers will ask on this connection.
    Supply(Position),
}

struct Pending {
    header: Header,
    what: What,
    /// To its parts; `None` inside: nobody recorded this one.
    answers: Vec<Option<Value>>,
    /// How many parts are not answered.
    left: usize,
}

enum What {
    Call(Value),
    /// We know what to say.
    Known(Map),
    /// What we say to a step of a log-in, if anything.
    LogIn(Result<Vec<u8>, String>),
    Metadata(Map),
    Produce(Vec<Part>),
    Fetch(Value, WhenEmpty),
}

impl Mocking {
    pub fn new(passwords: Passwords) -> Self {
        Self {
            log_in: LogIn::new(passwords),
            schemas: Schemas::default(),
            topics: Topics::default(),
            fetching: Fetching::default(),
            supply: Supply::default(),
            outbox: Outbox::default(),
            now: 0,
            exchanges: BTreeMap::new(),
            queue: VecDeque::new(),
        }
    }

    pub fn client_said(&mut self, host: &mut dyn Session, frame: &[u8], since: Instant) -> Result<(), Fault> {
        self.now = since;
        let Request { header, asked } = Request::read(host, frame, &mut self.schemas, &self.topics)?;
        let (what, documents) = match asked {
            Asked::Call(document) if let Some(known) = membership::answer(&document) => {
                (What::Known(known), Vec::new())
            }
            Asked::Call(document) => {
                self.log_in.hears(&document);
                (What::Call(document.clone()), vec![document])
            }
            Asked::LogIn(document, proof) => (What::LogIn(self.log_in.step(host, &proof)), vec![document]),
            Asked::Metadata { documents, request } => (What::Metadata(request), documents),
            Asked::Fetch(request) => {
                self.fetching.request(&request, since);
                self.ask_for_records(host, since);
                self.serve(host);
                (What::Fetch(request, self.supply.request(since)), Vec::new())
            }
            Asked::Produce { parts, is_answered } => {
                let documents: Vec<Value> = parts.iter().flat_map(|part| part.records.iter().cloned()).collect();
                if !is_answered {
                    for document in documents {
                        open(host, document, since);
                    }
                    return Ok(());
                }
                (What::Produce(parts), documents)
            }
        };
        let (answers, left) = (vec![None; documents.len()], documents.len());
        self.queue.push_back(Pending { header, what, answers, left });
        for (n, document) in documents.into_iter().enumerate() {
            let exchange = open(host, document, since);
            self.exchanges.insert(exchange, PartOf::Request(header.correlation, n));
        }
        self.answer_ready(host)
    }

    fn ask_for_records(&mut self, host: &mut dyn Session, since: Instant) {
        for position in self.fetching.positions() {
            if self.supply.asks(&position) {
                let exchange = open(host, self.fetching.document(&position, &self.topics), since);
                self.exchanges.insert(exchange, PartOf::Supply(position));
            }
        }
    }

    /// Tells the host what is fetched here.
    fn serve(&mut self, host: &mut dyn Session) {
        let new = self.outbox.serves(self.asked());
        new.iter().for_each(|place| host.serves(&deliveries::subject(place)));
    }

    /// Partitions that the client asks for now.
    fn asked(&self) -> BTreeSet<Place> {
        self.fetching.positions().map(|position| self.place(&position)).collect()
    }

    fn place(&self, ((topic, partition), _): &Position) -> Place {
        (self.topics.shown(topic).to_owned(), *partition)
    }

    /// Records that are a test.
    pub fn send(&mut self, host: &mut dyn Session, exchange: Exchange, request: &Value) -> Result<(), Fault> {
        self.outbox.send(exchange, request)?;
        self.answer_ready(host)
    }

    /// What this connection or another has seen.
    pub fn hear(&mut self, host: &mut dyn Session, told: Told) {
        match told {
            Told::Topic { id, name } => {
                if self.topics.insert(&id, &name) {
                    self.serve(host);
                }
            }
            Told::Commit(commit) => {
                for (exchange, outcome) in self.outbox.commit(&commit, &self.topics) {
                    host.reply(exchange, outcome, commit.at);
                    host.close(exchange);
                }
            }
            Told::Group { .. } => {}
        }
    }

    pub fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        match (self.exchanges.remove(&exchange), responses.into_iter().next()) {
            (Some(part), Some(response)) => self.know(host, part, Some(response)),
            // The recorded broker did not answer.
            _ => Ok(()),
        }
    }

    pub fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        match self.exchanges.remove(&exchange) {
            Some(part) => self.know(host, part, None),
            None => {
                host.log(Level::Warn, reason);
                Ok(())
            }
        }
    }

    fn know(&mut self, host: &mut dyn Session, part: PartOf, answer: Option<Value>) -> Result<(), Fault> {
        match part {
            PartOf::Supply(position) => self.supply.learn(position, answer),
            PartOf::Request(number, part) => {
                let is_its = |pending: &&mut Pending| pending.header.correlation == number && pending.left > 0;
                if let Some(pending) = self.queue.iter_mut().find(is_its)
                    && let Some(place) = pending.answers.get_mut(part)
                {
                    *place = answer;
                    pending.left -= 1;
                }
            }
        }
        self.answer_ready(host)
    }

    /// Answers the requests whose turn it is.
    fn answer_ready(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        while let Some(pending) = self.queue.pop_front() {
            let is_ready = match pending.what {
                // Who waits for records waits no longer when something else is asked.
                What::Fetch(_, when_empty) => {
                    !self.queue.is_empty()
                        || self.has_sent()
                        || self.supply.has_news(self.fetching.positions(), when_empty)
                }
                _ => pending.left == 0,
            };
            if !is_ready {
                self.queue.push_front(pending);
                break;
            }
            let document = match &pending.what {
                What::Known(answer) => answer.clone(),
                What::Call(request) => match pending.answers.into_iter().next().flatten() {
                    Some(Value::Map(response)) => membership::welcome(request, response),
                    Some(_) => return Err(Fault::new("bad-document", "a response is a map")),
                    None => usual(request),
                },
                What::LogIn(said) => login::response(said, pending.answers.into_iter().next().flatten()),
                What::Metadata(request) => metadata::response(request, &pending.answers),
                What::Produce(parts) => produce::response(parts, &pending.answers),
                What::Fetch(request, _) => {
                    let mut found = self.supply.take(self.fetching.positions());
                    for position in self.fetching.positions() {
                        if !found.contains_key(&position)
                            && let Some(sent) = self.sent(&position)
                        {
                            found.insert(position, sent);
                            self.supply.gave();
                        }
                    }
                    let given = found.keys().map(|position| self.place(position)).collect();
                    self.outbox.gave(&given);
                    let document = fetch::answer(request, &found);
                    document.ok_or_else(|| Fault::new("bad-document", "records that cannot be sent"))?
                }
            };
            self.write(host, pending.header, &document)?;
            if let What::Call(request) = &pending.what {
                for told in groups::told(request, &document.into(), self.now) {
                    told.tell(host);
                    self.hear(host, told);
                }
            }
        }
        Ok(())
    }

    /// Is there something that was sent? Of partitions that the client left out, because it was busy with what it had of them, it
    /// hears when it asks again.
    fn has_sent(&self) -> bool {
        let is_there = || self.fetching.positions().any(|position| self.sent(&position).is_some());
        !self.outbox.is_empty() && (is_there() || self.outbox.is_left_out(&self.asked()))
    }

    fn sent(&self, position: &Position) -> Option<Value> {
        self.outbox.find(&self.place(position), position.1)
    }

    fn write(&mut self, host: &mut dyn Session, header: Header, document: &Map) -> Result<(), Fault> {
        let api = header.api;
        let bad = || Fault::new("bad-document", format!("this is no response of API {api}"));
        let message = self.schemas.get(Side::Response, api).ok_or_else(bad)?;
        let is_unknown = api == API_VERSIONS && !message.versions.has(header.version);
        let header = if is_unknown { Header { version: 0, ..header } } else { header };
        if message.name == "Metadata" {
            self.topics.learn(document).iter().for_each(|told| told.tell(host));
        }
        let body = codec::write(message, header.version, document).ok_or_else(bad)?;
        let mut out = Vec::new();
        put_answer(&mut out, message, header, &body);
        host.write(Wire::Client, &out);
        Ok(())
    }
}

fn open(host: &mut dyn Session, request: Value, since: Instant) -> Exchange {
    let facts = facts::of(&request);
    host.open(request, facts, since)
}

/// What a broker says to a request that nobody recorded: members of a group that go on as they did are told that all is
/// well, others that something went wrong.
fn usual(request: &Value) -> Map {
    match request.get("api").and_then(Value::as_str).unwrap_or_default() {
        "Heartbeat" | "LeaveGroup" => Map::new(),
        "OffsetCommit" => {
            let well = |partition: &Value| {
                let index = partition.get("partitionIndex").cloned().unwrap_or(Value::Int(0));
                Map::new().with("partitionIndex", index).into()
            };
            let topics = list(request, "topics").iter().map(|topic| {
                let partitions = list(topic, "partitions").iter().map(well).collect();
                saying(topic).with("partitions", Value::Array(partitions)).into()
            });
            Map::new().with("topics", Value::Array(topics.collect()))
        }
        _ => Map::new().with("errorCode", FAILED),
    }
}
