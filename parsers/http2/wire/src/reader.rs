//! The frames of one direction, out of bytes that are cut anywhere.
use keploy_sdk::Instant;

use crate::{
    Code, Error, Fields, MAX_BODY, StreamId,
    frame::{self, HEAD, Head, PREFACE, flag, kind, setting},
    hpack::Decoder,
};

/// Nobody uses a larger header table; a guest's memory stays bounded.
const MAX_TABLE: usize = 1 << 20;

/// What a frame says; a header block is one event, in however many frames it came.
#[derive(Debug, PartialEq)]
pub enum Event {
    Headers {
        stream: StreamId,
        fields: Fields,
        end: bool,
        /// The stream that it is said to depend on.
        depends_on: Option<StreamId>,
    },
    Data {
        stream: StreamId,
        data: Vec<u8>,
        /// What counts for flow control: with the padding.
        length: usize,
        end: bool,
    },
    Reset {
        stream: StreamId,
        code: Code,
    },
    Settings(Vec<(u16, u32)>),
    SettingsAcknowledged,
    Ping([u8; 8]),
    Pong,
    GoAway,
    /// `stream` 0: of the connection.
    Window {
        stream: StreamId,
        by: u32,
    },
    Priority {
        stream: StreamId,
        depends_on: StreamId,
    },
    Push {
        stream: StreamId,
        promised: StreamId,
    },
    /// A frame that breaks its stream, but not the connection.
    Malformed {
        stream: StreamId,
        code: Code,
    },
}

/// Reads one direction of a connection.
pub struct Reader {
    buffer: Vec<u8>,
    taken: usize,
    /// The client's preface is still to come.
    expects_preface: bool,
    expects_settings: bool,
    max_frame: usize,
    decoder: Decoder,
    block: Option<Block>,
    /// When the first byte of what is in the buffer came, and the last.
    began: Instant,
    now: Instant,
}

/// A header block that goes on in CONTINUATION frames.
struct Block {
    stream: StreamId,
    bytes: Vec<u8>,
    end: bool,
    depends_on: Option<StreamId>,
    promised: Option<StreamId>,
    began: Instant,
}

impl Reader {
    /// What a client sends.
    pub fn of_client() -> Self {
        Self { expects_preface: true, ..Self::of_server() }
    }

    /// What a server sends.
    pub fn of_server() -> Self {
        Self {
            buffer: Vec::new(),
            taken: 0,
            expects_preface: false,
            expects_settings: true,
            max_frame: usize::try_from(frame::LARGEST_MAX_FRAME).unwrap_or(usize::MAX),
            decoder: Decoder::default(),
            block: None,
            began: 0,
            now: 0,
        }
    }

    /// Frames that are longer than this are an error.
    pub fn limit_frames(&mut self, most: usize) {
        self.max_frame = most;
    }

    /// The side that reads this direction has said how it is to be written to. A larger header table is allowed from here
    /// on; that a smaller one is kept to, the side that writes says itself.
    pub fn obey(&mut self, settings: &[(u16, u32)]) {
        for (_, size) in settings.iter().filter(|(name, _)| *name == setting::HEADER_TABLE_SIZE) {
            self.decoder.allow_at_least(usize::try_from(*size).unwrap_or(usize::MAX).min(MAX_TABLE));
        }
    }

    pub fn push(&mut self, at: Instant, data: &[u8]) {
        if self.taken == self.buffer.len() {
            self.began = at;
        }
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.now = at;
        self.buffer.extend_from_slice(data);
    }

    /// When the first byte of the event that [`Reader::next_event`] has just returned came.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Is a frame, or a header block, there in part?
    pub fn is_in_the_middle(&self) -> bool {
        self.taken < self.buffer.len() || self.block.is_some()
    }

