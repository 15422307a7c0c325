//! The client is gone: write its requests, read what the server says to them.
//!
//! A request after `101` or a successful CONNECT stays open until the next one is sent or the connection ends: nobody
//! but the host knows how many messages were recorded.
use std::collections::VecDeque;

use keploy_sdk::{Exchange, Fault, Instant, Mode, Session, Side, Value};

use crate::{
    responses::{Event, Responses, Unanswered},
    switch::Protocol,
    websocket::{self, Frames},
    write::{self, Content, Wire},
};

pub struct Drive {
    responses: Responses,
    /// Requests that may only go out when it is known which protocol this is.
    held: VecDeque<(Exchange, Value)>,
    tunnel: Option<Tunnel>,
    ended: bool,
}

struct Tunnel {
    protocol: Protocol,
    exchange: Exchange,
    frames: Frames,
}

impl Drive {
    pub fn new() -> Self {
        Self { responses: Responses::new(Mode::Drive), held: VecDeque::new(), tunnel: None, ended: false }
    }

    pub fn send(&mut self, host: &mut dyn Session, exchange: Exchange, request: Value) -> Result<(), Fault> {
        if self.ended {
            host.abandon(exchange, "the server closed the connection before this request could be sent");
            return Ok(());
        }
        self.held.push_back((exchange, request));
        self.write(host)
    }

    pub fn feed(&mut self, host: &mut dyn Session, offset: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        self.responses.inbox.push(offset, at, data);
        self.read(host)?;
        self.responses.inbox.fed();
        Ok(())
    }

    pub fn kept(&mut self, host: &mut dyn Session, at: Instant) -> Result<(), Fault> {
        self.responses.kept(at);
        self.read(host)
    }

    pub fn end(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        match self.tunnel.take() {
            Some(tunnel) => match tunnel.frames.missing(&self.responses.inbox) {
                Some(missing) if tunnel.protocol == Protocol::WebSocket => host.abandon(tunnel.exchange, &missing),
                _ => host.close(tunnel.exchange),
            },
            None => {
                self.responses.end(host)?;
                self.responses.settle(Unanswered::Close, host);
            }
        }
        for (exchange, _) in self.held.drain(..) {
            host.abandon(exchange, "the server closed the connection before this request could be sent");
        }
        Ok(())
    }

    /// Sends what may go out now.
    fn write(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        while !self.responses.may_switch() {
            let Some((exchange, request)) = self.held.pop_front() else { return Ok(()) };
            match (message(&request), &mut self.tunnel) {
                (Some(message), Some(tunnel)) => {
                    let wire = message.map_err(bad_document)?;
                    host.close(tunnel.exchange);
                    tunnel.exchange = exchange;
                    wire.send(Side::Server, host);
                }
                (Some(_), None) => {
                    host.abandon(exchange, "the server did not change the protocol, so this message cannot be sent")
                }
                (None, Some(_)) => {
                    host.abandon(exchange, "the connection is no longer HTTP, so this request cannot be sent")
                }
                (None, None) => {
                    let (wire, about) = write::request(&request, host).map_err(bad_document)?;
                    self.responses.expect(about, Some(exchange));
                    wire.send(Side::Server, host);
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        while self.tunnel.is_none() {
            match self.responses.next(host)? {
                Event::Wait => return Ok(()),
                Event::Answered => self.write(host)?,
                Event::Switch(switch) => {
                    self.tunnel = Some(Tunnel {
                        protocol: switch.protocol,
                        exchange: switch.exchange,
                        frames: Frames::default(),
                    });
                    // First what the server says by itself: it came before it heard more.
                    self.read_messages(host)?;
                    return self.write(host);
                }
            }
        }
        self.read_messages(host)
    }

    fn read_messages(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        let (Some(tunnel), inbox) = (&mut self.tunnel, &mut self.responses.inbox) else { return Ok(()) };
        match tunnel.protocol {
            Protocol::WebSocket => {
                while let Some(message) = tunnel.frames.next(inbox, host)? {
                    let last = message.last;
                    host.reply(tunnel.exchange, tunnel.protocol.response(message.into_value()), last);
                }
            }
            Protocol::Raw if inbox.is_empty() => {}
            Protocol::Raw => {
                let bytes = inbox.rest().to_vec();
                inbox.take(bytes.len());
                host.reply(tunnel.exchange, tunnel.protocol.response(Value::readable(bytes)), inbox.taken_at());
            }
        }
        Ok(())
    }
}

/// The bytes of a document that is a message behind the end of HTTP.
fn message(request: &Value) -> Option<Result<Wire, String>> {
    if let Some(message) = request.get("websocket") {
        return Some(websocket::frame(message, Side::Server));
    }
    let bytes = request.get("upgraded")?;
    Some(
        Content::of(bytes)
            .map(|bytes| Wire::with_content(Vec::new(), bytes))
            .ok_or_else(|| "`upgraded` is neither text nor bytes".to_owned()),
    )
}

fn bad_document(why: String) -> Fault {
    Fault::new("bad-document", format!("the recorded request cannot be sent: {why}"))
}
