//! Between the binary format and the text form, for every type whose binary format is not its text.
//!
//! `None` where the bytes are not a value of the type, or say something that the text form cannot.
use super::{
    array, datetime, escape, interval, network, number, range,
    types::{self, Kind},
    unescape,
};
use crate::wire::Fields;

pub fn to_text(oid: u32, raw: &[u8]) -> Option<String> {
    let found = types::find(oid);
    if found.is_none()
        && let Some(element) = types::element(oid)
    {
        return array::to_text(element, raw);
    }
    let mut fields = Fields(raw);
    let text = match found.map_or(Kind::Same, |found| found.kind) {
        Kind::Bool => match fields.u8()? {
            0 => "f".into(),
            1 => "t".into(),
            _ => return None,
        },
        Kind::Int(2) => fields.i16()?.to_string(),
        Kind::Int(4) => fields.i32()?.to_string(),
        Kind::Int(_) => fields.i64()?.to_string(),
        Kind::Oid => fields.u32()?.to_string(),
        Kind::Float4 => number::float4_text(f32::from_be_bytes(fields.array()?)),
        Kind::Float8 => number::float8_text(f64::from_be_bytes(fields.array()?)),
        Kind::Numeric => return number::numeric_to_text(raw),
        Kind::Money => number::money_to_text(fields.i64()?),
        Kind::Same => return String::from_utf8(raw.to_vec()).ok(),
        Kind::Jsonb => {
            (fields.u8()? == 1).then_some(())?; // the version
            return String::from_utf8(fields.0.to_vec()).ok();
        }
        Kind::Bytea => return Some(escape(raw)),
        Kind::Uuid => uuid(fields.array()?),
        Kind::Date => datetime::date_to_text(fields.i32()?)?,
        Kind::Time => datetime::time_to_text(fields.i64()?)?,
        Kind::TimeTz => datetime::timetz_to_text(fields.i64()?, fields.i32()?)?,
        Kind::Timestamp => datetime::timestamp_to_text(fields.i64()?, "")?,
        Kind::TimestampTz => datetime::timestamp_to_text(fields.i64()?, "+00")?,
        Kind::Interval => interval::to_text(fields.i64()?, fields.i32()?, fields.i32()?),
        Kind::Network => return network::to_text(raw),
        Kind::Mac => return Some(network::mac_to_text(raw)),
        Kind::Bits => {
            let count = usize::try_from(fields.i32()?).ok()?;
            let bytes = fields.bytes(count.div_ceil(8))?;
            let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0);
            (0..count).map(|at| if bit(at) { '1' } else { '0' }).collect()
        }
        Kind::Point => {
            let (x, y) = (f64::from_be_bytes(fields.array()?), f64::from_be_bytes(fields.array()?));
            format!("({},{})", number::float8_text(x), number::float8_text(y))
        }
        Kind::Range => return range::to_text(found?.part, raw),
        Kind::Multirange => return range::multi_to_text(types::find(found?.part)?.part, raw),
    };
    fields.end(text)
}

pub fn from_text(oid: u32, text: &str) -> Option<Vec<u8>> {
    let found = types::find(oid);
    if found.is_none()
        && let Some(element) = types::element(oid)
    {
        return array::from_text(element, text);
    }
    Some(match found.map_or(Kind::Same, |found| found.kind) {
        Kind::Bool => match text {
            "t" | "true" => vec![1],
            "f" | "false" => vec![0],
            _ => return None,
        },
        Kind::Int(2) => text.parse::<i16>().ok()?.to_be_bytes().into(),
        Kind::Int(4) => text.parse::<i32>().ok()?.to_be_bytes().into(),
        Kind::Int(_) => text.parse::<i64>().ok()?.to_be_bytes().into(),
        Kind::Oid => text.parse::<u32>().ok()?.to_be_bytes().into(),
        Kind::Float4 => text.parse::<f32>().ok()?.to_be_bytes().into(),
        Kind::Float8 => text.parse::<f64>().ok()?.to_be_bytes().into(),
        Kind::Numeric => return number::numeric_from_text(text),
        Kind::Money => number::money_from_text(text)?.to_be_bytes().into(),
        Kind::Same => text.into(),
        Kind::Jsonb => [&[1], text.as_bytes()].concat(),
        Kind::Bytea => unescape(text.as_bytes())?,
        Kind::Uuid => {
            let digits = text.replace('-', "");
            u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32)?.to_be_bytes().into()
        }
        Kind::Date => datetime::date_from_text(text)?.to_be_bytes().into(),
        Kind::Time => datetime::time_from_text(text)?.to_be_bytes().into(),
        Kind::TimeTz => {
            let (micros, west) = datetime::timetz_from_text(text)?;
            [&micros.to_be_bytes()[..], &west.to_be_bytes()].concat()
        }
        Kind::Timestamp | Kind::TimestampTz => datetime::timestamp_from_text(text)?.to_be_bytes().into(),
        Kind::Interval => {
            let (micros, days, months) = interval::from_text(text)?;
            [&micros.to_be_bytes()[..], &days.to_be_bytes(), &months.to_be_bytes()].concat()
        }
        Kind::Network => return network::from_text(text, oid == CIDR),
        Kind::Mac => return network::mac_from_text(text),
        Kind::Bits => {
            let mut raw = (text.len() as u32).to_be_bytes().to_vec();
            for bits in text.as_bytes().chunks(8) {
                let byte = bits.iter().enumerate().try_fold(0, |byte, (at, bit)| match bit {
                    b'1' => Some(byte | 0x80_u8 >> at),
                    b'0' => Some(byte),
                    _ => None,
                });
                raw.push(byte?);
            }
            raw
        }
        Kind::Point => {
            let (x, y) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
            [x.parse::<f64>().ok()?.to_be_bytes(), y.parse::<f64>().ok()?.to_be_bytes()].concat()
        }
        Kind::Range => return range::from_text(found?.part, text),
        Kind::Multirange => return range::multi_from_text(types::find(found?.part)?.part, text),
    })
}

/// `inet` and `cidr` differ in a flag.
const CIDR: u32 = 650;

fn uuid(bytes: [u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let cut = |from, to| hex.get(from..to).unwrap_or_default();
    [cut(0, 8), cut(8, 12), cut(12, 16), cut(16, 20), cut(20, 32)].join("-")
}
