//! Both sides are real: read them.
use std::{collections::BTreeMap, rc::Rc};

use http2_wire::{Code, Event, Reader, StreamId};
use keploy_sdk::{Exchange, Fault, Instant, Session, Side, Value};

use crate::{
    document::{self, Codec, Turn},
    facts,
    framing::Payload,
    half::{End, Half},
    proto::Types,
};

pub struct Record {
    types: Rc<Types>,
    client: Reader,
    server: Reader,
    calls: BTreeMap<StreamId, Call>,
    /// The side that ended first.
    ended: Option<Side>,
}

/// A stream.
struct Call {
    types: Rc<Types>,
    began: Instant,
    client: Half,
    server: Half,
    exchange: Option<Exchange>,
    turn: Turn,
    /// The server's headers are in a document.
    head_is_said: bool,
    /// It cannot be recorded.
    is_lost: bool,
}

impl Record {
    pub fn new(types: Rc<Types>) -> Self {
        Self { types, client: Reader::of_client(), server: Reader::of_server(), calls: BTreeMap::new(), ended: None }
    }

    pub fn feed(&mut self, host: &mut dyn Session, from: Side, at: Instant, data: &[u8]) -> Result<(), Fault> {
        match from {
            Side::Client => {
                self.client.push(at, data);
                while let Some((began, event)) = self.client.next_event()? {
                    if let Event::Settings(settings) = &event {
                        self.server.obey(settings);
                    }
                    self.client_said(host, began, event);
                }
            }
            Side::Server => {
                self.server.push(at, data);
                while let Some((_, event)) = self.server.next_event()? {
                    if let Event::Settings(settings) = &event {
                        self.client.obey(settings);
                    }
                    self.server_said(host, at, event);
                }
            }
        }
        Ok(())
    }

    pub fn end(&mut self, host: &mut dyn Session, from: Side, at: Instant) {
        match self.ended {
            None => self.ended = Some(from),
            Some(first) if first != from => {
                for call in std::mem::take(&mut self.calls).into_values() {
                    call.cut_off(host, at);
                }
            }
            Some(_) => {}
        }
    }

    fn client_said(&mut self, host: &mut dyn Session, began: Instant, event: Event) {
        match event {
            Event::Headers { stream, fields, end, .. } => {
                let call = self.calls.entry(stream).or_insert_with(|| Call::new(self.types.clone(), began, stream));
                call.client.headers(fields, end);
                if end {
                    call.client_is_done(host, began);
                }
            }
            Event::Data { stream, data, end, .. } => {
                let Some(call) = self.calls.get_mut(&stream) else { return };
                match call.client.data(&data, end) {
                    Ok(0) => {}
                    Ok(_) => call.next_turn(host, began),
                    Err(fault) => call.lose(host, &fault.message),
                }
                if end {
                    call.client_is_done(host, began);
                }
            }
            Event::Reset { stream, code } => {
                if let Some(call) = self.calls.remove(&stream) {
                    call.cancelled(host, began, code);
                }
            }
            _ => {}
        }
    }

    fn server_said(&mut self, host: &mut dyn Session, at: Instant, event: Event) {
        let stream = match event {
            Event::Headers { stream, fields, end, .. } => {
                let Some(call) = self.calls.get_mut(&stream) else { return };
                // Not yet the answer.
                if fields.text(":status").is_some_and(|status| status.starts_with('1')) && !end {
                    return;
                }
                call.server.headers(fields, end);
                if !end && call.client.end.is_none() {
                    // The client may wait for just this.
                    call.open_turn(host);
                }
                stream
            }
            Event::Data { stream, data, end, .. } => {
                let Some(call) = self.calls.get_mut(&stream) else { return };
                match call.server.data(&data, end) {
                    Ok(0) => {}
                    Ok(_) => call.server_answers(host, at),
                    Err(fault) => call.lose(host, &fault.message),
                }
                stream
            }
            Event::Reset { stream, code } => {
                let Some(call) = self.calls.get_mut(&stream) else { return };
                call.server.end = Some(End::Reset(code));
                stream
            }
            _ => return,
        };
        if self.calls.get(&stream).is_some_and(|call| call.server.end.is_some())
            && let Some(call) = self.calls.remove(&stream)
        {
            call.server_is_done(host, at);
        }
    }
}

impl Call {
    fn new(types: Rc<Types>, began: Instant, stream: StreamId) -> Self {
        let turn = Turn { number: 0, stream, has_more: false };
        let (client, server) = (Half::default(), Half::default());
        Self { types, began, client, server, exchange: None, turn, head_is_said: false, is_lost: false }
    }

