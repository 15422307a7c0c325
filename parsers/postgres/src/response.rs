//! What the server answers to one statement: a document, and the messages it stands for.
//!
//! ```yaml
//! columns: [{name: id, type: int4, table: 16385, attribute: 1}, {name: note, type: text}]
//! rows: [[1, hello], [2, null]]
//! tag: SELECT 2
//! ```
//!
//! Instead of a tag: `empty: true` for an empty text, `suspended: true` where a portal's rows go on. With either, or
//! alone: `error`, `notices`, `parameters` (settings that changed), `copy`, `notifications` (of the connection to itself).
//! A response that is only `notification: {channel: …}` was sent by somebody else, whenever it was.
mod columns;
mod notice;

pub use columns::{Column, type_document, type_from};
use keploy_sdk::{Fault, Map, Value};
pub use notice::Notice;

use crate::{
    value::{self, Format},
    wire::{Out, put_string, put_value},
};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    pub columns: Option<Vec<Column>>,
    pub rows: Vec<Vec<Value>>,
    pub tag: Option<Vec<u8>>,
    pub empty: bool,
    pub suspended: bool,
    pub error: Option<Notice>,
    pub notices: Vec<Notice>,
    pub parameters: Vec<(String, String)>,
    pub copy: Option<Copy>,
    /// What the connection told itself: maps of a channel and a payload.
    pub notifications: Vec<Value>,
}

/// The server began to copy.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    pub direction: Direction,
    pub format: Format,
    pub columns: Vec<Format>,
    /// What the server sent, a message each.
    pub data: Vec<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the server.
    In,
    /// From the server.
    Out,
}

impl Response {
    pub fn document(self) -> Value {
        let mut map = Map::new();
        if let Some(columns) = self.columns {
            map.insert("columns", columns.iter().map(Column::document).collect::<Vec<_>>());
        }
        if !self.rows.is_empty() {
            map.insert("rows", self.rows.into_iter().map(Value::Array).collect::<Vec<_>>());
        }
        if let Some(copy) = self.copy {
            map.insert("copy", copy.document());
        }
        if let Some(tag) = self.tag {
            map.insert("tag", Value::readable(tag));
        }
        for (name, holds) in [("empty", self.empty), ("suspended", self.suspended)] {
            if holds {
                map.insert(name, true);
            }
        }
        if let Some(error) = self.error {
            map.insert("error", error.document());
        }
        if !self.notices.is_empty() {
            map.insert("notices", self.notices.iter().map(Notice::document).collect::<Vec<_>>());
        }
        if !self.parameters.is_empty() {
            map.insert("parameters", parameters_document(&self.parameters));
        }
        if !self.notifications.is_empty() {
            map.insert("notifications", self.notifications);
        }
        map.into()
    }

    pub fn from_document(document: Value) -> Result<Self, Fault> {
        let Value::Map(map) = document else { return Err(bad("a response is not a map")) };
        let mut response = Self::default();
        for (name, value) in map {
            match (name.as_str(), value) {
                ("columns", Value::Array(columns)) => {
                    response.columns = Some(columns.iter().map(Column::from_document).collect::<Result<_, _>>()?);
                }
                ("rows", Value::Array(rows)) => {
                    for row in rows {
                        let Value::Array(row) = row else { return Err(bad("a row is not a list")) };
                        response.rows.push(row);
                    }
                }
                ("tag", tag) => response.tag = Some(raw(&tag, "tag")?),
                ("empty", Value::Bool(holds)) => response.empty = holds,
                ("suspended", Value::Bool(holds)) => response.suspended = holds,
                ("error", error) => response.error = Some(Notice::from_document(&error)?),
                ("notices", Value::Array(notices)) => {
                    response.notices = notices.iter().map(Notice::from_document).collect::<Result<_, _>>()?;
                }
                ("parameters", parameters) => response.parameters = parameters_from(&parameters)?,
                ("copy", copy) => response.copy = Some(Copy::from_document(copy)?),
                ("notifications", Value::Array(notifications)) => response.notifications = notifications,
                (name, _) => return Err(bad(&format!("a response with `{name}`, or `{name}` is of another type"))),
            }
        }
        Ok(response)
    }

