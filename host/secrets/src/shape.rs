//! What a secret looks like, as far as anybody may know, and what stands in for it.
use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// The form of a value. It tells the length only of what is random anyway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// A password, or anything else: its length is nobody's business.
    #[default]
    Text,
    /// A JSON number.
    Number,
    Digits(usize),
    /// Digits with a check digit at the end.
    Card(usize),
    Uuid,
    /// Hexadecimal digits.
    Hex(usize),
    HexUpper(usize),
    /// So many random letters and digits, behind a prefix that says whose key it is.
    Token {
        prefix: String,
        length: usize,
    },
    /// `user:password` in base 64.
    Basic,
}

/// Longer ones are no keys; nobody asks for a stand-in of a megabyte.
const LONGEST: usize = 4096;

impl Shape {
    pub fn of(value: &str) -> Self {
        let length = value.len();
        let all = |kind: fn(&u8) -> bool| value.bytes().all(|byte| kind(&byte));
        let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
        let is_uuid = length == 36
            && value.bytes().enumerate().all(|(at, b)| if is_dash(at) { b == b'-' } else { b.is_ascii_hexdigit() });
        match () {
            () if is_uuid => Self::Uuid,
            () if length > LONGEST => Self::Text,
            // A short number is easily guessed, once its length is known.
            () if all(u8::is_ascii_digit) => {
                if length >= 12 {
                    Self::Digits(length)
                } else {
                    Self::Text
                }
            }
            () if length >= 16 && all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) => Self::Hex(length),
            () if length >= 16 && all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')) => Self::HexUpper(length),
            () if length >= 16 && is_random(value) => Self::Token { prefix: prefix(value).to_owned(), length },
            () => Self::Text,
        }
    }

    /// A made-up value of this shape: of one placeholder always the same, of two never. It is one word: letters, digits,
    /// dashes and underscores.
    pub fn stand_in(&self, placeholder: &str) -> String {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let mut noise = Noise::new(placeholder);
        match self {
            Self::Text => placeholder.to_owned(),
            // Not zero at the start, which JSON has not; long enough to be like no other.
            Self::Number => format!("9{}", noise.of(b"0123456789", 11)),
            Self::Digits(length) => noise.of(b"0123456789", *length),
            Self::Card(length) => {
                let digits = format!("4{}", noise.of(b"0123456789", length.saturating_sub(2)));
                let check = (0..10).find(|check| luhn(&format!("{digits}{check}"))).unwrap_or_default();
                format!("{digits}{check}")
            }
            Self::Uuid => {
                let hex = noise.of(b"0123456789abcdef", 32);
                format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
            }
            Self::Hex(length) => noise.of(b"0123456789abcdef", *length),
            Self::HexUpper(length) => noise.of(b"0123456789ABCDEF", *length),
            Self::Token { prefix, length } => {
                format!("{prefix}{}", noise.of(LETTERS, length.saturating_sub(prefix.len())))
            }
            // A multiple of three has no `=` at its end.
            Self::Basic => STANDARD.encode(format!("keploy:{}", noise.of(LETTERS, 23))),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Number => f.write_str("number"),
            Self::Digits(length) => write!(f, "digits {length}"),
            Self::Card(length) => write!(f, "card {length}"),
            Self::Uuid => f.write_str("uuid"),
            Self::Hex(length) => write!(f, "hex {length}"),
            Self::HexUpper(length) => write!(f, "HEX {length}"),
            Self::Token { prefix, length } if prefix.is_empty() => write!(f, "token {length}"),
            Self::Token { prefix, length } => write!(f, "token {length} {prefix}"),
            Self::Basic => f.write_str("basic"),
        }
    }
}

impl FromStr for Shape {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split_whitespace();
        let name = words.next().ok_or(())?;
        let mut length = || words.next().and_then(|word| word.parse().ok()).filter(|n| *n <= LONGEST).ok_or(());
        Ok(match name {
            "text" => Self::Text,
            "number" => Self::Number,
            "uuid" => Self::Uuid,
            "basic" => Self::Basic,
            "digits" => Self::Digits(length()?),
            "card" => Self::Card(length()?),
            "hex" => Self::Hex(length()?),
            "HEX" => Self::HexUpper(length()?),
            "token" => {
                let length = length()?;
                Self::Token { prefix: words.next().unwrap_or_default().to_owned(), length }
            }
            _ => return Err(()),
        })
    }
}

/// The check digit of card numbers (ISO/IEC 7812-1, annex B).
pub(crate) fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte.wrapping_sub(b'0'));
            if at % 2 == 1 { digit * 2 - if digit > 4 { 9 } else { 0 } } else { digit }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Letters of both cases, or letters and digits, and what base 64 has beside them.
fn is_random(value: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| value.bytes().any(|byte| kind(&byte));
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+/=".contains(&byte))
        && (has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
            || has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase))
}

/// `sk_live_` of `sk_live_4eC39...`: words, up to the last separator among the first few signs.
fn prefix(value: &str) -> &str {
    let head = value.as_bytes().get(..12).unwrap_or(value.as_bytes());
    let Some(end) = head.iter().rposition(|byte| matches!(byte, b'_' | b'-')) else { return "" };
    let is_word = |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-');
    if end > 0 && head[..=end].iter().all(is_word) { &value[..=end] } else { "" }
}

/// Bytes that look random and are the same on every run.
struct Noise {
    seed: String,
    block: [u8; 32],
    used: usize,
    blocks: u32,
}

impl Noise {
    fn new(seed: &str) -> Self {
        Self { seed: seed.to_owned(), block: [0; 32], used: 32, blocks: 0 }
    }

    fn of(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[usize::from(self.next()) % alphabet.len()])).collect()
    }

    fn next(&mut self) -> u8 {
        if self.used == self.block.len() {
            self.block = Sha256::digest(format!("{} {}", self.blocks, self.seed)).into();
            self.blocks += 1;
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }
}
