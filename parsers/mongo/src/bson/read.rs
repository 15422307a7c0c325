//! BSON to documents.
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use keploy_sdk::{Map, Value};

use super::{CODE, SCOPE, UUID, date, decimal, is_form, kind};

/// Documents nested deeper than this are left as bytes: documents may be nested 128 deep, and forms add to it.
const DEEPEST: usize = 100;

/// A document that fills `bytes`; none when it is not well-formed at its top.
pub fn document(bytes: &[u8]) -> Option<Value> {
    let mut elements = elements(bytes);
    elements.by_ref().for_each(drop);
    elements.is_whole.then(|| value(kind::DOCUMENT, bytes, 0))
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

/// How many values there are in documents, one behind the other: what they cost as a tree.
pub fn count(mut documents: &[u8]) -> usize {
    let mut all = 0;
    while let Some((document, rest)) =
        length(kind::DOCUMENT, documents).and_then(|length| documents.split_at_checked(length))
    {
        all += values(document, 0);
        documents = rest;
    }
    all
}

fn values(document: &[u8], depth: usize) -> usize {
    if depth > DEEPEST {
        return 0;
    }
    let below = |element: Element<'_>| match element.kind {
        kind::DOCUMENT | kind::ARRAY => 1 + values(element.raw, depth + 1),
        _ => 1,
    };
    elements(document).map(below).sum()
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
    let mut elements = elements(raw);
    let mut entries = Vec::new();
    for Element { kind, name, raw } in elements.by_ref() {
        entries.push((text(name)?, value(kind, raw, depth + 1)));
    }
    if !elements.is_whole {
        return None;
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
    let mut elements = elements(raw);
    let mut items = Vec::new();
    for Element { kind, name, raw } in elements.by_ref() {
        if name != items.len().to_string().as_bytes() {
            return None;
        }
        items.push(value(kind, raw, depth + 1));
    }
    elements.is_whole.then_some(items)
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

/// The elements of a document that fills `bytes`; it ends early where they are not well-formed.
fn elements(bytes: &[u8]) -> Elements<'_> {
    let inside = bytes.get(4..).and_then(|behind| behind.strip_suffix(&[0]));
    match inside.filter(|_| int(bytes) == Some(bytes.len())) {
        Some(rest) => Elements { rest, is_whole: true },
        None => Elements { rest: &[], is_whole: false },
    }
}

struct Elements<'a> {
    rest: &'a [u8],
    /// All that was seen so far is well-formed.
    is_whole: bool,
}

impl<'a> Elements<'a> {
    fn take(&mut self) -> Option<Element<'a>> {
        let (kind, behind) = self.rest.split_first()?;
        let end = behind.iter().position(|byte| *byte == 0)?;
        let (name, behind) = (&behind[..end], &behind[end + 1..]);
        let (raw, behind) = behind.split_at_checked(length(*kind, behind)?)?;
        self.rest = behind;
        Some(Element { kind: *kind, name, raw })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let element = self.take();
        if element.is_none() {
            (self.rest, self.is_whole) = (&[], false);
        }
        element
    }
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
