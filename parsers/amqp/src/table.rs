//! Field tables: headers, arguments, properties of clients and servers.
//!
//! | AMQP | document |
//! |---|---|
//! | `S` long string | text; `!!binary` when it is none |
//! | `t` boolean, `V` void, `A` array, `F` table | `true`, `null`, list, map |
//! | `I` 32 bits; `l` 64 bits, when 32 are too few | number |
//! | `d` double | number with a fraction |
//! | all others, and an `l` that fits into 32 bits | a map of one entry that names the type: `{i8: 5}`, `{timestamp: 1700000000}` |
//!
//! A table that would look like such a map is written `{table: {…}}`. Types are RabbitMQ's, which differ from the
//! specification's: <https://www.rabbitmq.com/amqp-0-9-1-errata.html#section_3>.
use keploy_sdk::{Map, Value};

use crate::wire::{Reader, put_long_string, put_short_string, text};

/// Deeper than any client nests them.
const DEEPEST: usize = 32;

/// Types by the name that a document gives them.
const NAMES: [(&str, u8); 13] = [
    ("i8", b'b'),
    ("u8", b'B'),
    ("i16", b's'),
    ("i16-u", b'U'),
    ("u16", b'u'),
    ("u32", b'i'),
    ("i64", b'l'),
    ("i64-l", b'L'),
    ("f32", b'f'),
    ("f64", b'd'),
    ("decimal", b'D'),
    ("timestamp", b'T'),
    ("bytes", b'x'),
];
const TABLE: &str = "table";

/// `None`: it is not a table, or too deep.
pub fn read(reader: &mut Reader<'_>) -> Option<Map> {
    read_table(reader, 0)
}

fn read_table(reader: &mut Reader<'_>, depth: usize) -> Option<Map> {
    if depth > DEEPEST {
        return None;
    }
    let mut fields = Reader(reader.long_string()?);
    let mut entries = Vec::new();
    while !fields.0.is_empty() {
        let name = std::str::from_utf8(fields.short_string()?).ok()?.to_owned();
        entries.push((name, read_field(&mut fields, depth)?));
    }
    // Two fields of one name mean nothing, and no client sends them.
    Map::from_entries(entries).ok()
}

fn read_field(reader: &mut Reader<'_>, depth: usize) -> Option<Value> {
    let kind = reader.u8()?;
    let tagged = |value: Value| {
        let name = NAMES.iter().find(|(_, of)| *of == kind)?.0;
        Some(Map::new().with(name, value).into())
    };
    let whole = |number: i128| tagged(Value::Int(number));
    match kind {
        b'S' => Some(text(reader.long_string()?)),
        b't' => match reader.u8()? {
            0 => Some(Value::Bool(false)),
            1 => Some(Value::Bool(true)),
            _ => None,
        },
        b'V' => Some(Value::Null),
        b'F' => Some(shielded(read_table(reader, depth + 1)?)),
        b'A' => read_array(reader, depth + 1),
        b'I' => Some(Value::Int(i32::from_be_bytes(reader.array()?).into())),
        b'l' => {
            let number = i64::from_be_bytes(reader.array()?);
            if i32::try_from(number).is_ok() { whole(number.into()) } else { Some(Value::Int(number.into())) }
        }
        b'd' => {
            let bits = reader.u64()?;
            let number = f64::from_bits(bits);
            // Not every NaN survives a text; and one without a fraction is to be seen as a float.
            if number.is_nan() { tagged(bits.into()) } else { Some(Value::Float(number)) }
        }
        b'f' => {
            let bits = reader.u32()?;
            let number = f32::from_bits(bits);
            if number.is_nan() { whole(bits.into()) } else { tagged(Value::Float(number.into())) }
        }
        b'b' => whole(i8::from_be_bytes(reader.array()?).into()),
        b'B' => whole(reader.u8()?.into()),
        b's' | b'U' => whole(i16::from_be_bytes(reader.array()?).into()),
        b'u' => whole(reader.u16()?.into()),
        b'i' => whole(reader.u32()?.into()),
        b'L' => whole(i64::from_be_bytes(reader.array()?).into()),
        b'T' => whole(reader.u64()?.into()),
        b'D' => {
            let (scale, number) = (reader.u8()?, i32::from_be_bytes(reader.array()?));
            tagged(Value::Array(vec![Value::Int(scale.into()), Value::Int(number.into())]))
        }
        b'x' => tagged(Value::Bytes(reader.long_string()?.to_vec())),
        _ => None,
    }
}

fn read_array(reader: &mut Reader<'_>, depth: usize) -> Option<Value> {
    if depth > DEEPEST {
        return None;
    }
    let mut items = Reader(reader.long_string()?);
    let mut values = Vec::new();
    while !items.0.is_empty() {
        values.push(read_field(&mut items, depth)?);
    }
    Some(Value::Array(values))
}

/// A table, told apart from a value that names its type.
fn shielded(table: Map) -> Value {
    match is_tagged(&table) {
        true => Map::new().with(TABLE, table).into(),
        false => table.into(),
    }
}

fn is_tagged(table: &Map) -> bool {
    let is_tag = |name: &str| name == TABLE || NAMES.iter().any(|(tag, _)| *tag == name);
    table.len() == 1 && table.iter().all(|(name, _)| is_tag(name))
}

/// `None`: a document that no table was read as.
pub fn write(out: &mut Vec<u8>, table: &Map) -> Option<()> {
    let mut fields = Vec::new();
    for (name, value) in table.iter() {
        put_short_string(&mut fields, name.as_bytes());
        write_field(&mut fields, value)?;
    }
    put_long_string(out, &fields);
    Some(())
}

