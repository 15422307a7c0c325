//! A document opened for comparison: texts that hold JSON are trees, maps are sorted, equal means equal.

use std::{borrow::Cow, cmp::Ordering, hash};

use crate::{Map, Value, json};

/// How deep a document is opened. A text below that is a text, whatever it holds.
pub(crate) const MAX_DEPTH: usize = 256;

/// What stands in a stripped document where something was noise.
pub(crate) const NOISE: &str = "<noise>";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(Float),
    /// A JSON number that is no `Int`: in JSON, in its canonical spelling, exact whatever its length.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// A text that holds a JSON object or array.
    Json(Box<Node<'a>>),
    Bytes(&'a [u8]),
    Blob {
        size: u64,
        sha256: &'a [u8; 32],
    },
    Array(Vec<Node<'a>>),
    /// By name.
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
    Noise(Hidden<'a>),
}

impl<'a> Node<'a> {
    pub(crate) fn open(value: &'a Value) -> Self {
        Self::open_at(value, 0)
    }

    fn open_at(value: &'a Value, depth: usize) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Int(n) => Self::Int(*n),
            Value::Float(f) => Self::Float(Float::new(*f)),
            Value::Text(text) => Self::text(Cow::Borrowed(text), depth),
            Value::Bytes(bytes) => Self::Bytes(bytes),
            Value::Blob(blob) => Self::Blob { size: blob.size, sha256: &blob.sha256 },
            Value::Array(items) => Self::Array(items.iter().map(|item| Self::open_at(item, depth + 1)).collect()),
            Value::Map(map) => {
                let open = |(name, value): (&'a str, &'a Value)| (Cow::Borrowed(name), Self::open_at(value, depth + 1));
                Self::Map(map.sorted().into_iter().map(open).collect())
            }
        }
    }

    pub(crate) fn text(text: Cow<'a, str>, depth: usize) -> Self {
        let levels = MAX_DEPTH.saturating_sub(depth);
        let opened = match &text {
            Cow::Borrowed(text) => json::parse(text, levels, |part| part),
            Cow::Owned(text) => json::parse(text, levels, |part| Cow::Owned(part.into_owned())),
        };
        opened.map_or(Self::Text(text), |json| Self::Json(Box::new(json)))
    }

    /// The value, with `<noise>` where something is hidden and JSON in its shortest spelling.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(*b),
            Self::Int(n) => Value::Int(*n),
            Self::Float(f) => Value::Float(f.get()),
            Self::Number(digits) => json::number_value(digits),
            Self::Text(text) => Value::Text(text.clone().into_owned()),
            Self::Json(json) => Value::Text(json::write(json)),
            Self::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
            Self::Blob { size, sha256 } => Value::Blob(crate::Blob { id: 0, size: *size, sha256: **sha256 }),
            Self::Array(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Self::Map(entries) => {
                let entries = entries.iter().map(|(name, node)| (name.clone().into_owned(), node.to_value())).collect();
                Value::Map(Map::from_entries(entries).expect("names were unique in the map that was opened"))
            }
            Self::Noise(_) => NOISE.into(),
        }
    }

    /// What is compared where noise does not hide it.
    pub(crate) fn shown(&self) -> &Node<'a> {
        match self {
            Self::Noise(hidden) => &hidden.0,
            node => node,
        }
    }

    /// The elements of a list, in an order of their own.
    pub(crate) fn sort(&mut self) {
        match self {
            Self::Array(items) => items.sort_unstable(),
            Self::Json(json) => json.sort(),
            _ => {}
        }
    }

    pub(crate) fn hide(&mut self) {
        if !matches!(self, Self::Noise(_)) {
            let node = std::mem::replace(self, Self::Null);
            *self = Self::Noise(Hidden(Box::new(node)));
        }
    }
}

/// What was found to be noise, kept to be shown; any two are equal.
#[derive(Clone, Debug)]
pub(crate) struct Hidden<'a>(Box<Node<'a>>);

impl PartialEq for Hidden<'_> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Hidden<'_> {}
impl PartialOrd for Hidden<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Hidden<'_> {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}
impl hash::Hash for Hidden<'_> {
    fn hash<H: hash::Hasher>(&self, _: &mut H) {}
}

/// A float that equals itself: one NaN, one zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Float(u64);

impl Float {
    fn new(f: f64) -> Self {
        Self(match f {
            _ if f.is_nan() => f64::NAN.to_bits(),
            0.0 => 0,
            _ => f.to_bits(),
        })
    }

    pub(crate) fn get(self) -> f64 {
        f64::from_bits(self.0)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}
