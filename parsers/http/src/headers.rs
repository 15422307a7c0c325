//! Header and trailer fields: in order, in their case, as often as they were sent.
use keploy_sdk::{Map, Value};

/// A list of fields, and its form in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.0.push((name.into(), value.into()));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values sent under `name`, in whatever case.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The one value of `name`; none also when it was sent more than once.
    pub fn only(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The members of a comma-separated field, over all its lines, lower-cased and trimmed.
    pub fn members(&self, name: &str) -> Vec<String> {
        self.all(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(|member| String::from_utf8_lossy(member.trim_ascii()).to_ascii_lowercase())
            .filter(|member| !member.is_empty())
            .collect()
    }

    pub fn has_member(&self, name: &str, member: &str) -> bool {
        self.members(name).iter().any(|m| m == member)
    }

    /// Replaces every value of `name`, where it stands.
    pub fn replace(&mut self, name: &str, value: &[u8]) {
        for (_, old) in self.0.iter_mut().filter(|(n, _)| n.eq_ignore_ascii_case(name)) {
            *old = value.to_vec();
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    pub fn insert_first(&mut self, name: &str, value: &[u8]) {
        self.0.insert(0, (name.to_owned(), value.to_vec()));
    }

    /// A map, with a list where a name was sent several times in a row. Where that cannot say the order (`A`, `B`,
    /// `A`), a list of maps with one entry each.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        for run in self.0.chunk_by(|a, b| a.0 == b.0) {
            let (Some((name, _)), values) = (run.first(), run.iter().map(|(_, value)| readable(value))) else {
                continue;
            };
            if map.get(name).is_some() {
                return self
                    .0
                    .iter()
                    .map(|(name, value)| Map::new().with(name, readable(value)).into())
                    .collect::<Vec<Value>>()
                    .into();
            }
            match run.len() {
                1 => values.for_each(|value| map.insert(name, value)),
                _ => map.insert(name, values.collect::<Vec<_>>()),
            }
        }
        map.into()
    }

    /// The inverse of [`Headers::to_value`]. A person may have written numbers without quotes.
    ///
    /// # Errors
    /// In words, naming the field that has no value that could be sent.
    pub fn from_value(value: Option<&Value>) -> Result<Self, String> {
        let mut headers = Self::default();
        match value {
            None | Some(Value::Null) => {}
            Some(Value::Map(map)) => headers.extend(map)?,
            Some(Value::Array(maps)) => {
                for map in maps {
                    headers.extend(
                        map.as_map().ok_or("`header`: an item of the list is not a map of one name and its value")?,
                    )?;
                }
            }
            Some(_) => return Err("`header` is neither a map nor a list of maps".to_owned()),
        }
        Ok(headers)
    }

    fn extend(&mut self, map: &Map) -> Result<(), String> {
        for (name, value) in map.iter() {
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(format!("{name:?} cannot be the name of a header"));
            }
            let values = if let Value::Array(values) = value { values.as_slice() } else { std::slice::from_ref(value) };
            for value in values {
                let value = scalar(value).ok_or_else(|| format!("the header {name} has no text as its value"))?;
                if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                    return Err(format!("the header {name} has a line break in its value"));
                }
                self.push(name, value);
            }
        }
        Ok(())
    }
}

impl<N: Into<String>, V: Into<Vec<u8>>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

fn readable(value: &[u8]) -> Value {
    Value::readable(value.to_vec())
}

/// What a scalar looks like on the wire.
pub fn scalar(value: &Value) -> Option<Vec<u8>> {
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
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use keploy_sdk::{Map, Value};

    use super::Headers;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        fields.iter().copied().collect()
    }

    #[test]
    fn order_case_and_repetition_come_back() {
        for fields in [
            &[("Host", "a"), ("Set-Cookie", "1"), ("Set-Cookie", "2"), ("X", "")][..],
            &[("A", "1"), ("B", "2"), ("A", "3")],
            &[("set-cookie", "1"), ("Set-Cookie", "2")],
            &[],
        ] {
            let headers = headers(fields);
            assert_eq!(Headers::from_value(Some(&headers.to_value())), Ok(headers));
        }
    }

    #[test]
    fn interleaved_names_become_a_list() {
        assert!(headers(&[("A", "1"), ("A", "3")]).to_value().as_map().is_some());
        assert!(headers(&[("A", "1"), ("B", "2"), ("A", "3")]).to_value().as_array().is_some());
    }

    #[test]
    fn what_a_person_wrote_is_sent_or_refused() {
        let value = Map::new().with("Content-Length", 5).with("X", true).into();
        assert_eq!(Headers::from_value(Some(&value)), Ok(headers(&[("Content-Length", "5"), ("X", "true")])));
        for bad in [Map::new().with("a b", "x"), Map::new().with("A", "x\r\nEvil: y"), Map::new().with("A", Map::new())]
        {
            assert!(Headers::from_value(Some(&Value::from(bad))).is_err());
        }
    }

    #[test]
    fn members_of_a_list() {
        let headers = headers(&[("Connection", "Keep-Alive, Upgrade"), ("connection", " ,close")]);
        assert_eq!(headers.members("connection"), ["keep-alive", "upgrade", "close"]);
    }
}
