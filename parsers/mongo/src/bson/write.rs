//! Documents to BSON.
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use keploy_sdk::{Fault, Map, Value};

use super::{CODE, SCOPE, UUID, date, decimal, is_form, kind};

/// A document, behind what is in `out`.
///
/// # Errors
/// When something in it is no value of BSON: somebody has edited it. It says what.
pub fn write(document: &Value, out: &mut Vec<u8>) -> Result<(), Fault> {
    match value(document)? {
        (kind::DOCUMENT, raw) => out.extend(raw),
        _ => return Err(bad(document, "a document")),
    }
    Ok(())
}

fn bad(found: &Value, expected: &str) -> Fault {
    let mut found = format!("{found:?}");
    if let Some((end, _)) = found.char_indices().nth(100) {
        found.truncate(end);
        found.push('…');
    }
    Fault::new("bad-document", format!("expected {expected}, found {found}"))
}

/// The type, and the bytes of the value.
fn value(value: &Value) -> Result<(u8, Vec<u8>), Fault> {
    Ok(match value {
        Value::Null => (kind::NULL, Vec::new()),
        Value::Bool(value) => (kind::BOOL, vec![u8::from(*value)]),
        Value::Int(number) => match (i32::try_from(*number), i64::try_from(*number)) {
            (Ok(number), _) => (kind::INT32, number.to_le_bytes().to_vec()),
            (_, Ok(number)) => (kind::INT64, number.to_le_bytes().to_vec()),
            _ => return Err(bad(value, "a whole number of at most 64 bits")),
        },
        Value::Float(number) => (kind::DOUBLE, number.to_le_bytes().to_vec()),
        Value::Text(text) => (kind::STRING, string(text.as_bytes())),
        Value::Bytes(bytes) => (kind::STRING, string(bytes)),
        Value::Array(items) => {
            let named = items.iter().enumerate().map(|(n, item)| (n.to_string(), item));
            (kind::ARRAY, elements(named)?)
        }
        Value::Map(map) => match form(map) {
            Some(written) => written.ok_or_else(|| bad(value, "an extended JSON value"))?,
            None => (kind::DOCUMENT, elements(map.iter())?),
        },
        Value::Blob(_) => return Err(bad(value, "a value that is not kept elsewhere")),
    })
}

fn elements<'v>(entries: impl Iterator<Item = (impl AsRef<str>, &'v Value)>) -> Result<Vec<u8>, Fault> {
    let mut out = vec![0; 4];
    for (name, item) in entries {
        let (kind, raw) = value(item)?;
        let name = name.as_ref();
        if name.contains('\0') {
            return Err(bad(&name.into(), "a name without NUL"));
        }
        out.push(kind);
        out.extend(name.as_bytes());
        out.push(0);
        out.extend(raw);
    }
    out.push(0);
    let length = out.len() as u32;
    out[..4].copy_from_slice(&length.to_le_bytes());
    Ok(out)
}

/// None: a document like any other. `Some(None)`: one of the forms, but not well-formed.
#[expect(clippy::option_option, reason = "two questions, the second of which only makes sense after the first")]
fn form(map: &Map) -> Option<Option<(u8, Vec<u8>)>> {
    if let Some(code) = map.get(CODE) {
        return Some(javascript(code, map));
    }
    let mut entries = map.iter();
    let (Some((name, value)), None) = (entries.next(), entries.next()) else { return None };
    is_form(name).then(|| special(name, value))
}

fn special(name: &str, value: &Value) -> Option<(u8, Vec<u8>)> {
    let text = value.as_str();
    Some(match name {
        "$numberDouble" => {
            let number: f64 = match text? {
                "NaN" => f64::NAN,
                "Infinity" => f64::INFINITY,
                "-Infinity" => f64::NEG_INFINITY,
                number => number.parse().ok()?,
            };
            (kind::DOUBLE, number.to_le_bytes().to_vec())
        }
        "$numberInt" => (kind::INT32, text?.parse::<i32>().ok()?.to_le_bytes().to_vec()), // never written by us
        "$numberLong" => (kind::INT64, text?.parse::<i64>().ok()?.to_le_bytes().to_vec()),
        "$numberDecimal" => (kind::DECIMAL128, decimal::read(text?)?.to_vec()),
        "$oid" => (kind::OBJECT_ID, unhex(text?).filter(|id| id.len() == 12)?),
        "$uuid" => {
            let bytes = unhex(&text?.replace('-', "")).filter(|bytes| bytes.len() == 16)?;
            (kind::BINARY, binary(UUID, &bytes))
        }
        "$binary" => {
            let data = BASE64.decode(value.get("base64")?.as_str()?).ok()?;
            let subtype = u8::from_str_radix(value.get("subType")?.as_str()?, 16).ok()?;
            (kind::BINARY, binary(subtype, &data))
        }
        "$date" => {
            let since_1970 = match text {
                Some(text) => date::read(text)?,
                None => value.get("$numberLong")?.as_str()?.parse().ok()?,
            };
            (kind::DATE, since_1970.to_le_bytes().to_vec())
        }
        "$timestamp" => {
            let part = |name| u32::try_from(value.get(name)?.as_int()?).ok();
            (kind::TIMESTAMP, (u64::from(part("t")?) << 32 | u64::from(part("i")?)).to_le_bytes().to_vec())
        }
        "$regularExpression" => {
            let parts = [value.get("pattern")?.as_str()?, value.get("options")?.as_str()?];
            if parts.iter().any(|part| part.contains('\0')) {
                return None;
            }
            (kind::REGEX, parts.map(|part| format!("{part}\0")).concat().into_bytes())
        }
        "$symbol" => (kind::SYMBOL, string(text?.as_bytes())),
        "$undefined" => (kind::UNDEFINED, Vec::new()),
        "$dbPointer" => {
            let id = value.get("$id")?.get("$oid")?.as_str()?;
            let id = unhex(id).filter(|id| id.len() == 12)?;
            (kind::DB_POINTER, [string(value.get("$ref")?.as_str()?.as_bytes()), id].concat())
        }
        "$minKey" => (kind::MIN_KEY, Vec::new()),
        "$maxKey" => (kind::MAX_KEY, Vec::new()),
        "$bson" => {
            let kind = u8::try_from(value.get("type")?.as_int()?).ok()?;
            (kind, value.get("value")?.as_raw()?.to_vec())
        }
        _ => return None,
    })
}

fn javascript(code: &Value, map: &Map) -> Option<(u8, Vec<u8>)> {
    let code = string(code.as_str()?.as_bytes());
    let Some(scope) = map.get(SCOPE) else { return (map.len() == 1).then_some((kind::CODE, code)) };
    let (kind::DOCUMENT, scope) = value(scope).ok().filter(|_| map.len() == 2)? else { return None };
    let length = (4 + code.len() + scope.len()) as u32;
    Some((kind::CODE_WITH_SCOPE, [length.to_le_bytes().to_vec(), code, scope].concat()))
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(bytes.len() + 5);
    raw.extend((bytes.len() as u32 + 1).to_le_bytes());
    raw.extend(bytes);
    raw.push(0);
    raw
}

fn binary(subtype: u8, data: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(data.len() + 5);
    raw.extend((data.len() as u32).to_le_bytes());
    raw.push(subtype);
    raw.extend(data);
    raw
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
