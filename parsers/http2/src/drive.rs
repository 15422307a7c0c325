//! The client is gone: write what it said, read what the application answers.
use std::collections::BTreeMap;

use http2_wire::{Code, Endpoint, Incoming, Role, StreamId};
use keploy_sdk::{Exchange, Fault, Instant, Session, Side, Value};

use crate::{
    document,
    message::{End, Message},
    mock::send,
};

pub struct Drive {
    endpoint: Endpoint,
    asked: BTreeMap<StreamId, (Exchange, Message)>,
}

impl Drive {
    pub fn new() -> Self {
        Self { endpoint: Endpoint::new(Role::Client), asked: BTreeMap::new() }
    }

    pub fn send(&mut self, host: &mut dyn Session, exchange: Exchange, request: &Value) -> Result<(), Fault> {
        let request = document::to_request(request, host).map_err(|why| Fault::new("bad-request", why))?;
        let stream = self.endpoint.open();
        send(&mut self.endpoint, stream, request);
        self.asked.insert(stream, (exchange, Message::default()));
        self.flush(host);
        Ok(())
    }

    pub fn feed(&mut self, host: &mut dyn Session, at: Instant, data: &[u8]) -> Result<(), Fault> {
        self.endpoint.feed(at, data);
        while let Some((_, said)) = self.endpoint.next_said() {
            self.take(host, at, said);
        }
        self.flush(host);
        if self.endpoint.has_failed() {
            return Err(Fault::new("bad-answer", "the application does not keep to HTTP/2"));
        }
        Ok(())
    }

    /// The application has closed the connection.
    pub fn end(&mut self, host: &mut dyn Session, at: Instant) {
        for (exchange, response) in std::mem::take(&mut self.asked).into_values() {
            if response.head.is_some() {
                host.reply(exchange, document::response(&response, host), at);
                host.close(exchange);
            } else {
                host.abandon(exchange, "the connection ended before the answer did");
            }
        }
    }

    fn take(&mut self, host: &mut dyn Session, at: Instant, said: Incoming) {
        let (Incoming::Headers { stream, .. } | Incoming::Data { stream, .. } | Incoming::Reset { stream, .. }) = said;
        let Some((exchange, response)) = self.asked.get_mut(&stream) else { return };
        match said {
            Incoming::Headers { fields, end, .. } => response.headers(fields, end),
            Incoming::Data { data, end, .. } => {
                if let Err(why) = response.data(&data, end) {
                    host.abandon(*exchange, &why);
                    self.asked.remove(&stream);
                    return self.endpoint.reset(stream, Code::CANCEL);
                }
            }
            Incoming::Reset { code, .. } => response.end = Some(End::Reset(code)),
        }
        if response.end.is_some() {
            host.reply(*exchange, document::response(response, host), at);
            host.close(*exchange);
            self.asked.remove(&stream);
        }
    }

    fn flush(&mut self, host: &mut dyn Session) {
        let out = self.endpoint.take_output();
        if !out.is_empty() {
            host.write(Side::Server, &out);
        }
    }
}
