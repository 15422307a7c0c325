//! One end of a connection: says what the protocol wants said, and keeps to the windows of the other side.
use std::collections::{BTreeMap, VecDeque};

use keploy_sdk::Instant;

use crate::{
    Code, Error, Event, Fields, Reader, StreamId,
    frame::{self, DEFAULT_MAX_FRAME, DEFAULT_WINDOW, LARGEST_WINDOW, PREFACE, flag, kind, setting},
    hpack::Encoder,
    rules::{self, Part},
};

/// Whose place it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Server,
    Client,
}

/// What the other side said of a stream.
#[derive(Debug, PartialEq)]
pub enum Incoming {
    /// A request, a response, or, behind data, trailers.
    Headers {
        stream: StreamId,
        fields: Fields,
        end: bool,
    },
    Data {
        stream: StreamId,
        data: Vec<u8>,
        end: bool,
    },
    /// The stream is over before its end, by either side's doing.
    Reset {
        stream: StreamId,
        code: Code,
    },
}

/// After so many bytes the other side is told that it may send as many again.
const WINDOW_STEP: usize = 16_384;
/// Streams that were reset are remembered: what was on its way already means nothing.
const MAX_RESETS: usize = 256;
/// More streams at once than any client opens.
const MAX_STREAMS: usize = 10_000;

pub struct Endpoint {
    role: Role,
    reader: Reader,
    encoder: Encoder,
    out: Vec<u8>,
    streams: BTreeMap<StreamId, Stream>,
    /// The last stream that the client opened.
    highest: StreamId,
    /// The last streams that were reset, and by whom.
    resets: VecDeque<(StreamId, By)>,
    /// What may be sent: on the connection, on a new stream, in a frame.
    window: i64,
    initial_window: i64,
    max_frame: usize,
    /// Bytes received since the other side's window was last moved on.
    received: usize,
    has_failed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Us,
    Them,
}

struct Stream {
    window: i64,
    queue: VecDeque<Queued>,
    /// The other side may say more; so may we.
    is_remote_open: bool,
    is_local_open: bool,
    /// The head of what the other side says was read.
    has_head: bool,
    /// What Content-Length said, and what came.
    length: Option<u64>,
    got: u64,
    received: usize,
}

/// What waits until the window allows it.
enum Queued {
    Data { bytes: Vec<u8>, end: bool },
    Trailers(Fields),
}

impl Endpoint {
    pub fn new(role: Role) -> Self {
        let mut out = Vec::new();
        let mut reader = match role {
            Role::Server => Reader::of_client(),
            Role::Client => Reader::of_server(),
        };
        match role {
            Role::Server => frame::write_settings(&mut out, &[]),
            Role::Client => {
                out.extend_from_slice(PREFACE);
                frame::write_settings(&mut out, &[(setting::ENABLE_PUSH, 0)]);
            }
        }
        reader.limit_frames(DEFAULT_MAX_FRAME);
        Self {
            role,
            reader,
            encoder: Encoder::default(),
            out,
            streams: BTreeMap::new(),
            highest: 0,
            resets: VecDeque::new(),
            window: DEFAULT_WINDOW.into(),
            initial_window: DEFAULT_WINDOW.into(),
            max_frame: DEFAULT_MAX_FRAME,
            received: 0,
            has_failed: false,
        }
    }

    /// What is to be sent.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// The other side broke the protocol, and was told so: nothing more will be read.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Is anything still to be sent, as soon as the window allows it?
    pub fn is_waiting(&self) -> bool {
        self.streams.values().any(|stream| !stream.queue.is_empty())
    }

    pub fn feed(&mut self, at: Instant, data: &[u8]) {
        self.reader.push(at, data);
    }

    /// What was said next, and when its first byte came; none: more bytes are needed, or no more are wanted.
    pub fn next_said(&mut self) -> Option<(Instant, Incoming)> {
        while !self.has_failed {
            let outcome = match self.reader.next_event() {
                Ok(None) => return None,
                Ok(Some((at, event))) => self.take(event).map(|said| said.map(|said| (at, said))),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(Some(said)) => return Some(said),
                Ok(None) => {}
                Err(Error { code, message }) => {
                    frame::write_go_away(&mut self.out, self.highest, code, &message);
                    self.has_failed = true;
                }
            }
        }
        None
    }

