//! Messages whose types are known: by the names of their fields.
//!
//! As in [`super::loose`], what would not be written the same again is not read by name: such a message is shown by the
//! numbers of its fields, where it stands.
use keploy_sdk::{Map, Value};

use super::{
    descriptor::{Field, Kind, Message, Types},
    loose,
    number::{self, signed},
    wire::{self, Raw},
};

const MAX_DEPTH: usize = 24;

/// A message of a known type; none when its bytes do not come back.
pub fn decode(types: &Types, name: &str, bytes: &[u8]) -> Option<Value> {
    at_depth(types, name, bytes, 0)
}

fn at_depth(types: &Types, name: &str, bytes: &[u8], depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let message = types.messages.get(name)?;
    let mut by_number: Vec<(u32, Vec<Raw<'_>>)> = Vec::new();
    for (number, raw) in wire::fields(bytes)? {
        match by_number.iter_mut().find(|(n, _)| *n == number) {
            Some((_, raws)) => raws.push(raw),
            None => by_number.push((number, vec![raw])),
        }
    }
    let mut map = Map::new();
    for (number, raws) in by_number {
        match message.fields.get(&number) {
            Some(field) => map.insert(field.name.as_str(), field_value(types, field, &raws, depth)?),
            None => map.insert(number.to_string(), unknown(&raws, depth)?),
        }
    }
    let document = map.into();
    let mut again = Vec::with_capacity(bytes.len());
    encode(types, name, &document, &mut again).ok()?;
    (again == bytes).then_some(document)
}

fn unknown(raws: &[Raw<'_>], depth: usize) -> Option<Value> {
    match raws {
        [raw] => loose::value(raw, depth),
        raws => raws.iter().map(|raw| loose::value(raw, depth)).collect::<Option<Vec<_>>>().map(Value::from),
    }
}

fn field_value(types: &Types, field: &Field, raws: &[Raw<'_>], depth: usize) -> Option<Value> {
    if let Some(entry) = map_entry(types, field) {
        let mut map = Map::new();
        for raw in raws {
            let Raw::Bytes(bytes) = raw else { return None };
            let pair = entry_value(types, entry, bytes, depth)?;
            if map.get(&pair.0).is_some() {
                return None;
            }
            map.insert(pair.0, pair.1);
        }
        return Some(map.into());
    }
    match raws {
        [Raw::Bytes(bytes)] if field.is_packed => unpack(types, &field.kind, bytes).map(Value::from),
        raws if field.is_repeated => {
            raws.iter().map(|raw| scalar(types, &field.kind, raw, depth)).collect::<Option<Vec<_>>>().map(Value::from)
        }
        [raw] => scalar(types, &field.kind, raw, depth),
        _ => None,
    }
}

fn map_entry<'a>(types: &'a Types, field: &Field) -> Option<&'a Message> {
    let Kind::Message(name) = &field.kind else { return None };
    types.messages.get(name).filter(|message| message.is_map_entry)
}

fn entry_value(types: &Types, entry: &Message, bytes: &[u8], depth: usize) -> Option<(String, Value)> {
    let fields = wire::fields(bytes)?;
    let [(1, key), (2, value)] = fields.as_slice() else { return None };
    let key = match scalar(types, &entry.fields.get(&1)?.kind, key, depth)? {
        Value::Text(text) => text,
        Value::Int(number) => number.to_string(),
        Value::Bool(is) => is.to_string(),
        _ => return None,
    };
    Some((key, scalar(types, &entry.fields.get(&2)?.kind, value, depth)?))
}

fn unpack(types: &Types, kind: &Kind, mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let (raw, rest) = match kind {
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => {
                bytes.split_first_chunk().map(|(value, rest)| (Raw::Fixed64(u64::from_le_bytes(*value)), rest))?
            }
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => {
                bytes.split_first_chunk().map(|(value, rest)| (Raw::Fixed32(u32::from_le_bytes(*value)), rest))?
            }
            _ => wire::varint(bytes).map(|(value, rest)| (Raw::Varint(value), rest))?,
        };
        values.push(scalar(types, kind, &raw, 0)?);
        bytes = rest;
    }
    Some(values)
}

fn scalar(types: &Types, kind: &Kind, raw: &Raw<'_>, depth: usize) -> Option<Value> {
    Some(match (kind, raw) {
        (Kind::Int, Raw::Varint(value)) => Value::Int(signed(*value)),
        (Kind::Uint, Raw::Varint(value)) => Value::from(*value),
        (Kind::Sint, Raw::Varint(value)) => {
            Value::Int(i128::from((value >> 1).cast_signed() ^ -(value & 1).cast_signed()))
        }
        (Kind::Bool, Raw::Varint(value @ (0 | 1))) => Value::Bool(*value == 1),
        (Kind::Enum(name), Raw::Varint(value)) => {
            let value = signed(*value);
            let known = types.enums.get(name).and_then(|known| known.values.iter().find(|(_, n)| *n == value));
            known.map_or(Value::Int(value), |(name, _)| name.as_str().into())
        }
        (Kind::Double, Raw::Fixed64(value)) => Value::Float(f64::from_bits(*value)),
        (Kind::Float, Raw::Fixed32(value)) => Value::Float(number::of_single(f32::from_bits(*value))),
        (Kind::Fixed64, Raw::Fixed64(value)) => Value::from(*value),
        (Kind::Sfixed64, Raw::Fixed64(value)) => Value::Int(signed(*value)),
        (Kind::Fixed32, Raw::Fixed32(value)) => Value::from(*value),
        (Kind::Sfixed32, Raw::Fixed32(value)) => Value::from(value.cast_signed()),
        (Kind::String | Kind::Bytes, Raw::Bytes(bytes)) => Value::readable(bytes.to_vec()),
        (Kind::Message(name), Raw::Bytes(bytes)) | (Kind::Group(name), Raw::Group(bytes)) => {
            at_depth(types, name, bytes, depth + 1).or_else(|| loose::decode(bytes))?
        }
        _ => return None,
    })
}

