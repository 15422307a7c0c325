//! Header compression (RFC 7541): everything is read; what is written is literal and leaves the other side's table empty.
mod huffman;
mod tables;

use tables::Table;

use crate::{Code, Error, Fields};

/// A longer list of fields is not HTTP anybody serves; a guest's memory stays bounded.
const MAX_LIST: usize = 256 * 1024;
/// The size of a table before anybody has said otherwise.
pub const DEFAULT_TABLE: usize = 4096;

/// Reads the header blocks of one direction, each with what all before it have left in the table.
pub struct Decoder {
    table: Table,
    /// What the reading side allows the writing side to use.
    allowed: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { table: Table::new(DEFAULT_TABLE), allowed: DEFAULT_TABLE }
    }
}

impl Decoder {
    /// The reading side allows a table of this size, too.
    pub fn allow_at_least(&mut self, size: usize) {
        self.allowed = self.allowed.max(size);
    }

    /// The fields of a whole block.
    ///
    /// # Errors
    /// When it is not HPACK, or too long. The table is then of no use any more.
    pub fn decode(&mut self, block: &[u8]) -> Result<Fields, Error> {
        let (mut input, mut fields, mut size) = (Input(block), Fields::default(), 0_usize);
        while let Some(first) = input.peek() {
            let (name, value) = match first {
                0x80.. => self.indexed(input.integer(7)?)?,
                0x40.. => {
                    let field = self.literal(&mut input, 6)?;
                    self.table.add(field.clone());
                    field
                }
                0x20.. => {
                    if !fields.is_empty() {
                        return Err(broken("the size of the table changes behind a field"));
                    }
                    let new = input.integer(5)?;
                    if new > self.allowed {
                        return Err(broken(format!("a table of {new} bytes, where {} are allowed", self.allowed)));
                    }
                    self.table.resize(new);
                    continue;
                }
                _ => self.literal(&mut input, 4)?,
            };
            size = size.saturating_add(name.len() + value.len() + 32);
            if size > MAX_LIST {
                return Err(Error::new(Code::ENHANCE_YOUR_CALM, format!("fields of more than {MAX_LIST} bytes")));
            }
            let name = String::from_utf8(name).map_err(|_| Error::protocol("the name of a field is not text"))?;
            fields.push(name, value);
        }
        Ok(fields)
    }

    fn indexed(&self, index: usize) -> Result<(Vec<u8>, Vec<u8>), Error> {
        self.table.get(index).ok_or_else(|| broken(format!("there is no entry {index} in the table")))
    }

    fn literal(&self, input: &mut Input<'_>, prefix: u32) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let name = match input.integer(prefix)? {
            0 => input.string()?,
            index => self.indexed(index)?.0,
        };
        Ok((name, input.string()?))
    }
}

/// Writes header blocks that need nothing of the other side's table.
#[derive(Default)]
pub struct Encoder {
    has_begun: bool,
}

impl Encoder {
    pub fn encode(&mut self, fields: &Fields) -> Vec<u8> {
        let mut out = Vec::new();
        if !std::mem::replace(&mut self.has_begun, true) {
            // Some want to hear that a smaller table than the default is kept to: the smallest is always allowed.
            out.push(0x20);
        }
        for (name, value) in fields.iter() {
            if let Some(index) = tables::whole(name.as_bytes(), value) {
                write_integer(&mut out, 0x80, 7, index);
                continue;
            }
            let index = tables::name(name.as_bytes());
            write_integer(&mut out, 0x00, 4, index.unwrap_or_default());
            if index.is_none() {
                write_string(&mut out, name.as_bytes());
            }
            write_string(&mut out, value);
        }
        out
    }
}

fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    write_integer(out, 0x00, 7, text.len());
    out.extend_from_slice(text);
}

/// RFC 7541, 5.1.
fn write_integer(out: &mut Vec<u8>, kind: u8, prefix: u32, value: usize) {
    let most = (1_usize << prefix) - 1;
    let byte = |value: usize| u8::try_from(value).unwrap_or(u8::MAX);
    if value < most {
        return out.push(kind | byte(value));
    }
    out.push(kind | byte(most));
    let mut rest = value - most;
    while rest >= 0x80 {
        out.push(0x80 | byte(rest & 0x7f));
        rest >>= 7;
    }
    out.push(byte(rest));
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let (first, rest) = self.0.split_first().ok_or_else(|| broken("the block ends in the middle of a field"))?;
        self.0 = rest;
        Ok(*first)
    }

    fn integer(&mut self, prefix: u32) -> Result<usize, Error> {
        let most = (1_usize << prefix) - 1;
        let first = usize::from(self.byte()?) & most;
        if first < most {
            return Ok(first);
        }
        let mut value = most;
        // Four bytes more say 2^28: nothing here is that large.
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(broken("a number of more than five bytes"))
    }

    fn string(&mut self) -> Result<Vec<u8>, Error> {
        let is_coded = self.peek().is_some_and(|byte| byte & 0x80 != 0);
        let length = self.integer(7)?;
        let (text, rest): (&'a [u8], _) =
            self.0.split_at_checked(length).ok_or_else(|| broken("the block ends in the middle of a text"))?;
        self.0 = rest;
        if is_coded { huffman::decode(text, MAX_LIST) } else { Ok(text.to_vec()) }
    }
}

fn broken(what: impl Into<String>) -> Error {
    Error::new(Code::COMPRESSION_ERROR, what)
}

#[cfg(test)]
mod tests;