    /// A new stream, in the client's place.
    pub fn open(&mut self) -> StreamId {
        self.highest = if self.highest == 0 { 1 } else { self.highest + 2 };
        self.streams.insert(self.highest, Stream::new(self.initial_window));
        self.highest
    }

    /// May we still say something on this stream?
    pub fn may_send(&self, stream: StreamId) -> bool {
        self.streams.get(&stream).is_some_and(|stream| stream.is_local_open)
    }

    pub fn send_headers(&mut self, stream: StreamId, fields: &Fields, end: bool) {
        if self.may_send(stream) {
            let block = self.encoder.encode(fields);
            frame::write_block(&mut self.out, stream, &block, end, self.max_frame);
            self.sent(stream, end);
        }
    }

    pub fn send_data(&mut self, stream: StreamId, bytes: Vec<u8>, end: bool) {
        self.queue(stream, Queued::Data { bytes, end });
    }

    pub fn send_trailers(&mut self, stream: StreamId, fields: Fields) {
        self.queue(stream, Queued::Trailers(fields));
    }

    pub fn reset(&mut self, stream: StreamId, code: Code) {
        if self.streams.remove(&stream).is_some() {
            frame::write_reset(&mut self.out, stream, code);
            self.note_reset(stream, By::Us);
        }
    }

    fn queue(&mut self, stream: StreamId, queued: Queued) {
        if let Some(known) = self.streams.get_mut(&stream)
            && known.is_local_open
        {
            known.queue.push_back(queued);
            self.flush(stream);
        }
    }

    /// Sends what waits on a stream, as far as the windows allow.
    fn flush(&mut self, id: StreamId) {
        while let Some(stream) = self.streams.get_mut(&id) {
            match stream.queue.front_mut() {
                None => return,
                Some(Queued::Data { bytes, end }) => {
                    let room = usize::try_from(self.window.min(stream.window)).unwrap_or(0).min(self.max_frame);
                    if room == 0 && !bytes.is_empty() {
                        return;
                    }
                    let rest = bytes.split_off(room.min(bytes.len()));
                    let (now, end) = (std::mem::replace(bytes, rest), *end);
                    let is_last = bytes.is_empty();
                    let spent = i64::try_from(now.len()).unwrap_or(i64::MAX);
                    self.window -= spent;
                    stream.window -= spent;
                    if is_last {
                        stream.queue.pop_front();
                    }
                    let flags = if is_last && end { flag::END_STREAM } else { 0 };
                    frame::write(&mut self.out, kind::DATA, flags, id, &now);
                    self.sent(id, is_last && end);
                }
                Some(Queued::Trailers(fields)) => {
                    let block = self.encoder.encode(fields);
                    frame::write_block(&mut self.out, id, &block, true, self.max_frame);
                    stream.queue.clear();
                    self.sent(id, true);
                }
            }
        }
    }

    fn flush_all(&mut self) {
        for stream in self.streams.keys().copied().collect::<Vec<_>>() {
            self.flush(stream);
        }
    }

    fn sent(&mut self, id: StreamId, end: bool) {
        if let Some(stream) = self.streams.get_mut(&id)
            && end
        {
            stream.is_local_open = false;
            if !stream.is_remote_open {
                self.streams.remove(&id);
            }
        }
    }

