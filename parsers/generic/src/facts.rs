//! What people and the matcher are told of a turn.
use keploy_sdk::{Facts, Lifetime, Value};

/// Characters of a summary, and bytes shown of what is not text.
const SUMMARY: usize = 80;
const SHOWN_BYTES: usize = 16;

pub fn of(request: &Value) -> Facts {
    if request.get("greeting").is_some() {
        // Every connection is greeted, also when there are more of them than were recorded.
        return Facts { class: "greeting".into(), summary: "greeting".into(), lifetime: Lifetime::Connection };
    }
    let (class, summary) = match request.get("data") {
        Some(Value::Text(text)) => (first_word(text), first_line(text)),
        Some(Value::Bytes(bytes)) => ("bytes".to_owned(), hex(bytes)),
        _ => ("nothing".to_owned(), "nothing".to_owned()),
    };
    Facts { class, summary, lifetime: Lifetime::Test }
}

/// Most text protocols begin with the name of what is wanted.
fn first_word(text: &str) -> String {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let word: String = text[..end].chars().take(20).collect();
    if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) { "text".to_owned() } else { word }
}

fn first_line(text: &str) -> String {
    let line = text.trim_start().lines().next().unwrap_or_default();
    let short: String = line.chars().take(SUMMARY).collect();
    if short.len() < text.trim().len() { short + "…" } else { short }
}

fn hex(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes.iter().take(SHOWN_BYTES).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > SHOWN_BYTES { " …" } else { "" };
    format!("{} bytes: {}{more}", bytes.len(), shown.join(" "))
}
