//! The document tree that crosses the sandbox boundary, and its CBOR form (RFC 8949).
//!
//! A [`Value`] goes in and deterministic bytes come out: shortest integers, definite lengths, map entries in the order
//! the parser wrote them. That order is kept because people read it (method before URL, headers as they were sent); it
//! carries no meaning: two maps with the same entries are equal.
#![forbid(unsafe_code)]

mod cbor;
mod packed;

use std::{fmt, sync::OnceLock};

pub use cbor::DecodeError;

/// One node of a document.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    /// Any integer from -2^64 to 2^64 - 1.
    Int(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Array(Vec<Value>),
    Map(Map),
    /// Bytes that the host kept and the guest never saw.
    Blob(Blob),
}

/// A body too large to go through a guest: the host keeps it beside the recording.
///
/// Equal when the content is, by size and hash. The number is the guest's handle and means nothing outside a
/// connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blob {
    /// The number that `Session::keep` returned.
    pub id: u64,
    /// Bytes; filled in by the host.
    pub size: u64,
    /// SHA-256 of the content; filled in by the host.
    pub sha256: [u8; 32],
}

impl Blob {
    /// What a guest puts into its document for the blob `id`.
    pub fn new(id: u64) -> Self {
        Self { id, ..Self::default() }
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        (self.size, self.sha256) == (other.size, other.sha256)
    }
}

/// Named entries in the order they were written. Names are unique; equality ignores the order.
///
/// One that was [packed](Value::pack) has its entries made when somebody looks at them.
#[derive(Clone, Default)]
pub struct Map {
    entries: OnceLock<Vec<(String, Value)>>,
    /// The map as CBOR, from which the entries are made; empty when it is not packed.
    packed: Box<[u8]>,
}

impl Map {
    pub fn new() -> Self {
        Self::default()
    }
    /// All entries at once, in this order. Unlike repeated [`Map::insert`], its cost does not grow with the square.
    /// # Errors
    /// The index of an entry whose name occurred before.
    pub fn from_entries(entries: Vec<(String, Value)>) -> Result<Self, usize> {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_unstable_by_key(|&index| (entries[index].0.as_str(), index));
        match order.windows(2).find(|pair| entries[pair[0]].0 == entries[pair[1]].0) {
            Some(pair) => Err(pair[1]),
            None => Ok(Self::of(entries)),
        }
    }
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries().iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.entries_mut().iter_mut().find(|(n, _)| n == name).map(|(_, v)| v)
    }
    /// Sets an entry: in place when there is one of that name, else at the end.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        match self.get_mut(&name) {
            Some(old) => *old = value,
            None => self.entries_mut().push((name, value)),
        }
    }
    /// `insert`, for building in one expression.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(name, value);
        self
    }
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.entries().iter().position(|(n, _)| n == name)?;
        Some(self.entries_mut().remove(at).1)
    }
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Value)> + ExactSizeIterator {
        self.entries().iter().map(|(n, v)| (n.as_str(), v))
    }
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        self.entries_mut().iter_mut().map(|(n, v)| (n.as_str(), v))
    }
    pub fn len(&self) -> usize {
        self.entries().len()
    }
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }
    /// The entries by name: the canonical order.
    pub fn sorted(&self) -> Vec<(&str, &Value)> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_by(|a, b| a.0.cmp(b.0));
        entries
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}
impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
impl FromIterator<(String, Value)> for Map {
    /// Of two entries with one name the later value wins.
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        entries.into_iter().fold(Self::new(), |map, (name, value)| map.with(name, value))
    }
}
impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;
    fn into_iter(self) -> Self::IntoIter {
        self.into_entries().into_iter()
    }
}

impl Value {
    /// Text when the bytes are UTF-8 that YAML can show, else bytes. Nothing is lost either way.
    pub fn readable(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) if text.chars().all(is_printable) => Self::Text(text),
            Ok(text) => Self::Bytes(text.into_bytes()),
            Err(error) => Self::Bytes(error.into_bytes()),
        }
    }
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
    pub fn as_int(&self) -> Option<i128> {
        if let Self::Int(n) = self { Some(*n) } else { None }
    }
    pub fn as_array(&self) -> Option<&[Value]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }
    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }
    /// The bytes of a text or of bytes: what [`Value::readable`] was made from.
    pub fn as_raw(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text.as_bytes()),
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
    /// The entry of a map; none also when this is not a map.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_map()?.get(name)
    }
    /// Deterministic CBOR.
    pub fn to_cbor(&self) -> Vec<u8> {
        cbor::encode(self)
    }
    /// # Errors
    /// When `bytes` is not exactly one well-formed document, nested at most 128 deep.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, DecodeError> {
        cbor::decode(bytes)
    }
    /// Would [`Value::from_cbor`] read this? For who hands the bytes on: nothing is built.
    ///
    /// # Errors
    /// As [`Value::from_cbor`].
    pub fn check_cbor(bytes: &[u8]) -> Result<(), DecodeError> {
        cbor::check(bytes)
    }
    /// Calls `f` for every blob in the tree.
    pub fn for_each_blob(&mut self, f: &mut impl FnMut(&mut Blob)) {
        match self {
            Self::Blob(blob) => f(blob),
            Self::Array(items) => items.iter_mut().for_each(|item| item.for_each_blob(f)),
            Self::Map(map) => map.iter_mut().for_each(|(_, item)| item.for_each_blob(f)),
            _ => {}
        }
    }
}

/// YAML shows it as it is and reads it back the same (YAML 1.1 `c-printable`, without the line breaks it would fold).
fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{7e}' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

macro_rules! from {
    ($($type:ty => |$v:ident| $make:expr),* $(,)?) => {
        $(impl From<$type> for Value { fn from($v: $type) -> Self { $make } })*
    };
}
from! {
    bool => |v| Self::Bool(v),
    u8 => |v| Self::Int(v.into()),
    u16 => |v| Self::Int(v.into()),
    u32 => |v| Self::Int(v.into()),
    u64 => |v| Self::Int(v.into()),
    i32 => |v| Self::Int(v.into()),
    i64 => |v| Self::Int(v.into()),
    usize => |v| Self::Int(v as i128),
    f64 => |v| Self::Float(v),
    &str => |v| Self::Text(v.to_owned()),
    String => |v| Self::Text(v),
    Vec<u8> => |v| Self::Bytes(v),
    Vec<Value> => |v| Self::Array(v),
    Map => |v| Self::Map(v),
    Blob => |v| Self::Blob(v),
}

#[cfg(test)]
mod tests;
