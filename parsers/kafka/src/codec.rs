//! Messages as documents and back, by their schema. What is said by default is left out.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keploy_sdk::{Map, Value};

use crate::{
    schema::{Field, Message, Type},
    wire::{Reader, put_unsigned},
};

/// Tagged fields that the schema does not know: a list of numbers and bytes.
const UNKNOWN: &str = "unknownTags";
/// More than any request has: a list that claims to be longer is no list.
const LONGEST_LIST: u64 = 1 << 22;

#[derive(Clone, Copy)]
struct Form {
    version: i16,
    flexible: bool,
}

/// The whole body. `None`: it is not of this schema.
pub fn read(message: &Message, version: i16, body: &[u8]) -> Option<Map> {
    let form = Form { version, flexible: message.flexible.has(version) };
    let mut reader = Reader(body);
    let map = read_struct(&mut reader, &message.fields, form)?;
    reader.0.is_empty().then_some(map)
}

/// `None`: the document is not of this schema.
pub fn write(message: &Message, version: i16, document: &Map) -> Option<Vec<u8>> {
    let form = Form { version, flexible: message.flexible.has(version) };
    let mut out = Vec::new();
    write_struct(&mut out, &message.fields, document, form)?;
    Some(out)
}

/// Past the tagged fields of a header.
pub fn skip_tags(reader: &mut Reader<'_>) -> Option<()> {
    for _ in 0..reader.unsigned()? {
        reader.unsigned()?;
        let size = reader.unsigned()?;
        reader.bytes(usize::try_from(size).ok()?)?;
    }
    Some(())
}

fn is_tagged(field: &Field, form: Form) -> bool {
    form.flexible && field.tag.is_some_and(|(_, versions)| versions.has(form.version))
}

fn read_struct(reader: &mut Reader<'_>, fields: &[Field], form: Form) -> Option<Map> {
    let mut map = Map::new();
    for field in fields.iter().filter(|field| field.versions.has(form.version) && !is_tagged(field, form)) {
        let value = read_field(reader, field, form)?;
        if !is_default(field, &value) {
            map.insert(field.name, value);
        }
    }
    if form.flexible {
        read_tagged(reader, fields, form, &mut map)?;
    }
    Some(map)
}

fn read_tagged(reader: &mut Reader<'_>, fields: &[Field], form: Form, map: &mut Map) -> Option<()> {
    let mut unknown = Vec::new();
    for _ in 0..reader.unsigned()? {
        let tag = reader.unsigned()?;
        let size = reader.unsigned()?;
        let data = reader.bytes(usize::try_from(size).ok()?)?;
        let is_it =
            |field: &&Field| is_tagged(field, form) && field.tag.is_some_and(|(number, _)| u64::from(number) == tag);
        match fields.iter().find(is_it) {
            Some(field) => {
                let mut inside = Reader(data);
                map.insert(field.name, read_field(&mut inside, field, form)?);
                inside.0.is_empty().then_some(())?;
            }
            None => unknown.push(Map::new().with("tag", tag).with("data", Value::Bytes(data.to_vec())).into()),
        }
    }
    if !unknown.is_empty() {
        map.insert(UNKNOWN, Value::Array(unknown));
    }
    Some(())
}

fn read_field(reader: &mut Reader<'_>, field: &Field, form: Form) -> Option<Value> {
    if !field.is_list {
        return read_value(reader, field, form);
    }
    let count = if form.flexible { reader.unsigned()?.checked_sub(1) } else { u64::try_from(reader.i32()?).ok() };
    let Some(count) = count else { return Some(Value::Null) };
    if count > LONGEST_LIST {
        return None;
    }
    // Items of a list are never null.
    (0..count).map(|_| read_item(reader, field, form)).collect::<Option<Vec<_>>>().map(Value::Array)
}

fn read_value(reader: &mut Reader<'_>, field: &Field, form: Form) -> Option<Value> {
    if field.of == Type::Struct && field.nullable.has(form.version) && reader.i8()? < 0 {
        return Some(Value::Null);
    }
    read_item(reader, field, form)
}

fn read_item(reader: &mut Reader<'_>, field: &Field, form: Form) -> Option<Value> {
    Some(match field.of {
        Type::Bool => Value::Bool(reader.i8()? != 0),
        Type::Int8 => Value::Int(reader.i8()?.into()),
        Type::Int16 => Value::Int(reader.i16()?.into()),
        Type::Uint16 => Value::Int(u16::from_be_bytes(reader.array()?).into()),
        Type::Int32 => Value::Int(reader.i32()?.into()),
        Type::Int64 => Value::Int(reader.i64()?.into()),
        Type::Float64 => Value::Float(f64::from_be_bytes(reader.array()?)),
        Type::Uuid => Value::Text(URL_SAFE_NO_PAD.encode(reader.bytes(16)?)),
        Type::Struct => read_struct(reader, &field.fields, form)?.into(),
        Type::String | Type::Bytes => {
            let length = match (form.flexible, field.of) {
                (true, _) => reader.unsigned()?.checked_sub(1),
                (false, Type::String) => u64::try_from(reader.i16()?).ok(),
                (false, _) => u64::try_from(reader.i32()?).ok(),
            };
            match length {
                None => Value::Null,
                Some(length) => Value::readable(reader.bytes(usize::try_from(length).ok()?)?.to_vec()),
            }
        }
    })
}

