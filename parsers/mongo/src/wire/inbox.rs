//! The bytes of one direction, and the messages they come to.
//!
//! A message is read when all of it is there. Of one that is longer than a guest should hold, the host keeps the sections
//! that make it so: they are blobs, and everything else in it is read as usual.
use crc32c::{crc32c, crc32c_append};
use keploy_sdk::{Blob, Fault, Instant, Session, Side, Value};

use super::{
    CHECKSUM, CHECKSUM_PRESENT, Content, HEADER, LARGEST, Message, Msg, OP_COMPRESSED, OP_MSG, OP_QUERY, OP_REPLY,
    read::{BODY, Reader, SEQUENCE, name_of, u32_of},
};

pub struct Inbox {
    from: Side,
    /// What came and is not taken.
    bytes: Vec<u8>,
    start: usize,
    /// Of the byte behind the last of `bytes`, in the stream.
    offset: u64,
    /// When the first byte of this message came, and when the last bytes did.
    since: Instant,
    now: Instant,
    /// Longer messages are read in parts.
    whole: usize,
    large: Option<Large>,
}

#[derive(Clone, Copy)]
struct Header {
    length: usize,
    id: i32,
    response_to: i32,
    opcode: i32,
}

/// An OP_MSG that is read section by section.
struct Large {
    header: Header,
    since: Instant,
    message: Msg,
    /// Bytes of it that are not taken, the checksum included.
    left: usize,
    /// The host is still filling this blob.
    waits_for: Option<u64>,
}

impl Inbox {
    pub fn new(from: Side, whole: usize) -> Self {
        Self { from, bytes: Vec::new(), start: 0, offset: 0, since: 0, now: 0, whole, large: None }
    }

    pub fn push(&mut self, offset: u64, at: Instant, data: &[u8]) {
        if self.is_empty() {
            self.since = at;
        }
        self.bytes.drain(..self.start);
        self.start = 0;
        self.now = at;
        self.bytes.extend_from_slice(data);
        self.offset = offset + data.len() as u64;
    }

