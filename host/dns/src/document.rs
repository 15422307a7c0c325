//! Messages read.
use std::{collections::HashMap, net::IpAddr};

use domain::base::{
    Message, RecordSection,
    iana::{Opcode, Rtype},
    name::ToName as _,
};
use keploy_value::{Map, Value};

use crate::record::to_text;

/// What a query asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub id: u16,
    /// As it was written, upper and lower case included; it ends in a dot.
    pub name: String,
    /// The number of the record type: 1 for A, 28 for AAAA.
    pub qtype: u16,
    /// 1 for the internet.
    pub qclass: u16,
}

/// None: not an ordinary query with one question.
pub fn question(query: &[u8]) -> Option<Question> {
    let message = Message::from_slice(query).ok()?;
    if message.header().opcode() != Opcode::QUERY || message.header().qr() {
        return None;
    }
    let asked = message.sole_question().ok()?;
    Some(Question {
        id: message.header().id(),
        name: asked.qname().to_vec().fmt_with_dot().to_string(),
        qtype: asked.qtype().to_int(),
        qclass: asked.qclass().to_int(),
    })
}

/// The documents of an exchange. Entries that say nothing (no records, no flag) are left out, as Keploy does.
///
/// None: one of the two is damaged.
pub fn document_of(query: &[u8], response: &[u8]) -> Option<(Value, Value)> {
    let Question { name, qtype, qclass, .. } = question(query)?;
    let request = Map::new().with("name", name).with("qtype", qtype).with("qclass", qclass);

    let message = Message::from_slice(response).ok()?;
    let header = message.header();
    if !header.qr() {
        return None;
    }
    let mut document = Map::new()
        .with("rcode", message.opt_rcode().to_int())
        .with("authoritative", header.aa())
        .with("recursionAvailable", header.ra())
        .with("truncated", header.tc());
    if header.ad() {
        document.insert("authenticData", true);
    }
    let (answers, authorities, additionals) =
        (message.answer().ok()?, message.authority().ok()?, message.additional().ok()?);
    for (name, section) in [("answers", answers), ("ns", authorities), ("extra", additionals)] {
        let records = texts(section)?;
        if !records.is_empty() {
            document.insert(name, records);
        }
    }
    Some((Value::Map(request), Value::Map(document)))
}

fn texts(section: RecordSection<'_, [u8]>) -> Option<Vec<Value>> {
    let mut all = Vec::new();
    for record in section {
        let record = record.ok()?;
        if record.rtype() != Rtype::OPT {
            all.push(Value::Text(to_text(&record)?));
        }
    }
    Some(all)
}

/// The addresses in a response document, each with the name that was asked for: aliases are followed back.
pub fn addresses(response: &Value) -> Vec<(String, IpAddr)> {
    let lines = response.get("answers").and_then(Value::as_array).unwrap_or_default();
    let records: Vec<_> = lines.iter().filter_map(|line| fields(line.as_str()?)).collect();
    // Names are compared without case; each leads to the one that is an alias of it.
    let aliases: HashMap<String, &str> = records
        .iter()
        .filter(|(_, kind, _)| *kind == "CNAME")
        .map(|(owner, _, target)| (target.to_ascii_lowercase(), *owner))
        .collect();
    let asked = |owner: &str| {
        let mut name = owner.to_owned();
        // A circle of aliases ends, too.
        for _ in 0..records.len() {
            match aliases.get(&name.to_ascii_lowercase()) {
                Some(alias) => name = (*alias).to_owned(),
                None => break,
            }
        }
        name
    };
    let found = records.iter().filter(|(_, kind, _)| matches!(*kind, "A" | "AAAA"));
    found.filter_map(|(owner, _, data)| Some((asked(owner), data.parse().ok()?))).collect()
}

/// Name, type and data of a record's text.
fn fields(line: &str) -> Option<(&str, &str, &str)> {
    let mut fields = line.split_ascii_whitespace();
    let (name, _ttl, _class, kind, data) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    Some((name, kind, data))
}
