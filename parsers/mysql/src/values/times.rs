//! Dates and times: bytes of the binary encoding, and the text that servers write for them.
//!
//! Bytes at the end that would be zero are left out, as servers do.
use super::Type;
use crate::kind::{DATE, NEWDATE};

/// The text of a date, or of a date and a time.
pub fn moment(kind: Type, bytes: &[u8]) -> Option<String> {
    let is_known = matches!(bytes.len(), 0 | 4 | 7 | 11);
    let mut all = [0; 11];
    all.get_mut(..bytes.len()).filter(|_| is_known)?.copy_from_slice(bytes);
    let [y0, y1, month, day, hour, minute, second, micros @ ..] = all;
    let year = u16::from_le_bytes([y0, y1]);
    let date = format!("{year:04}-{month:02}-{day:02}");
    if matches!(kind.kind, DATE | NEWDATE) {
        return Some(date);
    }
    let fraction = fraction(kind, u32::from_le_bytes(micros))?;
    Some(format!("{date} {hour:02}:{minute:02}:{second:02}{fraction}"))
}

/// The text of a time, which may be negative, and more than a day.
pub fn time(kind: Type, bytes: &[u8]) -> Option<String> {
    let is_known = matches!(bytes.len(), 0 | 8 | 12);
    let mut all = [0; 12];
    all.get_mut(..bytes.len()).filter(|_| is_known)?.copy_from_slice(bytes);
    let [negative, d0, d1, d2, d3, hour, minute, second, micros @ ..] = all;
    let hours = u64::from(u32::from_le_bytes([d0, d1, d2, d3])) * 24 + u64::from(hour);
    let sign = if negative == 1 { "-" } else { "" };
    let fraction = fraction(kind, u32::from_le_bytes(micros))?;
    Some(format!("{sign}{hours:02}:{minute:02}:{second:02}{fraction}"))
}

/// The digits behind the second that the type asks for; all when there are some that it does not.
fn fraction(kind: Type, micros: u32) -> Option<String> {
    let all = format!("{micros:06}");
    if all.len() > 6 {
        return None;
    }
    let digits = match usize::from(kind.decimals) {
        digits @ 0..=6 if all.bytes().skip(digits).all(|digit| digit == b'0') => digits,
        _ if micros == 0 => 0,
        _ => 6,
    };
    Some(if digits == 0 { String::new() } else { format!(".{}", &all[..digits]) })
}

/// The length, and the bytes.
pub fn put_moment(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let (date, time) = text.split_once(' ').unwrap_or((text, "0:0:0"));
    let [year, month, day] = numbers(date, '-')?;
    let (hms, micros) = micros(time)?;
    let [hour, minute, second] = numbers(hms, ':')?;
    let mut bytes = u16::try_from(year).ok()?.to_le_bytes().to_vec();
    for number in [month, day, hour, minute, second] {
        bytes.push(u8::try_from(number).ok()?);
    }
    bytes.extend(micros.to_le_bytes());
    put_shortest(&bytes, &[0, 4, 7, 11], out);
    Some(())
}

pub fn put_time(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (1, text),
        None => (0, text),
    };
    let (hms, micros) = micros(text)?;
    let [hours, minute, second] = numbers(hms, ':')?;
    let mut bytes = vec![negative];
    bytes.extend((hours / 24).to_le_bytes());
    for number in [hours % 24, minute, second] {
        bytes.push(u8::try_from(number).ok()?);
    }
    bytes.extend(micros.to_le_bytes());
    put_shortest(&bytes, &[0, 8, 12], out);
    Some(())
}

/// The shortest of these lengths behind which there are zeros only.
fn put_shortest(bytes: &[u8], lengths: &[usize], out: &mut Vec<u8>) {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let length = lengths.iter().copied().find(|length| *length >= used).unwrap_or(bytes.len());
    out.push(length as u8);
    out.extend_from_slice(&bytes[..length]);
}

fn numbers(text: &str, separator: char) -> Option<[u32; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// What is before the point, and the digits behind it as millionths.
fn micros(text: &str) -> Option<(&str, u32)> {
    let Some((before, digits)) = text.split_once('.') else { return Some((text, 0)) };
    let is_fraction = (1..=6).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    let micros = is_fraction.then(|| format!("{digits:0<6}").parse().ok())??;
    Some((before, micros))
}
