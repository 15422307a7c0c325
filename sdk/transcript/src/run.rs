//! The three modes, run over the steps of a case.
use std::collections::{BTreeMap, VecDeque};

use keploy_sdk::{Facts, Fault, Lifetime, Mode, Part, Peer, Side, Value, testing::Effect};
use sha2::{Digest, Sha256};

use crate::{
    case::{Case, Step},
    driver::Driver,
    expect::Contents,
    host::Host,
};

/// What a parser read.
#[derive(Default)]
pub struct Recording {
    pub exchanges: Vec<Exchange>,
    pub fault: Option<Fault>,
    pub contents: Contents,
}

pub struct Exchange {
    pub request: Value,
    pub facts: Facts,
    pub responses: Vec<Value>,
    pub ended: Ended,
    /// The server started it, with something for this subject.
    pub inbound: Option<String>,
    /// The step during which it was opened.
    opened: usize,
}

#[derive(Debug, PartialEq)]
pub enum Ended {
    No,
    Closed,
    Abandoned(String),
}

/// What a parser wrote in the server's place.
#[derive(Default)]
pub struct Mocked {
    /// Both sides, as they would be recorded again.
    pub steps: Vec<Step>,
}

/// A parser's manifest says `partial-requests`: a miss means that more of the request may come.
const PARTIAL: &str = "partial-requests";
/// Recorded blobs are numbered from here when mocking and driving; the connection's own from 1.
const RECORDED_BLOBS: u64 = 1 << 32;

pub fn record(driver: &mut dyn Driver, case: &Case, steps: &[Step]) -> Recording {
    let mut recording = Recording::default();
    let mut host = connect(driver, case, Mode::Record);
    let mut numbers = BTreeMap::new();
    let outcome = host.start().and_then(|()| {
        collect(&mut host, &mut recording, &mut numbers, 0);
        for (index, step) in steps.iter().enumerate() {
            let outcome = act(&mut host, step);
            collect(&mut host, &mut recording, &mut numbers, index);
            outcome?;
        }
        Ok(())
    });
    recording.fault = outcome.err();
    for exchange in &mut recording.exchanges {
        host.complete(&mut exchange.request);
        exchange.responses.iter_mut().for_each(|response| host.complete(response));
    }
    recording.contents = host.blobs.into_values().map(|content| (Sha256::digest(&content).into(), content)).collect();
    recording
}

/// Files the effects of one step. `numbers` leads from the parser's exchange numbers to places in the recording.
fn collect(host: &mut Host, recording: &mut Recording, numbers: &mut BTreeMap<u64, usize>, step: usize) {
    for effect in host.take() {
        match effect {
            Effect::Open { exchange, request, facts, .. } => {
                numbers.insert(exchange, recording.exchanges.len());
                let (responses, ended, inbound) = (Vec::new(), Ended::No, None);
                recording.exchanges.push(Exchange { request, facts, responses, ended, inbound, opened: step });
            }
            Effect::OpenInbound { exchange, subject, request, facts, .. } => {
                numbers.insert(exchange, recording.exchanges.len());
                let (responses, ended, inbound) = (Vec::new(), Ended::No, Some(subject));
                recording.exchanges.push(Exchange { request, facts, responses, ended, inbound, opened: step });
            }
            Effect::Reply { exchange, response, .. } => find(recording, numbers, exchange).responses.push(response),
            Effect::Close { exchange } => find(recording, numbers, exchange).ended = Ended::Closed,
            Effect::Abandon { exchange, reason } => {
                find(recording, numbers, exchange).ended = Ended::Abandoned(reason);
            }
            // A transcript is one connection.
            Effect::Tell { .. } => {}
            // In a transcript both sides have said what they would have said anyway.
            Effect::SetPace(_) | Effect::LeaveEncrypted { .. } | Effect::Write { .. } | Effect::Withhold { .. } => {}
            other => panic!("not allowed while recording: {other:?}"),
        }
    }
}

fn find<'a>(recording: &'a mut Recording, numbers: &BTreeMap<u64, usize>, exchange: u64) -> &'a mut Exchange {
    let place = *numbers.get(&exchange).unwrap_or_else(|| panic!("exchange {exchange} was never opened"));
    let exchange = &mut recording.exchanges[place];
    assert_eq!(exchange.ended, Ended::No, "an exchange that is over was touched: {:?}", exchange.request);
    exchange
}

/// Feeds the client's bytes and answers from `recorded`.
pub fn mock(driver: &mut dyn Driver, case: &Case, steps: &[Step], recorded: &Recording) -> Result<Mocked, String> {
    let mut pool = Pool::new(driver, recorded);
    let mut host = connect(driver, case, Mode::Mock);
    let mut mocked = Mocked::default();
    host.start().map_err(|fault| fault.to_string())?;
    pool.settle(driver, &mut host, &mut mocked)?;
    for step in steps {
        let (Step::Bytes { from: Side::Client, .. } | Step::End(Side::Client)) = step else { continue };
        mocked.steps.push(step.clone());
        act(&mut host, step).map_err(|fault| fault.to_string())?;
        pool.settle(driver, &mut host, &mut mocked)?;
    }
    mocked.end();
    Ok(mocked)
}

