//! The seed system's Mongo documents: messages with their headers, and texts of extended JSON in them.
//!
//! They become messages again and are read as if they had just come, so what is left out of our documents is left out of
//! theirs. Each of them stands alone: what was said before it on its connection is not known.
use keploy_sdk::{Exchange, Facts, Instant, Level, Map, Pace, Recorded, Session, Side, Value};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::{
    bson,
    command::Command,
    record::Recording,
    wire::{Content, Message, Msg},
};

pub fn from_seed(spec: &Value) -> Result<Vec<Recorded>, String> {
    let mut recording = Recording::default();
    let mut read = Read::default();
    for message in messages(spec, "requests")? {
        let command = Command::read(message).map_err(|fault| format!("requests: {fault}"))?;
        recording.command(&mut read, command);
    }
    for message in messages(spec, "responses")? {
        recording.reply(&mut read, message, 0).map_err(|fault| format!("responses: {fault}"))?;
    }
    Ok(read.exchanges)
}

fn messages(spec: &Value, list: &str) -> Result<Vec<Message>, String> {
    let all = spec.get(list).and_then(Value::as_array).unwrap_or_default();
    all.iter().map(|one| message(one).map_err(|problem| format!("{list}: {problem}"))).collect()
}

fn message(document: &Value) -> Result<Message, String> {
    let number = |part: &str, name: &str| {
        let number = document.get(part).and_then(|part| part.get(name)?.as_int());
        i32::try_from(number.unwrap_or_default()).map_err(|_| format!("{part}.{name} is no number of 32 bits"))
    };
    let message = document.get("message").ok_or("a message without `message`")?;
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| format!("{value:?} is no text"));
    let content = if let Some(sections) = message.get("sections").and_then(Value::as_array) {
        let flags = number("message", "flagBits")? as u32;
        let mut read = Msg { flags, ..Msg::default() };
        for section in sections {
            add_section(&mut read, &text(section)?)?;
        }
        Content::Msg(read)
    } else if let Some(query) = message.get("query") {
        let collection = message.get("collection_name").and_then(Value::as_str).unwrap_or_default();
        let db = collection.strip_suffix(".$cmd").ok_or_else(|| format!("a query of {collection:?}"))?;
        Content::Query { db: db.to_owned(), command: extended_json(&text(query)?)? }
    } else {
        let documents = message.get("documents").and_then(Value::as_array).unwrap_or_default();
        let document = documents.first().ok_or("a message without sections, query and documents")?;
        Content::Reply(extended_json(&text(document)?)?)
    };
    let (id, response_to) = (number("header", "requestId")?, number("header", "responseTo")?);
    Ok(Message { id, response_to, compressor: None, since: 0, content })
}

/// `{ SectionSingle msg: {…} }`, or `{ SectionSingle identifier: documents , msgs: [ {…} ] }`.
fn add_section(message: &mut Msg, section: &str) -> Result<(), String> {
    let unknown = || format!("a section that is none: {section}");
    let inside =
        section.strip_prefix("{ SectionSingle ").and_then(|rest| rest.strip_suffix('}')).ok_or_else(unknown)?;
    if let Some(body) = inside.strip_prefix("msg: ") {
        message.body = extended_json(body)?;
        return Ok(());
    }
    let sequence = inside.strip_prefix("identifier: ").and_then(|rest| rest.split_once(" , msgs: "));
    let (name, documents) = sequence.ok_or_else(unknown)?;
    message.sequences.push((name.to_owned(), extended_json(documents)?));
    Ok(())
}

/// In our form of it, to which it comes by way of BSON.
fn extended_json(text: &str) -> Result<Value, String> {
    let Json(value) = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    let mut bytes = Vec::new();
    bson::write(&Map::new().with("", value).into(), &mut bytes).map_err(|fault| fault.to_string())?;
    let read = bson::document(&bytes).and_then(|document| document.get("").cloned());
    read.ok_or_else(|| "a value that is no BSON".to_owned())
}

/// JSON in the order of its fields, which serde_json's own values do not keep.
struct Json(Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Json)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Json(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(all.into())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some((name, Json(value))) = entries.next_entry::<String, Json>()? {
            all.push((name, value));
        }
        Map::from_entries(all).map(Value::from).map_err(|_| A::Error::custom("two fields of one name"))
    }
}

/// A host that only reads.
#[derive(Default)]
struct Read {
    exchanges: Vec<Recorded>,
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
    fn abandon(&mut self, _: Exchange, _: &str) {}
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
