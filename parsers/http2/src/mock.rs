//! The server is gone: read requests, write what it answered.
use std::collections::BTreeMap;

use http2_wire::{Code, Endpoint, Fields, Incoming, Role, StreamId};
use keploy_sdk::{Exchange, Fault, Instant, Session, Side, Value};

use crate::{
    document::{self, Outgoing},
    facts,
    message::Message,
    upgrade::{self, Opening},
};

pub struct Mock {
    endpoint: Endpoint,
    /// Requests that are not complete, and when they began.
    requests: BTreeMap<StreamId, (Instant, Message)>,
    asked: BTreeMap<Exchange, StreamId>,
    /// What the client has said before it is known how it begins.
    opening: Option<Vec<u8>>,
    client_has_ended: bool,
    has_finished: bool,
}

impl Mock {
    pub fn new() -> Self {
        Self {
            endpoint: Endpoint::new(Role::Server),
            requests: BTreeMap::new(),
            asked: BTreeMap::new(),
            opening: Some(Vec::new()),
            client_has_ended: false,
            has_finished: false,
        }
    }

    pub fn feed(&mut self, host: &mut dyn Session, at: Instant, data: &[u8]) {
        match self.opening.take() {
            None => self.endpoint.feed(at, data),
            Some(mut said) => {
                said.extend_from_slice(data);
                self.open(host, at, said);
                if self.opening.is_some() {
                    // Who upgrades hears of that first.
                    return;
                }
            }
        }
        while let Some((began, said)) = self.endpoint.next_said() {
            self.take(host, began, said);
        }
        self.flush(host);
    }

    fn open(&mut self, host: &mut dyn Session, at: Instant, said: Vec<u8>) {
        match upgrade::opening(&said) {
            Opening::More => self.opening = Some(said),
            // What is not HTTP/2 is told so.
            Opening::Known | Opening::Other => self.endpoint.feed(at, &said),
            Opening::Asked(request, length) => {
                host.write(Side::Client, upgrade::AGREED);
                let stream = self.endpoint.upgrade();
                self.ask(host, stream, at, &request);
                self.endpoint.feed(at, said.get(length..).unwrap_or_default());
            }
        }
    }

    pub fn end(&mut self, host: &mut dyn Session) {
        self.client_has_ended = true;
        self.flush(host);
    }

    pub fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: &[Value]) -> Result<(), Fault> {
        if let Some(stream) = self.asked.remove(&exchange) {
            for response in responses {
                let response = document::to_response(response, host).map_err(|why| Fault::new("bad-response", why))?;
                send(&mut self.endpoint, stream, response);
            }
        }
        self.flush(host);
        Ok(())
    }

    pub fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) {
        if let Some(stream) = self.asked.remove(&exchange) {
            let head = [(":status", "502"), ("content-type", "text/plain; charset=utf-8"), ("x-keploy-miss", "1")];
            let body = format!("keploy: {reason}\n").into_bytes();
            let head: Fields = head.into_iter().collect();
            send(&mut self.endpoint, stream, Outgoing { head, body, trailer: None, reset: None, is_unfinished: false });
        }
        self.flush(host);
    }

    fn take(&mut self, host: &mut dyn Session, began: Instant, said: Incoming) {
        let (stream, is_whole) = match said {
            Incoming::Headers { stream, fields, end } => {
                let request = self.requests.entry(stream).or_insert_with(|| (began, Message::default()));
                request.1.headers(fields, end);
                (stream, end)
            }
            Incoming::Data { stream, data, end } => {
                let Some((_, request)) = self.requests.get_mut(&stream) else { return };
                if request.data(&data, end).is_err() {
                    self.requests.remove(&stream);
                    return self.endpoint.reset(stream, Code::ENHANCE_YOUR_CALM);
                }
                (stream, end)
            }
            Incoming::Reset { stream, .. } => {
                self.requests.remove(&stream);
                return;
            }
        };
        if is_whole && let Some((began, request)) = self.requests.remove(&stream) {
            self.ask(host, stream, began, &request);
        }
    }

    fn ask(&mut self, host: &mut dyn Session, stream: StreamId, began: Instant, request: &Message) {
        let document = document::request(request, host);
        let facts = facts::of(&document);
        // The answer is written before anything that is staged behind the question: what was said before it goes first.
        say(&mut self.endpoint, host);
        let exchange = host.open(document, facts, began);
        self.asked.insert(exchange, stream);
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

/// Writes a message; both ways the same.
pub fn send(endpoint: &mut Endpoint, stream: StreamId, message: Outgoing) {
    let Outgoing { head, body, trailer, reset, is_unfinished } = message;
    let ends_with_body = trailer.is_none() && reset.is_none() && !is_unfinished;
    if !head.is_empty() {
        endpoint.send_headers(stream, &head, body.is_empty() && ends_with_body);
    }
    if !body.is_empty() {
        endpoint.send_data(stream, body, ends_with_body);
    }
    match (trailer, reset) {
        (Some(trailer), _) => endpoint.send_trailers(stream, trailer),
        (None, Some(code)) => endpoint.reset(stream, code),
        (None, None) => {}
    }
}

fn say(endpoint: &mut Endpoint, host: &mut dyn Session) {
    let out = endpoint.take_output();
    if !out.is_empty() {
        host.write(Side::Client, &out);
    }
}
