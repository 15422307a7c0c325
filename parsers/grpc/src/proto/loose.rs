//! Messages whose types nobody knows: by field numbers, with a guess at what the bytes mean.
//!
//! A guess is only taken when writing it gives the same bytes again; so nothing is lost, however wrong it is.
use keploy_sdk::{Map, Value};

use super::{
    number::{self, signed},
    wire::{self, Raw},
};

/// Documents are not nested without end; what is deeper stays bytes.
const MAX_DEPTH: usize = 24;
/// The key of a message whose repeated fields are not next to each other: then a list says the order.
const IN_ORDER: &str = "in-order";

/// A message by the numbers of its fields; none: it is not one, or not one that could be written the same again.
pub fn decode(bytes: &[u8]) -> Option<Value> {
    at_depth(bytes, 0)
}

fn at_depth(bytes: &[u8], depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let fields: Option<Vec<(u32, Value)>> =
        wire::fields(bytes)?.into_iter().map(|(number, raw)| Some((number, value(&raw, depth)?))).collect();
    let document = in_order(fields?);
    let mut again = Vec::with_capacity(bytes.len());
    encode(&document, &mut again).ok()?;
    (again == bytes).then_some(document)
}

/// One entry a field, with a list of what is repeated.
fn in_order(fields: Vec<(u32, Value)>) -> Value {
    let mut map = Map::new();
    for run in fields.chunk_by(|a, b| a.0 == b.0) {
        let Some((number, first)) = run.first() else { continue };
        let name = number.to_string();
        if map.get(&name).is_some() {
            let each = fields.into_iter().map(|(number, value)| Map::new().with(number.to_string(), value).into());
            return Map::new().with(IN_ORDER, each.collect::<Vec<Value>>()).into();
        }
        match run {
            [_] => map.insert(name, first.clone()),
            _ => map.insert(name, run.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>()),
        }
    }
    map.into()
}

/// What a field most likely means.
pub(super) fn value(raw: &Raw<'_>, depth: usize) -> Option<Value> {
    Some(match raw {
        Raw::Varint(value) => Value::Int(signed(*value)),
        Raw::Fixed64(value) => match number::likely_double(*value) {
            Some(float) => tagged("double", float),
            None => tagged("fixed64", Value::Int(signed(*value))),
        },
        Raw::Fixed32(value) => match number::likely_float(*value) {
            Some(float) => tagged("float", float),
            None => tagged("fixed32", *value),
        },
        Raw::Bytes(bytes) => text_or_message(bytes, depth),
        Raw::Group(bytes) => tagged("group", at_depth(bytes, depth + 2)?),
    })
}

fn tagged(name: &str, value: impl Into<Value>) -> Value {
    Map::new().with(name, value).into()
}

fn text_or_message(bytes: &[u8], depth: usize) -> Value {
    let readable = Value::readable(bytes.to_vec());
    // Tags and lengths are control characters, mostly: text without any is text.
    let is_line = readable.as_str().is_some_and(|text| !text.contains(['\n', '\r', '\t']));
    if is_line { readable } else { at_depth(bytes, depth + 1).unwrap_or(readable) }
}

/// Writes what [`decode`] made, or a person after it.
///
/// # Errors
/// In words, naming the field.
pub fn encode(document: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let map = document.as_map().ok_or("a message is a map of field numbers")?;
    if let Some(fields) = map.get(IN_ORDER) {
        let fields = fields.as_array().ok_or("`in-order` is a list of maps with one field each")?;
        return fields.iter().try_for_each(|field| encode(field, out));
    }
    for (name, value) in map.iter() {
        let number: u32 = name.parse().map_err(|_| {
            format!(
                "{name:?} is no field number\nhint: messages that were recorded by their fields' names need the same descriptors when they are replayed"
            )
        })?;
        let values = if let Value::Array(values) = value { values.as_slice() } else { std::slice::from_ref(value) };
        for value in values {
            encode_field(number, value, out).map_err(|why| format!("field {number}: {why}"))?;
        }
    }
    Ok(())
}

pub(super) fn encode_field(number: u32, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let mut inner = Vec::new();
    let raw = match value {
        Value::Int(value) => Raw::Varint(number::unsigned(*value)?),
        Value::Bool(value) => Raw::Varint((*value).into()),
        Value::Text(text) => Raw::Bytes(text.as_bytes()),
        Value::Bytes(bytes) => Raw::Bytes(bytes),
        Value::Map(map) => match map.iter().next().filter(|_| map.len() == 1) {
            Some(("double", value)) => Raw::Fixed64(number::float(value)?.to_bits()),
            Some(("fixed64", value)) => Raw::Fixed64(number::unsigned(number::int(value)?)?),
            Some(("float", value)) => Raw::Fixed32(number::single(value)?.to_bits()),
            Some(("fixed32", value)) => {
                Raw::Fixed32(u32::try_from(number::int(value)?).map_err(|_| "not a number of 32 bits")?)
            }
            Some(("group", value)) => {
                encode(value, &mut inner)?;
                Raw::Group(&inner)
            }
            _ => {
                encode(value, &mut inner)?;
                Raw::Bytes(&inner)
            }
        },
        Value::Null | Value::Float(_) | Value::Array(_) | Value::Blob(_) => {
            return Err(
                "a value that no field can have\nhint: a number with a point is written {double: 1.5}".to_owned()
            );
        }
    };
    wire::write(out, number, &raw);
    Ok(())
}

#[cfg(test)]
mod tests {
    use keploy_sdk::{Map, Value};

    use super::{decode, encode};

    fn round(bytes: &[u8]) -> Option<Value> {
        let document = decode(bytes)?;
        let mut again = Vec::new();
        encode(&document, &mut again).expect("what was read can be written");
        assert_eq!(again, bytes);
        Some(document)
    }

    #[test]
    fn numbers_texts_and_messages_are_told_apart() {
        let message =
            round(b"\x0a\x05Alice\x10\x96\x01\x1a\x04\x0a\x02ok\x21\x00\x00\x00\x00\x00\x00\xf8\x3f").expect("one");
        let expected = Map::new()
            .with("1", "Alice")
            .with("2", 150)
            .with("3", Map::new().with("1", "ok"))
            .with("4", Map::new().with("double", 1.5));
        assert_eq!(message, expected.into());
    }

    #[test]
    fn repeated_fields_are_lists_in_order() {
        assert_eq!(round(b"\x08\x01\x08\x02"), Some(Map::new().with("1", vec![Value::Int(1), Value::Int(2)]).into()));
        let apart = round(b"\x08\x01\x10\x02\x08\x03").expect("a message");
        assert_eq!(apart.get("in-order").and_then(Value::as_array).map(<[_]>::len), Some(3));
    }

    #[test]
    fn odd_ones_come_back_too() {
        // A negative number, a group, a float, an empty message, and a field of 32 bits that is no float.
        round(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").expect("-1");
        round(b"\x0b\x10\x01\x0c").expect("a group");
        round(b"\x0d\xcd\xcc\x8c\x3f\x15\x07\x00\x00\x00").expect("1.1 and 7");
        assert_eq!(round(b""), Some(Map::new().into()));
        // Not minimal: it could not be written the same again.
        assert_eq!(decode(b"\x08\x81\x00"), None);
        assert_eq!(decode(b"not a message"), None);
    }
}