fn write_field(out: &mut Vec<u8>, value: &Value) -> Option<()> {
    match value {
        Value::Null => out.push(b'V'),
        Value::Bool(value) => out.extend([b't', u8::from(*value)]),
        Value::Int(number) => match i32::try_from(*number) {
            Ok(number) => write_number(out, b'I', &number.to_be_bytes()),
            Err(_) => write_number(out, b'l', &i64::try_from(*number).ok()?.to_be_bytes()),
        },
        Value::Float(number) => write_number(out, b'd', &number.to_be_bytes()),
        Value::Text(_) | Value::Bytes(_) => {
            out.push(b'S');
            put_long_string(out, value.as_raw()?);
        }
        Value::Array(values) => {
            let mut items = Vec::new();
            values.iter().try_for_each(|value| write_field(&mut items, value))?;
            out.push(b'A');
            put_long_string(out, &items);
        }
        Value::Map(map) if is_tagged(map) => {
            let (name, value) = map.iter().next()?;
            return write_tagged(out, name, value);
        }
        Value::Map(table) => {
            out.push(b'F');
            write(out, table)?;
        }
        Value::Blob(_) => return None,
    }
    Some(())
}

fn write_tagged(out: &mut Vec<u8>, name: &str, value: &Value) -> Option<()> {
    if name == TABLE {
        out.push(b'F');
        return write(out, value.as_map()?);
    }
    let kind = NAMES.iter().find(|(of, _)| *of == name)?.1;
    match (kind, value) {
        (b'x', value) => {
            out.push(kind);
            put_long_string(out, value.as_raw()?);
        }
        (b'D', value) => {
            let [scale, number] = value.as_array()? else { return None };
            out.extend([kind, u8::try_from(scale.as_int()?).ok()?]);
            out.extend(i32::try_from(number.as_int()?).ok()?.to_be_bytes());
        }
        #[expect(clippy::cast_possible_truncation, reason = "it was widened from 32 bits")]
        (b'f', Value::Float(number)) => write_number(out, kind, &(*number as f32).to_be_bytes()),
        (b'f', value) => write_number(out, kind, &u32::try_from(value.as_int()?).ok()?.to_be_bytes()),
        (b'd' | b'T', value) => write_number(out, kind, &u64::try_from(value.as_int()?).ok()?.to_be_bytes()),
        (b'b', value) => write_number(out, kind, &i8::try_from(value.as_int()?).ok()?.to_be_bytes()),
        (b'B', value) => write_number(out, kind, &u8::try_from(value.as_int()?).ok()?.to_be_bytes()),
        (b's' | b'U', value) => write_number(out, kind, &i16::try_from(value.as_int()?).ok()?.to_be_bytes()),
        (b'u', value) => write_number(out, kind, &u16::try_from(value.as_int()?).ok()?.to_be_bytes()),
        (b'i', value) => write_number(out, kind, &u32::try_from(value.as_int()?).ok()?.to_be_bytes()),
        (_, value) => write_number(out, kind, &i64::try_from(value.as_int()?).ok()?.to_be_bytes()),
    }
    Some(())
}

fn write_number(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    out.extend(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round(bytes: &[u8]) -> Option<(Map, Vec<u8>)> {
        let table = read(&mut Reader(bytes))?;
        let mut out = Vec::new();
        write(&mut out, &table).expect("what was read can be written");
        Some((table, out))
    }

    fn table(fields: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_long_string(&mut out, fields);
        out
    }

    #[test]
    fn every_type_comes_back_as_the_same_bytes() {
        let fields: [&[u8]; 22] = [
            b"S\0\0\0\x02hi",
            b"S\0\0\0\x01\xff",
            b"t\x01",
            b"V",
            b"I\xff\xff\xff\xff",
            b"l\0\0\0\0\0\0\0\x05",
            b"l\x7f\0\0\0\0\0\0\x05",
            b"L\0\0\0\0\0\0\0\x05",
            b"d\x3f\xf8\0\0\0\0\0\0",
            b"d\x7f\xf8\0\0\0\0\0\x01",
            b"f\x3f\xc0\0\0",
            b"f\x7f\xc0\0\x01",
            b"b\xff",
            b"B\xff",
            b"s\xff\xfe",
            b"U\xff\xfe",
            b"u\xff\xfe",
            b"i\xff\xff\xff\xfe",
            b"T\0\0\0\0\x65\x53\xf1\0",
            b"D\x02\0\0\x01\0",
            b"x\0\0\0\x02ab",
            b"A\0\0\0\x04t\0t\x01",
        ];
        for field in fields {
            let bytes = table(&[b"\x01k", field].concat());
            let (read, written) = round(&bytes).unwrap_or_else(|| panic!("{}", field.escape_ascii()));
            assert_eq!(written, bytes, "{read:?}");
        }
    }

    #[test]
    fn a_table_that_looks_like_a_type_stays_a_table() {
        let inner = table(b"\x02i8S\0\0\0\x01x");
        let bytes = table(&[b"\x01kF", inner.as_slice()].concat());
        let (read, written) = round(&bytes).expect("a table");
        assert_eq!(written, bytes);
        let expected = Map::new().with("table", Map::new().with("i8", "x"));
        assert_eq!(read.get("k"), Some(&expected.into()));
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_the_same(fields in prop::collection::vec(any::<u8>(), 0..64)) {
            let bytes = table(&[b"\x01k", fields.as_slice()].concat());
            if let Some((_, written)) = round(&bytes) {
                prop_assert_eq!(written, bytes);
            }
        }
    }
}
