//! What people and the matcher are told of a request.
use std::borrow::Cow;

use keploy_sdk::{Facts, Lifetime, Map, Value};

use crate::sql::Sql;

/// Summaries are one line of at most so many characters.
const SUMMARY: usize = 100;
/// Of one parameter in a summary.
const PARAMETER: usize = 30;

pub fn of(request: &Value) -> Facts {
    match text(request) {
        Some((_, text)) => describe(request, &Sql::new(text)),
        None => without_sql(request),
    }
}

/// The same, when the SQL is at hand.
pub fn describe(request: &Value, sql: &Sql) -> Facts {
    let Some((name, _)) = text(request) else { return without_sql(request) };
    let statement = sql.statements.first();
    let mut class = statement.map_or_else(|| "(empty)".to_owned(), |statement| statement.verb.clone());
    if class.is_empty() {
        class = "?".to_owned();
    }
    if let Some(table) = statement.and_then(|statement| statement.table.as_deref()) {
        class = format!("{class} {table}");
    }
    if name == "describe" || name == "prepare" {
        class = format!("{} {class}", name.to_uppercase());
    }
    let lifetime = request.as_map().map_or(Lifetime::Test, |map| lifetime(map, sql));
    Facts { class: shortened(&class, SUMMARY), summary: summary(name, request, sql), lifetime }
}

/// Descriptions are part of how a driver asks, not of what the application asks.
pub fn lifetime(request: &Map, sql: &Sql) -> Lifetime {
    match ["describe", "prepare", "copy"].iter().find(|name| request.get(name).is_some()) {
        Some(&"copy") => Lifetime::Test,
        Some(_) => Lifetime::Session,
        None => sql.lifetime(),
    }
}

fn without_sql(request: &Value) -> Facts {
    let (class, summary, lifetime) = if let Some(connect) = request.get("connect") {
        let say = |name: &str| connect.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
        ("connect", format!("connect as {} to {}", say("user"), say("database")), Lifetime::Session)
    } else if request.get("encryption").is_some() {
        ("encryption", "ask for TLS".to_owned(), Lifetime::Session)
    } else if let Some(oid) = request.get("function").and_then(Value::as_int) {
        ("function", format!("call function {oid}"), Lifetime::Test)
    } else {
        ("?", "?".to_owned(), Lifetime::Test)
    };
    Facts { class: class.to_owned(), summary: shortened(&summary, SUMMARY), lifetime }
}

fn text(request: &Value) -> Option<(&'static str, &[u8])> {
    ["query", "describe", "prepare", "copy"].into_iter().find_map(|name| Some((name, request.get(name)?.as_raw()?)))
}

fn summary(name: &str, request: &Value, sql: &Sql) -> String {
    // Of a bulk insert, the beginning is enough.
    let begin = String::from_utf8_lossy(sql.text.get(..4 * SUMMARY).unwrap_or(&sql.text));
    let mut line = begin.split_whitespace().collect::<Vec<_>>().join(" ");
    if name != "query" {
        line = format!("{name} {line}");
    }
    let params = request.get("params").and_then(Value::as_array).unwrap_or_default();
    if params.is_empty() {
        return shortened(&line, SUMMARY);
    }
    let params = params.iter().take(8).map(shown).collect::<Vec<_>>().join(", ");
    shortened(&format!("{} [{params}]", shortened(&line, SUMMARY * 2 / 3)), SUMMARY)
}

fn shown(value: &Value) -> String {
    let text: Cow<'_, str> = match value {
        Value::Null => "NULL".into(),
        Value::Bool(truth) => truth.to_string().into(),
        Value::Int(number) => number.to_string().into(),
        Value::Float(number) => number.to_string().into(),
        Value::Text(text) => text.into(),
        Value::Bytes(bytes) => format!("<{} bytes>", bytes.len()).into(),
        Value::Array(items) => format!("[{}]", items.iter().take(8).map(shown).collect::<Vec<_>>().join(", ")).into(),
        Value::Map(_) | Value::Blob(_) => "<bytes>".into(),
    };
    shortened(&text, PARAMETER)
}

fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
