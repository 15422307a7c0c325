//! WebSocket frames (RFC 6455, 5) as messages, and messages as frames.
//!
//! Fragments are put together: where a message was cut carries no meaning. A message whose extension bits are set
//! (permessage-deflate sets `rsv: 4`) is kept as it was sent, compressed: with context takeover it can only be read
//! together with all that came before it.
use keploy_sdk::{Fault, Instant, Map, Session, Side, Value};

use crate::{
    body::Body,
    inbox::Inbox,
    write::{Content, Wire},
};

const CONTINUATION: u8 = 0;
const CLOSE: u8 = 8;
/// The opcodes that start a message, and their names in documents.
const KINDS: [(u8, &str); 5] = [(1, "text"), (2, "binary"), (CLOSE, "close"), (9, "ping"), (10, "pong")];
/// RFC 6455, 5.5.
const MAX_CONTROL: u64 = 125;

/// Reads the frames of one direction.
#[derive(Default)]
pub struct Frames {
    frame: Option<Frame>,
    /// A message of which fragments came, and more are to come.
    data: Option<Partial>,
    /// A control message; they come between fragments too.
    control: Option<Partial>,
}

/// A whole message.
#[derive(Debug)]
pub struct Message {
    opcode: u8,
    rsv: u8,
    body: Body,
    pub first: Instant,
    pub last: Instant,
}

struct Frame {
    fin: bool,
    opcode: u8,
    left: u64,
    mask: Option<[u8; 4]>,
}

struct Partial {
    opcode: u8,
    rsv: u8,
    body: Body,
    first: Instant,
}

impl Frames {
    /// The next whole message, when there is one.
    ///
    /// # Errors
    /// When the bytes are not frames.
    pub fn next(&mut self, inbox: &mut Inbox, host: &mut dyn Session) -> Result<Option<Message>, Fault> {
        loop {
            let Some(frame) = &mut self.frame else {
                if !self.read_header(inbox)? {
                    return Ok(None);
                }
                continue;
            };
            let slot = if frame.opcode >= CLOSE { &mut self.control } else { &mut self.data };
            let n = usize::try_from(frame.left).unwrap_or(usize::MAX).min(inbox.rest().len());
            if let Some(partial) = slot {
                let payload = frame.unmask(inbox.rest().get(..n).unwrap_or_default());
                partial.body.push(&payload, host);
            }
            inbox.take(n);
            frame.left -= n as u64;
            if frame.left > 0 {
                return Ok(None);
            }
            let fin = frame.fin;
            self.frame = None;
            if fin && let Some(Partial { opcode, rsv, body, first }) = slot.take() {
                return Ok(Some(Message { opcode, rsv, body, first, last: inbox.taken_at() }));
            }
        }
    }

    /// What is lacking when nothing more comes.
    pub fn missing(&self, inbox: &Inbox) -> Option<String> {
        match &self.frame {
            Some(frame) => Some(format!("a WebSocket frame was cut off: it lacks {} bytes", frame.left)),
            None if !inbox.is_empty() => Some("the head of a WebSocket frame was cut off".to_owned()),
            None if self.data.is_some() => {
                Some("a WebSocket message was cut off: its last fragment is missing".to_owned())
            }
            None => None,
        }
    }

    fn read_header(&mut self, inbox: &mut Inbox) -> Result<bool, Fault> {
        let [first, second, more @ ..] = inbox.rest() else { return Ok(false) };
        let (fin, rsv, opcode) = (first & 0x80 != 0, (first >> 4) & 7, first & 15);
        let (masked, short) = (second & 0x80 != 0, second & 0x7f);
        let extra = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some((length, more)) = more.split_at_checked(extra) else { return Ok(false) };
        let left =
            if extra == 0 { u64::from(short) } else { length.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)) };
        let mask = match (masked, more) {
            (false, _) => None,
            (true, [a, b, c, d, ..]) => Some([*a, *b, *c, *d]),
            (true, _) => return Ok(false),
        };
        let at = inbox.at();
        let start = |rsv| Some(Partial { opcode, rsv, body: Body::default(), first: at });
        match opcode {
            CONTINUATION if self.data.is_none() => return Err(bad(inbox, "a continuation of nothing")),
            CONTINUATION => {}
            1 | 2 if self.data.is_some() => {
                return Err(bad(inbox, "a new message before the last fragment of the one before"));
            }
            1 | 2 => self.data = start(rsv),
            CLOSE..=10 if !fin || left > MAX_CONTROL => {
                return Err(bad(inbox, "a control frame that is fragmented or long"));
            }
            CLOSE..=10 => self.control = start(rsv),
            _ => return Err(bad(inbox, &format!("the reserved opcode {opcode}"))),
        }
        self.frame = Some(Frame { fin, opcode, left, mask });
        inbox.take(2 + extra + if masked { 4 } else { 0 });
        Ok(true)
    }
}

