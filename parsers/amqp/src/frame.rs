//! Frames, and the messages that are spread over several of them.
use std::collections::BTreeMap;

use keploy_sdk::{Blob, Fault, Instant, Map, Session, Value};

use crate::{
    method::{Method, by_id},
    properties,
    wire::Reader,
};

/// What a client says first.
pub const PROTOCOL: [u8; 8] = *b"AMQP\0\0\x09\x01";

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
const END: u8 = 0xce;
/// Type, channel and size.
const HEAD: usize = 7;
/// Brokers agree on 128 KiB; some clients ask for no limit.
const LARGEST: usize = 16 << 20;
/// The class of all content.
const BASIC: u16 = 60;

/// One thing that a side says.
#[derive(Debug)]
pub enum Said {
    /// The protocol's name and version: a client's first words, or a server's last when it does not speak that.
    Protocol([u8; 8]),
    Heartbeat,
    Method(Saying),
}

#[derive(Debug)]
pub struct Saying {
    pub channel: u16,
    pub method: &'static Method,
    pub arguments: Map,
    pub content: Option<Content>,
    /// When its first byte came.
    pub since: Instant,
}

/// A message.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub properties: Map,
    /// Null when it is empty.
    pub body: Value,
}

/// The bytes of one direction, and what they come to.
pub struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    /// Of `bytes[start]`, in the stream.
    offset: u64,
    /// Where the frame began that is being read.
    frame_at: u64,
    since: Instant,
    now: Instant,
    /// By channel, the message that is on its way.
    partial: BTreeMap<u16, Partial>,
    /// Bodies longer than this are kept by the host.
    keep_above: usize,
}

/// Type, channel and payload.
type Frame<'a> = (u8, u16, &'a [u8]);

struct Partial {
    saying: Saying,
    /// How much of the body is to come, once the header is there.
    left: Option<u64>,
    body: Vec<u8>,
    blob: Option<u64>,
}