    /// No message has begun.
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len() && self.large.is_none()
    }

    /// A blob is filled.
    pub fn kept(&mut self, blob: u64, at: Instant) {
        self.now = at;
        if let Some(large) = &mut self.large
            && large.waits_for == Some(blob)
        {
            large.waits_for = None;
        }
    }

    /// The next message that is there.
    pub fn message(&mut self, host: &mut dyn Session) -> Result<Option<Message>, Fault> {
        if self.large.is_none() {
            let Some(header) = self.header()? else { return Ok(None) };
            if header.length <= self.whole {
                return self.small(header, host);
            }
            if header.opcode != OP_MSG {
                return Err(self.fault("too-large", &format!("a message of {} bytes", header.length)));
            }
            let Some(flags) = self.rest().get(HEADER..HEADER + 4) else { return Ok(None) };
            let message = Msg { flags: u32_of(flags), ..Msg::default() };
            let left = header.length - HEADER - 4;
            self.take(HEADER + 4);
            self.large = Some(Large { header, since: self.since, message, left, waits_for: None });
        }
        self.sections(host)
    }

    fn header(&self) -> Result<Option<Header>, Fault> {
        let Some(bytes) = self.rest().get(..HEADER) else { return Ok(None) };
        let field = |at: usize| u32_of(&bytes[at..at + 4]) as i32;
        let (length, opcode) = (field(0), field(12));
        let length = match usize::try_from(length) {
            Ok(length) if (HEADER + 5..=LARGEST).contains(&length) => length,
            _ => return Err(self.fault("bad-length", &format!("a message of {length} bytes"))),
        };
        if ![OP_REPLY, OP_QUERY, OP_COMPRESSED, OP_MSG].contains(&opcode) {
            return Err(self.fault("bad-opcode", &format!("a message with the opcode {opcode}")));
        }
        Ok(Some(Header { length, id: field(4), response_to: field(8), opcode }))
    }

    /// All at once.
    fn small(&mut self, header: Header, host: &mut dyn Session) -> Result<Option<Message>, Fault> {
        let Header { length, id, response_to, opcode } = header;
        let Some(bytes) = self.rest().get(..length) else { return Ok(None) };
        let (head, body) = bytes.split_at(HEADER);
        let mut compressor = None;
        let mut reader = Reader { host, whole: self.whole };
        let content = if opcode == OP_COMPRESSED {
            reader.uncompressed(body).and_then(|(opcode, by, body)| {
                compressor = Some(by);
                reader.content(opcode, &body)
            })
        } else if opcode == OP_MSG && !is_intact(head, body) {
            return Err(self.fault("bad-checksum", "a message with a checksum that it does not have"));
        } else {
            reader.content(opcode, body)
        };
        let content = content.map_err(|problem| self.fault("bad-message", &problem))?;
        let since = self.since;
        self.take(length);
        self.since = self.now;
        Ok(Some(Message { id, response_to, compressor, since, content }))
    }

    /// Section by section.
    fn sections(&mut self, host: &mut dyn Session) -> Result<Option<Message>, Fault> {
        while let Some(mut large) = self.large.take() {
            let trailer = if large.message.flags & CHECKSUM_PRESENT == 0 { 0 } else { CHECKSUM };
            if large.waits_for.is_none() && large.left <= trailer {
                if large.left < trailer || large.message.body == Value::Null {
                    return Err(self.fault("bad-message", "sections that are no whole message"));
                }
                // What the host keeps is not here, so a checksum cannot be checked.
                if self.rest().len() >= trailer {
                    self.take(trailer);
                    self.since = self.now;
                    let Header { id, response_to, .. } = large.header;
                    let (since, content) = (large.since, Content::Msg(large.message));
                    return Ok(Some(Message { id, response_to, compressor: None, since, content }));
                }
            }
            let goes_on = large.waits_for.is_none() && large.left > trailer && self.section(&mut large, host)?;
            self.large = Some(large);
            if !goes_on {
                break;
            }
        }
        Ok(None)
    }

    /// False when it is not there yet.
    fn section(&mut self, large: &mut Large, host: &mut dyn Session) -> Result<bool, Fault> {
        let Some((kind, rest)) = self.rest().split_first() else { return Ok(false) };
        let kind = *kind;
        let Some(size) = rest.get(..4).map(|bytes| u32_of(bytes) as usize) else { return Ok(false) };
        let is_second = kind == BODY && large.message.body != Value::Null;
        if ![BODY, SEQUENCE].contains(&kind) || is_second || size < 5 || size >= large.left {
            return Err(self.fault("bad-message", &format!("a section of kind {kind} and {size} bytes")));
        }
        if size <= self.whole {
            let Some(section) = rest.get(..size) else { return Ok(false) };
            let mut reader = Reader { host, whole: self.whole };
            reader.section(&mut large.message, kind, section).map_err(|problem| self.fault("bad-message", &problem))?;
            self.take(1 + size);
            large.left -= 1 + size;
            return Ok(true);
        }
        let name = if kind == BODY { None } else { Some(name_of(&rest[4..])) };
        // The length of a document is part of it; that of a sequence, and its name, are not part of its documents.
        let before = match &name {
            None => 0,
            Some(Err(problem)) => return Err(self.fault("bad-message", problem)),
            Some(Ok(None)) => return Ok(false),
            Some(Ok(Some(name))) => 4 + name.len() + 1,
        };
        if before > size {
            return Err(self.fault("bad-message", "a name that is longer than its section"));
        }
        self.take(1 + before);
        large.left -= 1 + size;
        let blob = self.keep(large, size - before, host);
        match name {
            Some(Ok(Some(name))) => large.message.sequences.push((name, blob.into())),
            _ => large.message.body = blob.into(),
        }
        Ok(true)
    }

    /// What of the next `size` bytes is here is handed over, the rest is not fed.
    fn keep(&mut self, large: &mut Large, size: usize, host: &mut dyn Session) -> Blob {
        let here = &self.rest()[..size.min(self.rest().len())];
        let (known, missing) = (here.len(), size - here.len());
        let mut blob = (known > 0).then(|| host.keep_bytes(here, None));
        if missing > 0 {
            blob = Some(host.keep(self.from, self.offset, missing as u64, blob));
            large.waits_for = blob;
        }
        self.take(known);
        Blob::new(blob.unwrap_or_default())
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn take(&mut self, length: usize) {
        self.start += length;
    }

    pub fn fault(&self, code: &str, found: &str) -> Fault {
        let side = match self.from {
            Side::Client => "client",
            Side::Server => "server",
        };
        let at = self.offset.saturating_sub(self.rest().len() as u64);
        Fault::new(code, format!("byte {at} of the {side}: {found}"))
    }
}

/// The checksum, if there is one, is right.
fn is_intact(head: &[u8], body: &[u8]) -> bool {
    let has = body.get(..4).is_some_and(|flags| u32_of(flags) & CHECKSUM_PRESENT != 0);
    !has || body
        .split_last_chunk::<CHECKSUM>()
        .is_some_and(|(body, sum)| crc32c_append(crc32c(head), body) == u32_of(sum))
}