    fn take(&mut self, event: Event) -> Result<Option<Incoming>, Error> {
        match event {
            Event::Headers { stream, fields, end, depends_on } => {
                if depends_on == Some(stream) {
                    return self.refuse(stream, Code::PROTOCOL_ERROR);
                }
                self.take_headers(stream, fields, end)
            }
            Event::Data { stream, data, length, end } => self.take_data(stream, data, length, end),
            Event::Reset { stream, code } => {
                self.must_be_used(stream, "RST_STREAM")?;
                self.note_reset(stream, By::Them);
                Ok(self.streams.remove(&stream).map(|_| Incoming::Reset { stream, code }))
            }
            Event::Settings(settings) => self.take_settings(&settings),
            Event::Ping(opaque) => {
                frame::write(&mut self.out, kind::PING, flag::ACK, 0, &opaque);
                Ok(None)
            }
            Event::Window { stream, by } => self.take_window(stream, by),
            Event::Priority { stream, depends_on } if stream == depends_on => self.refuse(stream, Code::PROTOCOL_ERROR),
            Event::Push { .. } => Err(Error::protocol("a promise that nobody wanted")),
            Event::Malformed { stream, code } => self.refuse(stream, code),
            Event::SettingsAcknowledged | Event::Pong | Event::GoAway | Event::Priority { .. } => Ok(None),
        }
    }

    fn take_headers(&mut self, id: StreamId, fields: Fields, end: bool) -> Result<Option<Incoming>, Error> {
        let part = match self.streams.get(&id) {
            Some(stream) if !stream.is_remote_open => return self.refuse(id, Code::STREAM_CLOSED),
            Some(stream) if stream.has_head => Part::Trailers,
            Some(_) => Part::Response,
            None if self.role == Role::Client || id <= self.highest => return self.closed(id),
            None if id.is_multiple_of(2) => return Err(Error::protocol(format!("a client cannot open stream {id}"))),
            None => {
                self.highest = id;
                if self.streams.len() >= MAX_STREAMS {
                    return self.refuse(id, Code::REFUSED_STREAM);
                }
                self.streams.insert(id, Stream::new(self.initial_window));
                Part::Request
            }
        };
        let length = rules::content_length(&fields);
        let is_interim = part == Part::Response && fields.text(":status").is_some_and(|status| status.starts_with('1'));
        let (Some(stream), Ok(length)) = (self.streams.get_mut(&id), length) else {
            return self.refuse(id, Code::PROTOCOL_ERROR);
        };
        if !rules::allow(part, &fields) || part == Part::Trailers && !end || is_interim && end {
            return self.refuse(id, Code::PROTOCOL_ERROR);
        }
        if is_interim {
            return Ok(None);
        }
        stream.has_head = true;
        if part != Part::Trailers {
            stream.length = length;
        }
        if end && !self.end_of(id) {
            return self.refuse(id, Code::PROTOCOL_ERROR);
        }
        Ok(Some(Incoming::Headers { stream: id, fields, end }))
    }

    fn take_data(&mut self, id: StreamId, data: Vec<u8>, length: usize, end: bool) -> Result<Option<Incoming>, Error> {
        self.must_be_used(id, "DATA")?;
        self.received += length;
        if self.received >= WINDOW_STEP {
            let by = std::mem::take(&mut self.received);
            frame::write_window_update(&mut self.out, 0, u32::try_from(by).unwrap_or(DEFAULT_WINDOW));
        }
        let Some(stream) = self.streams.get_mut(&id) else { return self.closed(id) };
        if !stream.is_remote_open {
            return self.refuse(id, Code::STREAM_CLOSED);
        }
        if !stream.has_head {
            return self.refuse(id, Code::PROTOCOL_ERROR);
        }
        stream.got += data.len() as u64;
        stream.received += length;
        if stream.received >= WINDOW_STEP && !end {
            let by = std::mem::take(&mut stream.received);
            frame::write_window_update(&mut self.out, id, u32::try_from(by).unwrap_or(DEFAULT_WINDOW));
        }
        if stream.length.is_some_and(|length| stream.got > length) || end && !self.end_of(id) {
            return self.refuse(id, Code::PROTOCOL_ERROR);
        }
        Ok(Some(Incoming::Data { stream: id, data, end }))
    }

