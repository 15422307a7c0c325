//! Run a parser natively: a [`Session`] that notes what it is asked.
use std::collections::HashMap;

use crate::{Exchange, Facts, Instant, Level, Pace, Session, Side, Value};

/// What a connection asked of the host.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Open { exchange: Exchange, request: Value, facts: Facts, at: Instant },
    OpenInbound { exchange: Exchange, subject: String, request: Value, facts: Facts, at: Instant },
    Serves { subject: String },
    ServesNoMore { subject: String },
    Tell { subject: String, message: Value },
    Reply { exchange: Exchange, response: Value, at: Instant },
    Close { exchange: Exchange },
    Abandon { exchange: Exchange, reason: String },
    Write { to: Side, data: Vec<u8> },
    WriteBlob { to: Side, blob: u64 },
    Finish { to: Side },
    Keep { from: Side, offset: u64, len: u64, into: Option<u64>, blob: u64 },
    KeepBytes { data: Vec<u8>, into: Option<u64>, blob: u64 },
    SetPace(Pace),
    UpgradeTls { client: u64, server: u64 },
    Withhold { from: Side, offset: u64, len: u64 },
    LeaveEncrypted { reason: String },
}

/// Collects effects in order. Take them with [`Recorder::take`] after each call.
#[derive(Default)]
pub struct Recorder {
    effects: Vec<Effect>,
    exchanges: Exchange,
    blobs: u64,
    /// What was logged, for assertions.
    pub logged: Vec<(Level, String)>,
    /// The content of blobs: what `keep_bytes` gave, and what a test supplies for `keep`.
    pub blob_content: HashMap<u64, Vec<u8>>,
}

impl Recorder {
    pub fn new() -> Self {
        Self::default()
    }
    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
    fn blob(&mut self, into: Option<u64>) -> u64 {
        into.unwrap_or_else(|| {
            self.blobs += 1;
            self.blobs
        })
    }
}

impl Session for Recorder {
    fn open(&mut self, request: Value, facts: Facts, at: Instant) -> Exchange {
        self.exchanges += 1;
        let exchange = self.exchanges;
        self.effects.push(Effect::Open { exchange, request, facts, at });
        exchange
    }
    fn open_inbound(&mut self, subject: &str, request: Value, facts: Facts, at: Instant) -> Exchange {
        self.exchanges += 1;
        let (exchange, subject) = (self.exchanges, subject.to_owned());
        self.effects.push(Effect::OpenInbound { exchange, subject, request, facts, at });
        exchange
    }
    fn serves(&mut self, subject: &str) {
        self.effects.push(Effect::Serves { subject: subject.to_owned() });
    }
    fn serves_no_more(&mut self, subject: &str) {
        self.effects.push(Effect::ServesNoMore { subject: subject.to_owned() });
    }
    fn tell(&mut self, subject: &str, message: Value) {
        self.effects.push(Effect::Tell { subject: subject.to_owned(), message });
    }
    fn reply(&mut self, exchange: Exchange, response: Value, at: Instant) {
        self.effects.push(Effect::Reply { exchange, response, at });
    }
    fn close(&mut self, exchange: Exchange) {
        self.effects.push(Effect::Close { exchange });
    }
    fn abandon(&mut self, exchange: Exchange, reason: &str) {
        self.effects.push(Effect::Abandon { exchange, reason: reason.to_owned() });
    }
    fn write(&mut self, to: Side, data: &[u8]) {
        self.effects.push(Effect::Write { to, data: data.to_vec() });
    }
    fn write_blob(&mut self, to: Side, blob: u64) {
        self.effects.push(Effect::WriteBlob { to, blob });
    }
    fn finish(&mut self, to: Side) {
        self.effects.push(Effect::Finish { to });
    }
    fn keep(&mut self, from: Side, offset: u64, len: u64, into: Option<u64>) -> u64 {
        let blob = self.blob(into);
        self.effects.push(Effect::Keep { from, offset, len, into, blob });
        blob
    }
    fn keep_bytes(&mut self, data: &[u8], into: Option<u64>) -> u64 {
        let blob = self.blob(into);
        self.blob_content.entry(blob).or_default().extend_from_slice(data);
        self.effects.push(Effect::KeepBytes { data: data.to_vec(), into, blob });
        blob
    }
    fn set_pace(&mut self, pace: Pace) {
        self.effects.push(Effect::SetPace(pace));
    }
    fn upgrade_tls(&mut self, client: u64, server: u64) {
        self.effects.push(Effect::UpgradeTls { client, server });
    }
    fn withhold(&mut self, from: Side, offset: u64, len: u64) {
        self.effects.push(Effect::Withhold { from, offset, len });
    }
    fn leave_encrypted(&mut self, reason: &str) {
        self.effects.push(Effect::LeaveEncrypted { reason: reason.to_owned() });
    }
    fn log(&mut self, level: Level, message: &str) {
        self.logged.push((level, message.to_owned()));
    }
    fn decode(&self, coding: &str, data: &[u8], limit: u64) -> Result<Vec<u8>, String> {
        keploy_codec::decode(coding, data, limit)
    }
    fn encode(&self, coding: &str, data: &[u8]) -> Result<Vec<u8>, String> {
        keploy_codec::encode(coding, data)
    }
    fn derive_key(&self, password: &[u8], salt: &[u8], rounds: u32) -> Result<Vec<u8>, String> {
        keploy_codec::derive_key(password, salt, rounds)
    }
}
