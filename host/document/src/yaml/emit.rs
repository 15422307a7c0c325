//! The writer. Exactness is its point, so it is ours: which style a text gets is decided here and nowhere else.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{ASSETS, scalar};
use crate::{Blob, Map, Value};

/// One document, block style, two spaces a level, entries in their order; ends with a line break.
pub fn emit(value: &Value) -> String {
    let mut out = String::new();
    emit_into(value, &mut out);
    out
}

/// [`emit`], behind what `out` holds already.
pub fn emit_into(value: &Value, out: &mut String) {
    match value {
        Value::Map(map) if !map.is_empty() => entries(map, 0, Start::Line, out),
        Value::Array(items) if !items.is_empty() => elements(items, 0, Start::Line, out),
        _ => scalar(value, Place { indent: 2, hint: false }, out),
    }
}

/// Whether a collection's first line still has to be indented, or goes on behind a `- `.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    Line,
    Inline,
}

fn entries(map: &Map, indent: usize, start: Start, out: &mut String) {
    for (index, (name, value)) in map.iter().enumerate() {
        if index > 0 || start == Start::Line {
            pad(indent, out);
        }
        key(name, indent, out);
        match value {
            Value::Map(map) if !map.is_empty() => {
                out.push('\n');
                entries(map, indent + 2, Start::Line, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                elements(items, indent + 2, Start::Line, out);
            }
            _ => {
                out.push(' ');
                scalar(value, Place { indent: indent + 2, hint: true }, out);
            }
        }
    }
}

fn elements(items: &[Value], indent: usize, start: Start, out: &mut String) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 || start == Start::Line {
            pad(indent, out);
        }
        out.push_str("- ");
        match item {
            Value::Map(map) if !map.is_empty() => entries(map, indent + 2, Start::Inline, out),
            Value::Array(items) if !items.is_empty() => elements(items, indent + 2, Start::Inline, out),
            _ => scalar(item, Place { indent: indent + 2, hint: true }, out),
        }
    }
}

/// The name and its colon. YAML wants names that take more than 1024 characters announced by a `? `.
fn key(name: &str, indent: usize, out: &mut String) {
    let start = out.len();
    match style(name, None) {
        Style::Plain => out.push_str(name),
        Style::Single => single_quoted(name, out),
        Style::Double | Style::Literal { .. } => double_quoted(name, out),
    }
    if out.len() - start > 1000 {
        out.insert_str(start, "? ");
        out.push('\n');
        pad(indent, out);
    }
    out.push(':');
}

/// Where a literal block's lines start, and whether its header may say so: at the top of a document readers disagree
/// about what the number counts from.
#[derive(Clone, Copy)]
struct Place {
    indent: usize,
    hint: bool,
}

/// Anything that is not a collection with content, and the line break behind it.
fn scalar(value: &Value, place: Place, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(n) => write!(out, "{n}").expect("a String takes everything"),
        Value::Float(f) => float(*f, out),
        Value::Text(text) => match style(text, Some(place)) {
            Style::Plain => out.push_str(text),
            Style::Single => single_quoted(text, out),
            Style::Double => double_quoted(text, out),
            Style::Literal { hint } => return literal(text, place.indent, hint, out),
        },
        Value::Bytes(bytes) if bytes.is_empty() => out.push_str("!!binary \"\""),
        Value::Bytes(bytes) => {
            out.push_str("!!binary ");
            BASE64_STANDARD.encode_string(bytes, out);
        }
        Value::Array(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
        Value::Blob(blob) => reference(blob, out),
    }
    out.push('\n');
}

fn reference(blob: &Blob, out: &mut String) {
    write!(out, "!blob {{path: {ASSETS}").expect("a String takes everything");
    for byte in blob.sha256 {
        write!(out, "{byte:02x}").expect("a String takes everything");
    }
    write!(out, ", size: {}}}", blob.size).expect("a String takes everything");
}

/// The shortest digits that give the same number, with the point and the exponent's sign that YAML 1.1 insists on.
fn float(f: f64, out: &mut String) {
    if f.is_nan() {
        return out.push_str(".nan");
    }
    if f.is_infinite() {
        return out.push_str(if f > 0.0 { ".inf" } else { "-.inf" });
    }
    let digits = format!("{f:?}");
    match digits.split_once('e') {
        None => out.push_str(&digits),
        Some((mantissa, exponent)) => {
            out.push_str(mantissa);
            out.push_str(if mantissa.contains('.') { "e" } else { ".0e" });
            out.push_str(if exponent.starts_with('-') { "" } else { "+" });
            out.push_str(exponent);
        }
    }
}

enum Style {
    Plain,
    Single,
    Double,
    /// With the number of leading spaces in its header, or not.
    Literal {
        hint: bool,
    },
}

/// The most readable style in which every reader finds exactly `text`. Blocks only where there is a `place` for one.
fn style(text: &str, place: Option<Place>) -> Style {
    let (mut lines, mut tabs) = (false, false);
    for c in text.chars() {
        match c {
            '\n' => lines = true,
            '\t' => tabs = true,
            ' '..='~' => {}
            _ if is_shown(c) => {}
            _ => return Style::Double,
        }
    }
    match place {
        Some(place) if lines => literal_style(text, place),
        _ if lines || tabs || scalar::means_something_else(text) || text.is_empty() => Style::Double,
        _ if scalar::is_plain_safe(text) => Style::Plain,
        _ => Style::Single,
    }
}

/// Beyond ASCII: what YAML 1.1 calls printable, without its additional line breaks and the byte order mark.
fn is_shown(c: char) -> bool {
    matches!(c, '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// Spaces at the end of a line would survive in a block, but not in editors and patches: such texts are quoted.
fn literal_style(text: &str, place: Place) -> Style {
    let Some(first) = text.split('\n').find(|line| !line.is_empty()) else { return Style::Double };
    if text.split('\n').any(|line| line.ends_with([' ', '\t'])) {
        return Style::Double;
    }
    match first.starts_with([' ', '\t']) {
        false => Style::Literal { hint: false },
        true if place.hint => Style::Literal { hint: true },
        true => Style::Double,
    }
}

fn literal(text: &str, indent: usize, hint: bool, out: &mut String) {
    out.push_str(if hint { "|2" } else { "|" });
    out.push_str(match text.strip_suffix('\n') {
        None => "-",
        Some(rest) if rest.ends_with('\n') => "+",
        Some(_) => "",
    });
    out.push('\n');
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            pad(indent, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn single_quoted(text: &str, out: &mut String) {
    out.push('\'');
    for (index, part) in text.split('\'').enumerate() {
        out.push_str(if index > 0 { "''" } else { "" });
        out.push_str(part);
    }
    out.push('\'');
}

fn double_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            _ if is_shown(c) => out.push(c),
            '\0'..='\u{ff}' => write!(out, "\\x{:02X}", u32::from(c)).expect("a String takes everything"),
            '\u{100}'..='\u{ffff}' => write!(out, "\\u{:04X}", u32::from(c)).expect("a String takes everything"),
            _ => write!(out, "\\U{:08X}", u32::from(c)).expect("a String takes everything"),
        }
    }
    out.push('"');
}

fn pad(columns: usize, out: &mut String) {
    const SPACES: &str = "                                                                ";
    let mut left = columns;
    while left > 0 {
        let now = left.min(SPACES.len());
        out.push_str(&SPACES[..now]);
        left -= now;
    }
}