    /// The next event; none: more bytes are needed.
    ///
    /// # Errors
    /// When the bytes are not HTTP/2, or break what the whole connection rests on.
    pub fn next_event(&mut self) -> Result<Option<(Instant, Event)>, Error> {
        loop {
            let rest = self.buffer.get(self.taken..).unwrap_or_default();
            if self.expects_preface {
                if !PREFACE.starts_with(rest.get(..PREFACE.len()).unwrap_or(rest)) {
                    return Err(Error::protocol("the client does not begin with the preface of HTTP/2"));
                }
                if rest.len() < PREFACE.len() {
                    return Ok(None);
                }
                self.expects_preface = false;
                self.take(PREFACE.len());
                continue;
            }
            let Some(head) = Head::read(rest) else { return Ok(None) };
            self.check(head)?;
            let Some(payload) = rest.get(HEAD..HEAD + head.length) else { return Ok(None) };
            let payload = payload.to_vec();
            let began = self.began;
            self.take(HEAD + head.length);
            if let Some(event) = self.read(head, payload, began)? {
                return Ok(Some(event));
            }
        }
    }

    fn take(&mut self, length: usize) {
        self.taken += length;
        // What is behind it came with the bytes that were pushed last.
        self.began = self.now;
    }

    /// Before the payload is waited for.
    fn check(&self, head: Head) -> Result<(), Error> {
        if head.length > self.max_frame {
            let message = format!("a frame of {} bytes, where {} are allowed", head.length, self.max_frame);
            return Err(Error::new(Code::FRAME_SIZE_ERROR, message));
        }
        if self.expects_settings && head.kind != kind::SETTINGS {
            return Err(Error::protocol("the first frame is not SETTINGS"));
        }
        match &self.block {
            Some(block) if head.kind != kind::CONTINUATION || head.stream != block.stream => {
                Err(Error::protocol("a header block is interrupted by another frame"))
            }
            None if head.kind == kind::CONTINUATION => {
                Err(Error::protocol("a CONTINUATION frame that continues nothing"))
            }
            _ => Ok(()),
        }
    }

    fn read(&mut self, head: Head, payload: Vec<u8>, began: Instant) -> Result<Option<(Instant, Event)>, Error> {
        self.expects_settings = false;
        let Head { kind: frame_kind, stream, length, .. } = head;
        match frame_kind {
            kind::DATA | kind::HEADERS | kind::PRIORITY | kind::RST_STREAM | kind::PUSH_PROMISE if stream == 0 => {
                return Err(Error::protocol(format!("a frame of kind {frame_kind} on no stream")));
            }
            kind::SETTINGS | kind::PING | kind::GOAWAY if stream != 0 => {
                return Err(Error::protocol(format!("a frame of kind {frame_kind} on stream {stream}")));
            }
            _ => {}
        }
        let event = match frame_kind {
            kind::DATA => {
                let data = without_padding(head, payload)?;
                Event::Data { stream, data, length, end: head.has(flag::END_STREAM) }
            }
            kind::HEADERS => {
                let (depends_on, bytes) = without_priority(head, without_padding(head, payload)?)?;
                let end = head.has(flag::END_STREAM);
                self.block = Some(Block { stream, bytes, end, depends_on, promised: None, began });
                return self.block_is_whole(head);
            }
            kind::PUSH_PROMISE => {
                let bytes = without_padding(head, payload)?;
                let (promised, block) = bytes.split_first_chunk().ok_or_else(|| wrong_size(head))?;
                let promised = Some(u32::from_be_bytes(*promised) & 0x7fff_ffff);
                let bytes = block.to_vec();
                self.block = Some(Block { stream, bytes, end: false, depends_on: None, promised, began });
                return self.block_is_whole(head);
            }
            kind::CONTINUATION => {
                if let Some(block) = &mut self.block {
                    block.bytes.extend(payload);
                    if block.bytes.len() > MAX_BODY {
                        return Err(Error::new(Code::ENHANCE_YOUR_CALM, "a header block without an end"));
                    }
                }
                return self.block_is_whole(head);
            }
            kind::PRIORITY => match number(&payload) {
                Some(depends_on) if length == 5 => Event::Priority { stream, depends_on: depends_on & 0x7fff_ffff },
                _ => Event::Malformed { stream, code: Code::FRAME_SIZE_ERROR },
            },
            kind::RST_STREAM => match number(&payload) {
                Some(code) if length == 4 => Event::Reset { stream, code: Code(code) },
                _ => return Err(wrong_size(head)),
            },
            kind::SETTINGS if head.has(flag::ACK) && length > 0 => return Err(wrong_size(head)),
            kind::SETTINGS if head.has(flag::ACK) => Event::SettingsAcknowledged,
            kind::SETTINGS if length % 6 != 0 => return Err(wrong_size(head)),
            kind::SETTINGS => Event::Settings(settings(&payload)),
            kind::PING => match payload.try_into() {
                Ok(_) if head.has(flag::ACK) => Event::Pong,
                Ok(opaque) => Event::Ping(opaque),
                Err(_) => return Err(wrong_size(head)),
            },
            kind::GOAWAY if length < 8 => return Err(wrong_size(head)),
            kind::GOAWAY => Event::GoAway,
            kind::WINDOW_UPDATE => match number(&payload).map(|by| by & 0x7fff_ffff) {
                Some(0) if length == 4 && stream != 0 => Event::Malformed { stream, code: Code::PROTOCOL_ERROR },
                Some(0) if length == 4 => return Err(Error::protocol("a window that grows by nothing")),
                Some(by) if length == 4 => Event::Window { stream, by },
                _ => return Err(wrong_size(head)),
            },
            // Unknown kinds are ignored (RFC 9113, 4.1).
            _ => return Ok(None),
        };
        Ok(Some((began, event)))
    }

