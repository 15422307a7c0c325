//! Values of rows and parameters: readable by type, and written in either of the protocol's two encodings.
//!
//! A document's value is what the type suggests: a number, or a text; bytes when it is no text. A value whose readable
//! form would not come back as the same bytes stays what it was: a text in the text encoding (`0042`), `{binary: bytes}`
//! in the binary one.
mod binary;
mod text;
mod times;

use keploy_sdk::{Fault, Value};

pub use binary::{read as read_binary, read_parameter, write as write_binary};
pub use text::{read as read_text, write as write_text};

/// How values of a column, or of a parameter, are to be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Type {
    pub kind: u8,
    pub unsigned: bool,
    pub zerofill: bool,
    /// Of a column: how wide it is shown; bits of a BIT.
    pub length: u32,
    /// Digits behind the point; more than 30 when that is open.
    pub decimals: u8,
}

/// The digits behind the point are not fixed (NOT_FIXED_DEC).
const OPEN: u8 = 31;

impl Type {
    pub fn parameter(kind: u8, unsigned: bool) -> Self {
        Self { kind, unsigned, zerofill: false, length: 0, decimals: OPEN }
    }

    fn wrong(self, value: &Value) -> Fault {
        let kind = crate::kind::name(self.kind).unwrap_or("unknown");
        Fault::new("bad-document", format!("{value:?} cannot be a value of type {kind}"))
    }

    /// Bytes of a BIT column.
    fn bit_bytes(self) -> usize {
        (self.length as usize).div_ceil(8).clamp(1, 8)
    }
}

/// A BIT as a number.
fn read_bits(kind: Type, bytes: &[u8]) -> Value {
    if bytes.len() != kind.bit_bytes() {
        return Value::readable(bytes.to_vec());
    }
    Value::Int(bytes.iter().fold(0, |number, byte| number << 8 | i128::from(*byte)))
}

fn write_bits(kind: Type, number: i128) -> Option<Vec<u8>> {
    let bytes = u64::try_from(number).ok()?.to_be_bytes();
    let (over, bits) = bytes.split_at(bytes.len() - kind.bit_bytes());
    over.iter().all(|byte| *byte == 0).then(|| bits.to_vec())
}
