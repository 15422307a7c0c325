//! JSON inside texts: read exactly, written canonically.

use std::{borrow::Cow, fmt::Write};

use json_event_parser::{JsonEvent, LowLevelJsonParser};

use crate::{Value, node::Node};

/// The tree in `text`; none when `text` is not a JSON object or array, nested at most `levels` deep, each name once in
/// its object. `keep` decides whether the tree borrows from `text`.
pub(crate) fn parse<'t, 'n>(text: &'t str, levels: usize, keep: fn(Cow<'t, str>) -> Cow<'n, str>) -> Option<Node<'n>> {
    let trimmed = text.trim_ascii();
    if levels == 0
        || !(trimmed.starts_with('{') && trimmed.ends_with('}') || trimmed.starts_with('[') && trimmed.ends_with(']'))
    {
        return None;
    }
    let mut parser = LowLevelJsonParser::new().with_max_stack_size(levels);
    let mut rest = text.as_bytes();
    let mut open: Vec<Frame<'n>> = Vec::new();
    let mut root = None;
    loop {
        let result = parser.parse_next(rest, true);
        rest = &rest[result.consumed_bytes..];
        let inside = crate::node::MAX_DEPTH - levels + open.len();
        let node = match result.event?.ok()? {
            JsonEvent::Eof => return root,
            JsonEvent::StartArray => {
                open.push(Frame::Array(Vec::new()));
                continue;
            }
            JsonEvent::StartObject => {
                open.push(Frame::Object { entries: Vec::new(), name: Cow::Borrowed("") });
                continue;
            }
            JsonEvent::ObjectKey(key) => {
                if let Some(Frame::Object { name, .. }) = open.last_mut() {
                    *name = keep(key);
                }
                continue;
            }
            JsonEvent::EndArray | JsonEvent::EndObject => open.pop()?.close()?,
            JsonEvent::Null => Node::Null,
            JsonEvent::Boolean(b) => Node::Bool(b),
            JsonEvent::Number(digits) => number(keep(digits)),
            JsonEvent::String(text) => Node::text(keep(text), inside),
        };
        match open.last_mut() {
            None => root = Some(node),
            Some(Frame::Array(items)) => items.push(node),
            Some(Frame::Object { entries, name }) => entries.push((std::mem::take(name), node)),
        }
    }
}

enum Frame<'n> {
    Array(Vec<Node<'n>>),
    Object { entries: Vec<(Cow<'n, str>, Node<'n>)>, name: Cow<'n, str> },
}

impl<'n> Frame<'n> {
    fn close(self) -> Option<Node<'n>> {
        match self {
            Self::Array(items) => Some(Node::Array(items)),
            Self::Object { mut entries, .. } => {
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                let repeats = entries.windows(2).any(|pair| pair[0].0 == pair[1].0);
                (!repeats).then_some(Node::Map(entries))
            }
        }
    }
}

/// `1` is an integer, `1.0` and `1e0` are the same number of another kind: clients with types tell them apart.
fn number(digits: Cow<'_, str>) -> Node<'_> {
    if digits.contains(['.', 'e', 'E']) {
        Node::Number(decimal(&digits).map_or(digits, Cow::Owned))
    } else {
        digits.parse().map_or(Node::Number(digits), Node::Int)
    }
}

/// The one spelling of a decimal's value: significant digits and an exponent. None when its exponent has more than 18
/// digits; such a number is only equal to its own spelling.
fn decimal(text: &str) -> Option<String> {
    let (sign, magnitude) = text.strip_prefix('-').map_or(("", text), |magnitude| ("-", magnitude));
    let (mantissa, exponent) = magnitude.split_once(['e', 'E']).unwrap_or((magnitude, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some("0e0".to_owned());
    }
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let exponent = exponent.parse::<i64>().ok().filter(|exponent| exponent.unsigned_abs() < 10u64.pow(18))?;
    let exponent = exponent - i64::try_from(fraction.len()).ok()? + i64::try_from(zeros).ok()?;
    Some(format!("{sign}{significant}e{exponent}"))
}

/// A canonical number for people: a float where that is exact.
pub(crate) fn number_value(digits: &str) -> Value {
    match digits.parse::<f64>() {
        Ok(f) if f.is_finite() && decimal(&format!("{f:?}")).as_deref() == Some(digits) => Value::Float(f),
        _ => Value::Text(digits.to_owned()),
    }
}

/// The shortest spelling. Reading it again gives the same tree.
pub(crate) fn write(node: &Node<'_>) -> String {
    let mut out = String::new();
    write_into(node, &mut out);
    out
}

fn write_into(node: &Node<'_>, out: &mut String) {
    match node {
        Node::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Node::Int(n) => write!(out, "{n}").expect("a String takes everything"),
        Node::Number(digits) => out.push_str(digits),
        Node::Text(text) => string(text, out),
        Node::Json(json) => string(&write(json), out),
        Node::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_into(item, out);
            }
            out.push(']');
        }
        Node::Map(entries) => {
            out.push('{');
            for (index, (name, node)) in entries.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                string(name, out);
                out.push(':');
                write_into(node, out);
            }
            out.push('}');
        }
        Node::Noise(_) => string(crate::node::NOISE, out),
        // The others never come out of JSON.
        Node::Null | Node::Float(_) | Node::Bytes(_) | Node::Blob { .. } => out.push_str("null"),
    }
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..=' ' if c != ' ' => write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes everything"),
            _ => out.push(c),
        }
    }
    out.push('"');
}
