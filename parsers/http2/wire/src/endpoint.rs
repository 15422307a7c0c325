//! One end of a connection: says what the protocol wants said, and keeps to the windows of the other side.
mod receive;

use std::collections::{BTreeMap, VecDeque};

use keploy_sdk::Instant;

use crate::{
    Code, Error, Fields, Reader, StreamId,
    frame::{self, DEFAULT_MAX_FRAME, DEFAULT_WINDOW, PREFACE, flag, kind, setting},
    hpack::Encoder,
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

    /// The stream on which the request that asked for the upgrade from HTTP/1.1 is answered. The client sends its preface
    /// when it has heard that the server agrees.
    pub fn upgrade(&mut self) -> StreamId {
        self.highest = 1;
        let stream = Stream { is_remote_open: false, has_head: true, ..Stream::new(self.initial_window) };
        self.streams.insert(self.highest, stream);
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
