//! BSON to documents.
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use keploy_sdk::{Map, Value};

use super::{CODE, SCOPE, UUID, date, decimal, is_form, kind};

/// Documents nested deeper than this are left as bytes: documents may be nested 128 deep, and forms add to it.
const DEEPEST: usize = 100;

/// A document that fills `bytes`; none when it is not well-formed at its top.
pub fn document(bytes: &[u8]) -> Option<Value> {
    elements(bytes)?;
    Some(value(kind::DOCUMENT, bytes, 0))
}

/// Documents, one behind the other, that fill `bytes`.
pub fn documents(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (raw, rest) = bytes.split_at_checked(length(kind::DOCUMENT, bytes)?)?;
        all.push(document(raw)?);
        bytes = rest;
    }
    Some(all)
}

/// Whatever has no readable form is given as it is.
fn value(kind: u8, raw: &[u8], depth: usize) -> Value {
    readable(kind, raw, depth).unwrap_or_else(|| {
        let raw = Map::new().with("type", kind).with("value", raw.to_vec());
        Map::new().with("$bson", raw).into()
    })
}

/// None: it has no form that is written as the same bytes.
fn readable(kind: u8, raw: &[u8], depth: usize) -> Option<Value> {
    Some(match kind {
        kind::DOUBLE => double(f64::from_le_bytes(raw.try_into().ok()?))?,
        kind::STRING => Value::readable(string(raw)?.to_vec()),
        kind::DOCUMENT => map(raw, depth)?.into(),
        kind::ARRAY => array(raw, depth)?.into(),
        kind::BINARY => binary(raw)?,
        kind::UNDEFINED => form("$undefined", true),
        kind::OBJECT_ID => form("$oid", hex(raw)),
        kind::BOOL => match raw {
            [0] => false.into(),
            [1] => true.into(),
            _ => return None,
        },
        kind::DATE => {
            let since_1970 = i64::from_le_bytes(raw.try_into().ok()?);
            match date::shown(since_1970) {
                Some(text) => form("$date", text),
                None => form("$date", form("$numberLong", since_1970.to_string())),
            }
        }
        kind::NULL => Value::Null,
        kind::REGEX => {
            let mut parts = raw.split(|byte| *byte == 0);
            let pattern = Map::new().with("pattern", text(parts.next()?)?).with("options", text(parts.next()?)?);
            form("$regularExpression", pattern)
        }
        kind::DB_POINTER => {
            let (name, id) = raw.split_at_checked(raw.len().checked_sub(12)?)?;
            let pointer = Map::new().with("$ref", text(string(name)?)?).with("$id", form("$oid", hex(id)));
            form("$dbPointer", pointer)
        }
        kind::CODE => form(CODE, text(string(raw)?)?),
        kind::SYMBOL => form("$symbol", text(string(raw)?)?),
        kind::CODE_WITH_SCOPE => {
            let code = raw.get(4..)?;
            let (code, scope) = code.split_at_checked(length(kind::STRING, code)?)?;
            let scope = map(scope, depth + 1)?;
            Map::new().with(CODE, text(string(code)?)?).with(SCOPE, scope).into()
        }
        kind::INT32 => i32::from_le_bytes(raw.try_into().ok()?).into(),
        kind::INT64 => {
            let number = i64::from_le_bytes(raw.try_into().ok()?);
            match i32::try_from(number) {
                Ok(_) => form("$numberLong", number.to_string()),
                Err(_) => number.into(),
            }
        }
        kind::TIMESTAMP => {
            let number = u64::from_le_bytes(raw.try_into().ok()?);
            form("$timestamp", Map::new().with("t", number >> 32).with("i", number & 0xffff_ffff))
        }
        kind::DECIMAL128 => form("$numberDecimal", decimal::shown(raw.try_into().ok()?)?),
        kind::MIN_KEY => form("$minKey", 1),
        kind::MAX_KEY => form("$maxKey", 1),
        _ => return None,
    })
}

fn form(name: &str, value: impl Into<Value>) -> Value {
    Map::new().with(name, value).into()
}

