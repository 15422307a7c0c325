//! Requests and responses as they lie in the stream: a length, a header, a body.
use keploy_sdk::{Fault, Instant};

use crate::{codec, schema::Message, wire::Reader};

/// Brokers take 100 MiB by default; what a sandbox can hold is less.
const LARGEST: usize = 40 << 20;
/// Its responses have the old header in all versions: a client does not know yet what the broker understands.
pub const API_VERSIONS: i16 = 18;

/// The bytes of one direction.
#[derive(Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    /// Of `bytes[start]`, in the stream.
    offset: u64,
    since: Instant,
    now: Instant,
}

impl Inbox {
    pub fn push(&mut self, at: Instant, data: &[u8]) {
        if self.is_empty() {
            self.since = at;
        }
        self.bytes.drain(..self.start);
        self.start = 0;
        self.now = at;
        self.bytes.extend_from_slice(data);
    }

    /// Nothing has begun that is not whole.
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// The next frame that is whole, and when its first byte came.
    pub fn next(&mut self) -> Result<Option<(Vec<u8>, Instant)>, Fault> {
        let mut reader = Reader(&self.bytes[self.start..]);
        let Some(size) = reader.i32() else { return Ok(None) };
        let Some(size) = usize::try_from(size).ok().filter(|size| *size <= LARGEST) else {
            let message = format!("byte {}: a frame of {size} bytes; at most {LARGEST} are read", self.offset);
            return Err(Fault::new("frame-too-large", message));
        };
        let Some(frame) = reader.bytes(size).map(<[u8]>::to_vec) else { return Ok(None) };
        self.start += 4 + size;
        self.offset += 4 + size as u64;
        let since = std::mem::replace(&mut self.since, self.now);
        Ok(Some((frame, since)))
    }
}

/// What a request begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub api: i16,
    pub version: i16,
    pub correlation: i32,
}

impl Header {
    /// Without what differs from version to version; what is left is for [`body_of`].
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let header = Self { api: reader.i16()?, version: reader.i16()?, correlation: reader.i32()? };
        // The client's name, or -1: none.
        let name = reader.i16()?;
        reader.bytes(usize::try_from(name).unwrap_or(0))?;
        Some(header)
    }
}

/// A request's body: behind the header's tagged fields, where there are some.
pub fn body_of<'a>(mut reader: Reader<'a>, message: &Message, version: i16) -> Option<&'a [u8]> {
    if message.flexible.has(version) {
        codec::skip_tags(&mut reader)?;
    }
    Some(reader.0)
}

/// A response's body, behind its number.
pub fn answer_of<'a>(mut reader: Reader<'a>, message: &Message, header: Header) -> Option<&'a [u8]> {
    if message.flexible.has(header.version) && header.api != API_VERSIONS {
        codec::skip_tags(&mut reader)?;
    }
    Some(reader.0)
}

pub fn put_answer(out: &mut Vec<u8>, message: &Message, header: Header, body: &[u8]) {
    let mut frame = header.correlation.to_be_bytes().to_vec();
    if message.flexible.has(header.version) && header.api != API_VERSIONS {
        frame.push(0); // no tagged fields
    }
    frame.extend(body);
    out.extend(u32::try_from(frame.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(frame);
}
