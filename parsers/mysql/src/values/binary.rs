//! The binary encoding: of prepared statements' rows and parameters.
use keploy_sdk::{Fault, Map, Value};

use super::{Type, read_bits, text, times, write_bits};
use crate::{
    kind::{
        BIT, DATE, DATETIME, DOUBLE, FLOAT, INT24, LONG, LONGLONG, NEWDATE, NULL, SHORT, TIME, TIMESTAMP, TINY, YEAR,
    },
    wire::{Cursor, put_bytes},
};

/// A value that is not NULL.
pub fn read(kind: Type, packet: &mut Cursor) -> Result<Value, Fault> {
    let signed = !kind.unsigned;
    Ok(match kind.kind {
        NULL => Value::Null,
        TINY if signed => Value::Int((packet.u8()? as i8).into()),
        TINY => packet.u8()?.into(),
        SHORT if signed => Value::Int((packet.u16()? as i16).into()),
        SHORT | YEAR => packet.u16()?.into(),
        LONG | INT24 if signed => Value::Int((packet.u32()? as i32).into()),
        LONG | INT24 => packet.u32()?.into(),
        LONGLONG if signed => Value::Int((packet.u64()? as i64).into()),
        LONGLONG => packet.u64()?.into(),
        FLOAT => {
            let number = f32::from_bits(packet.u32()?);
            // The shortest digits of the small number, not the exact value of its bits.
            let readable: f64 = number.to_string().parse().unwrap_or(number.into());
            if number.is_nan() { wire_form(&number.to_le_bytes()) } else { Value::Float(readable) }
        }
        DOUBLE => {
            let number = f64::from_bits(packet.u64()?);
            if number.is_nan() { wire_form(&number.to_le_bytes()) } else { Value::Float(number) }
        }
        DATE | NEWDATE | DATETIME | TIMESTAMP => moment(kind, packet, times::moment)?,
        TIME => moment(kind, packet, times::time)?,
        BIT => read_bits(kind, packet.bytes()?),
        _ => Value::readable(packet.bytes()?.to_vec()),
    })
}

/// A parameter that is not NULL. Nobody writes it again, so a date need not say how many bytes its client took for it: some
/// drivers leave out the zeros at the end, others do not.
pub fn read_parameter(kind: Type, packet: &mut Cursor) -> Result<Value, Fault> {
    let read = match kind.kind {
        DATE | NEWDATE | DATETIME | TIMESTAMP => times::moment,
        TIME => times::time,
        _ => return read(kind, packet),
    };
    let length = packet.u8()?;
    let bytes = packet.take(length.into())?;
    Ok(read(kind, bytes).map_or_else(|| wire_form(bytes), Value::Text))
}

/// A date or time, whose first byte is its length.
fn moment(kind: Type, packet: &mut Cursor, read: fn(Type, &[u8]) -> Option<String>) -> Result<Value, Fault> {
    let length = packet.u8()?;
    let bytes = packet.take(length.into())?;
    let readable = read(kind, bytes).map(Value::Text);
    let is_whole = |value: &Value| {
        let mut written = Vec::new();
        write(kind, value, &mut written).is_ok() && written.get(1..) == Some(bytes)
    };
    Ok(readable.filter(is_whole).unwrap_or_else(|| wire_form(bytes)))
}

fn wire_form(bytes: &[u8]) -> Value {
    Map::new().with("binary", bytes.to_vec()).into()
}

/// A value that is not NULL.
pub fn write(kind: Type, value: &Value, out: &mut Vec<u8>) -> Result<(), Fault> {
    put(kind, value, out).ok_or_else(|| kind.wrong(value))
}

fn put(kind: Type, value: &Value, out: &mut Vec<u8>) -> Option<()> {
    if let Some(Value::Bytes(bytes)) = value.get("binary") {
        let has_length = matches!(kind.kind, DATE | NEWDATE | DATETIME | TIMESTAMP | TIME);
        if has_length {
            out.push(u8::try_from(bytes.len()).ok()?);
        }
        out.extend_from_slice(bytes);
        return Some(());
    }
    match kind.kind {
        NULL => {}
        TINY => put_integer(value, 1, out)?,
        SHORT | YEAR => put_integer(value, 2, out)?,
        LONG | INT24 => put_integer(value, 4, out)?,
        LONGLONG => put_integer(value, 8, out)?,
        FLOAT => out.extend((float(value)? as f32).to_le_bytes()),
        DOUBLE => out.extend(float(value)?.to_le_bytes()),
        DATE | NEWDATE | DATETIME | TIMESTAMP => times::put_moment(value.as_str()?, out)?,
        TIME => times::put_time(value.as_str()?, out)?,
        BIT => match value {
            Value::Int(number) => put_bytes(out, &write_bits(kind, *number)?),
            other => put_bytes(out, other.as_raw()?),
        },
        _ => put_bytes(out, &text::write(kind, value).ok()?),
    }
    Some(())
}

fn put_integer(value: &Value, size: usize, out: &mut Vec<u8>) -> Option<()> {
    let number = match value {
        Value::Int(number) => *number,
        other => text::number(other.as_raw()?)?,
    };
    let bits = 8 * size as u32;
    let fits = (-(1_i128 << (bits - 1))..1_i128 << bits).contains(&number);
    fits.then(|| out.extend_from_slice(&number.to_le_bytes()[..size]))
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        other => std::str::from_utf8(other.as_raw()?).ok()?.trim().parse().ok(),
    }
}