    /// The other side has said all. False when that is not what it had announced.
    fn end_of(&mut self, id: StreamId) -> bool {
        let Some(stream) = self.streams.get_mut(&id) else { return true };
        // A response to HEAD has a length and no body.
        let is_whole = self.role == Role::Client || stream.length.is_none_or(|length| length == stream.got);
        stream.is_remote_open = false;
        if is_whole && !stream.is_local_open {
            self.streams.remove(&id);
        }
        is_whole
    }

    fn take_settings(&mut self, settings: &[(u16, u32)]) -> Result<Option<Incoming>, Error> {
        for (name, value) in settings {
            match *name {
                setting::ENABLE_PUSH if *value > 1 => return Err(Error::protocol("ENABLE_PUSH is 0 or 1")),
                setting::INITIAL_WINDOW_SIZE => {
                    let new = i64::from(*value);
                    let by = new - std::mem::replace(&mut self.initial_window, new);
                    let too_large = self.streams.values().any(|stream| stream.window + by > LARGEST_WINDOW);
                    if new > LARGEST_WINDOW || too_large {
                        return Err(Error::new(Code::FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE is too large"));
                    }
                    self.streams.values_mut().for_each(|stream| stream.window += by);
                }
                setting::MAX_FRAME_SIZE => {
                    let size = usize::try_from(*value).unwrap_or(usize::MAX);
                    if size < DEFAULT_MAX_FRAME || *value > frame::LARGEST_MAX_FRAME {
                        return Err(Error::protocol("MAX_FRAME_SIZE is from 16384 to 16777215"));
                    }
                    // Larger frames than the usual ones help nobody.
                }
                _ => {}
            }
        }
        frame::write(&mut self.out, kind::SETTINGS, flag::ACK, 0, &[]);
        self.flush_all();
        Ok(None)
    }

    fn take_window(&mut self, id: StreamId, by: u32) -> Result<Option<Incoming>, Error> {
        if id == 0 {
            self.window += i64::from(by);
            if self.window > LARGEST_WINDOW {
                return Err(Error::new(Code::FLOW_CONTROL_ERROR, "the connection's window is too large"));
            }
            self.flush_all();
            return Ok(None);
        }
        self.must_be_used(id, "WINDOW_UPDATE")?;
        // On a stream that is over it may come late.
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(None) };
        stream.window += i64::from(by);
        if stream.window > LARGEST_WINDOW {
            return self.refuse(id, Code::FLOW_CONTROL_ERROR);
        }
        self.flush(id);
        Ok(None)
    }

    /// Only HEADERS and PRIORITY may come on a stream that nobody has opened.
    fn must_be_used(&self, stream: StreamId, what: &str) -> Result<(), Error> {
        if stream > self.highest || stream.is_multiple_of(2) {
            return Err(Error::protocol(format!("{what} on stream {stream}, which nobody has opened")));
        }
        Ok(())
    }

    /// Something came on a stream that is over.
    fn closed(&mut self, stream: StreamId) -> Result<Option<Incoming>, Error> {
        match self.resets.iter().find(|(id, _)| *id == stream) {
            Some((_, By::Us)) => Ok(None),
            Some((_, By::Them)) => self.refuse(stream, Code::STREAM_CLOSED),
            None => Err(Error::new(Code::STREAM_CLOSED, format!("stream {stream} is over"))),
        }
    }

    /// The stream cannot go on.
    fn refuse(&mut self, stream: StreamId, code: Code) -> Result<Option<Incoming>, Error> {
        frame::write_reset(&mut self.out, stream, code);
        self.note_reset(stream, By::Us);
        Ok(self.streams.remove(&stream).map(|_| Incoming::Reset { stream, code }))
    }

    fn note_reset(&mut self, stream: StreamId, by: By) {
        self.resets.push_back((stream, by));
        if self.resets.len() > MAX_RESETS {
            self.resets.pop_front();
        }
    }
}

impl Stream {
    fn new(window: i64) -> Self {
        Self {
            window,
            queue: VecDeque::new(),
            is_remote_open: true,
            is_local_open: true,
            has_head: false,
            length: None,
            got: 0,
            received: 0,
        }
    }
}

#[cfg(test)]
mod tests;
