//! A host around one connection: it keeps what it is asked to keep, and notes the rest.
use std::collections::BTreeMap;

use keploy_sdk::{
    Connection, Exchange, Fault, Instant, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_http::HttpConnection;

pub struct Wire {
    connection: HttpConnection,
    recorder: Recorder,
    lanes: [Lane; 2],
    effects: Vec<Effect>,
    pub blobs: BTreeMap<u64, Vec<u8>>,
}

#[derive(Default)]
struct Lane {
    offset: u64,
    /// The blob that takes the next bytes, and how many.
    keep: Option<(u64, u64)>,
}

impl Wire {
    pub fn new(mode: Mode) -> Self {
        let connection =
            HttpConnection::new(mode, Peer { host: "h".to_owned(), port: 80, encrypted: false }, Value::Null);
        Self {
            connection,
            recorder: Recorder::new(),
            lanes: [Lane::default(), Lane::default()],
            effects: Vec::new(),
            blobs: BTreeMap::new(),
        }
    }

    /// Feeds `data`, which came at `at`, in one piece.
    pub fn feed(&mut self, from: Side, at: Instant, mut data: &[u8]) -> Result<(), Fault> {
        while !data.is_empty() {
            let lane = &mut self.lanes[from as usize];
            if let Some((blob, left)) = lane.keep.take() {
                let (kept, rest) = data.split_at(data.len().min(usize::try_from(left).expect("64 bit")));
                self.blobs.entry(blob).or_default().extend_from_slice(kept);
                lane.offset += kept.len() as u64;
                data = rest;
                if kept.len() as u64 == left {
                    self.call(|connection, host| connection.kept(host, from, blob, at))?;
                } else {
                    self.lanes[from as usize].keep = Some((blob, left - kept.len() as u64));
                }
                continue;
            }
            let (start, end) = (lane.offset, lane.offset + data.len() as u64);
            lane.offset = end;
            let chunk = data;
            data = &[];
            for effect in self.call(|connection, host| connection.feed(host, from, start, at, chunk))? {
                if let Effect::Keep { from, offset, len, blob, .. } = effect {
                    assert!((start..=end).contains(&offset), "byte {offset} is not in what was fed, {start} to {end}");
                    assert!(self.lanes[from as usize].keep.replace((blob, len)).is_none(), "two ranges at once");
                    self.lanes[from as usize].offset = offset;
                    data = &chunk[usize::try_from(offset - start).expect("64 bit")..];
                }
            }
        }
        Ok(())
    }

    pub fn end(&mut self, from: Side, at: Instant) -> Result<(), Fault> {
        self.call(|connection, host| connection.end(host, from, at)).map(drop)
    }
    pub fn answer(&mut self, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        self.call(|connection, host| connection.answer(host, exchange, responses)).map(drop)
    }
    pub fn miss(&mut self, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        self.call(|connection, host| connection.miss(host, exchange, reason)).map(drop)
    }
    pub fn send(&mut self, exchange: Exchange, request: Value) -> Result<(), Fault> {
        self.call(|connection, host| connection.send(host, exchange, request)).map(drop)
    }

    /// What was asked of the host since the last call, blobs aside, with what is known of the blobs filled in.
    pub fn take(&mut self) -> Vec<Effect> {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in &mut effects {
            if let Effect::Open { request: document, .. } | Effect::Reply { response: document, .. } = effect {
                document.for_each_blob(&mut |blob| {
                    let content = self.blobs.get(&blob.id).expect("a document names only blobs that were kept");
                    blob.size = content.len() as u64;
                    // Good enough to tell two of one size apart.
                    blob.sha256 = [content.iter().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte)); 32];
                });
            }
        }
        effects
    }

    /// The bytes written since the last call, and whether that was all.
    pub fn written(&mut self) -> (Vec<u8>, bool) {
        let (mut bytes, mut finished) = (Vec::new(), false);
        for effect in self.take() {
            match effect {
                Effect::Write { data, .. } => bytes.extend(data),
                Effect::WriteBlob { blob, .. } => bytes.extend(&self.blobs[&blob]),
                Effect::Finish { .. } => finished = true,
                _ => {}
            }
        }
        (bytes, finished)
    }

    pub fn logged(&self) -> &[(keploy_sdk::Level, String)] {
        &self.recorder.logged
    }

    fn call(
        &mut self,
        f: impl FnOnce(&mut HttpConnection, &mut Recorder) -> Result<(), Fault>,
    ) -> Result<Vec<Effect>, Fault> {
        let outcome = f(&mut self.connection, &mut self.recorder);
        let effects = self.recorder.take();
        outcome?;
        for effect in &effects {
            match effect {
                Effect::Keep { blob, .. } => drop(self.blobs.entry(*blob).or_default()),
                Effect::KeepBytes { data, blob, .. } => self.blobs.entry(*blob).or_default().extend(data),
                effect => self.effects.push(effect.clone()),
            }
        }
        Ok(effects)
    }
}

