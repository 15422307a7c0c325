//! Fields: in order, as often as they were sent. Those that begin with `:` say what a request or a response is.
use keploy_sdk::{Map, Value};

use crate::rules;

/// A list of fields, and its form in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Vec<u8>)>);

impl Fields {
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.0.push((name.into(), value.into()));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The first value of `name`, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Those that begin with `:`, and the others.
    pub fn split(&self) -> (Self, Self) {
        let (pseudo, ordinary) = self.0.iter().cloned().partition(|(name, _)| name.starts_with(':'));
        (Self(pseudo), Self(ordinary))
    }

    /// Replaces every value of `name`, where it stands.
    pub fn replace(&mut self, name: &str, value: &[u8]) {
        for (_, old) in self.0.iter_mut().filter(|(n, _)| n == name) {
            *old = value.to_vec();
        }
    }

    /// A map, with a list where a name was sent several times in a row. Where that cannot say the order (`a`, `b`,
    /// `a`), a list of maps with one entry each.
    pub fn to_value(&self) -> Value {
        let readable = |value: &Vec<u8>| Value::readable(value.clone());
        let mut map = Map::new();
        for run in self.0.chunk_by(|a, b| a.0 == b.0) {
            let Some((name, first)) = run.first() else { continue };
            if map.get(name).is_some() {
                let each = self.0.iter().map(|(name, value)| Map::new().with(name, readable(value)).into());
                return each.collect::<Vec<Value>>().into();
            }
            match run {
                [_] => map.insert(name, readable(first)),
                _ => map.insert(name, run.iter().map(|(_, value)| readable(value)).collect::<Vec<_>>()),
            }
        }
        map.into()
    }

    /// The inverse of [`Fields::to_value`]. A person may have written numbers without quotes, or names in upper case.
    ///
    /// # Errors
    /// In words, naming the field that cannot be sent.
    pub fn from_value(value: Option<&Value>) -> Result<Self, String> {
        let mut fields = Self::default();
        match value {
            None | Some(Value::Null) => {}
            Some(Value::Map(map)) => fields.extend(map)?,
            Some(Value::Array(maps)) => {
                for map in maps {
                    fields.extend(map.as_map().ok_or("headers: an item of the list is not a map of one name")?)?;
                }
            }
            Some(_) => return Err("headers are neither a map nor a list of maps".to_owned()),
        }
        Ok(fields)
    }

    fn extend(&mut self, map: &Map) -> Result<(), String> {
        for (name, value) in map.iter() {
            let token = name.strip_prefix(':').unwrap_or(name);
            if token.is_empty() || !token.bytes().all(is_token) {
                return Err(format!("{name:?} cannot be the name of a header"));
            }
            let values = if let Value::Array(values) = value { values.as_slice() } else { std::slice::from_ref(value) };
            for value in values {
                let value = scalar(value).ok_or_else(|| format!("the header {name} has no text as its value"))?;
                if !rules::is_value(name, &value) {
                    return Err(format!("the header {name} has a line break in its value"));
                }
                self.push(name.to_ascii_lowercase(), value);
            }
        }
        Ok(())
    }
}

impl<N: Into<String>, V: Into<Vec<u8>>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// What a scalar looks like on the wire.
fn scalar(value: &Value) -> Option<Vec<u8>> {
    Some(match value {
        Value::Text(text) => text.clone().into_bytes(),
        Value::Bytes(bytes) => bytes.clone(),
        Value::Int(n) => n.to_string().into_bytes(),
        Value::Float(n) => n.to_string().into_bytes(),
        Value::Bool(b) => b.to_string().into_bytes(),
        Value::Null => Vec::new(),
        Value::Array(_) | Value::Map(_) | Value::Blob(_) => return None,
    })
}

/// RFC 9110, 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use keploy_sdk::Map;

    use super::Fields;

    fn fields(list: &[(&str, &str)]) -> Fields {
        list.iter().copied().collect()
    }

    #[test]
    fn order_and_repetition_come_back() {
        for list in [
            &[(":status", "200"), ("set-cookie", "1"), ("set-cookie", "2"), ("x", "")][..],
            &[("a", "1"), ("b", "2"), ("a", "3")],
            &[],
        ] {
            let fields = fields(list);
            assert_eq!(Fields::from_value(Some(&fields.to_value())), Ok(fields));
        }
    }

    #[test]
    fn what_a_person_wrote_is_sent_or_refused() {
        let value = Map::new().with("Grpc-Status", 5).with("x", true).into();
        assert_eq!(Fields::from_value(Some(&value)), Ok(fields(&[("grpc-status", "5"), ("x", "true")])));
        for bad in [Map::new().with("a b", "x"), Map::new().with("a", "x\r\ny: z"), Map::new().with("a", Map::new())] {
            assert!(Fields::from_value(Some(&bad.into())).is_err());
        }
    }
}
