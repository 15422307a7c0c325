//! Both sides are real: read them.
use std::collections::BTreeMap;

use http2_wire::{Event, Reader, StreamId};
use keploy_sdk::{Exchange, Fault, Instant, Session, Side, Value};

use crate::{
    document, facts,
    message::{End, Message},
    upgrade::{self, Opening},
};

pub struct Record {
    client: Reader,
    server: Reader,
    streams: BTreeMap<StreamId, Stream>,
    /// Of each side, what it has said before it is known how it begins.
    opening: [Option<Vec<u8>>; 2],
    /// The side that ended first.
    ended: Option<Side>,
}

/// The stream of the request that asked for the upgrade.
const UPGRADED: StreamId = 1;

struct Stream {
    began: Instant,
    request: Message,
    response: Message,
    exchange: Option<Exchange>,
    /// It cannot be recorded, and why.
    lost: Option<String>,
}

impl Record {
    pub fn new() -> Self {
        let opening = [Some(Vec::new()), Some(Vec::new())];
        Self {
            client: Reader::of_client(),
            server: Reader::of_server(),
            streams: BTreeMap::new(),
            opening,
            ended: None,
        }
    }

    pub fn feed(&mut self, host: &mut dyn Session, from: Side, at: Instant, data: &[u8]) -> Result<(), Fault> {
        let opened = self.open(host, from, at, data)?;
        let data = opened.as_deref().unwrap_or(data);
        match from {
            Side::Client => {
                self.client.push(at, data);
                while let Some((began, event)) = self.client.next_event()? {
                    self.client_said(host, began, event);
                }
            }
            Side::Server => {
                self.server.push(at, data);
                while let Some((_, event)) = self.server.next_event()? {
                    self.server_said(host, at, event);
                }
            }
        }
        Ok(())
    }

    /// What of the bytes is HTTP/2, until that is all of them: none.
    fn open(&mut self, host: &mut dyn Session, from: Side, at: Instant, data: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let [client, server] = &mut self.opening;
        let side = if from == Side::Client { client } else { server };
        let Some(said) = side else { return Ok(None) };
        said.extend_from_slice(data);
        let begins = match from {
            Side::Server => upgrade::behind_agreement(said),
            Side::Client => match upgrade::opening(said) {
                Opening::More => None,
                Opening::Known => Some(0),
                Opening::Other => return Err(Fault::new("no-http2", "the client does not begin with HTTP/2")),
                Opening::Asked(request, length) => {
                    let mut stream = Stream::new(at);
                    stream.request = *request;
                    stream.open(host);
                    self.streams.insert(UPGRADED, stream);
                    Some(length)
                }
            },
        };
        let Some(at) = begins else { return Ok(Some(Vec::new())) };
        let rest = said.split_off(at);
        *side = None;
        Ok(Some(rest))
    }

    pub fn end(&mut self, host: &mut dyn Session, from: Side, at: Instant) {
        match self.ended {
            None => self.ended = Some(from),
            Some(first) if first != from => {
                for stream in std::mem::take(&mut self.streams).into_values() {
                    stream.cut_off(host, first, at);
                }
            }
            Some(_) => {}
        }
    }

    fn client_said(&mut self, host: &mut dyn Session, began: Instant, event: Event) {
        let id = match event {
            Event::Settings(settings) => return self.server.obey(&settings),
            Event::Headers { stream, fields, end, .. } => {
                let known = self.streams.entry(stream).or_insert_with(|| Stream::new(began));
                known.request.headers(fields, end);
                stream
            }
            Event::Data { stream, data, end, .. } => {
                let Some(known) = self.streams.get_mut(&stream) else { return };
                if let Err(why) = known.request.data(&data, end) {
                    known.lost.get_or_insert(why);
                    known.request.end = end.then_some(End::Whole);
                }
                stream
            }
            Event::Reset { stream, .. } => {
                if let Some(known) = self.streams.remove(&stream) {
                    known.cancelled(host, began);
                }
                return;
            }
            _ => return,
        };
        if let Some(stream) = self.streams.get_mut(&id)
            && stream.request.end.is_some()
            && stream.exchange.is_none()
        {
            stream.open(host);
        }
        self.settle(host, id, began);
    }

    fn server_said(&mut self, host: &mut dyn Session, at: Instant, event: Event) {
        let id = match event {
            Event::Settings(settings) => return self.client.obey(&settings),
            Event::Headers { stream, fields, end, .. } => {
                // Not yet the answer.
                let is_interim = fields.text(":status").is_some_and(|status| status.starts_with('1')) && !end;
                if let Some(known) = self.streams.get_mut(&stream).filter(|_| !is_interim) {
                    known.response.headers(fields, end);
                }
                stream
            }
            Event::Data { stream, data, end, .. } => {
                let Some(known) = self.streams.get_mut(&stream) else { return };
                if let Err(why) = known.response.data(&data, end) {
                    known.lost.get_or_insert(why);
                    known.response.end = end.then_some(End::Whole);
                }
                stream
            }
            Event::Reset { stream, code } => {
                let Some(known) = self.streams.get_mut(&stream) else { return };
                known.response.end.get_or_insert(End::Reset(code));
                if known.exchange.is_none() {
                    known
                        .lost
                        .get_or_insert_with(|| "the server stopped the request before it was complete".to_owned());
                    known.open(host);
                }
                stream
            }
            _ => return,
        };
        self.settle(host, id, at);
    }

    /// Both sides have said all?
    fn settle(&mut self, host: &mut dyn Session, id: StreamId, at: Instant) {
        if self.streams.get(&id).is_some_and(|stream| stream.exchange.is_some() && stream.response.end.is_some())
            && let Some(stream) = self.streams.remove(&id)
        {
            stream.reply(host, at);
        }
    }
}

impl Stream {
    fn new(began: Instant) -> Self {
        Self { began, request: Message::default(), response: Message::default(), exchange: None, lost: None }
    }

    fn open(&mut self, host: &mut dyn Session) {
        let document: Value = document::request(&self.request, host);
        let facts = facts::of(&document);
        self.exchange = Some(host.open(document, facts, self.began));
    }

    fn reply(self, host: &mut dyn Session, at: Instant) {
        let Some(exchange) = self.exchange else { return };
        if let Some(why) = &self.lost {
            return host.abandon(exchange, why);
        }
        if self.response.head.is_some() || self.response.end.is_some() {
            host.reply(exchange, document::response(&self.response, host), at);
        }
        host.close(exchange);
    }

    /// The client does not want to hear more. One that has not even said all is as if it had said nothing.
    fn cancelled(self, host: &mut dyn Session, at: Instant) {
        self.reply(host, at);
    }

    /// The connection is over, and this is not.
    fn cut_off(mut self, host: &mut dyn Session, first: Side, at: Instant) {
        let whole = self.exchange.is_some();
        if !whole {
            self.open(host);
        }
        if !whole || first == Side::Client && self.response.head.is_none() {
            let what = if whole { "answer" } else { "request" };
            self.lost.get_or_insert(format!("the connection ended before the {what} did"));
        }
        self.reply(host, at);
    }
}
