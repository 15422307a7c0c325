//! Taking a map apart, with complaints that say where.
use document::{Map, Path, Segment, Value};

use crate::{Timestamp, time};

/// What is wrong with a document, and where in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Complaint {
    pub path: Path,
    pub message: String,
    pub hint: String,
}

impl Complaint {
    pub fn new(path: &[&str], message: impl Into<String>, hint: impl Into<String>) -> Self {
        let path = path.iter().map(|&key| Segment::Name(key.to_owned())).collect();
        Self { path: Path(path), message: message.into(), hint: hint.into() }
    }
}

/// A map that is being read, and how it was reached.
pub(crate) struct Fields {
    map: Map,
    path: Path,
}

impl Fields {
    pub fn top(map: Map) -> Self {
        Self { map, path: Path::default() }
    }

    /// The maps in the list under `key`; none when it is missing.
    pub fn list(&mut self, key: &str) -> Result<Vec<Self>, Complaint> {
        let items = match self.take(key) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(self.wrong(key, "a list", &other)),
        };
        (0..).zip(items).map(|(index, item)| self.element(key, index, item)).collect()
    }

    /// One map of a list under `key`.
    pub fn element(&self, key: &str, index: usize, item: Value) -> Result<Self, Complaint> {
        let mut path = self.path_to(key);
        path.0.push(Segment::Index(index));
        match item {
            Value::Map(map) => Ok(Self { map, path }),
            other => {
                let message = format!("`{path}` is {}", describe(&other));
                Err(Complaint { path, message, hint: "it has to be a map".to_owned() })
            }
        }
    }

    pub fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some()
    }

    pub fn peek(&self, key: &str) -> Option<&Value> {
        self.map.get(key)
    }

    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key)
    }

    /// What has not been taken.
    pub fn rest(self) -> Map {
        self.map
    }

    /// The map under `key`; empty when it is missing or null.
    pub fn fields(&mut self, key: &str) -> Result<Self, Complaint> {
        let path = self.path_to(key);
        match self.take(key) {
            None | Some(Value::Null) => Ok(Self { map: Map::new(), path }),
            Some(Value::Map(map)) => Ok(Self { map, path }),
            Some(other) => Err(self.wrong(key, "a map", &other)),
        }
    }

    /// The text under `key`. Numbers and booleans count as text: YAML makes them out of unquoted words.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, Complaint> {
        match self.take(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => scalar(&value).map(Some).ok_or_else(|| self.wrong(key, "text", &value)),
        }
    }

    pub fn number<T: TryFrom<i128>>(&mut self, key: &str) -> Result<Option<T>, Complaint> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let number = match &value {
            Value::Null => return Ok(None),
            Value::Int(n) => Some(*n),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        match number.and_then(|n| T::try_from(n).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(key, "a whole number in range", &value)),
        }
    }

    pub fn time(&mut self, key: &str) -> Result<Option<Timestamp>, Complaint> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.as_str().and_then(time::parse) {
            Some(at) => Ok(Some(at)),
            None => Err(self.wrong(key, "a time like 2026-07-17T09:10:53.449166379Z", &value)),
        }
    }

    /// A list of texts; a single one counts as a list of one.
    pub fn texts(&mut self, key: &str) -> Result<Vec<String>, Complaint> {
        match self.take(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let texts =
                    items.iter().map(|item| scalar(item).ok_or_else(|| self.wrong(key, "a list of texts", item)));
                texts.collect()
            }
            Some(value) => match scalar(&value) {
                Some(text) => Ok(vec![text]),
                None => Err(self.wrong(key, "a list of texts", &value)),
            },
        }
    }

    pub fn keys(&self) -> Vec<String> {
        self.map.iter().map(|(key, _)| key.to_owned()).collect()
    }

    pub fn missing(&self, key: &str, hint: &str) -> Complaint {
        // There is no line for what is not there: point to what it should be in.
        Complaint {
            path: self.path.clone(),
            message: format!("`{}` is missing", self.path_to(key)),
            hint: hint.to_owned(),
        }
    }

    /// About what was just taken from `key`.
    pub fn complaint(&self, key: &str, message: String, hint: &str) -> Complaint {
        Complaint { path: self.path_to(key), message, hint: hint.to_owned() }
    }

    pub fn wrong(&self, key: &str, wanted: &str, found: &Value) -> Complaint {
        let path = self.path_to(key);
        let message = format!("`{path}` is {}", describe(found));
        Complaint { path, message, hint: format!("it has to be {wanted}") }
    }

    fn path_to(&self, key: &str) -> Path {
        let mut path = self.path.clone();
        path.0.push(Segment::Name(key.to_owned()));
        path
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(n) => Some(n.to_string()),
        Value::Float(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
        Value::Bytes(_) => "binary".to_owned(),
        Value::Blob(_) => "a kept body".to_owned(),
        scalar_value => {
            let text = scalar(scalar_value).unwrap_or_default();
            let short: String = text.chars().take(40).collect();
            format!("`{short}{}`", if short.len() < text.len() { "..." } else { "" })
        }
    }
}
