//! Ranges and multiranges: `[1,5)`, `empty`, `{[1,2),[4,)}`.
use super::binary;
use crate::wire::{Fields, put_value};

const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

pub fn to_text(part: u32, raw: &[u8]) -> Option<String> {
    let mut fields = Fields(raw);
    let flags = fields.u8()?;
    if flags & EMPTY != 0 {
        return fields.end("empty".to_owned());
    }
    let mut bound = |infinite: u8| -> Option<String> {
        if flags & infinite != 0 {
            return Some(String::new());
        }
        Some(quoted(&binary::to_text(part, fields.value()??)?))
    };
    let (lower, upper) = (bound(LOWER_INFINITE)?, bound(UPPER_INFINITE)?);
    let open = if flags & LOWER_INCLUSIVE != 0 { '[' } else { '(' };
    let close = if flags & UPPER_INCLUSIVE != 0 { ']' } else { ')' };
    fields.end(format!("{open}{lower},{upper}{close}"))
}

pub fn from_text(part: u32, text: &str) -> Option<Vec<u8>> {
    let (raw, rest) = read(part, text)?;
    rest.is_empty().then_some(raw)
}

pub fn multi_to_text(part: u32, raw: &[u8]) -> Option<String> {
    let mut fields = Fields(raw);
    let count = fields.i32()?;
    let mut ranges = Vec::new();
    for _ in 0..count {
        ranges.push(to_text(part, fields.value()??)?);
    }
    fields.end(format!("{{{}}}", ranges.join(",")))
}

pub fn multi_from_text(part: u32, text: &str) -> Option<Vec<u8>> {
    let mut rest = text.strip_prefix('{')?;
    let (mut count, mut body) = (0_u32, Vec::new());
    while rest != "}" {
        let (raw, behind) = read(part, rest)?;
        put_value(&mut body, Some(&raw));
        count += 1;
        rest = match behind.strip_prefix(',') {
            Some(behind) => behind,
            None if behind == "}" => behind,
            None => return None,
        };
    }
    Some([&count.to_be_bytes()[..], &body].concat())
}

/// One range, and what is behind it.
fn read(part: u32, text: &str) -> Option<(Vec<u8>, &str)> {
    if let Some(rest) = text.strip_prefix("empty") {
        return Some((vec![EMPTY], rest));
    }
    let mut flags = match text.as_bytes().first()? {
        b'[' => LOWER_INCLUSIVE,
        b'(' => 0,
        _ => return None,
    };
    let (lower, rest) = bound(text.get(1..)?)?;
    let (upper, rest) = bound(rest.strip_prefix(',')?)?;
    match rest.as_bytes().first()? {
        b']' => flags |= UPPER_INCLUSIVE,
        b')' => {}
        _ => return None,
    }
    let mut raw = vec![0];
    for (bound, infinite) in [(lower, LOWER_INFINITE), (upper, UPPER_INFINITE)] {
        match bound {
            Some(bound) => put_value(&mut raw, Some(&binary::from_text(part, &bound)?)),
            None => flags |= infinite,
        }
    }
    *raw.first_mut()? = flags;
    Some((raw, rest.get(1..)?))
}

/// A bound, if there is one, and what is behind it.
fn bound(text: &str) -> Option<(Option<String>, &str)> {
    let mut bound = String::new();
    let mut quoted = false;
    let mut any = false;
    let mut chars = text.chars();
    loop {
        let before = chars.as_str();
        match chars.next()? {
            '"' if quoted && chars.as_str().starts_with('"') => {
                chars.next();
                bound.push('"');
            }
            '"' => {
                quoted = !quoted;
                any = true;
            }
            '\\' => bound.push(chars.next()?),
            ',' | ')' | ']' if !quoted => return Some(((any || !bound.is_empty()).then_some(bound), before)),
            other => bound.push(other),
        }
    }
}

fn quoted(text: &str) -> String {
    let special = |c: char| matches!(c, '"' | '\\' | '(' | ')' | '[' | ']' | ',') || c.is_ascii_whitespace();
    if !text.is_empty() && !text.contains(special) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\""))
}
