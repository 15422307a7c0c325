//! The server is gone: read calls, write what it answered.
//!
//! Whether a client that has not said that it is done waits for an answer, or is about to say more, only the recording
//! knows: so the host is asked after each message, and a miss means nothing until the client is done.
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use http2_wire::{Code, Endpoint, Fields, Incoming, Role, StreamId};
use keploy_sdk::{Exchange, Fault, Instant, Session, Side, Value};

use crate::{
    answer,
    document::{self, Codec, Turn},
    facts,
    half::{End, Half},
    proto::Types,
};

/// Nobody says so much before he listens; each message asks about all before it.
const MOST_IN_A_TURN: usize = 64;
/// INTERNAL: what no client takes as a reason to try again.
const MISSED: &str = "13";

pub struct Mock {
    types: Rc<Types>,
    endpoint: Endpoint,
    calls: BTreeMap<StreamId, Call>,
    asked: BTreeMap<Exchange, Asked>,
    client_has_ended: bool,
    has_finished: bool,
}

struct Call {
    began: Instant,
    client: Half,
    /// Turns that were answered.
    turns: u32,
    /// With how many of the messages it was asked early in this turn; none: not even without any.
    tried: Option<usize>,
    /// It was asked whether what it said is one turn.
    tried_whole: bool,
    is_asking: bool,
    /// It went away, and why.
    cancelled: Option<Code>,
}

struct Asked {
    stream: StreamId,
    /// How many messages were in the question.
    messages: usize,
    what: Question,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    /// Is this all that the client says before it wants to hear something?
    Turn,
    /// Is this all that it says?
    Whole { is_certain: bool },
}

impl Mock {
    pub fn new(types: Rc<Types>) -> Self {
        Self {
            types,
            endpoint: Endpoint::new(Role::Server),
            calls: BTreeMap::new(),
            asked: BTreeMap::new(),
            client_has_ended: false,
            has_finished: false,
        }
    }

    pub fn feed(&mut self, host: &mut dyn Session, at: Instant, data: &[u8]) {
        self.endpoint.feed(at, data);
        let mut touched = BTreeSet::new();
        while let Some((began, said)) = self.endpoint.next_said() {
            touched.extend(self.take(began, said));
        }
        // What came together was meant together, mostly: that spares questions.
        touched.into_iter().for_each(|stream| self.ask(host, stream));
        self.flush(host);
    }

    pub fn end(&mut self, host: &mut dyn Session) {
        self.client_has_ended = true;
        self.flush(host);
    }