impl Inbox {
    pub fn new(keep_above: usize) -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            offset: 0,
            frame_at: 0,
            since: 0,
            now: 0,
            partial: BTreeMap::new(),
            keep_above,
        }
    }

    pub fn push(&mut self, at: Instant, data: &[u8]) {
        if self.bytes.len() == self.start {
            self.since = at;
        }
        self.bytes.drain(..self.start);
        self.start = 0;
        self.now = at;
        self.bytes.extend_from_slice(data);
    }

    /// Nothing has begun that is not whole.
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len() && self.partial.is_empty()
    }

    /// What was said next, as soon as it is whole.
    ///
    /// # Errors
    /// When this is not AMQP.
    pub fn next(&mut self, host: &mut dyn Session) -> Result<Option<Said>, Fault> {
        loop {
            let rest = &self.bytes[self.start..];
            if self.offset == 0 && rest.first() == Some(&PROTOCOL[0]) {
                let Some(said) = rest.first_chunk() else { return Ok(None) };
                let said = *said;
                self.take(said.len());
                return Ok(Some(Said::Protocol(said)));
            }
            self.frame_at = self.offset;
            let Some((kind, channel, payload)) = self.frame(rest)? else { return Ok(None) };
            let (payload, since) = (payload.to_vec(), self.since);
            self.take(HEAD + payload.len() + 1);
            let said = match kind {
                METHOD => self.method(channel, &payload, since)?,
                HEADER => self.header(channel, &payload)?,
                BODY => self.body(host, channel, payload)?,
                HEARTBEAT => Some(Said::Heartbeat),
                other => return Err(self.fault("bad-frame", &format!("there are no frames of type {other}"))),
            };
            if said.is_some() {
                return Ok(said);
            }
        }
    }

    /// The next frame, when it is whole.
    fn frame<'a>(&self, rest: &'a [u8]) -> Result<Option<Frame<'a>>, Fault> {
        let mut reader = Reader(rest);
        let (Some(kind), Some(channel), Some(size)) = (reader.u8(), reader.u16(), reader.u32()) else {
            return Ok(None);
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > LARGEST {
            return Err(self.fault("frame-too-large", &format!("a frame of {size} bytes; at most {LARGEST} are read")));
        }
        let (Some(payload), Some(end)) = (reader.bytes(size), reader.u8()) else { return Ok(None) };
        if end != END {
            return Err(self.fault("bad-frame-end", &format!("a frame of {size} bytes ends in {end:#04x}, not 0xce")));
        }
        Ok(Some((kind, channel, payload)))
    }

    fn take(&mut self, len: usize) {
        self.start += len;
        self.offset += len as u64;
        self.since = self.now;
    }

    fn method(&mut self, channel: u16, payload: &[u8], since: Instant) -> Result<Option<Said>, Fault> {
        let mut reader = Reader(payload);
        let (Some(class), Some(number)) = (reader.u16(), reader.u16()) else {
            return Err(self.fault("bad-method", "a method without a number"));
        };
        if self.partial.contains_key(&channel) {
            return Err(self.fault("bad-order", &format!("a method on channel {channel}, where a message is not over")));
        }
        let method = by_id((class, number))
            .ok_or_else(|| self.fault("bad-method", &format!("there is no method {class}.{number}")))?;
        let saying = Saying { channel, method, arguments: method.read(reader.0)?, content: None, since };
        if !method.has_content() {
            return Ok(Some(Said::Method(saying)));
        }
        self.partial.insert(channel, Partial { saying, left: None, body: Vec::new(), blob: None });
        Ok(None)
    }

    fn header(&mut self, channel: u16, payload: &[u8]) -> Result<Option<Said>, Fault> {
        let mut reader = Reader(payload);
        let (Some(BASIC), Some(_weight), Some(size)) = (reader.u16(), reader.u16(), reader.u64()) else {
            return Err(self.fault("bad-header", "a content header of class 60 expected"));
        };
        let properties = properties::read(reader.0)?;
        let Some(partial) = self.partial.get_mut(&channel).filter(|partial| partial.left.is_none()) else {
            return Err(
                self.fault("bad-order", &format!("a content header on channel {channel} that no method announced"))
            );
        };
        partial.left = Some(size);
        partial.saying.content = Some(Content { properties, body: Value::Null });
        Ok(self.whole(channel))
    }

    fn body(&mut self, host: &mut dyn Session, channel: u16, payload: Vec<u8>) -> Result<Option<Said>, Fault> {
        let keep_above = self.keep_above;
        let room = self.partial.get(&channel).and_then(|partial| partial.left);
        let Some((partial, left)) = self.partial.get_mut(&channel).zip(room) else {
            return Err(self.fault("bad-order", &format!("a body on channel {channel} that no header announced")));
        };
        let Some(left) = left.checked_sub(payload.len() as u64) else {
            return Err(self.fault("bad-body", &format!("a body on channel {channel} is longer than announced")));
        };
        partial.left = Some(left);
        partial.body.extend(payload);
        if partial.blob.is_some() || partial.body.len() > keep_above {
            partial.blob = Some(host.keep_bytes(&std::mem::take(&mut partial.body), partial.blob));
        }
        Ok(self.whole(channel))
    }

    /// A message that has all of its body.
    fn whole(&mut self, channel: u16) -> Option<Said> {
        self.partial.get(&channel).filter(|partial| partial.left == Some(0))?;
        let Partial { mut saying, body, blob, .. } = self.partial.remove(&channel)?;
        if let Some(content) = &mut saying.content {
            content.body = match blob {
                Some(blob) => Value::Blob(Blob::new(blob)),
                None if body.is_empty() => Value::Null,
                None => Value::readable(body),
            };
        }
        Some(Said::Method(saying))
    }

    fn fault(&self, code: &str, message: &str) -> Fault {
        Fault::new(code, format!("frame at byte {}: {message}", self.frame_at))
    }
}

pub fn put_heartbeat(out: &mut Vec<u8>) {
    put_frame(out, HEARTBEAT, 0, &[]);
}

/// `method` with the arguments that `document` has.
///
/// # Errors
/// When an argument is not of its type.
pub fn put_method(out: &mut Vec<u8>, channel: u16, method: &Method, document: &Map) -> Result<(), Fault> {
    let mut payload = Vec::new();
    method.write(&mut payload, document)?;
    put_frame(out, METHOD, channel, &payload);
    Ok(())
}

/// The message that `document` has, in frames of at most `frame_max` bytes.
///
/// # Errors
/// When it is no message.
pub fn put_content(out: &mut Vec<u8>, channel: u16, document: &Map, frame_max: usize) -> Result<(), Fault> {
    let bad = |what: &str| Fault::new("bad-document", format!("a message whose {what} cannot be sent"));
    let body = match document.get("body") {
        None => &[],
        Some(body) => body.as_raw().ok_or_else(|| bad("body"))?,
    };
    let mut payload = Vec::new();
    payload.extend(BASIC.to_be_bytes());
    payload.extend([0, 0]);
    payload.extend((body.len() as u64).to_be_bytes());
    match document.get("properties") {
        None => payload.extend([0, 0]),
        Some(properties) => properties::write(&mut payload, properties.as_map().ok_or_else(|| bad("properties"))?)?,
    }
    put_frame(out, HEADER, channel, &payload);
    for piece in body.chunks(frame_max.saturating_sub(HEAD + 1).max(1)) {
        put_frame(out, BODY, channel, piece);
    }
    Ok(())
}

fn put_frame(out: &mut Vec<u8>, kind: u8, channel: u16, payload: &[u8]) {
    out.push(kind);
    out.extend(channel.to_be_bytes());
    // Bodies are cut before, and what a document holds of a method is far from 4 GiB.
    out.extend(u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(payload);
    out.push(END);
}
