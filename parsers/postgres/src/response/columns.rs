//! `RowDescription`: what a driver learns of each column.
use keploy_sdk::{Fault, Map, Value};

use super::bad;
use crate::{
    value::{Format, types},
    wire::{Fields, Out, put_string},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: Vec<u8>,
    /// The table and the column's number in it; 0 when it is an expression.
    pub table: u32,
    pub attribute: i16,
    pub oid: u32,
    pub size: i16,
    pub modifier: i32,
}

impl Column {
    /// Reads a `RowDescription`: the columns, and the formats their values will have.
    pub fn read(body: &[u8]) -> Option<(Vec<Self>, Vec<Format>)> {
        let mut fields = Fields(body);
        let columns = fields.list(|fields| {
            let column = Self {
                name: fields.string()?.to_vec(),
                table: fields.u32()?,
                attribute: fields.i16()?,
                oid: fields.u32()?,
                size: fields.i16()?,
                modifier: fields.i32()?,
            };
            Some((column, Format::from_code(fields.i16()?)))
        })?;
        fields.end(columns.into_iter().unzip())
    }

    pub fn write(columns: &[Self], formats: &[Format], out: &mut Out) {
        out.message(b'T', |body| {
            body.extend((columns.len() as u16).to_be_bytes());
            for (at, column) in columns.iter().enumerate() {
                put_string(body, &column.name);
                body.extend(column.table.to_be_bytes());
                body.extend(column.attribute.to_be_bytes());
                body.extend(column.oid.to_be_bytes());
                body.extend(column.size.to_be_bytes());
                body.extend(column.modifier.to_be_bytes());
                body.extend(formats.get(at).map_or(0, |format| format.code()).to_be_bytes());
            }
        });
    }

    /// What a mock says of a column that nobody described when it was recorded.
    pub fn unknown(at: usize) -> Self {
        let name = format!("column{}", at + 1).into_bytes();
        Self { name, table: 0, attribute: 0, oid: 25, size: -1, modifier: -1 }
    }

    pub fn document(&self) -> Value {
        let mut map = Map::new().with("name", Value::readable(self.name.clone())).with("type", type_document(self.oid));
        if self.table != 0 {
            map.insert("table", self.table);
        }
        if self.attribute != 0 {
            map.insert("attribute", i32::from(self.attribute));
        }
        if self.size != types::size(self.oid) {
            map.insert("size", i32::from(self.size));
        }
        if self.modifier != -1 {
            map.insert("modifier", self.modifier);
        }
        map.into()
    }

    pub fn from_document(document: &Value) -> Result<Self, Fault> {
        let number = |name: &str| document.get(name).and_then(Value::as_int);
        let name = document.get("name").and_then(Value::as_raw).ok_or_else(|| bad("a column without a name"))?;
        let oid = type_from(document.get("type").unwrap_or(&Value::Null))?;
        let small = |name: &str, default: i16| number(name).and_then(|n| i16::try_from(n).ok()).unwrap_or(default);
        Ok(Self {
            name: name.to_vec(),
            table: number("table").and_then(|n| u32::try_from(n).ok()).unwrap_or_default(),
            attribute: small("attribute", 0),
            oid,
            size: small("size", types::size(oid)),
            modifier: number("modifier").and_then(|n| i32::try_from(n).ok()).unwrap_or(-1),
        })
    }
}

/// `int4`; a number for the types of one database.
pub fn type_document(oid: u32) -> Value {
    types::name(oid).map_or_else(|| oid.into(), Value::from)
}

pub fn type_from(document: &Value) -> Result<u32, Fault> {
    let known = match document {
        Value::Text(name) => types::by_name(name),
        Value::Int(oid) => u32::try_from(*oid).ok(),
        _ => None,
    };
    known.ok_or_else(|| bad(&format!("{document:?} is not the name or the number of a type")))
}
