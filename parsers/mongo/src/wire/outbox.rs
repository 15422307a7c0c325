//! Replies, as bytes.
use crc32c::crc32c;
use keploy_sdk::{Blob, Fault, Session, Side, Value};

use super::{CHECKSUM, CHECKSUM_PRESENT, Compressor, HEADER, OP_COMPRESSED, OP_MSG, OP_REPLY};
use crate::bson;

/// Numbers what the server says.
#[derive(Default)]
pub struct Outbox {
    last: i32,
}

/// What is to be said, and how.
pub struct Reply<'a> {
    pub to: i32,
    pub flags: u32,
    /// To a command in the old way.
    pub legacy: bool,
    pub compressor: Option<Compressor>,
    /// A document, or the blob that it is.
    pub body: &'a Value,
    /// Names and documents.
    pub sequences: Vec<(&'a str, &'a Value)>,
}

/// The cursor, where it is, and how many documents follow.
const OLD_REPLY: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
/// `AwaitCapable`, which every server has said since 2009.
const AWAIT_CAPABLE: u32 = 8;

impl Outbox {
    /// Returns the number of the message.
    ///
    /// # Errors
    /// When `reply` holds what is no BSON: somebody has edited it.
    pub fn send(&mut self, host: &mut dyn Session, reply: &Reply<'_>) -> Result<i32, Fault> {
        self.last += 1;
        if let Value::Blob(blob) = reply.body {
            self.send_blob(host, reply, *blob)?;
            return Ok(self.last);
        }
        let (opcode, mut body) = match reply.legacy {
            true => (OP_REPLY, [&AWAIT_CAPABLE.to_le_bytes()[..], &OLD_REPLY].concat()),
            false => (OP_MSG, [&reply.flags.to_le_bytes()[..], &[0]].concat()),
        };
        bson::write(reply.body, &mut body)?;
        sequences(&reply.sequences, &mut body)?;
        let checked = !reply.legacy && reply.flags & CHECKSUM_PRESENT != 0;
        let (opcode, body) = match reply.compressor {
            Some(compressor) => {
                if checked {
                    body.extend([0; CHECKSUM]); // nobody looks at it in there
                }
                (OP_COMPRESSED, compressed(host, compressor, opcode, &body)?)
            }
            None => (opcode, body),
        };
        let sum = if checked && reply.compressor.is_none() { CHECKSUM } else { 0 };
        let head = self.head(reply.to, opcode, body.len() + sum);
        let mut message = [&head[..], &body].concat();
        if sum > 0 {
            message.extend(crc32c(&message).to_le_bytes());
        }
        host.write(Side::Client, &message);
        Ok(self.last)
    }

    /// Never compressed, which a client that asked compressed takes as well, and without a checksum: it is not here.
    fn send_blob(&self, host: &mut dyn Session, reply: &Reply<'_>, blob: Blob) -> Result<(), Fault> {
        let size = usize::try_from(blob.size).map_err(|_| Fault::new("bad-document", "a blob beyond all messages"))?;
        let mut behind = Vec::new();
        sequences(&reply.sequences, &mut behind)?;
        let flags = reply.flags & !CHECKSUM_PRESENT;
        let head = self.head(reply.to, OP_MSG, 5 + size + behind.len());
        host.write(Side::Client, &[&head[..], &flags.to_le_bytes(), &[0]].concat());
        host.write_blob(Side::Client, blob.id);
        if !behind.is_empty() {
            host.write(Side::Client, &behind);
        }
        Ok(())
    }

    fn head(&self, to: i32, opcode: i32, body: usize) -> [u8; HEADER] {
        let mut head = [0; HEADER];
        let fields = [(HEADER + body) as i32, self.last, to, opcode];
        head.chunks_mut(4).zip(fields).for_each(|(bytes, field)| bytes.copy_from_slice(&field.to_le_bytes()));
        head
    }
}

fn sequences(sequences: &[(&str, &Value)], out: &mut Vec<u8>) -> Result<(), Fault> {
    for (name, documents) in sequences {
        let mut section = [&[0; 4], name.as_bytes(), &[0]].concat();
        for document in documents.as_array().unwrap_or_default() {
            bson::write(document, &mut section)?;
        }
        let size = section.len() as u32;
        section[..4].copy_from_slice(&size.to_le_bytes());
        out.push(1);
        out.extend(section);
    }
    Ok(())
}

fn compressed(host: &dyn Session, by: Compressor, opcode: i32, body: &[u8]) -> Result<Vec<u8>, Fault> {
    let data = by.encode(host, body).map_err(|problem| Fault::new("cannot-compress", format!("{by:?}: {problem}")))?;
    let size = body.len() as u32;
    Ok([&opcode.to_le_bytes()[..], &size.to_le_bytes(), &[by as u8], &data].concat())
}
