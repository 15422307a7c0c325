//! How numbers and flags are spelled in documents, and read from there.
use keploy_sdk::{Fault, Value};

/// Server status flags, from the lowest bit up.
const STATUS: [&str; 16] = [
    "in-transaction",
    "autocommit",
    "bit-2",
    "more-results",
    "no-good-index",
    "no-index",
    "cursor",
    "last-row",
    "database-dropped",
    "no-backslash-escapes",
    "metadata-changed",
    "slow",
    "out-params",
    "read-only-transaction",
    "session-changed",
    "ansi-quotes",
];

pub const IN_TRANSACTION: u16 = 1;
pub const AUTOCOMMIT: u16 = 1 << 1;
pub const MORE_RESULTS: u16 = 1 << 3;
pub const CURSOR_EXISTS: u16 = 1 << 6;
pub const LAST_ROW_SENT: u16 = 1 << 7;
pub const NO_BACKSLASH_ESCAPES: u16 = 1 << 9;
pub const OUT_PARAMS: u16 = 1 << 12;
pub const SESSION_CHANGED: u16 = 1 << 14;

pub fn status(flags: u16) -> Value {
    words(&STATUS, flags).into()
}

/// The names of the bits that are set.
pub fn words(names: &[&str; 16], flags: u16) -> String {
    let set = names.iter().enumerate().filter(|(bit, _)| flags >> bit & 1 == 1);
    set.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

pub fn from_words(names: &[&str; 16], words: &str) -> Option<u16> {
    words.split_whitespace().try_fold(0, |flags, word| {
        let bit = names.iter().position(|name| *name == word)?;
        Some(flags | 1 << bit)
    })
}

/// A map in a document that we write from.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    what: &'a str,
    value: &'a Value,
}

impl<'a> Fields<'a> {
    pub fn new(what: &'a str, value: &'a Value) -> Result<Self, Fault> {
        match value {
            Value::Map(_) => Ok(Self { what, value }),
            other => Err(Fault::new("bad-document", format!("{what}: expected a map, found {other:?}"))),
        }
    }

    pub fn wrong(&self, name: &str, expected: &str) -> Fault {
        let found = self.value.get(name).unwrap_or(&Value::Null);
        Fault::new("bad-document", format!("{}.{name}: expected {expected}, found {found:?}", self.what))
    }

    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name)
    }

    /// What is not there is zero.
    pub fn number<N: TryFrom<i128>>(&self, name: &str) -> Result<N, Fault> {
        let number = self.get(name).map_or(Some(0), Value::as_int);
        number.and_then(|number| N::try_from(number).ok()).ok_or_else(|| self.wrong(name, "a number that fits"))
    }

    /// What is not there is empty.
    pub fn raw(&self, name: &str) -> Result<&'a [u8], Fault> {
        match self.get(name) {
            None => Ok(b""),
            Some(value) => value.as_raw().ok_or_else(|| self.wrong(name, "a text")),
        }
    }

    /// What is not there is `autocommit`.
    pub fn status(&self, name: &str) -> Result<u16, Fault> {
        match self.get(name) {
            None => Ok(AUTOCOMMIT),
            Some(value) => {
                let flags = value.as_str().and_then(|words| from_words(&STATUS, words));
                flags.ok_or_else(|| self.wrong(name, &format!("some of: {}", STATUS.join(" "))))
            }
        }
    }

    /// Names of flags, or their number.
    pub fn words(&self, name: &str, names: &[&str; 16]) -> Result<u16, Fault> {
        if let Some(Value::Int(_)) = self.get(name) {
            return self.number(name);
        }
        let words = self.get(name).map_or(Some(""), Value::as_str);
        let flags = words.and_then(|words| from_words(names, words));
        flags.ok_or_else(|| self.wrong(name, &format!("some of: {}", names.join(" "))))
    }
}
