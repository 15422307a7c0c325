//! What is said about a column, or about a parameter (Protocol::ColumnDefinition41).
use keploy_sdk::{Fault, Map, Value};

use crate::{
    capabilities::{Capabilities, MARIADB_CLIENT_EXTENDED_METADATA},
    document::{Fields, words},
    kind,
    values::Type,
    wire::{Cursor, put_bytes, put_lenenc},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    catalog: Vec<u8>,
    schema: Vec<u8>,
    table: Vec<u8>,
    original_table: Vec<u8>,
    name: Vec<u8>,
    original_name: Vec<u8>,
    /// MariaDB: what its own types are.
    extended: Vec<u8>,
    charset: u16,
    length: u32,
    kind: u8,
    flags: u16,
    decimals: u8,
    /// COM_FIELD_LIST: the default, a string as in rows.
    default: Option<Vec<u8>>,
}

const FLAGS: [&str; 16] = [
    "not-null",
    "primary-key",
    "unique-key",
    "multiple-key",
    "blob",
    "unsigned",
    "zerofill",
    "binary",
    "enum",
    "auto-increment",
    "timestamp",
    "set",
    "no-default",
    "on-update-now",
    "part-key",
    "number",
];

const BINARY: u16 = 63;
const CATALOG: &[u8] = b"def";

impl Column {
    pub fn read(payload: &[u8], agreed: Capabilities) -> Result<Self, Fault> {
        let mut packet = Cursor::new("a column", payload);
        let mut string = || packet.bytes().map(<[u8]>::to_vec);
        let (catalog, schema, table, original_table) = (string()?, string()?, string()?, string()?);
        let (name, original_name) = (string()?, string()?);
        let extended = if agreed.has(MARIADB_CLIENT_EXTENDED_METADATA) { string()? } else { Vec::new() };
        packet.lenenc()?; // the length of what follows, always 12
        let (charset, length) = (packet.u16()?, packet.u32()?);
        let (kind, flags, decimals) = (packet.u8()?, packet.u16()?, packet.u8()?);
        packet.take(2)?;
        let default = Some(packet.rest().to_vec()).filter(|rest| !rest.is_empty());
        Ok(Self {
            catalog,
            schema,
            table,
            original_table,
            name,
            original_name,
            extended,
            charset,
            length,
            kind,
            flags,
            decimals,
            default,
        })
    }

    pub fn write(&self, agreed: Capabilities) -> Vec<u8> {
        let mut out = Vec::new();
        for string in [&self.catalog, &self.schema, &self.table, &self.original_table, &self.name, &self.original_name]
        {
            put_bytes(&mut out, string);
        }
        if agreed.has(MARIADB_CLIENT_EXTENDED_METADATA) {
            put_bytes(&mut out, &self.extended);
        }
        put_lenenc(&mut out, 12);
        out.extend(self.charset.to_le_bytes());
        out.extend(self.length.to_le_bytes());
        out.push(self.kind);
        out.extend(self.flags.to_le_bytes());
        out.extend([self.decimals, 0, 0]);
        out.extend_from_slice(self.default.as_deref().unwrap_or_default());
        out
    }

    /// How its values are written.
    pub fn values(&self) -> Type {
        let has =
            |name: &str| FLAGS.iter().position(|flag| *flag == name).is_some_and(|bit| self.flags >> bit & 1 == 1);
        Type {
            kind: self.kind,
            unsigned: has("unsigned"),
            zerofill: has("zerofill"),
            length: self.length,
            decimals: self.decimals,
        }
    }

    /// A column nobody described.
    pub fn unknown() -> Self {
        let empty = Vec::new;
        Self {
            catalog: CATALOG.to_vec(),
            schema: empty(),
            table: empty(),
            original_table: empty(),
            name: empty(),
            original_name: empty(),
            extended: empty(),
            charset: BINARY,
            length: 0,
            kind: kind::VAR_STRING,
            flags: 0,
            decimals: 0,
            default: None,
        }
    }

    /// What is usual is left out.
    pub fn document(&self) -> Value {
        let mut map = Map::new();
        let text = |bytes: &[u8]| Value::readable(bytes.to_vec());
        map.insert("name", text(&self.name));
        match kind::name(self.kind) {
            Some(name) => map.insert("type", name),
            None => map.insert("type", self.kind),
        }
        if self.flags != 0 {
            map.insert("flags", words(&FLAGS, self.flags));
        }
        map.insert("length", self.length);
        if self.decimals != 0 {
            map.insert("decimals", self.decimals);
        }
        if self.charset != BINARY {
            map.insert("charset", self.charset);
        }
        let strings: [(&str, &[u8], &[u8]); 6] = [
            ("table", &self.table, b""),
            ("schema", &self.schema, b""),
            ("originalName", &self.original_name, if self.table.is_empty() { b"" } else { &self.name }),
            ("originalTable", &self.original_table, &self.table),
            ("catalog", &self.catalog, CATALOG),
            ("extended", &self.extended, b""),
        ];
        for (name, bytes, _) in strings.into_iter().filter(|(_, bytes, usual)| bytes != usual) {
            map.insert(name, text(bytes));
        }
        if let Some(default) = &self.default {
            map.insert("default", default.clone());
        }
        map.into()
    }

    pub fn from_document(column: &Value) -> Result<Self, Fault> {
        let fields = Fields::new("column", column)?;
        let or = |name, usual: &[u8]| match fields.get(name) {
            None => Ok(usual.to_vec()),
            Some(_) => fields.raw(name).map(<[u8]>::to_vec),
        };
        let (name, table) = (or("name", b"")?, or("table", b"")?);
        let kind = match fields.get("type").and_then(Value::as_str) {
            Some(name) => kind::from_name(name).ok_or_else(|| fields.wrong("type", "a type's name or number"))?,
            None => fields.number("type")?,
        };
        let charset = if fields.get("charset").is_some() { fields.number("charset")? } else { BINARY };
        Ok(Self {
            catalog: or("catalog", CATALOG)?,
            schema: or("schema", b"")?,
            original_table: or("originalTable", &table)?,
            original_name: or("originalName", if table.is_empty() { b"" } else { &name })?,
            extended: or("extended", b"")?,
            charset,
            length: fields.number("length")?,
            kind,
            flags: fields.words("flags", &FLAGS)?,
            decimals: fields.number("decimals")?,
            default: fields.get("default").and_then(Value::as_raw).map(<[u8]>::to_vec),
            name,
            table,
        })
    }
}