/// Nothing that has to be said.
fn is_default(field: &Field, value: &Value) -> bool {
    match (field.default, value) {
        (Some("null"), value) => *value == Value::Null,
        (Some(default), Value::Int(number)) => number_of(default) == Some(*number),
        (Some(default), Value::Bool(value)) => default == value.to_string(),
        (Some(default), Value::Text(text)) => default == text,
        (Some(_), _) | (None, Value::Null) => false,
        (None, Value::Int(number)) => *number == 0,
        (None, Value::Bool(value)) => !value,
        (None, Value::Text(text)) => {
            text.is_empty() || (field.of == Type::Uuid && text.bytes().all(|byte| byte == b'A'))
        }
        (None, Value::Array(items)) => items.is_empty(),
        (None, Value::Map(map)) => map.is_empty(),
        (None, _) => false,
    }
}

fn number_of(default: &str) -> Option<i128> {
    match default.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16).ok(),
        None => default.parse().ok(),
    }
}

fn default_of(field: &Field) -> Value {
    if field.is_list && field.default.is_none() {
        return Value::Array(Vec::new());
    }
    match (field.default, field.of) {
        (Some("null"), _) => Value::Null,
        (Some(default), Type::Bool) => Value::Bool(default == "true"),
        (Some(default), Type::String) => default.into(),
        (Some(default), _) => number_of(default).map_or(Value::Null, Value::Int),
        (None, Type::Bool) => Value::Bool(false),
        (None, Type::Float64) => Value::Float(0.0),
        (None, Type::String | Type::Bytes) => "".into(),
        (None, Type::Uuid) => URL_SAFE_NO_PAD.encode([0; 16]).into(),
        (None, Type::Struct) => Map::new().into(),
        (None, _) => Value::Int(0),
    }
}

fn write_struct(out: &mut Vec<u8>, fields: &[Field], map: &Map, form: Form) -> Option<()> {
    for field in fields.iter().filter(|field| field.versions.has(form.version) && !is_tagged(field, form)) {
        match map.get(field.name) {
            Some(value) => write_field(out, field, value, form)?,
            None => write_field(out, field, &default_of(field), form)?,
        }
    }
    if form.flexible { write_tagged(out, fields, map, form) } else { Some(()) }
}

fn write_tagged(out: &mut Vec<u8>, fields: &[Field], map: &Map, form: Form) -> Option<()> {
    let mut tagged: Vec<(u64, Vec<u8>)> = Vec::new();
    for field in fields.iter().filter(|field| is_tagged(field, form)) {
        if let (Some(value), Some((tag, _))) = (map.get(field.name), field.tag) {
            let mut data = Vec::new();
            write_field(&mut data, field, value, form)?;
            tagged.push((tag.into(), data));
        }
    }
    for unknown in map.get(UNKNOWN).and_then(Value::as_array).unwrap_or_default() {
        let tag = u64::try_from(unknown.get("tag")?.as_int()?).ok()?;
        tagged.push((tag, unknown.get("data")?.as_raw()?.to_vec()));
    }
    tagged.sort();
    put_unsigned(out, tagged.len() as u64);
    for (tag, data) in tagged {
        put_unsigned(out, tag);
        put_unsigned(out, data.len() as u64);
        out.extend(data);
    }
    Some(())
}

fn write_field(out: &mut Vec<u8>, field: &Field, value: &Value, form: Form) -> Option<()> {
    if !field.is_list {
        if field.of == Type::Struct && field.nullable.has(form.version) {
            out.push(if *value == Value::Null { u8::MAX } else { 1 });
            if *value == Value::Null {
                return Some(());
            }
        }
        return write_item(out, field, value, form);
    }
    let items = match value {
        Value::Null => None,
        value => Some(value.as_array()?),
    };
    match (form.flexible, items) {
        (true, None) => put_unsigned(out, 0),
        (true, Some(items)) => put_unsigned(out, items.len() as u64 + 1),
        (false, None) => out.extend((-1_i32).to_be_bytes()),
        (false, Some(items)) => out.extend(i32::try_from(items.len()).ok()?.to_be_bytes()),
    }
    items.unwrap_or_default().iter().try_for_each(|item| write_item(out, field, item, form))
}

fn write_item(out: &mut Vec<u8>, field: &Field, value: &Value, form: Form) -> Option<()> {
    let number = || value.as_int();
    match field.of {
        Type::Bool => match value {
            Value::Bool(value) => out.push(u8::from(*value)),
            _ => return None,
        },
        Type::Int8 => out.extend(i8::try_from(number()?).ok()?.to_be_bytes()),
        Type::Int16 => out.extend(i16::try_from(number()?).ok()?.to_be_bytes()),
        Type::Uint16 => out.extend(u16::try_from(number()?).ok()?.to_be_bytes()),
        Type::Int32 => out.extend(i32::try_from(number()?).ok()?.to_be_bytes()),
        Type::Int64 => out.extend(i64::try_from(number()?).ok()?.to_be_bytes()),
        Type::Float64 => match value {
            Value::Float(value) => out.extend(value.to_be_bytes()),
            _ => return None,
        },
        Type::Uuid => {
            let id: [u8; 16] = URL_SAFE_NO_PAD.decode(value.as_str()?).ok()?.try_into().ok()?;
            out.extend(id);
        }
        Type::Struct => write_struct(out, &field.fields, value.as_map()?, form)?,
        Type::String | Type::Bytes => {
            let bytes = if *value == Value::Null { None } else { Some(value.as_raw()?) };
            match (form.flexible, bytes, field.of) {
                (true, bytes, _) => put_unsigned(out, bytes.map_or(0, |bytes| bytes.len() as u64 + 1)),
                (false, None, Type::String) => out.extend((-1_i16).to_be_bytes()),
                (false, None, _) => out.extend((-1_i32).to_be_bytes()),
                (false, Some(bytes), Type::String) => out.extend(i16::try_from(bytes.len()).ok()?.to_be_bytes()),
                (false, Some(bytes), _) => out.extend(i32::try_from(bytes.len()).ok()?.to_be_bytes()),
            }
            out.extend(bytes.unwrap_or_default());
        }
    }
    Some(())
}