    fn codec<'a>(&'a self, host: &'a dyn Session) -> Codec<'a> {
        Codec::of(host, &self.types, self.client.head.as_ref())
    }

    /// The client says more after it has heard something.
    fn next_turn(&mut self, host: &mut dyn Session, at: Instant) {
        if let Some(exchange) = self.exchange.take() {
            if self.server.head.is_some() && !self.head_is_said {
                self.reply(host, exchange, &[], at);
            }
            host.close(exchange);
            self.turn.number += 1;
            self.began = at;
        }
    }

    /// The client has said all.
    fn client_is_done(&mut self, host: &mut dyn Session, at: Instant) {
        self.next_turn(host, at);
        self.turn.has_more = false;
        self.open(host, None);
    }

    /// The server says something. If the client is not done, what it has said so far is a turn of its own.
    fn server_answers(&mut self, host: &mut dyn Session, at: Instant) {
        if self.client.end.is_some() || self.is_lost {
            return;
        }
        self.open_turn(host);
        let Some(exchange) = self.exchange else { return };
        let messages = self.server.take();
        // What comes with the end of the call is said with it.
        let Some((last, others)) = messages.split_last() else { return };
        for message in others {
            self.reply(host, exchange, std::slice::from_ref(message), at);
        }
        if self.server.end.is_some() {
            self.server.messages.push(last.clone());
        } else {
            self.reply(host, exchange, std::slice::from_ref(last), at);
        }
    }

    fn open_turn(&mut self, host: &mut dyn Session) {
        if self.exchange.is_none() {
            self.turn.number = self.turn.number.max(1);
            self.turn.has_more = true;
            self.open(host, None);
        }
    }

    fn open(&mut self, host: &mut dyn Session, cancelled: Option<Code>) {
        if self.is_lost {
            return;
        }
        let messages = self.client.take();
        let head = self.client.head.clone().unwrap_or_default();
        let mut document = document::request(&head, &messages, self.turn, self.codec(host));
        if let Some(code) = cancelled {
            document.insert("cancelled", code.to_string());
        }
        let document = Value::from(document);
        let facts = facts::of(&document);
        let exchange = host.open(document, facts, self.began);
        self.exchange = Some(exchange);
    }

    fn reply(&mut self, host: &mut dyn Session, exchange: Exchange, messages: &[Payload], at: Instant) {
        let response = document::response(&self.server, messages, !self.head_is_said, self.codec(host));
        self.head_is_said = true;
        host.reply(exchange, response, at);
    }

    fn server_is_done(mut self, host: &mut dyn Session, at: Instant) {
        if self.is_lost {
            return;
        }
        self.open_turn(host);
        if let Some(exchange) = self.exchange {
            let messages = self.server.take();
            self.reply(host, exchange, &messages, at);
            host.close(exchange);
        }
    }

    /// The client does not want to hear more.
    fn cancelled(mut self, host: &mut dyn Session, at: Instant, code: Code) {
        if self.is_lost {
            return;
        }
        if self.client.end.is_none() {
            self.next_turn(host, at);
            self.turn.has_more = false;
            self.open(host, Some(code));
        }
        if let Some(exchange) = self.exchange {
            self.reply_unfinished(host, exchange, at);
            host.close(exchange);
        }
    }

    fn reply_unfinished(&mut self, host: &mut dyn Session, exchange: Exchange, at: Instant) {
        if self.head_is_said && self.server.messages.is_empty() || !self.server.has_said_something() {
            return;
        }
        let messages = self.server.take();
        let response = document::unfinished(&self.server, &messages, !self.head_is_said, self.codec(host));
        host.reply(exchange, response, at);
    }

    /// The connection is over, and this is not. Who subscribes and hears nothing is waiting still: that is no loss.
    fn cut_off(mut self, host: &mut dyn Session, at: Instant) {
        if self.client.is_in_the_middle() || self.server.is_in_the_middle() {
            self.lose(host, "the connection ended in the middle of a message");
        }
        if self.is_lost {
            return;
        }
        self.open_turn(host);
        if let Some(exchange) = self.exchange {
            self.reply_unfinished(host, exchange, at);
            host.close(exchange);
        }
    }

    /// It is counted as lost, once, and not read any further.
    fn lose(&mut self, host: &mut dyn Session, why: &str) {
        if self.is_lost {
            return;
        }
        self.open_turn(host);
        if let Some(exchange) = self.exchange.take() {
            host.abandon(exchange, why);
        }
        self.is_lost = true;
    }
}
