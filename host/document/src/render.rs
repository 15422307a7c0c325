//! Differences for people.

use std::fmt::Write;

use similar::TextDiff;

use crate::{Difference, DifferenceKind, Value};

/// How much of a value is shown, in characters.
const WIDTH: usize = 100;
/// How much of it before the place where two long texts part.
const BEFORE: usize = 20;
/// How many lines of a diff of texts are shown.
const LINES: usize = 40;

/// A line for each difference, such as `body.price: expected 10, got 12`, and below that a small diff where texts of
/// several lines changed. After `limit` differences the rest is counted. No colours; every line ends with a break.
pub fn render(differences: &[Difference], limit: usize) -> String {
    let mut out = String::new();
    for difference in differences.iter().take(limit) {
        one(difference, &mut out);
    }
    let rest = differences.len().saturating_sub(limit);
    if rest > 0 {
        writeln!(out, "... and {rest} more").expect("a String takes everything");
    }
    out
}

fn one(difference: &Difference, out: &mut String) {
    let place = if difference.path.is_empty() { "everything" } else { &difference.path };
    let line = match (difference.kind, &difference.expected, &difference.actual) {
        (DifferenceKind::Changed, Some(Value::Text(expected)), Some(Value::Text(actual))) => {
            if expected.contains('\n') && actual.contains('\n') {
                writeln!(out, "{place}: the text differs").expect("a String takes everything");
                return lines(expected, actual, out);
            }
            let (expected, actual) = texts(expected, actual);
            format!("expected {expected}, got {actual}")
        }
        (DifferenceKind::TypeChanged, Some(expected), Some(actual)) => {
            format!("expected {}{}, got {}{}", short(expected), kind(expected), short(actual), kind(actual))
        }
        (_, Some(expected), Some(actual)) => format!("expected {}, got {}", short(expected), short(actual)),
        (_, Some(expected), None) => format!("missing, expected {}", short(expected)),
        (_, None, Some(actual)) => format!("not expected, got {}", short(actual)),
        (_, None, None) => "differs".to_owned(),
    };
    writeln!(out, "{place}: {line}").expect("a String takes everything");
}

fn lines(expected: &str, actual: &str, out: &mut String) {
    let diff = TextDiff::from_lines(expected, actual);
    let mut unified = diff.unified_diff();
    let text = unified.context_radius(2).missing_newline_hint(true).to_string();
    for line in text.lines().take(LINES) {
        writeln!(out, "  {}", cut(line)).expect("a String takes everything");
    }
    let rest = text.lines().count().saturating_sub(LINES);
    if rest > 0 {
        writeln!(out, "  ... and {rest} more lines").expect("a String takes everything");
    }
}

/// Both texts, from shortly before the place where they part when they are long.
fn texts(expected: &str, actual: &str) -> (String, String) {
    let same = expected.chars().zip(actual.chars()).take_while(|(e, a)| e == a).count();
    let skip =
        if expected.chars().count().max(actual.chars().count()) > WIDTH { same.saturating_sub(BEFORE) } else { 0 };
    let show = |text: &str| {
        let rest: String = text.chars().skip(skip).collect();
        format!("{}{}", if skip > 0 { "..." } else { "" }, quoted(&rest))
    };
    (show(expected), show(actual))
}

/// A value on one line, in the manner of JSON.
fn short(value: &Value) -> String {
    let mut out = String::new();
    flow(value, &mut out);
    cut(&out)
}

fn flow(value: &Value, out: &mut String) {
    // Nobody reads further.
    if out.len() > 4 * WIDTH {
        return;
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(n) => write!(out, "{n}").expect("a String takes everything"),
        Value::Float(f) => write!(out, "{f:?}").expect("a String takes everything"),
        Value::Text(text) => out.push_str(&quoted(text)),
        Value::Bytes(bytes) => {
            write!(out, "{} bytes", bytes.len()).expect("a String takes everything");
            let hex: String = bytes.iter().take(16).map(|byte| format!(" {byte:02x}")).collect();
            write!(out, " ({}{})", hex.trim_start(), if bytes.len() > 16 { " ..." } else { "" })
                .expect("a String takes everything");
        }
        Value::Blob(blob) => {
            let hex: String = blob.sha256.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            write!(out, "{} bytes (SHA-256 {hex}...)", blob.size).expect("a String takes everything");
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                flow(item, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (index, (name, value)) in map.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write!(out, "{name}: ").expect("a String takes everything");
                flow(value, out);
            }
            out.push('}');
        }
    }
}

fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(WIDTH).collect();
    let dots = if shown.len() < text.len() { "..." } else { "" };
    format!("{shown:?}{dots}")
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(WIDTH * 2) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line.to_owned(),
    }
}

/// Said where only the kind changed, or where it is what matters.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "",
        Value::Bool(_) => " (boolean)",
        Value::Int(_) => " (integer)",
        Value::Float(_) => " (float)",
        Value::Text(_) => " (text)",
        Value::Bytes(_) | Value::Blob(_) => " (binary)",
        Value::Array(_) => " (array)",
        Value::Map(_) => " (map)",
    }
}
