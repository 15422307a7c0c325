//! What the host keeps of a request beside its document.
use keploy_sdk::{Facts, Lifetime, Value};

use crate::sql;

/// The longest summary, and the longest value in one.
const SUMMARY: usize = 120;
const WORD: usize = 40;

/// What requests are named by.
const KINDS: [&str; 12] = [
    "query",
    "prepare",
    "execute",
    "connect",
    "login",
    "changeUser",
    "use",
    "fields",
    "file",
    "command",
    "createDatabase",
    "dropDatabase",
];
/// What a statement is about stands in its first bytes; the rest may be megabytes of values.
const TELLING: usize = 64 << 10;

/// The facts of a request, from its document alone.
pub fn of(request: &Value) -> Facts {
    let Some((kind, value)) = KINDS.iter().find_map(|kind| Some((*kind, request.get(kind)?))) else {
        return Facts::default();
    };
    let raw = value.as_raw().unwrap_or_default();
    let text = String::from_utf8_lossy(&raw[..raw.len().min(TELLING)]);
    let session = Lifetime::Session;
    let (class, summary, lifetime) = match kind {
        "query" => {
            let lifetime =
                if sql::is_upkeep(&text) && request.get("fetch").is_none() { session } else { Lifetime::Test };
            (statement(&text), format!("{text}{}", parameters(request)), lifetime)
        }
        "prepare" => (format!("PREPARE {}", statement(&text)), format!("PREPARE {text}"), session),
        "login" | "changeUser" => {
            let field = |name| value.get(name).map(shown).unwrap_or_default();
            let verb = if kind == "login" { "LOGIN" } else { "CHANGE USER" };
            (verb.to_owned(), format!("{verb} {} {}", field("user"), field("database")), session)
        }
        "connect" => ("CONNECT".to_owned(), "CONNECT".to_owned(), session),
        "use" => ("USE".to_owned(), format!("USE {text}"), session),
        "fields" => (format!("FIELDS {text}"), format!("FIELDS {text}"), session),
        "command" => {
            let name = shown(value).to_uppercase();
            (name.clone(), name, session)
        }
        _ => {
            let line = format!("{} {text}", kind.to_uppercase());
            (line.clone(), line, Lifetime::Test)
        }
    };
    let words: Vec<&str> = summary.split_whitespace().collect();
    Facts { class: shortened(&class, SUMMARY), summary: shortened(&words.join(" "), SUMMARY), lifetime }
}

/// `SELECT orders`: the verb, and the first table.
fn statement(sql: &str) -> String {
    let verb = sql::verb(sql);
    match sql::table(sql) {
        Some(table) => format!("{verb} {table}"),
        None => verb,
    }
}

fn parameters(request: &Value) -> String {
    let list = |values: &Value| values.as_array().unwrap_or_default().iter().map(shown).collect::<Vec<_>>().join(", ");
    let mut shown = String::new();
    if let Some(params) = request.get("params") {
        shown.push_str(&format!(" [{}]", list(params)));
    }
    if let Some(rows) = request.get("bulk").and_then(Value::as_array) {
        shown.push_str(&format!(" [{} rows]", rows.len()));
    }
    if let Some(row) = request.get("fetch").and_then(|fetch| fetch.get("from")?.as_int()) {
        shown.push_str(&format!(" (rows from {row})"));
    }
    shown
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => shortened(text, WORD),
        Value::Bytes(bytes) => format!("<{} bytes>", bytes.len()),
        _ => "<value>".to_owned(),
    }
}

fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
