//! The text encoding: every value as a string.
use std::borrow::Cow;

use keploy_sdk::{Fault, Value};

use super::{OPEN, Type, read_bits, times, write_bits};
use crate::kind::{
    BIT, DATE, DATETIME, DOUBLE, FLOAT, INT24, LONG, LONGLONG, NEWDATE, SHORT, TIME, TIMESTAMP, TINY, YEAR,
};

pub fn read(kind: Type, bytes: &[u8]) -> Value {
    let text = || std::str::from_utf8(bytes).ok();
    let number = match kind.kind {
        TINY | SHORT | LONG | INT24 | LONGLONG | YEAR => text().and_then(|text| text.parse().ok()).map(Value::Int),
        FLOAT | DOUBLE => text().and_then(|text| text.parse().ok()).filter(|n: &f64| n.is_finite()).map(Value::Float),
        BIT => Some(read_bits(kind, bytes)),
        _ => None,
    };
    match number {
        Some(number) if write(kind, &number).is_ok_and(|written| *written == *bytes) => number,
        _ => Value::readable(bytes.to_vec()),
    }
}

/// A value that is not NULL.
pub fn write(kind: Type, value: &Value) -> Result<Cow<'_, [u8]>, Fault> {
    let written = match value {
        Value::Text(text) => return Ok(text.as_bytes().into()),
        Value::Bytes(bytes) => return Ok(bytes.into()),
        Value::Int(number) if kind.kind == BIT => write_bits(kind, *number),
        Value::Int(number) if kind.zerofill => Some(format!("{number:0width$}", width = kind.length as usize).into()),
        Value::Int(number) if kind.kind == YEAR => Some(format!("{number:04}").into()),
        Value::Int(number) => Some(number.to_string().into()),
        Value::Float(number) => Some(float(kind, *number).into()),
        Value::Map(map) => match map.get("binary") {
            Some(Value::Bytes(bytes)) => from_binary(kind, bytes),
            _ => None,
        },
        _ => None,
    };
    written.map(Cow::Owned).ok_or_else(|| kind.wrong(value))
}

/// Digits behind the decimal point from which on servers write an exponent.
const LONGEST_PLAIN: i32 = 15;

/// As servers write it: the fewest digits that tell it from others.
fn float(kind: Type, number: f64) -> String {
    if kind.decimals < OPEN {
        return format!("{number:.digits$}", digits = usize::from(kind.decimals));
    }
    let short = if kind.kind == FLOAT { format!("{:e}", number as f32) } else { format!("{number:e}") };
    let exponent: i32 = short.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    match exponent {
        _ if !(-LONGEST_PLAIN..LONGEST_PLAIN).contains(&exponent) => short,
        _ if kind.kind == FLOAT => (number as f32).to_string(),
        _ => number.to_string(),
    }
}

/// What has no readable form has none in text either, except for moments, whose text says less than their bytes.
fn from_binary(kind: Type, bytes: &[u8]) -> Option<Vec<u8>> {
    match kind.kind {
        DATE | NEWDATE | DATETIME | TIMESTAMP => times::moment(kind, bytes).map(String::into_bytes),
        TIME => times::time(kind, bytes).map(String::into_bytes),
        _ => None,
    }
}

/// Whether a text is a number of this type, for the binary encoding.
pub(super) fn number(text: &[u8]) -> Option<i128> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}
