//! Types, by their number on the wire.

pub const TINY: u8 = 1;
pub const SHORT: u8 = 2;
pub const LONG: u8 = 3;
pub const FLOAT: u8 = 4;
pub const DOUBLE: u8 = 5;
pub const NULL: u8 = 6;
pub const TIMESTAMP: u8 = 7;
pub const LONGLONG: u8 = 8;
pub const INT24: u8 = 9;
pub const DATE: u8 = 10;
pub const TIME: u8 = 11;
pub const DATETIME: u8 = 12;
pub const YEAR: u8 = 13;
pub const NEWDATE: u8 = 14;
pub const BIT: u8 = 16;
pub const VAR_STRING: u8 = 253;

/// As people write them in SQL. What servers say for `varchar` is VAR_STRING, for `char` STRING, for `text` BLOB.
const NAMES: [(u8, &str); 29] = [
    (0, "old-decimal"),
    (TINY, "tinyint"),
    (SHORT, "smallint"),
    (LONG, "int"),
    (FLOAT, "float"),
    (DOUBLE, "double"),
    (NULL, "null"),
    (TIMESTAMP, "timestamp"),
    (LONGLONG, "bigint"),
    (INT24, "mediumint"),
    (DATE, "date"),
    (TIME, "time"),
    (DATETIME, "datetime"),
    (YEAR, "year"),
    (NEWDATE, "newdate"),
    (15, "old-varchar"),
    (BIT, "bit"),
    (242, "vector"),
    (245, "json"),
    (246, "decimal"),
    (247, "enum"),
    (248, "set"),
    (249, "tinyblob"),
    (250, "mediumblob"),
    (251, "longblob"),
    (252, "blob"),
    (VAR_STRING, "varchar"),
    (254, "char"),
    (255, "geometry"),
];

pub fn name(kind: u8) -> Option<&'static str> {
    NAMES.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

pub fn from_name(name: &str) -> Option<u8> {
    NAMES.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}