impl Frame {
    /// The next bytes of the payload, in clear.
    fn unmask(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(mask) = &mut self.mask else { return bytes.to_vec() };
        let clear = bytes.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        mask.rotate_left(bytes.len() % 4);
        clear
    }
}

impl Message {
    pub fn is_close(&self) -> bool {
        self.opcode == CLOSE
    }

    /// `{type, data, code?, rsv?}`.
    pub fn into_value(self) -> Value {
        let kind = KINDS.iter().find(|(opcode, _)| *opcode == self.opcode).map_or("binary", |(_, kind)| kind);
        let mut message = Map::new().with("type", kind);
        let body = match self.body {
            Body::Bytes(bytes) if self.opcode == CLOSE => match bytes.split_first_chunk() {
                Some((code, reason)) => {
                    message.insert("code", u16::from_be_bytes(*code));
                    Body::Bytes(reason.to_vec())
                }
                None => Body::Bytes(bytes),
            },
            body => body,
        };
        message.insert("data", body.into_value());
        if self.rsv != 0 {
            message.insert("rsv", self.rsv);
        }
        message.into()
    }
}

/// One frame with the message that [`Message::into_value`] describes.
///
/// Frames to a server are masked with zeros: the payload stays as it is, so that a blob can follow, and a recording is
/// the same on every run. Masks protect caches between browsers and servers; there is neither here.
///
/// # Errors
/// In words, when the document describes no message.
pub fn frame(message: &Value, to: Side) -> Result<Wire, String> {
    let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
    let opcode = KINDS.iter().find(|(_, name)| *name == kind).map(|(opcode, _)| *opcode);
    let opcode =
        opcode.ok_or_else(|| format!("`websocket.type`: {kind:?} is not one of text, binary, ping, pong, close"))?;
    let number = |name: &str| message.get(name).and_then(Value::as_int);
    let code = number("code").and_then(|code| u16::try_from(code).ok()).map(u16::to_be_bytes);
    let code = code.filter(|_| opcode == CLOSE).map_or(Vec::new(), |code| code.to_vec());
    let data = message.get("data").map_or(Some(Content::Bytes(Vec::new())), Content::of);
    let data = data.ok_or("`websocket.data` is neither text nor bytes")?;
    let rsv = number("rsv").and_then(|rsv| u8::try_from(rsv).ok()).unwrap_or(0) & 7;
    let mut head = vec![0x80 | rsv << 4 | opcode];
    let mask = if to == Side::Server { 0x80 } else { 0 };
    match data.len() + code.len() as u64 {
        len @ 0..=125 => head.push(mask | len as u8),
        len @ 126..=0xffff => {
            head.push(mask | 126);
            head.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            head.push(mask | 127);
            head.extend_from_slice(&len.to_be_bytes());
        }
    }
    if to == Side::Server {
        head.extend_from_slice(&[0; 4]);
    }
    head.extend_from_slice(&code);
    Ok(Wire::with_content(head, data))
}

/// Is `document` the close message?
pub fn is_close(message: &Value) -> bool {
    message.get("type").and_then(Value::as_str) == Some("close")
}

fn bad(inbox: &Inbox, what: &str) -> Fault {
    Fault::new("bad-websocket-frame", format!("{what}, at byte {} of its direction", inbox.offset()))
}
