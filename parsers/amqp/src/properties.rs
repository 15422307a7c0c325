//! A message's properties: those that were sent, under the specification's names, also when they are empty.
use keploy_sdk::{Fault, Map, Value};

use crate::{
    table,
    wire::{Reader, put_short_string, text},
};

#[derive(Clone, Copy)]
enum Type {
    Octet,
    Timestamp,
    ShortString,
    Table,
}

/// In the order of their flags, the highest first.
const PROPERTIES: [(&str, Type); 14] = [
    ("content-type", Type::ShortString),
    ("content-encoding", Type::ShortString),
    ("headers", Type::Table),
    ("delivery-mode", Type::Octet),
    ("priority", Type::Octet),
    ("correlation-id", Type::ShortString),
    ("reply-to", Type::ShortString),
    ("expiration", Type::ShortString),
    ("message-id", Type::ShortString),
    ("timestamp", Type::Timestamp),
    ("type", Type::ShortString),
    ("user-id", Type::ShortString),
    ("app-id", Type::ShortString),
    ("cluster-id", Type::ShortString),
];

/// Behind a content header's class, weight and size.
///
/// # Errors
/// When that is not what follows.
pub fn read(payload: &[u8]) -> Result<Map, Fault> {
    try_read(payload).ok_or_else(|| {
        let bytes = payload[..payload.len().min(64)].escape_ascii();
        Fault::new("bad-properties", format!("a message's properties expected, found {bytes}"))
    })
}

fn try_read(payload: &[u8]) -> Option<Map> {
    let mut reader = Reader(payload);
    let flags = reader.u16()?;
    // The two lowest bits: one means nothing, one that more flags follow. No property needs them.
    if flags & 0b11 != 0 {
        return None;
    }
    let mut properties = Map::new();
    for (at, (name, of)) in PROPERTIES.iter().enumerate() {
        if flags & (1 << (15 - at)) == 0 {
            continue;
        }
        let value: Value = match of {
            Type::Octet => reader.u8()?.into(),
            Type::Timestamp => reader.u64()?.into(),
            Type::ShortString => text(reader.short_string()?),
            Type::Table => table::read(&mut reader)?.into(),
        };
        properties.insert(*name, value);
    }
    reader.0.is_empty().then_some(properties)
}

/// # Errors
/// When a property is not of its type.
pub fn write(out: &mut Vec<u8>, properties: &Map) -> Result<(), Fault> {
    let known = |name: &str| PROPERTIES.iter().any(|(known, _)| *known == name);
    if let Some((name, _)) = properties.iter().find(|(name, _)| !known(name)) {
        return Err(Fault::new("bad-document", format!("messages have no property {name}")));
    }
    let mut flags = 0_u16;
    let mut values = Vec::new();
    for (at, (name, of)) in PROPERTIES.iter().enumerate() {
        let Some(value) = properties.get(name) else { continue };
        flags |= 1 << (15 - at);
        write_one(&mut values, *of, value)
            .ok_or_else(|| Fault::new("bad-document", format!("the property {name} cannot be {value:?}")))?;
    }
    out.extend(flags.to_be_bytes());
    out.extend(values);
    Ok(())
}

fn write_one(out: &mut Vec<u8>, of: Type, value: &Value) -> Option<()> {
    match of {
        Type::Octet => out.push(u8::try_from(value.as_int()?).ok()?),
        Type::Timestamp => out.extend(u64::try_from(value.as_int()?).ok()?.to_be_bytes()),
        Type::ShortString => put_short_string(out, value.as_raw()?),
        Type::Table => table::write(out, value.as_map()?)?,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_come_back() {
        let strings = |count: usize| b"\x01x".repeat(count);
        let mut bytes = vec![0xff, 0xfc];
        bytes.extend(strings(2));
        bytes.extend(b"\0\0\0\x04\x01kt\x01");
        bytes.extend([2, 9]);
        bytes.extend(strings(4));
        bytes.extend(1_700_000_000_u64.to_be_bytes());
        bytes.extend(strings(4));
        let properties = read(&bytes).expect("well formed");
        assert_eq!(properties.len(), 14);
        let mut out = Vec::new();
        write(&mut out, &properties).expect("what was read can be written");
        assert_eq!(out, bytes);
    }

    #[test]
    fn what_is_no_property_is_named() {
        let mut out = Vec::new();
        let fault = write(&mut out, &Map::new().with("colour", "red")).expect_err("there is no such property");
        assert_eq!(fault.message, "messages have no property colour");
    }
}
