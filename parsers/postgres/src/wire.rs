//! Framing: the bytes of one direction as messages, and the fields inside a message.
//!
//! A message is a type byte, a length that counts itself, and a body. Before the start-up is over, a client's have no type.
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>
use keploy_sdk::{Fault, Instant, Side};
use zeroize::Zeroize;

/// Longer messages are passed over: a guest has 64 MiB, and one message is copied a few times on its way.
pub const LONGEST_MESSAGE: usize = 8 << 20;
/// Start-up packets are this long at most; the server's own limit.
const LONGEST_STARTUP: usize = 10_000;

/// What came in one direction and is not taken yet.
pub struct Inbox {
    from: Side,
    bytes: Vec<u8>,
    start: usize,
    /// Of the end of `bytes` in the stream.
    offset: u64,
    /// Bytes of an oversized message that are still to be passed over.
    skip: usize,
    /// When the first byte of the message at `start` came.
    since: Instant,
    now: Instant,
}

/// One message.
#[derive(Debug, PartialEq)]
pub struct Message {
    pub tag: u8,
    pub body: Body,
    /// When its first byte arrived.
    pub since: Instant,
}

#[derive(Debug, PartialEq)]
pub enum Body {
    Bytes(Vec<u8>),
    /// It has so many bytes, more than are read.
    TooLarge(usize),
}

impl Inbox {
    pub fn new(from: Side) -> Self {
        Self { from, bytes: Vec::new(), start: 0, offset: 0, skip: 0, since: 0, now: 0 }
    }

    pub fn push(&mut self, offset: u64, at: Instant, data: &[u8]) {
        self.offset = offset + data.len() as u64;
        self.now = at;
        let skipped = self.skip.min(data.len());
        self.skip -= skipped;
        if self.is_empty() {
            self.since = at;
        }
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(&data[skipped..]);
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// When the next message began to arrive; none when nothing has.
    pub fn since(&self) -> Option<Instant> {
        (!self.is_empty()).then_some(self.since)
    }

    /// What has come of the next message, and of what follows it.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Overwrites what was taken: it was a secret.
    pub fn forget(&mut self) {
        self.bytes[..self.start].zeroize();
    }

    /// Where in the stream the next message begins.
    pub fn position(&self) -> u64 {
        self.offset - (self.bytes.len() - self.start) as u64
    }

    /// Drops what is left: behind [`Inbox::position`] the stream is something else.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }

    /// One byte that is no message: the answer to a request for encryption.
    pub fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.start)?;
        self.take(1);
        Some(byte)
    }

    /// What the next byte is, without taking it.
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.start).copied()
    }

    /// A packet without a type: its code and what follows.
    pub fn startup(&mut self) -> Result<Option<(u32, Vec<u8>)>, Fault> {
        let rest = &self.bytes[self.start..];
        let Some((length, _)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if !(8..=LONGEST_STARTUP).contains(&length) {
            return Err(self.fault("bad-length", &format!("a start-up packet of {length} bytes")));
        }
        let Some(packet) = rest.get(4..length) else { return Ok(None) };
        let (code, body) = packet.split_first_chunk::<4>().expect("there are at least eight bytes");
        let found = (u32::from_be_bytes(*code), body.to_vec());
        self.take(length);
        Ok(Some(found))
    }

    /// The next message that is whole, or too large to wait for.
    pub fn message(&mut self) -> Result<Option<Message>, Fault> {
        let rest = &self.bytes[self.start..];
        let Some((&[tag, length @ ..], rest)) = rest.split_first_chunk::<5>() else { return Ok(None) };
        let length = i32::from_be_bytes(length);
        let Ok(size @ 4..) = usize::try_from(length) else {
            return Err(self.fault("bad-length", &format!("a message {:?} of {length} bytes", char::from(tag))));
        };
        let (size, since) = (size - 4, self.since);
        if size > LONGEST_MESSAGE {
            let here = rest.len().min(size);
            self.take(5 + here);
            self.skip = size - here;
            return Ok(Some(Message { tag, body: Body::TooLarge(size), since }));
        }
        let Some(body) = rest.get(..size) else { return Ok(None) };
        let body = Body::Bytes(body.to_vec());
        self.take(5 + size);
        Ok(Some(Message { tag, body, since }))
    }

    fn take(&mut self, count: usize) {
        self.start += count;
        self.since = self.now;
    }

    pub fn fault(&self, code: &str, found: &str) -> Fault {
        let side = match self.from {
            Side::Client => "client",
            Side::Server => "server",
        };
        Fault::new(code, format!("byte {} of the {side}: {found}", self.position()))
    }
}

/// Reads the fields of a body. `None` when it ends too early.
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub fn u8(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }
    pub fn i16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }
    pub fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }
    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }
    /// Up to a zero byte.
    pub fn string(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let string = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Some(string)
    }
    /// A length and so many bytes; a negative length is NULL.
    pub fn value(&mut self) -> Option<Option<&'a [u8]>> {
        match self.i32()? {
            ..0 => Some(None),
            length => self.bytes(usize::try_from(length).ok()?).map(Some),
        }
    }
    /// A count and so many of something.
    pub fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.u16()?;
        (0..count).map(|_| item(self)).collect()
    }
    /// There is nothing behind what was read.
    pub fn end<T>(self, read: T) -> Option<T> {
        self.0.is_empty().then_some(read)
    }
}

/// Messages to be sent.
#[derive(Default)]
pub struct Out(pub Vec<u8>);

impl Out {
    /// One message, whose body `write` appends.
    pub fn message(&mut self, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
        self.0.push(tag);
        let at = self.0.len();
        self.0.extend([0; 4]);
        write(&mut self.0);
        let length = (self.0.len() - at) as u32;
        self.0[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
}

/// Appends a string and its zero byte. A zero inside would end it early, so it is left out.
pub fn put_string(out: &mut Vec<u8>, string: &[u8]) {
    out.extend(string.iter().filter(|byte| **byte != 0));
    out.push(0);
}

/// Appends a length and the bytes, or the length that means NULL.
pub fn put_value(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => out.extend((-1_i32).to_be_bytes()),
        Some(bytes) => {
            out.extend((bytes.len() as u32).to_be_bytes());
            out.extend_from_slice(bytes);
        }
    }
}