/// Recorded exchanges, as answers.
struct Pool<'a> {
    recorded: &'a Recording,
    canonical: Vec<Value>,
    used: Vec<bool>,
    partial: bool,
    blobs: u64,
    /// What things may be sent to.
    served: Vec<String>,
    /// What the server started and was sent: where it is in the recording, and what came of it so far.
    sent: BTreeMap<u64, (usize, Vec<Value>)>,
}

impl<'a> Pool<'a> {
    fn new(driver: &mut dyn Driver, recorded: &'a Recording) -> Self {
        let requests = recorded.exchanges.iter().map(|exchange| exchange.request.clone());
        let canonical = requests.map(|request| driver.canonical(Part::Request, request)).collect();
        let partial = driver.manifest().extra.iter().any(|(name, value)| name == PARTIAL && value == "true");
        let (used, served, sent) = (vec![false; recorded.exchanges.len()], Vec::new(), BTreeMap::new());
        Self { recorded, canonical, used, partial, blobs: RECORDED_BLOBS, served, sent }
    }

    /// Sends the next thing that the server started and that somebody takes, when all that was asked before it was asked
    /// again. False: there is none.
    fn send(&mut self, host: &mut Host) -> Result<bool, String> {
        let is_taken = |exchange: &Exchange| exchange.inbound.as_ref().is_some_and(|it| self.served.contains(it));
        let unused = self.used.iter().position(|used| !used).filter(|n| is_taken(&self.recorded.exchanges[*n]));
        let Some(next) = unused else { return Ok(false) };
        let exchange = &self.recorded.exchanges[next];
        self.used[next] = true;
        let mut request = exchange.request.clone();
        self.lend(host, &mut request);
        let number = RECORDED_BLOBS + next as u64;
        self.sent.insert(number, (next, Vec::new()));
        host.send(number, request).map_err(|fault| fault.to_string())?;
        Ok(true)
    }

    /// Answers what was opened, in that order, until nothing is asked any more.
    fn settle(&mut self, driver: &mut dyn Driver, host: &mut Host, mocked: &mut Mocked) -> Result<(), String> {
        let mut asked = VecDeque::new();
        loop {
            for effect in host.take() {
                match effect {
                    Effect::Open { exchange, mut request, facts, .. } => {
                        host.complete(&mut request);
                        asked.push_back((exchange, request, facts.lifetime));
                    }
                    Effect::Write { to: Side::Client, data } => mocked.write(data),
                    Effect::WriteBlob { to: Side::Client, blob } => {
                        let data = host.blobs.get(&blob).ok_or_else(|| format!("there is no blob {blob}"))?;
                        mocked.write(data.clone());
                    }
                    Effect::Finish { to: Side::Client } => mocked.end(),
                    Effect::Abandon { reason, .. } => return Err(reason),
                    Effect::SetPace(_) | Effect::LeaveEncrypted { .. } | Effect::Tell { .. } => {}
                    Effect::Serves { subject } => self.served.push(subject),
                    Effect::ServesNoMore { subject } => {
                        let taker = self.served.iter().position(|served| *served == subject);
                        self.served.remove(taker.ok_or_else(|| format!("nobody takes what is sent to {subject}"))?);
                    }
                    Effect::Reply { exchange, response, .. } => {
                        self.sent.get_mut(&exchange).ok_or_else(|| not_sent(exchange))?.1.push(response);
                    }
                    Effect::Close { exchange } => {
                        let (at, responses) = self.sent.remove(&exchange).ok_or_else(|| not_sent(exchange))?;
                        if responses != self.recorded.exchanges[at].responses {
                            return Err(format!("what was sent came to {responses:?}"));
                        }
                    }
                    other => return Err(format!("not allowed while mocking: {other:?}")),
                }
            }
            if asked.is_empty() && self.send(host)? {
                continue;
            }
            let Some((exchange, request, lifetime)) = asked.pop_front() else { return Ok(()) };
            let outcome = match self.claim(&driver.canonical(Part::Request, request.clone())) {
                Some(found) => {
                    let mut responses = self.recorded.exchanges[found].responses.clone();
                    responses.iter_mut().for_each(|response| self.lend(host, response));
                    host.answer(exchange, responses)
                }
                // Such a miss fails no test either.
                None if self.partial || lifetime == Lifetime::Session => host.miss(exchange, "more may come"),
                None => return Err(format!("nothing recorded matches {request:?}")),
            };
            outcome.map_err(|fault| fault.to_string())?;
        }
    }

    /// The earliest unused exchange, else one that may be used again.
    fn claim(&mut self, request: &Value) -> Option<usize> {
        let calls = (0..self.used.len()).filter(|at| self.recorded.exchanges[*at].inbound.is_none());
        let matching = calls.filter(|at| self.canonical[*at] == *request);
        let again = |at: &usize| self.recorded.exchanges[*at].facts.lifetime != Lifetime::Test;
        let (unused, used): (Vec<usize>, Vec<usize>) = matching.partition(|at| !self.used[*at]);
        let found = unused.into_iter().next().or_else(|| used.into_iter().rfind(again))?;
        self.used[found] = true;
        Some(found)
    }

