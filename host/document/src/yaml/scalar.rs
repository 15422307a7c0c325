//! Plain scalars: what an unquoted text means, and which texts may go unquoted.

use std::borrow::Cow;

use crate::Value;

/// What a plain scalar stands for. The rules are go-yaml v3's, since its files are what we read; where go-yaml would
/// lose something (timestamps, integers too large), it stays the text that was written.
pub(super) fn resolve(plain: Cow<'_, str>) -> Value {
    match &*plain {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(&plain).unwrap_or_else(|| Value::Text(plain.into_owned())),
    }
}

fn number(plain: &str) -> Option<Value> {
    if !plain.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    // Underscores separate digits, and nothing else.
    if let Some(special) = special(plain) {
        return Some(Value::Float(special));
    }
    let digits: Cow<'_, str> = if plain.contains('_') { plain.replace('_', "").into() } else { plain.into() };
    integer(&digits).map(Value::Int).or_else(|| float(&digits).map(Value::Float))
}

fn integer(digits: &str) -> Option<i128> {
    let (negative, magnitude) = match digits.as_bytes().first()? {
        b'-' => (true, &digits[1..]),
        b'+' => (false, &digits[1..]),
        _ => (false, digits),
    };
    let (radix, magnitude) = match magnitude.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &magnitude[2..]),
        [b'0', b'o' | b'O', ..] => (8, &magnitude[2..]),
        [b'0', b'b' | b'B', ..] => (2, &magnitude[2..]),
        [b'0', _, ..] => (8, &magnitude[1..]),
        _ => (10, magnitude),
    };
    // Not left to the parser alone: it would take a second sign.
    if !magnitude.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    // With the sign in place, so that the smallest integer, which has no positive counterpart, can be read.
    if negative {
        i128::from_str_radix(&format!("-{magnitude}"), radix)
    } else {
        i128::from_str_radix(magnitude, radix)
    }
    .ok()
}

fn special(plain: &str) -> Option<f64> {
    match plain {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        _ => None,
    }
}

fn float(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    if exponent.is_some_and(|exponent| !is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))) {
        return None;
    }
    let (whole, fraction) = match mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa).split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa), None),
    };
    let shaped = match fraction {
        Some(fraction) => {
            (is_digits(whole) && (fraction.is_empty() || is_digits(fraction)))
                || (whole.is_empty() && is_digits(fraction))
        }
        // Without a point or an exponent it is an integer, here one too large to hold: the text is kept.
        None => is_digits(whole) && exponent.is_some(),
    };
    shaped.then(|| digits.parse().ok()).flatten()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Does every reader take the unquoted `text` for this text? `text` is one line of printable characters.
pub(super) fn is_plain_safe(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return false };
    let starts = match first {
        b'-' | b':' => bytes.get(1).is_some_and(u8::is_ascii_alphabetic),
        b' ' | b'?' | b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"'
        | b'%' | b'@' | b'`' => false,
        _ => true,
    };
    starts
        && last != b' '
        && last != b':'
        && !text.starts_with("...")
        && !bytes.windows(2).any(|pair| pair == b": " || pair == b" #")
        && !means_something_else(text)
}

/// Would some reader, of YAML 1.1, 1.2 or go-yaml's mixture, take the unquoted `text` for anything but a text?
/// Rather too often than not: quotes do no harm.
pub(super) fn means_something_else(text: &str) -> bool {
    /// YAML 1.1 booleans, nulls, specials, merge and default keys; any case.
    const WORDS: [&str; 19] = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", ".inf", "-.inf", "+.inf", ".nan",
        "-", "nan", "inf",
    ];
    if text.len() <= 5 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return true;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned.as_bytes() {
        [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..] => true,
        // Numbers, sexagesimals (12:30), dates and times.
        [b'0'..=b'9' | b'.', ..] => unsigned.bytes().all(|b| {
            b.is_ascii_digit()
                || matches!(b, b'_' | b'+' | b'-' | b'.' | b':' | b',' | b'e' | b'E' | b't' | b'T' | b'z' | b'Z' | b' ')
        }),
        _ => false,
    }
}
