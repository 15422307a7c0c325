//! Messages out of the bytes of one direction.
use keploy_sdk::{Fault, Instant, Session, Side, Value};

use crate::{
    body::{Body, MAX_INLINE},
    chunked::Chunked,
    framing::Framing,
    head::{self, Head, MAX_HEAD},
    headers::Headers,
    inbox::Inbox,
};

/// A whole message.
#[derive(Debug)]
pub struct Message<H> {
    pub head: H,
    pub body: Body,
    pub trailer: Headers,
    /// When its first and its last byte came.
    pub first: Instant,
    pub last: Instant,
}

/// What reading came to.
pub enum Step<H> {
    /// More bytes are needed.
    Wait,
    /// A head was read: say with [`Reader::frame`] how the body ends, then go on.
    Head,
    Message(Message<H>),
}

/// Reads one message after the other.
pub struct Reader<H> {
    from: Side,
    state: State,
    message: Option<Message<H>>,
}

enum State {
    Head {
        /// No head ends before here.
        scanned: usize,
    },
    Length {
        left: u64,
    },
    /// The host keeps the rest of the body, `left` bytes of it.
    Kept {
        left: u64,
    },
    Chunked(Chunked),
    UntilEnd,
    Complete,
}

impl<H: Head> Reader<H> {
    pub fn new(from: Side) -> Self {
        Self { from, state: State::Head { scanned: 0 }, message: None }
    }

    /// The head of the message being read.
    pub fn head(&self) -> Option<&H> {
        self.message.as_ref().map(|message| &message.head)
    }

    /// Goes on until something is to be told.
    ///
    /// # Errors
    /// When the bytes are not HTTP/1.
    pub fn next(&mut self, inbox: &mut Inbox, host: &mut dyn Session) -> Result<Step<H>, Fault> {
        loop {
            let Some(message) = self.message.as_mut() else {
                return self.read_head(inbox);
            };
            match &mut self.state {
                State::Head { .. } | State::Complete => break,
                State::Length { left: 0 } => self.state = State::Complete,
                State::Length { left } => {
                    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(inbox.rest().len());
                    if n == 0 {
                        return Ok(Step::Wait);
                    }
                    message.body.push(inbox.rest().get(..n).unwrap_or_default(), host);
                    inbox.take(n);
                    *left -= n as u64;
                }
                State::Kept { .. } => return Ok(Step::Wait),
                State::Chunked(chunks) => match chunks.read(inbox, &mut message.body, host)? {
                    None => return Ok(Step::Wait),
                    Some(trailer) => {
                        message.trailer = trailer;
                        self.state = State::Complete;
                    }
                },
                State::UntilEnd => {
                    message.body.push(inbox.rest(), host);
                    inbox.take(inbox.rest().len());
                    return Ok(Step::Wait);
                }
            }
        }
        Ok(self.complete(inbox.taken_at()))
    }

    /// After [`Step::Head`]: how the body ends.
    pub fn frame(&mut self, framing: Framing, inbox: &mut Inbox, host: &mut dyn Session) {
        self.state = match framing {
            Framing::None => State::Complete,
            Framing::Chunked => State::Chunked(Chunked::default()),
            Framing::UntilEnd => State::UntilEnd,
            // Only when more of it is to come than is here: then the host has nothing behind it to feed again.
            Framing::Length(len) if len > MAX_INLINE && len > inbox.rest().len() as u64 && inbox.can_be_kept() => {
                let blob = host.keep(self.from, inbox.offset(), len, None);
                let here = inbox.rest().len();
                inbox.take(here);
                if let Some(message) = &mut self.message {
                    message.body = Body::Blob(blob);
                }
                State::Kept { left: len - here as u64 }
            }
            Framing::Length(len) => State::Length { left: len },
        };
    }

    /// The host has all of a body that it keeps.
    pub fn kept(&mut self, inbox: &mut Inbox, at: Instant) {
        if matches!(self.state, State::Kept { .. }) {
            inbox.skip_to(at);
            self.state = State::Complete;
        }
    }

    /// Nothing more will come: the message that ends just so.
    pub fn end(&mut self, inbox: &Inbox) -> Option<Message<H>> {
        matches!(self.state, State::UntilEnd).then(|| self.finish(inbox.taken_at()))?
    }

    /// Nothing more will come, and a message is not complete: what was there of it, and what is missing.
    pub fn cut_off(&mut self, inbox: &mut Inbox) -> Option<CutOff<H>> {
        let missing = self.missing(inbox)?;
        Some(match self.finish(inbox.taken_at()) {
            Some(message) => CutOff::Message(message, missing),
            None => {
                let (at, bytes) = (inbox.at(), inbox.rest().to_vec());
                inbox.take(bytes.len());
                CutOff::Head { bytes: Value::readable(bytes), at, missing }
            }
        })
    }

    fn missing(&self, inbox: &Inbox) -> Option<String> {
        let what = match &self.state {
            State::Head { .. } if inbox.is_empty() => return None,
            State::Head { .. } => format!("the end of its head, after {} bytes of it", inbox.rest().len()),
            State::Length { left } => format!("{left} bytes of its body"),
            State::Kept { left } => format!("up to {left} bytes of its body"),
            State::Chunked(chunks) => format!("{} of its body", chunks.missing()),
            State::UntilEnd | State::Complete => return None,
        };
        Some(format!("the {} was cut off: it lacks {what}", H::WHAT))
    }

    fn read_head(&mut self, inbox: &mut Inbox) -> Result<Step<H>, Fault> {
        let State::Head { scanned } = &mut self.state else { return Ok(Step::Wait) };
        // Line ends before a start line are left over from sloppy bodies (RFC 9112, 2.2).
        let blank = inbox.rest().iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        inbox.take(blank);
        let rest = inbox.rest();
        let Some(end) = head::end(rest, *scanned) else {
            // The last two bytes may be the start of the end.
            *scanned = rest.len().saturating_sub(2);
            if rest.len() > MAX_HEAD {
                return Err(too_long::<H>());
            }
            return Ok(Step::Wait);
        };
        if end > MAX_HEAD {
            return Err(too_long::<H>());
        }
        let first = inbox.at();
        let head = H::parse(rest.get(..end).unwrap_or_default())?;
        inbox.take(end);
        self.message = Some(Message { head, body: Body::default(), trailer: Headers::default(), first, last: first });
        Ok(Step::Head)
    }

    fn complete(&mut self, at: Instant) -> Step<H> {
        self.finish(at).map_or(Step::Wait, Step::Message)
    }

    fn finish(&mut self, at: Instant) -> Option<Message<H>> {
        self.state = State::Head { scanned: 0 };
        self.message.take().map(|message| Message { last: at, ..message })
    }
}

/// A message that the end of the connection broke off.
pub enum CutOff<H> {
    Head { bytes: Value, at: Instant, missing: String },
    Message(Message<H>, String),
}

fn too_long<H: Head>() -> Fault {
    Fault::new(
        &format!("{}-head-too-long", H::WHAT),
        format!("the head of a {} is longer than {MAX_HEAD} bytes", H::WHAT),
    )
}