/// Writes what [`decode`] made, or a person after it.
///
/// # Errors
/// In words, naming the field.
pub fn encode(types: &Types, name: &str, document: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let map = document.as_map().ok_or_else(|| format!("{name} is a map of its fields"))?;
    let message = types.messages.get(name).ok_or_else(|| format!("the descriptors do not have {name}"))?;
    for (key, value) in map.iter() {
        let Some((number, field)) = message.named(key) else {
            // By number, what is unknown, or all of a message that could not be read by name.
            loose::encode(&Map::new().with(key, value.clone()).into(), out).map_err(|why| format!("{name}: {why}"))?;
            continue;
        };
        encode_field(types, number, field, value, out).map_err(|why| format!("{name}.{key}: {why}"))?;
    }
    Ok(())
}

fn encode_field(types: &Types, number: u32, field: &Field, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    if let Some(entry) = map_entry(types, field) {
        let entries = value.as_map().ok_or("a map of keys and values")?;
        return entries.iter().try_for_each(|(key, value)| encode_entry(types, number, entry, key, value, out));
    }
    if !field.is_repeated {
        return encode_scalar(types, number, &field.kind, value, out);
    }
    let values = value.as_array().ok_or("a list")?;
    if !field.is_packed {
        return values.iter().try_for_each(|value| encode_scalar(types, number, &field.kind, value, out));
    }
    let mut packed = Vec::new();
    for value in values {
        let mut one = Vec::new();
        encode_scalar(types, 1, &field.kind, value, &mut one)?;
        // Without its tag, which is a byte for field 1.
        packed.extend_from_slice(one.get(1..).unwrap_or_default());
    }
    wire::write(out, number, &Raw::Bytes(&packed));
    Ok(())
}

fn encode_entry(
    types: &Types,
    number: u32,
    entry: &Message,
    key: &str,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let (Some(key_field), Some(value_field)) = (entry.fields.get(&1), entry.fields.get(&2)) else {
        return Err("the descriptors do not say what it maps".to_owned());
    };
    let key = match key_field.kind {
        Kind::String => Value::from(key),
        Kind::Bool => Value::Bool(key == "true"),
        _ => Value::Int(key.parse().map_err(|_| format!("the key {key:?} is not a whole number"))?),
    };
    let mut pair = Vec::new();
    encode_scalar(types, 1, &key_field.kind, &key, &mut pair)?;
    encode_scalar(types, 2, &value_field.kind, value, &mut pair)?;
    wire::write(out, number, &Raw::Bytes(&pair));
    Ok(())
}

fn encode_scalar(types: &Types, number: u32, kind: &Kind, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let mut inner = Vec::new();
    let int = || number::int(value);
    let too_large = |_| "a number that is too large for it".to_owned();
    let raw = match kind {
        Kind::Int | Kind::Uint => Raw::Varint(number::unsigned(int()?)?),
        Kind::Sint => {
            let value = i64::try_from(int()?).map_err(too_large)?;
            Raw::Varint(((value << 1) ^ (value >> 63)).cast_unsigned())
        }
        Kind::Bool => match value {
            Value::Bool(value) => Raw::Varint((*value).into()),
            _ => return Err("true or false".to_owned()),
        },
        Kind::Enum(name) => Raw::Varint(number::unsigned(enum_value(types, name, value)?)?),
        Kind::Double => Raw::Fixed64(number::float(value)?.to_bits()),
        Kind::Float => Raw::Fixed32(number::single(value)?.to_bits()),
        Kind::Fixed64 | Kind::Sfixed64 => Raw::Fixed64(number::unsigned(int()?)?),
        Kind::Fixed32 => Raw::Fixed32(u32::try_from(int()?).map_err(too_large)?),
        Kind::Sfixed32 => Raw::Fixed32(i32::try_from(int()?).map_err(too_large)?.cast_unsigned()),
        Kind::String | Kind::Bytes => Raw::Bytes(value.as_raw().ok_or("text or bytes")?),
        Kind::Message(name) => {
            encode(types, name, value, &mut inner)?;
            Raw::Bytes(&inner)
        }
        Kind::Group(name) => {
            encode(types, name, value, &mut inner)?;
            Raw::Group(&inner)
        }
    };
    wire::write(out, number, &raw);
    Ok(())
}

fn enum_value(types: &Types, name: &str, value: &Value) -> Result<i128, String> {
    let Some(text) = value.as_str() else { return number::int(value) };
    let known = types.enums.get(name).and_then(|known| known.values.iter().find(|(name, _)| name == text));
    known.map(|(_, number)| *number).ok_or_else(|| format!("{name} has no value {text}"))
}