    fn block_is_whole(&mut self, head: Head) -> Result<Option<(Instant, Event)>, Error> {
        if !head.has(flag::END_HEADERS) {
            return Ok(None);
        }
        let Some(Block { stream, bytes, end, depends_on, promised, began }) = self.block.take() else {
            return Ok(None);
        };
        let fields = self.decoder.decode(&bytes)?;
        Ok(Some(match promised {
            Some(promised) => (began, Event::Push { stream, promised }),
            None => (began, Event::Headers { stream, fields, end, depends_on }),
        }))
    }
}

fn number(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

fn settings(payload: &[u8]) -> Vec<(u16, u32)> {
    let setting = |bytes: &[u8]| {
        let (name, value) = bytes.split_first_chunk()?;
        Some((u16::from_be_bytes(*name), number(value)?))
    };
    payload.chunks(6).filter_map(setting).collect()
}

fn without_padding(head: Head, mut payload: Vec<u8>) -> Result<Vec<u8>, Error> {
    if !head.has(flag::PADDED) {
        return Ok(payload);
    }
    let padding = usize::from(*payload.first().ok_or_else(|| wrong_size(head))?);
    let length = payload.len().checked_sub(1 + padding);
    let length = length.ok_or_else(|| Error::protocol("a frame that is padding to its end, and beyond"))?;
    payload.remove(0);
    payload.truncate(length);
    Ok(payload)
}

/// Priorities are deprecated (RFC 9113, 5.3.2); only what is forbidden about them matters.
fn without_priority(head: Head, mut payload: Vec<u8>) -> Result<(Option<StreamId>, Vec<u8>), Error> {
    if !head.has(flag::PRIORITY) {
        return Ok((None, payload));
    }
    let depends_on = number(&payload).filter(|_| payload.len() >= 5).ok_or_else(|| wrong_size(head))?;
    payload.drain(..5);
    Ok((Some(depends_on & 0x7fff_ffff), payload))
}

fn wrong_size(head: Head) -> Error {
    Error::new(Code::FRAME_SIZE_ERROR, format!("a frame of kind {} cannot have {} bytes", head.kind, head.length))
}
