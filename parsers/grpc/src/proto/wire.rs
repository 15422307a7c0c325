//! The wire format of Protocol Buffers: tags, variable-length numbers, and what follows them.

/// A field as it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    /// A group: what is between its two tags.
    Group(&'a [u8]),
    Fixed32(u32),
}

/// Field numbers have 29 bits.
const MAX_NUMBER: u64 = (1 << 29) - 1;
/// Groups within groups.
const MAX_DEPTH: usize = 16;

/// All fields of a message; none: it is not one.
pub fn fields(mut bytes: &[u8]) -> Option<Vec<(u32, Raw<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let (number, raw, rest) = field(bytes, 0)?;
        fields.push((number, raw?));
        bytes = rest;
    }
    Some(fields)
}

/// The first field; no value for the end of a group.
fn field(bytes: &[u8], depth: usize) -> Option<(u32, Option<Raw<'_>>, &[u8])> {
    let (tag, rest) = varint(bytes)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| (1..=MAX_NUMBER).contains(&u64::from(*number)))?;
    let (raw, rest) = match tag & 7 {
        0 => varint(rest).map(|(value, rest)| (Raw::Varint(value), rest))?,
        1 => rest.split_first_chunk().map(|(value, rest)| (Raw::Fixed64(u64::from_le_bytes(*value)), rest))?,
        2 => {
            let (length, rest) = varint(rest)?;
            let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            (Raw::Bytes(value), rest)
        }
        3 if depth < MAX_DEPTH => group(number, rest, depth + 1)?,
        4 => return Some((number, None, rest)),
        5 => rest.split_first_chunk().map(|(value, rest)| (Raw::Fixed32(u32::from_le_bytes(*value)), rest))?,
        _ => return None,
    };
    Some((number, Some(raw), rest))
}

fn group(number: u32, bytes: &[u8], depth: usize) -> Option<(Raw<'_>, &[u8])> {
    let mut rest = bytes;
    loop {
        let before = bytes.len() - rest.len();
        let (found, raw, behind) = field(rest, depth)?;
        if raw.is_none() {
            return (found == number).then_some((Raw::Group(bytes.get(..before)?), behind));
        }
        rest = behind;
    }
}

pub fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        value |= bits.checked_shl(u32::try_from(index * 7).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

pub fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

pub fn write(out: &mut Vec<u8>, number: u32, raw: &Raw<'_>) {
    let kind = match raw {
        Raw::Varint(_) => 0,
        Raw::Fixed64(_) => 1,
        Raw::Bytes(_) => 2,
        Raw::Group(_) => 3,
        Raw::Fixed32(_) => 5,
    };
    write_varint(out, u64::from(number) << 3 | kind);
    match raw {
        Raw::Varint(value) => write_varint(out, *value),
        Raw::Fixed64(value) => out.extend_from_slice(&value.to_le_bytes()),
        Raw::Bytes(value) => {
            write_varint(out, value.len() as u64);
            out.extend_from_slice(value);
        }
        Raw::Group(value) => {
            out.extend_from_slice(value);
            write_varint(out, u64::from(number) << 3 | 4);
        }
        Raw::Fixed32(value) => out.extend_from_slice(&value.to_le_bytes()),
    }
}