    pub fn write_notices(&self, out: &mut Out) {
        self.notices.iter().for_each(|notice| notice.write(b'N', out));
    }

    pub fn write_parameters(&self, out: &mut Out) {
        write_parameters(&self.parameters, out);
    }

    /// The end of a statement: its tag, or that there was no statement.
    pub fn write_tag(&self, out: &mut Out) {
        match &self.tag {
            Some(tag) => out.message(b'C', |body| put_string(body, tag)),
            None if self.empty => out.message(b'I', |_| {}),
            None => {}
        }
    }
}

impl Copy {
    fn document(self) -> Value {
        let name = |format: &Format| Value::from(if *format == Format::Text { "text" } else { "binary" });
        let direction = if self.direction == Direction::In { "in" } else { "out" };
        let mut map = Map::new().with("direction", direction).with("format", name(&self.format));
        map.insert("columns", self.columns.iter().map(name).collect::<Vec<_>>());
        if !self.data.is_empty() {
            map.insert("data", self.data);
        }
        map.into()
    }

    fn from_document(document: Value) -> Result<Self, Fault> {
        let format = |value: Option<&Value>| match value.and_then(Value::as_str) {
            Some("binary") => Format::Binary,
            _ => Format::Text,
        };
        let direction = match document.get("direction").and_then(Value::as_str) {
            Some("in") => Direction::In,
            Some("out") => Direction::Out,
            _ => return Err(bad("`copy.direction` is neither `in` nor `out`")),
        };
        let list = |name| document.get(name).and_then(Value::as_array).unwrap_or_default();
        let columns = list("columns").iter().map(|column| format(Some(column))).collect();
        Ok(Self { direction, format: format(document.get("format")), columns, data: list("data").to_vec() })
    }

    /// That it begins.
    pub fn write(&self, out: &mut Out) {
        let tag = if self.direction == Direction::In { b'G' } else { b'H' };
        out.message(tag, |body| {
            body.push(self.format.code() as u8);
            body.extend((self.columns.len() as u16).to_be_bytes());
            body.extend(self.columns.iter().flat_map(|format| format.code().to_be_bytes()));
        });
    }
}

/// One row, in the formats that were asked for.
pub fn write_row(row: &[Value], columns: &[Column], formats: &[Format], out: &mut Out) -> Result<(), Fault> {
    let mut problem = None;
    out.message(b'D', |body| {
        body.extend((row.len() as u16).to_be_bytes());
        for (at, value) in row.iter().enumerate() {
            let (oid, format) = (columns.get(at).map_or(0, |column| column.oid), formats.get(at).copied());
            match (value, value::encode(oid, format.unwrap_or(Format::Text), value)) {
                (Value::Null, _) => put_value(body, None),
                (_, Some(raw)) => put_value(body, Some(&raw)),
                (value, None) => problem = Some(format!("no value of type {oid} looks like {value:?}")),
            }
        }
    });
    problem.map_or(Ok(()), |problem| Err(bad(&problem)))
}

pub fn write_parameters(parameters: &[(String, String)], out: &mut Out) {
    for (name, value) in parameters {
        out.message(b'S', |body| {
            put_string(body, name.as_bytes());
            put_string(body, value.as_bytes());
        });
    }
}

pub fn parameters_document(parameters: &[(String, String)]) -> Value {
    parameters.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect::<Map>().into()
}

pub fn parameters_from(document: &Value) -> Result<Vec<(String, String)>, Fault> {
    let map = document.as_map().ok_or_else(|| bad("`parameters` is not a map"))?;
    let entries = map.iter().map(|(name, value)| {
        let value = raw(value, name)?;
        Ok((name.to_owned(), String::from_utf8_lossy(&value).into_owned()))
    });
    entries.collect()
}

/// Text as it was written, also where YAML made a number or a boolean of it.
fn raw(value: &Value, name: &str) -> Result<Vec<u8>, Fault> {
    match value {
        Value::Int(number) => Ok(number.to_string().into_bytes()),
        value => value.as_raw().map(<[u8]>::to_vec).ok_or_else(|| bad(&format!("`{name}` is not text"))),
    }
}

pub fn bad(problem: &str) -> Fault {
    Fault::new("bad-document", problem.to_owned())
}