    fn lend(&mut self, host: &mut Host, document: &mut Value) {
        lend(self.recorded, &mut self.blobs, host, document);
    }
}

impl Mocked {
    fn write(&mut self, data: Vec<u8>) {
        self.steps.push(Step::Bytes { from: Side::Server, data, after: false });
    }
    fn end(&mut self) {
        if !self.steps.contains(&Step::End(Side::Server)) {
            self.steps.push(Step::End(Side::Server));
        }
    }
    /// We hung up before the client did.
    pub fn ended_first(&self) -> bool {
        self.steps.iter().find(|step| matches!(step, Step::End(_))) == Some(&Step::End(Side::Server))
    }
}

fn not_sent(exchange: u64) -> String {
    format!("exchange {exchange} was not sent, or is over")
}

/// Gives recorded blobs numbers of this connection.
fn lend(recorded: &Recording, next: &mut u64, host: &mut Host, document: &mut Value) {
    document.for_each_blob(&mut |blob| {
        if let Some(content) = recorded.contents.get(&blob.sha256) {
            *next += 1;
            blob.id = *next;
            host.blobs.insert(blob.id, content.clone());
        }
    });
}

/// Sends what `recorded` opened in each step and feeds the server's bytes. `recorded` came from the same steps.
///
/// The parser is told when the client's side ends, which is when the host has half-closed towards the server.
///
/// Returns the bytes written to the server, and what was read.
pub fn drive(
    driver: &mut dyn Driver,
    case: &Case,
    steps: &[Step],
    recorded: &Recording,
) -> Result<(Vec<u8>, Recording), String> {
    let mut host = connect(driver, case, Mode::Drive);
    let (mut written, mut blobs) = (Vec::new(), RECORDED_BLOBS);
    let mut driven = Recording::default();
    let mut numbers = BTreeMap::new();
    let mut to_send = recorded.exchanges.iter().peekable();
    host.start().map_err(|fault| fault.to_string())?;
    for (index, step) in steps.iter().enumerate() {
        while let Some(exchange) = to_send.next_if(|exchange| exchange.opened <= index) {
            let number = driven.exchanges.len() as u64 + 1;
            numbers.insert(number, driven.exchanges.len());
            let (request, facts) = (exchange.request.clone(), exchange.facts.clone());
            let (responses, ended, inbound) = (Vec::new(), Ended::No, None);
            driven.exchanges.push(Exchange { request, facts, responses, ended, inbound, opened: index });
            let mut request = exchange.request.clone();
            lend(recorded, &mut blobs, &mut host, &mut request);
            host.send(number, request).map_err(|fault| fault.to_string())?;
        }
        if let Step::Bytes { from: Side::Server, .. } | Step::End(_) = step {
            act(&mut host, step).map_err(|fault| fault.to_string())?;
        }
        let mut reported = Vec::new();
        for effect in host.take() {
            match effect {
                Effect::Write { to: Side::Server, data } => written.extend(data),
                Effect::WriteBlob { to: Side::Server, blob } => {
                    written.extend(host.blobs.get(&blob).ok_or_else(|| format!("there is no blob {blob}"))?);
                }
                Effect::Finish { to: Side::Server } => {}
                Effect::Reply { .. } | Effect::Close { .. } | Effect::Abandon { .. } | Effect::SetPace(_) => {
                    reported.push(effect);
                }
                other => return Err(format!("not allowed while driving: {other:?}")),
            }
        }
        file(reported, &mut driven, &numbers);
    }
    for exchange in &mut driven.exchanges {
        exchange.responses.iter_mut().for_each(|response| host.complete(response));
    }
    driven.contents = recorded.contents.clone();
    Ok((written, driven))
}

fn file(effects: Vec<Effect>, driven: &mut Recording, numbers: &BTreeMap<u64, usize>) {
    for effect in effects {
        match effect {
            Effect::Reply { exchange, response, .. } => find(driven, numbers, exchange).responses.push(response),
            Effect::Close { exchange } => find(driven, numbers, exchange).ended = Ended::Closed,
            Effect::Abandon { exchange, reason } => find(driven, numbers, exchange).ended = Ended::Abandoned(reason),
            _ => {}
        }
    }
}

fn connect(driver: &mut dyn Driver, case: &Case, mode: Mode) -> Host {
    let port = driver.manifest().ports.first().copied().unwrap_or(7777);
    Host::new(driver.connect(mode, Peer { host: "server.test".into(), port, encrypted: false }, case.config.clone()))
}

fn act(host: &mut Host, step: &Step) -> Result<(), Fault> {
    match step {
        Step::Bytes { from, data, .. } => host.feed(*from, data),
        Step::End(side) => host.end(*side),
    }
}
