//! The fields of an error or a notice.
use keploy_sdk::{Fault, Map, Value};

use super::bad;
use crate::wire::{Fields, Out, put_string};

/// An error or a notice: fields of one letter each.
/// <https://www.postgresql.org/docs/current/protocol-error-fields.html>
#[derive(Clone, Debug, PartialEq)]
pub struct Notice(Vec<(u8, Vec<u8>)>);

const NAMES: [(u8, &str); 18] = [
    (b'S', "severity"),
    (b'V', "level"), // never translated
    (b'C', "code"),
    (b'M', "message"),
    (b'D', "detail"),
    (b'H', "hint"),
    (b'P', "position"),
    (b'p', "internal-position"),
    (b'q', "internal-query"),
    (b'W', "where"),
    (b's', "schema"),
    (b't', "table"),
    (b'c', "column"),
    (b'd', "type"),
    (b'n', "constraint"),
    (b'F', "file"),
    (b'L', "line"),
    (b'R', "routine"),
];

impl Notice {
    /// An error of ours.
    pub fn error(severity: &str, code: &str, message: &str) -> Self {
        let field = |tag: u8, text: &str| (tag, text.as_bytes().to_vec());
        Self(vec![field(b'S', severity), field(b'V', severity), field(b'C', code), field(b'M', message)])
    }

    pub fn read(body: &[u8]) -> Option<Self> {
        let mut fields = Fields(body);
        let mut found = Vec::new();
        loop {
            match fields.u8()? {
                0 => return fields.end(Self(found)),
                tag => found.push((tag, fields.string()?.to_vec())),
            }
        }
    }

    pub fn write(&self, tag: u8, out: &mut Out) {
        out.message(tag, |body| {
            for (tag, text) in &self.0 {
                body.push(*tag);
                put_string(body, text);
            }
            body.push(0);
        });
    }

    pub fn field(&self, tag: u8) -> Option<&[u8]> {
        self.0.iter().find(|(found, _)| *found == tag).map(|(_, text)| text.as_slice())
    }

    /// The connection ends with it.
    pub fn is_fatal(&self) -> bool {
        matches!(self.field(b'V').or_else(|| self.field(b'S')), Some(b"FATAL" | b"PANIC"))
    }

    /// In the server's order. `level` is left out where it only repeats `severity`.
    pub fn document(&self) -> Value {
        let mut map = Map::new();
        for (at, (tag, text)) in self.0.iter().enumerate() {
            let repeats =
                *tag == b'V' && at == 1 && self.0.first().is_some_and(|(first, same)| *first == b'S' && same == text);
            if !repeats {
                let known = NAMES.iter().find(|(letter, _)| letter == tag);
                let name = known.map_or_else(|| format!("field-{tag}"), |(_, name)| (*name).to_owned());
                map.insert(name, Value::readable(text.clone()));
            }
        }
        // Servers before 9.6 have no level.
        if self.field(b'V').is_none() {
            map.insert("level", Value::Null);
        }
        map.into()
    }

    pub fn from_document(document: &Value) -> Result<Self, Fault> {
        let map = document.as_map().ok_or_else(|| bad("an error or notice is not a map"))?;
        let mut fields = Vec::new();
        for (name, value) in map.iter() {
            let known = NAMES.iter().find(|(_, known)| *known == name).map(|(letter, _)| *letter);
            let other = || name.strip_prefix("field-").and_then(|tag| tag.parse().ok());
            let tag = known.or_else(other).ok_or_else(|| bad(&format!("an error has no `{name}`")))?;
            match value {
                Value::Null => continue,
                Value::Int(number) => fields.push((tag, number.to_string().into_bytes())),
                value => {
                    fields.push((tag, value.as_raw().ok_or_else(|| bad(&format!("`{name}` is not text")))?.to_vec()))
                }
            }
        }
        if map.get("level").is_none()
            && let Some((b'S', severity)) = fields.first().cloned()
        {
            fields.insert(1, (b'V', severity));
        }
        Ok(Self(fields))
    }
}
