//! Values and differences on one line each.
use document::Value;
use store::Difference;

/// `body.n: expected 1, got 2`
pub(crate) fn difference(difference: &Difference) -> String {
    let place = if difference.path.is_empty() { "the whole" } else { &difference.path };
    let why = difference.why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
    match (&difference.expected, &difference.actual) {
        (Some(expected), Some(actual)) => format!("{place}: expected {}, got {}{why}", short(expected), short(actual)),
        // A whole answer is too long to be shown.
        (Some(_), None) if place.starts_with("responses[") && place.ends_with(']') => format!("{place}: did not come"),
        (Some(expected), None) => format!("{place}: missing, expected {}", short(expected)),
        (None, Some(actual)) => format!("{place}: additional {}", short(actual)),
        (None, None) => format!("{place}: differs"),
    }
}

pub(crate) fn short(text: &str) -> String {
    const MOST: usize = 80;
    let one_line = text.replace('\n', "\\n");
    match one_line.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}...", &one_line[..at]),
        None if one_line.is_empty() => "\"\"".to_owned(),
        None => one_line,
    }
}

/// The gist of a document: its values in their order, without what is told beside them (headers, versions).
pub(crate) fn gist(document: &Value) -> String {
    let mut words = Vec::new();
    gather(document, &mut words);
    short(&words.join(" "))
}

fn gather(value: &Value, words: &mut Vec<String>) {
    /// More than fits on a line anyway.
    const ENOUGH: usize = 40;
    if words.len() > ENOUGH {
        return;
    }
    match value {
        Value::Null => {}
        Value::Map(map) => {
            let told = |name: &str| matches!(name, "header" | "trailer" | "proto_major" | "proto_minor");
            map.iter().filter(|(name, _)| !told(name)).for_each(|(_, item)| gather(item, words));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, words)),
        Value::Text(text) if text.is_empty() => {}
        Value::Text(text) => words.push(text.trim_end().to_owned()),
        Value::Bool(b) => words.push(b.to_string()),
        Value::Int(n) => words.push(n.to_string()),
        Value::Float(n) => words.push(n.to_string()),
        Value::Bytes(bytes) => words.push(format!("({} bytes)", bytes.len())),
        Value::Blob(blob) => words.push(format!("({} bytes)", blob.size)),
    }
}

/// `1 test`, `2 tests`
pub(crate) fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