/// The exchanges of a recording.
#[derive(Debug, Default, PartialEq)]
pub struct Recorded {
    pub request: Value,
    pub class: String,
    pub opened: Instant,
    pub responses: Vec<(Value, Instant)>,
    /// Empty: closed.
    pub abandoned: Option<String>,
    pub over: bool,
}

/// Records one connection. The client sends all, then the server.
pub fn record(client: &[u8], server: &[u8]) -> Vec<Recorded> {
    record_steps(&[(Side::Client, client), (Side::Server, server)])
}

/// Records pieces in this order; the server ends first.
pub fn record_steps(steps: &[(Side, &[u8])]) -> Vec<Recorded> {
    let mut wire = Wire::new(Mode::Record);
    for (at, (from, data)) in steps.iter().enumerate() {
        wire.feed(*from, at as u64, data).expect("HTTP");
    }
    for side in [Side::Server, Side::Client] {
        wire.end(side, 99).expect("HTTP");
    }
    exchanges(wire.take())
}

pub fn exchanges(effects: Vec<Effect>) -> Vec<Recorded> {
    let mut all: BTreeMap<u64, Recorded> = BTreeMap::new();
    for effect in effects {
        match effect {
            Effect::Open { exchange, request, facts, at } => {
                all.insert(exchange, Recorded { request, class: facts.class, opened: at, ..Recorded::default() });
            }
            Effect::Reply { exchange, response, at } => open(&mut all, exchange).responses.push((response, at)),
            Effect::Close { exchange } => open(&mut all, exchange).over = true,
            Effect::Abandon { exchange, reason } => {
                let exchange = open(&mut all, exchange);
                (exchange.abandoned, exchange.over) = (Some(reason), true);
            }
            other => panic!("not while recording: {other:?}"),
        }
    }
    all.into_values().collect()
}

fn open(all: &mut BTreeMap<u64, Recorded>, exchange: Exchange) -> &mut Recorded {
    let exchange = all.get_mut(&exchange).expect("opened");
    assert!(!exchange.over, "{exchange:?} is over");
    exchange
}

/// The documents of an exchange's responses.
pub fn documents(exchange: &Recorded) -> Vec<Value> {
    exchange.responses.iter().map(|(response, _)| response.clone()).collect()
}

/// What a mock writes when it is asked what was recorded, and gets the answers of `recorded` in order.
pub fn serve(client: &[u8], recorded: &[Recorded]) -> (Vec<u8>, bool) {
    let mut wire = Wire::new(Mode::Mock);
    wire.feed(Side::Client, 0, client).expect("HTTP");
    let (mut bytes, mut finished) = (Vec::new(), false);
    let mut recorded = recorded.iter();
    loop {
        let effects = wire.take();
        let opened: Vec<u64> = effects
            .iter()
            .filter_map(|e| if let Effect::Open { exchange, .. } = e { Some(*exchange) } else { None })
            .collect();
        for effect in effects {
            match effect {
                Effect::Write { data, .. } => bytes.extend(data),
                Effect::WriteBlob { blob, .. } => bytes.extend(&wire.blobs[&blob]),
                Effect::Finish { .. } => finished = true,
                _ => {}
            }
        }
        if opened.is_empty() {
            return (bytes, finished);
        }
        for exchange in opened {
            let answer = recorded.next().map(documents).expect("one answer each");
            wire.answer(exchange, answer).expect("an answer that can be written");
        }
    }
}
