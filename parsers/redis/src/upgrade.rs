//! The seed system's Redis documents: the raw bytes of both sides, as text or base64, one document for one or more
//! commands.
//!
//! Each of its documents stands alone, so what earlier ones meant for it (the database, RESP3, the commands between MULTI
//! and EXEC) is not known, and not made up.
use base64::{Engine, engine::general_purpose::STANDARD};
use keploy_sdk::{Connection, Exchange, Facts, Instant, Level, Mode, Pace, Recorded, Session, Side, Value};

use crate::{conversation::Conversation, facts};

pub fn from_seed(spec: &Value) -> Result<Vec<Recorded>, String> {
    let mut conversation = Conversation::keeping(Mode::Record, u64::MAX);
    let mut read = Read::default();
    for (from, list) in [(Side::Client, "redisrequests"), (Side::Server, "redisresponses")] {
        let data = bytes(spec, list)?;
        conversation.feed(&mut read, from, 0, 0, &data).map_err(|fault| format!("{list}: {fault}"))?;
    }
    for side in [Side::Client, Side::Server] {
        conversation.end(&mut read, side, 0).map_err(|fault| fault.to_string())?;
    }
    if let Some(reason) = read.abandoned {
        return Err(format!("redisresponses: {reason}"));
    }
    Ok(read.exchanges.into_iter().map(queued).collect())
}

/// What was answered QUEUED was between MULTI and EXEC.
fn queued(mut exchange: Recorded) -> Recorded {
    let is_queued = |response: &Value| response.get("reply").and_then(|r| r.get("simple")?.as_str()) == Some("QUEUED");
    if exchange.responses.iter().any(is_queued)
        && let Some(map) = exchange.request.as_map_mut()
    {
        map.insert("queued", true);
        exchange.facts = facts::of(&exchange.request);
    }
    exchange
}

/// All messages of one side.
fn bytes(spec: &Value, list: &str) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    let payloads = spec.get(list).and_then(Value::as_array).unwrap_or_default();
    for message in payloads.iter().filter_map(|payload| payload.get("message")?.as_array()).flatten() {
        let data =
            message.get("data").and_then(Value::as_raw).ok_or_else(|| format!("{list}: a message without data"))?;
        match message.get("type").and_then(Value::as_str) {
            Some("binary") => {
                let decoded = STANDARD.decode(data).map_err(|error| format!("{list}: not base64: {error}"))?;
                all.extend(decoded);
            }
            _ => all.extend_from_slice(data),
        }
    }
    Ok(all)
}

/// A host that only reads.
#[derive(Default)]
struct Read {
    exchanges: Vec<Recorded>,
    abandoned: Option<String>,
}

impl Session for Read {
    fn open(&mut self, request: Value, facts: Facts, _: Instant) -> Exchange {
        self.exchanges.push(Recorded { request, facts, responses: Vec::new() });
        self.exchanges.len() as Exchange
    }
    fn open_inbound(&mut self, _: &str, request: Value, facts: Facts, at: Instant) -> Exchange {
        self.open(request, facts, at)
    }
    fn serves(&mut self, _: &str) {}
    fn serves_no_more(&mut self, _: &str) {}
    fn tell(&mut self, _: &str, _: Value) {}
    fn reply(&mut self, exchange: Exchange, response: Value, _: Instant) {
        if let Some(exchange) = self.exchanges.get_mut(exchange as usize - 1) {
            exchange.responses.push(response);
        }
    }
    fn abandon(&mut self, _: Exchange, reason: &str) {
        self.abandoned = Some(reason.to_owned());
    }
    fn close(&mut self, _: Exchange) {}
    fn write(&mut self, _: Side, _: &[u8]) {}
    fn write_blob(&mut self, _: Side, _: u64) {}
    fn finish(&mut self, _: Side) {}
    fn keep(&mut self, _: Side, _: u64, _: u64, _: Option<u64>) -> u64 {
        0
    }
    fn keep_bytes(&mut self, _: &[u8], _: Option<u64>) -> u64 {
        0
    }
    fn set_pace(&mut self, _: Pace) {}
    fn upgrade_tls(&mut self, _: u64, _: u64) {}
    fn withhold(&mut self, _: Side, _: u64, _: u64) {}
    fn leave_encrypted(&mut self, _: &str) {}
    fn log(&mut self, _: Level, _: &str) {}
    fn decode(&self, _: &str, _: &[u8], _: u64) -> Result<Vec<u8>, String> {
        Err("no codings here".into())
    }
    fn encode(&self, _: &str, _: &[u8]) -> Result<Vec<u8>, String> {
        Err("no codings here".into())
    }
    fn derive_key(&self, _: &[u8], _: &[u8], _: u32) -> Result<Vec<u8>, String> {
        Err("no keys here".into())
    }
}
