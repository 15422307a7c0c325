//! Values, as people read them and as they cross the wire in either format.
//!
//! The pivot is PostgreSQL's own text form. A value's document is
//!
//! - a number, a boolean or a list where that says the same as the text form: `42`, `1.5`, `true`, `[1, 2]`;
//! - the text form else: `'1.50'` of a numeric, `2024-02-29 10:00:00+00`;
//! - for `bytea`, the bytes themselves; text when they are printable;
//! - `{text: …}` or `{binary: …}`, the wire's own bytes, where nothing else would give them back.
//!
//! So a value that was recorded in one format can be given in the other, and in its own it is the same bytes.
mod array;
mod binary;
mod datetime;
mod interval;
mod network;
mod number;
mod range;
pub mod types;

use keploy_sdk::{Map, Value};
use types::Kind;

/// How values cross the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}

impl Format {
    pub fn from_code(code: i16) -> Self {
        if code == 1 { Self::Binary } else { Self::Text }
    }
    pub fn code(self) -> i16 {
        (self == Self::Binary).into()
    }
}

/// The document of one value; `oid` is 0 when the type is not known.
pub fn decode(oid: u32, format: Format, raw: &[u8]) -> Value {
    let readable = match (shape(oid), format) {
        (Shape::Plain(Kind::Same), _) => return Value::readable(raw.to_vec()),
        (Shape::Plain(Kind::Bytea), Format::Text) => unescape(raw).map(Value::readable),
        (Shape::Plain(Kind::Bytea), Format::Binary) => return Value::readable(raw.to_vec()),
        (_, Format::Text) => std::str::from_utf8(raw).ok().map(|text| friendly(oid, text)),
        (_, Format::Binary) => binary::to_text(oid, raw).map(|text| friendly(oid, &text)),
    };
    // The law: what is written down gives back the same bytes.
    match readable.filter(|value| encode(oid, format, value).is_some_and(|back| back == raw)) {
        Some(value) => value,
        None => wire(format, raw),
    }
}

/// The bytes of a value's document, in the format that was asked for. `None` when they cannot be made: the document
/// holds something that no value of the type looks like.
pub fn encode(oid: u32, format: Format, value: &Value) -> Option<Vec<u8>> {
    if let Some((as_recorded, raw)) = as_wire(value) {
        return Some(match (as_recorded, format) {
            _ if as_recorded == format => raw.to_vec(),
            (Format::Text, _) => binary::from_text(oid, std::str::from_utf8(raw).ok()?).unwrap_or_else(|| raw.to_vec()),
            (Format::Binary, _) => binary::to_text(oid, raw).map_or_else(|| raw.to_vec(), String::into_bytes),
        });
    }
    match (shape(oid), format) {
        (Shape::Plain(Kind::Same), _) => Some(bytes_of(value)?),
        (Shape::Plain(Kind::Bytea), Format::Binary) => value.as_raw().map(<[u8]>::to_vec),
        (Shape::Plain(Kind::Bytea), Format::Text) => value.as_raw().map(|raw| escape(raw).into_bytes()),
        (_, Format::Text) => text_of(oid, value).map(String::into_bytes),
        (_, Format::Binary) => {
            let text = text_of(oid, value)?;
            // What only a server can read (the name of a table in a `regclass`) goes out as it is.
            Some(binary::from_text(oid, &text).unwrap_or_else(|| text.into_bytes()))
        }
    }
}

/// The form in which two values are compared: the text form, whatever it was shown as.
pub fn canonical(value: Value) -> Value {
    match value {
        Value::Bool(truth) => Value::from(if truth { "t" } else { "f" }),
        Value::Int(number) => number.to_string().into(),
        Value::Float(number) => number::float8_text(number).into(),
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        other => other,
    }
}

enum Shape {
    Plain(Kind),
    Array(&'static types::Type),
}

fn shape(oid: u32) -> Shape {
    match types::find(oid) {
        Some(found) => Shape::Plain(found.kind),
        None => types::element(oid).map_or(Shape::Plain(Kind::Same), Shape::Array),
    }
}

/// A text form as what reads best and still says the same.
fn friendly(oid: u32, text: &str) -> Value {
    let value = match shape(oid) {
        Shape::Plain(Kind::Bool) => (text == "t" || text == "f").then(|| Value::Bool(text == "t")),
        Shape::Plain(Kind::Int(_) | Kind::Oid) => text.parse::<i64>().ok().map(Value::from),
        Shape::Plain(Kind::Float4 | Kind::Float8) => {
            text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from)
        }
        Shape::Array(element) => array::read(text, &mut |text| friendly_item(element, &text)).map(Value::Array),
        Shape::Plain(_) => None,
    };
    value.filter(|value| text_of(oid, value).as_deref() == Some(text)).unwrap_or_else(|| Value::readable(text.into()))
}

fn friendly_item(element: &types::Type, text: &str) -> Value {
    match element.kind {
        Kind::Bytea => unescape(text.as_bytes())
            .filter(|bytes| escape(bytes) == text)
            .map_or_else(|| wire(Format::Text, text.as_bytes()), Value::readable),
        _ => friendly(element.oid, text),
    }
}

/// The text form of a document.
fn text_of(oid: u32, value: &Value) -> Option<String> {
    match (shape(oid), value) {
        (Shape::Array(element), Value::Array(items)) => array::write(items, &mut |item| match as_wire(item) {
            Some((Format::Text, raw)) => String::from_utf8(raw.to_vec()).ok(),
            Some((Format::Binary, raw)) => binary::to_text(element.oid, raw),
            None if element.kind == Kind::Bytea => item.as_raw().map(escape),
            None => text_of(element.oid, item),
        }),
        (Shape::Plain(Kind::Float4), Value::Float(number)) => Some(number::float4_text(*number as f32)),
        (Shape::Plain(Kind::Float8), Value::Float(number)) => Some(number::float8_text(*number)),
        _ => String::from_utf8(bytes_of(value)?).ok(),
    }
}

/// A scalar as PostgreSQL would print it, also where a person wrote it in another way than we do.
fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Bool(truth) => Some(if *truth { b"t".to_vec() } else { b"f".to_vec() }),
        Value::Int(number) => Some(number.to_string().into_bytes()),
        Value::Float(number) => Some(number::float8_text(*number).into_bytes()),
        other => other.as_raw().map(<[u8]>::to_vec),
    }
}

/// The wire's own bytes.
fn wire(format: Format, raw: &[u8]) -> Value {
    let name = if format == Format::Text { "text" } else { "binary" };
    Map::new().with(name, Value::readable(raw.to_vec())).into()
}

fn as_wire(value: &Value) -> Option<(Format, &[u8])> {
    let (name, raw) = value.as_map().filter(|map| map.len() == 1)?.iter().next()?;
    let format = match name {
        "text" => Format::Text,
        "binary" => Format::Binary,
        _ => return None,
    };
    Some((format, raw.as_raw()?))
}

/// `\x` and hexadecimal digits.
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.strip_prefix(b"\\x")?;
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

fn escape(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    let text: Vec<u8> = b"\\x".iter().copied().chain(digits).collect();
    String::from_utf8(text).unwrap_or_default() // hexadecimal digits are ASCII
}
