//! What people and the matcher are told of a request.
use keploy_sdk::{Facts, Lifetime, Value};

use crate::{command::name, hello, login};

/// Summaries are one line of at most so many characters.
const SUMMARY: usize = 100;

pub fn of(request: &Value) -> Facts {
    if let Some(mechanism) = request.get(login::AUTHENTICATE).and_then(Value::as_str) {
        let user = request.get("user").and_then(Value::as_str).unwrap_or_default();
        let summary = format!("log in {user} with {mechanism}");
        return Facts { class: "log in".to_owned(), summary, lifetime: Lifetime::Session };
    }
    let Some(command) = request.get("command") else { return Facts::default() };
    let name = name(command);
    if hello::is_hello(name) {
        return Facts { class: "hello".to_owned(), summary: "hello".to_owned(), lifetime: Lifetime::Session };
    }
    let class = class(name, request, command);
    let lifetime = if is_housekeeping(name) { Lifetime::Session } else { Lifetime::Test };
    let summary = shortened(&format!("{class}{}", said(name, command)));
    Facts { class, summary, lifetime }
}

/// What drivers do on their own.
pub fn is_housekeeping(name: &str) -> bool {
    matches!(
        name,
        "ping"
            | "endSessions"
            | "killCursors"
            | "killSessions"
            | "refreshSessions"
            | "buildInfo"
            | "buildinfo"
            | "logout"
    )
}

/// The command and what it is about: `insert shop.orders`.
fn class(name: &str, request: &Value, command: &Value) -> String {
    let db = request.get("db").and_then(Value::as_str).unwrap_or_default();
    let about = if name == "getMore" { command.get("collection") } else { command.get(name) };
    match (name, about.and_then(Value::as_str)) {
        ("", _) => db.to_owned(), // the host has it
        (_, Some(collection)) => format!("{name} {db}.{collection}"),
        (_, None) => format!("{name} {db}"),
    }
}

/// The part of a command that tells it from others of its class.
fn said(name: &str, command: &Value) -> String {
    let fields = match name {
        "find" | "explain" => ["filter", "sort"],
        "count" | "distinct" => ["query", "key"],
        "findAndModify" | "findandmodify" => ["query", "update"],
        "aggregate" => ["pipeline", ""],
        "insert" => ["documents", ""],
        "update" => ["updates", ""],
        "delete" => ["deletes", ""],
        "getMore" => ["getMore", ""],
        "createIndexes" => ["indexes", ""],
        _ => ["", ""],
    };
    let mut said = String::new();
    for value in fields.iter().filter_map(|field| command.get(field)) {
        said.push(' ');
        show(value, &mut said);
    }
    said
}

/// As a person writes it in a shell, until the line is full.
fn show(value: &Value, out: &mut String) {
    if out.len() > SUMMARY * 4 {
        return;
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(&value.to_string()),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&number.to_string()),
        Value::Text(text) => out.push_str(&format!("{text:?}")),
        Value::Bytes(bytes) => out.push_str(&format!("<{} bytes>", bytes.len())),
        Value::Blob(_) => out.push_str("<blob>"),
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n == 0 { "" } else { ", " });
                show(item, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            let mut entries = map.iter();
            if let (Some((name, Value::Text(text))), None) = (entries.next(), entries.next())
                && ["$oid", "$uuid", "$date", "$numberLong", "$numberDecimal"].contains(&name)
            {
                out.push_str(text);
                return;
            }
            out.push('{');
            for (n, (name, value)) in map.iter().enumerate() {
                out.push_str(if n == 0 { "" } else { ", " });
                out.push_str(name);
                out.push_str(": ");
                show(value, out);
            }
            out.push('}');
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SUMMARY) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