fn double(number: f64) -> Option<Value> {
    let name = match number {
        n if n.is_nan() && n.to_bits() == f64::NAN.to_bits() => "NaN",
        n if n.is_nan() => return None, // one of the many others
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        n if n == 0.0 && n.is_sign_negative() => "-0.0",
        n => return Some(n.into()),
    };
    Some(form("$numberDouble", name))
}

fn map(raw: &[u8], depth: usize) -> Option<Map> {
    if depth > DEEPEST {
        return None;
    }
    let elements = elements(raw)?;
    let mut entries = Vec::with_capacity(elements.len());
    for Element { kind, name, raw } in elements {
        entries.push((text(name)?, value(kind, raw, depth + 1)));
    }
    if let [(name, _)] = entries.as_slice()
        && is_form(name)
    {
        return None;
    }
    if entries.iter().any(|(name, _)| name == CODE) {
        return None;
    }
    Map::from_entries(entries).ok()
}

/// Its fields are named 0, 1, 2 …
fn array(raw: &[u8], depth: usize) -> Option<Vec<Value>> {
    if depth > DEEPEST {
        return None;
    }
    let elements = elements(raw)?.into_iter().enumerate();
    elements
        .map(|(n, element)| {
            (element.name == n.to_string().as_bytes()).then(|| value(element.kind, element.raw, depth + 1))
        })
        .collect()
}

fn binary(raw: &[u8]) -> Option<Value> {
    let (subtype, data) = raw.get(4..)?.split_first()?;
    if *subtype == UUID && data.len() == 16 {
        let digits = hex(data);
        let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        return Some(form("$uuid", groups.join("-")));
    }
    let binary = Map::new().with("base64", BASE64.encode(data)).with("subType", format!("{subtype:02x}"));
    Some(form("$binary", binary))
}

/// A length, the bytes, and a NUL.
fn string(raw: &[u8]) -> Option<&[u8]> {
    raw.get(4..)?.strip_suffix(&[0])
}

/// What YAML shows as it is.
fn text(bytes: &[u8]) -> Option<String> {
    match Value::readable(bytes.to_vec()) {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Element<'a> {
    kind: u8,
    name: &'a [u8],
    /// The bytes of the value.
    raw: &'a [u8],
}

/// The elements of a document that fills `bytes`.
fn elements(bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut rest = bytes.get(4..)?.strip_suffix(&[0]).filter(|_| int(bytes) == Some(bytes.len()))?;
    let mut elements = Vec::new();
    while let Some((kind, behind)) = rest.split_first() {
        let end = behind.iter().position(|byte| *byte == 0)?;
        let (name, behind) = (&behind[..end], &behind[end + 1..]);
        let (raw, behind) = behind.split_at_checked(length(*kind, behind)?)?;
        elements.push(Element { kind: *kind, name, raw });
        rest = behind;
    }
    Some(elements)
}

/// How many of `bytes` are the value of this type that they start with.
fn length(kind: u8, bytes: &[u8]) -> Option<usize> {
    Some(match kind {
        kind::UNDEFINED | kind::NULL | kind::MIN_KEY | kind::MAX_KEY => 0,
        kind::BOOL => 1,
        kind::INT32 => 4,
        kind::DOUBLE | kind::DATE | kind::TIMESTAMP | kind::INT64 => 8,
        kind::OBJECT_ID => 12,
        kind::DECIMAL128 => 16,
        kind::STRING | kind::CODE | kind::SYMBOL => int(bytes)?.checked_add(4)?,
        kind::BINARY => int(bytes)?.checked_add(5)?,
        kind::DB_POINTER => int(bytes)?.checked_add(16)?,
        kind::DOCUMENT | kind::ARRAY | kind::CODE_WITH_SCOPE => int(bytes).filter(|length| *length >= 5)?,
        kind::REGEX => {
            let pattern = bytes.iter().position(|byte| *byte == 0)? + 1;
            pattern + bytes[pattern..].iter().position(|byte| *byte == 0)? + 1
        }
        _ => return None,
    })
}

fn int(bytes: &[u8]) -> Option<usize> {
    let bytes = bytes.get(..4)?.try_into().ok()?;
    usize::try_from(i32::from_le_bytes(bytes)).ok()
}
