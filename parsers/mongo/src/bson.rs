//! BSON as people read it: extended JSON, in a form that loses nothing. <https://bsonspec.org/spec.html>
//!
//! | BSON | document |
//! |---|---|
//! | string, document, array, bool, null | the same (a string that YAML cannot show: bytes) |
//! | double | a number with a fraction, `{$numberDouble: NaN}` where YAML has no such number |
//! | int32, int64 | a whole number: beyond 32 bits it is an int64; an int64 within: `{$numberLong: "5"}` |
//! | decimal128 | `{$numberDecimal: "1.20"}` |
//! | ObjectId, UUID, other binary | `{$oid: …}`, `{$uuid: …}`, `{$binary: {base64: …, subType: …}}` |
//! | date, timestamp | `{$date: 2024-02-29T12:34:56.789Z}`, `{$timestamp: {t: …, i: …}}` |
//! | regular expression, code and the rest | as <https://github.com/mongodb/specifications> has them in "Extended JSON" |
//!
//! What has no such form (two fields of one name, a document that looks like one of these forms) is
//! `{$bson: {type: …, value: …}}` with the bytes of its value. So whatever is read is written as the same bytes.
mod date;
mod decimal;
mod read;
mod write;

pub use read::{count, document, documents};
pub use write::write;

/// Element types.
mod kind {
    pub const DOUBLE: u8 = 0x01;
    pub const STRING: u8 = 0x02;
    pub const DOCUMENT: u8 = 0x03;
    pub const ARRAY: u8 = 0x04;
    pub const BINARY: u8 = 0x05;
    pub const UNDEFINED: u8 = 0x06;
    pub const OBJECT_ID: u8 = 0x07;
    pub const BOOL: u8 = 0x08;
    pub const DATE: u8 = 0x09;
    pub const NULL: u8 = 0x0a;
    pub const REGEX: u8 = 0x0b;
    pub const DB_POINTER: u8 = 0x0c;
    pub const CODE: u8 = 0x0d;
    pub const SYMBOL: u8 = 0x0e;
    pub const CODE_WITH_SCOPE: u8 = 0x0f;
    pub const INT32: u8 = 0x10;
    pub const TIMESTAMP: u8 = 0x11;
    pub const INT64: u8 = 0x12;
    pub const DECIMAL128: u8 = 0x13;
    pub const MIN_KEY: u8 = 0xff;
    pub const MAX_KEY: u8 = 0x7f;
}

const UUID: u8 = 0x04;

/// A document whose only field has one of these names stands for another value.
fn is_form(name: &str) -> bool {
    const FORMS: [&str; 16] = [
        "$numberInt",
        "$numberDouble",
        "$numberLong",
        "$numberDecimal",
        "$oid",
        "$uuid",
        "$binary",
        "$date",
        "$timestamp",
        "$regularExpression",
        "$symbol",
        "$undefined",
        "$dbPointer",
        "$minKey",
        "$maxKey",
        "$bson",
    ];
    FORMS.contains(&name)
}

/// The value is JavaScript; `$scope` may stand beside it.
const CODE: &str = "$code";
const SCOPE: &str = "$scope";

#[cfg(test)]
mod tests;
