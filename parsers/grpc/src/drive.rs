//! The client is gone: write what it said, read what the application answers.
use std::{collections::BTreeMap, rc::Rc};

use http2_wire::{Code, Endpoint, Fields, Incoming, Role, StreamId};
use keploy_sdk::{Exchange, Fault, Instant, Session, Side, Value};

use crate::{
    answer,
    document::{self, Codec, Turn},
    half::{End, Half},
    proto::Types,
};

pub struct Drive {
    types: Rc<Types>,
    endpoint: Endpoint,
    calls: BTreeMap<StreamId, Call>,
    /// Of calls in several turns: the recorded stream, and ours.
    streams: BTreeMap<u32, StreamId>,
    /// When the application last said something.
    heard_at: Instant,
}

struct Call {
    exchange: Exchange,
    head: Fields,
    server: Half,
    has_more: bool,
    head_is_said: bool,
}

impl Drive {
    pub fn new(types: Rc<Types>) -> Self {
        Self {
            types,
            endpoint: Endpoint::new(Role::Client),
            calls: BTreeMap::new(),
            streams: BTreeMap::new(),
            heard_at: 0,
        }
    }

    pub fn send(&mut self, host: &mut dyn Session, exchange: Exchange, request: &Value) -> Result<(), Fault> {
        let outcome = self.write(host, exchange, request);
        flush(&mut self.endpoint, host);
        outcome.map_err(|why| Fault::new("bad-request", why))
    }

    fn write(&mut self, host: &mut dyn Session, exchange: Exchange, request: &Value) -> Result<(), String> {
        let turn = Turn::of(request);
        let stream =
            if turn.number > 1 { self.next_turn(host, exchange, turn)? } else { self.open(exchange, request, turn)? };
        let Some(call) = self.calls.get(&stream) else {
            // The application has ended the call before its client did: there is nobody to tell.
            host.close(exchange);
            return Ok(());
        };
        let codec = Codec::of(host, &self.types, Some(&call.head));
        answer::ask(&mut self.endpoint, stream, request, &call.head, codec)?;
        if let Some(code) = request.get("cancelled") {
            let code = code.as_str().and_then(Code::from_name).unwrap_or(Code::CANCEL);
            self.endpoint.reset(stream, code);
            self.calls.remove(&stream);
            host.close(exchange);
        }
        Ok(())
    }

    fn open(&mut self, exchange: Exchange, request: &Value, turn: Turn) -> Result<StreamId, String> {
        let head = document::head(request)?;
        let stream = self.endpoint.open();
        if turn.number == 1 {
            self.streams.insert(turn.stream, stream);
        }
        let server = Half::default();
        self.calls.insert(stream, Call { exchange, head, server, has_more: turn.has_more, head_is_said: false });
        Ok(stream)
    }

    fn next_turn(&mut self, host: &mut dyn Session, exchange: Exchange, turn: Turn) -> Result<StreamId, String> {
        let at = self.heard_at;
        let stream = self.streams.get(&turn.stream).copied().ok_or_else(|| {
            format!("turn {} of a call whose first turn was not sent on this connection", turn.number)
        })?;
        if let Some(call) = self.calls.get_mut(&stream) {
            let last = std::mem::replace(&mut call.exchange, exchange);
            if call.server.head.is_some() && !call.head_is_said {
                let codec = Codec::of(host, &self.types, Some(&call.head));
                host.reply(last, document::response(&call.server, &[], true, codec), at);
                call.head_is_said = true;
            }
            host.close(last);
            call.has_more = turn.has_more;
        }
        Ok(stream)
    }

    pub fn feed(&mut self, host: &mut dyn Session, at: Instant, data: &[u8]) -> Result<(), Fault> {
        self.heard_at = at;
        self.endpoint.feed(at, data);
        while let Some((_, said)) = self.endpoint.next_said() {
            self.take(host, at, said);
        }
        flush(&mut self.endpoint, host);
        if self.endpoint.has_failed() {
            return Err(Fault::new("bad-answer", "the application does not keep to HTTP/2"));
        }
        Ok(())
    }

    /// The application has closed the connection.
    pub fn end(&mut self, host: &mut dyn Session, at: Instant) {
        for mut call in std::mem::take(&mut self.calls).into_values() {
            if !call.server.has_said_something() {
                host.abandon(call.exchange, "the connection ended before the answer did");
                continue;
            }
            let messages = call.server.take();
            if !call.head_is_said || !messages.is_empty() {
                let codec = Codec::of(host, &self.types, Some(&call.head));
                let response = document::unfinished(&call.server, &messages, !call.head_is_said, codec);
                host.reply(call.exchange, response, at);
            }
            host.close(call.exchange);
        }
    }

    fn take(&mut self, host: &mut dyn Session, at: Instant, said: Incoming) {
        let (Incoming::Headers { stream, .. } | Incoming::Data { stream, .. } | Incoming::Reset { stream, .. }) = said;
        let Some(call) = self.calls.get_mut(&stream) else { return };
        match said {
            Incoming::Headers { fields, end, .. } => call.server.headers(fields, end),
            Incoming::Data { data, end, .. } => {
                if let Err(fault) = call.server.data(&data, end) {
                    host.abandon(call.exchange, &fault.message);
                    self.calls.remove(&stream);
                    return self.endpoint.reset(stream, Code::CANCEL);
                }
            }
            Incoming::Reset { code, .. } => call.server.end = Some(End::Reset(code)),
        }
        if call.server.end.is_some() {
            let messages = call.server.take();
            let response = document::response(
                &call.server,
                &messages,
                !call.head_is_said,
                Codec::of(host, &self.types, Some(&call.head)),
            );
            host.reply(call.exchange, response, at);
            host.close(call.exchange);
            self.calls.remove(&stream);
        } else if call.has_more {
            // How many of them to wait for, the host knows.
            for message in call.server.take() {
                let response = document::response(
                    &call.server,
                    &[message],
                    !call.head_is_said,
                    Codec::of(host, &self.types, Some(&call.head)),
                );
                call.head_is_said = true;
                host.reply(call.exchange, response, at);
            }
        }
    }
}

fn flush(endpoint: &mut Endpoint, host: &mut dyn Session) {
    let out = endpoint.take_output();
    if !out.is_empty() {
        host.write(Side::Server, &out);
    }
}