    pub fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: &[Value]) -> Result<(), Fault> {
        if let Some(Asked { stream, messages, what }) = self.asked.remove(&exchange)
            && let Some(call) = self.calls.get_mut(&stream)
        {
            call.is_asking = false;
            call.client.messages.drain(..messages);
            call.tried = None;
            call.turns += 1;
            let is_turn = what == Question::Turn;
            let codec = Codec::of(host, &self.types, call.client.head.as_ref());
            for response in responses {
                let outcome = answer::write(&mut self.endpoint, stream, response, is_turn, codec);
                outcome.map_err(|why| Fault::new("bad-response", why))?;
            }
            // One that went away would have said the rest, too.
            if is_turn && (self.endpoint.may_send(stream) || call.cancelled.is_some()) {
                self.ask(host, stream);
            } else {
                self.calls.remove(&stream);
            }
        }
        self.flush(host);
        Ok(())
    }

    pub fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) {
        let Some(Asked { stream, what, .. }) = self.asked.remove(&exchange) else { return };
        if let Some(call) = self.calls.get_mut(&stream) {
            call.is_asking = false;
            if what == (Question::Whole { is_certain: true }) {
                let status = [("grpc-status", MISSED.as_bytes()), ("grpc-message", reason.as_bytes())];
                if call.turns > 0 {
                    self.endpoint.send_trailers(stream, answer::percent_coded(status.into_iter().collect()));
                } else {
                    let head = [(":status", &b"200"[..]), ("content-type", b"application/grpc")];
                    let fields: Fields = head.into_iter().chain(status).collect();
                    self.endpoint.send_headers(stream, &answer::percent_coded(fields), true);
                }
                self.calls.remove(&stream);
            } else {
                self.ask(host, stream);
            }
        }
        self.flush(host);
    }

    /// Returns the stream, if there is something to ask of it.
    fn take(&mut self, began: Instant, said: Incoming) -> Option<StreamId> {
        let (Incoming::Headers { stream, .. } | Incoming::Data { stream, .. } | Incoming::Reset { stream, .. }) = said;
        match said {
            Incoming::Headers { fields, end, .. } => {
                self.calls.entry(stream).or_insert_with(|| Call::new(began)).client.headers(fields, end);
            }
            Incoming::Data { data, end, .. } => {
                if self.calls.get_mut(&stream)?.client.data(&data, end).is_err() {
                    self.calls.remove(&stream);
                    self.endpoint.reset(stream, Code::PROTOCOL_ERROR);
                }
            }
            Incoming::Reset { code, .. } => self.calls.get_mut(&stream)?.cancelled = Some(code),
        }
        Some(stream)
    }

    /// Asks what the recording has for a call, if there is something new to ask.
    fn ask(&mut self, host: &mut dyn Session, stream: StreamId) {
        let Some(call) = self.calls.get_mut(&stream) else { return };
        if call.is_asking {
            return;
        }
        let all = call.client.messages.len();
        let next = call.tried.map_or(usize::from(call.turns > 0), |tried| tried + 1);
        let is_done = call.client.end == Some(End::Whole) || call.cancelled.is_some();
        let (messages, what) = if is_done && !call.tried_whole {
            call.tried_whole = true;
            // A single message may have been answered before its client was seen to be done: that was a turn, too.
            (all, Question::Whole { is_certain: false })
        } else if next <= all.min(MOST_IN_A_TURN) {
            call.tried = Some(next);
            (next, Question::Turn)
        } else if is_done {
            (all, Question::Whole { is_certain: true })
        } else {
            return;
        };
        call.is_asking = true;
        let certain = !matches!(what, Question::Turn | Question::Whole { is_certain: false });
        let document = call.document(
            stream,
            messages,
            what == Question::Turn,
            Codec::of(host, &self.types, call.client.head.as_ref()),
        );
        let facts = if certain { facts::of(&document) } else { facts::asked_early(&document) };
        // The answer is written before anything that is staged behind the question: what was said before it goes first.
        say(&mut self.endpoint, host);
        let exchange = host.open(document, facts, call.began);
        self.asked.insert(exchange, Asked { stream, messages, what });
    }

    /// Sends what is due.
    fn flush(&mut self, host: &mut dyn Session) {
        if self.has_finished {
            return;
        }
        say(&mut self.endpoint, host);
        if self.endpoint.has_failed() || self.client_has_ended && self.asked.is_empty() {
            self.has_finished = true;
            host.finish(Side::Client);
        }
    }
}

impl Call {
    fn new(began: Instant) -> Self {
        let client = Half::default();
        Self { began, client, turns: 0, tried: None, tried_whole: false, is_asking: false, cancelled: None }
    }

    fn document(&self, stream: StreamId, messages: usize, has_more: bool, codec: Codec<'_>) -> Value {
        let number = if self.turns > 0 || has_more { self.turns + 1 } else { 0 };
        let said = self.client.messages.get(..messages).unwrap_or_default();
        let head = self.client.head.clone().unwrap_or_default();
        let mut document = document::request(&head, said, Turn { number, stream, has_more }, codec);
        if let Some(code) = self.cancelled.filter(|_| !has_more && self.client.end.is_none()) {
            document.insert("cancelled", code.to_string());
        }
        document.into()
    }
}

fn say(endpoint: &mut Endpoint, host: &mut dyn Session) {
    let out = endpoint.take_output();
    if !out.is_empty() {
        host.write(Side::Client, &out);
    }
}
