//! A connection that HTTP has left, while recording.
//!
//! What the client says opens an exchange, what the server says after it are its replies, until the client speaks
//! again. What the server says first belongs to the request that ended HTTP.
use keploy_sdk::{Exchange, Fault, Instant, Map, Session, Side};

use crate::{
    body::Body,
    facts,
    inbox::Inbox,
    switch::{Protocol, Switch},
    websocket::Frames,
};

pub struct Tunnel {
    /// The exchange that the server's next message answers.
    exchange: Exchange,
    url: String,
    protocol: Protocol,
    client: Direction,
    server: Direction,
    turn: Turn,
}

#[derive(Default)]
struct Direction {
    inbox: Inbox,
    frames: Frames,
}

/// Raw bytes of one side, until the other one speaks.
struct Turn {
    side: Side,
    body: Body,
    first: Instant,
    last: Instant,
}

impl Tunnel {
    pub fn new(switch: Switch, client: Inbox, server: Inbox) -> Self {
        Self {
            exchange: switch.exchange,
            url: switch.url,
            protocol: switch.protocol,
            client: Direction { inbox: client, frames: Frames::default() },
            server: Direction { inbox: server, frames: Frames::default() },
            turn: Turn::of(Side::Server),
        }
    }

    /// Reads what came behind the last of HTTP. The client's part of it came first.
    pub fn start(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        self.read(Side::Client, host)?;
        self.read(Side::Server, host)
    }

    pub fn feed(
        &mut self,
        host: &mut dyn Session,
        from: Side,
        offset: u64,
        at: Instant,
        data: &[u8],
    ) -> Result<(), Fault> {
        self.direction(from).inbox.push(offset, at, data);
        self.read(from, host)
    }

    /// Neither side will send more.
    pub fn end(mut self, host: &mut dyn Session) {
        self.end_turn(host);
        if let Some(missing) = self.client.missing() {
            host.close(self.exchange);
            let request = Map::new().with("url", self.url.as_str()).with("partial", true).into();
            let exchange = host.open(request, facts::partial(), self.client.inbox.at());
            host.abandon(exchange, &missing);
        } else if let Some(missing) = self.server.missing() {
            host.abandon(self.exchange, &missing);
        } else {
            host.close(self.exchange);
        }
    }

    fn read(&mut self, from: Side, host: &mut dyn Session) -> Result<(), Fault> {
        match self.protocol {
            Protocol::WebSocket => loop {
                let Direction { inbox, frames } = self.direction(from);
                let Some(message) = frames.next(inbox, host)? else { return Ok(()) };
                let (first, last) = (message.first, message.last);
                self.say(from, message.into_value(), first, last, host);
            },
            Protocol::Raw => {
                if self.direction(from).inbox.is_empty() {
                    return Ok(());
                }
                if self.turn.side != from {
                    self.end_turn(host);
                    self.turn = Turn::of(from);
                }
                let (inbox, turn) = match from {
                    Side::Client => (&mut self.client.inbox, &mut self.turn),
                    Side::Server => (&mut self.server.inbox, &mut self.turn),
                };
                if turn.body.is_empty() {
                    turn.first = inbox.at();
                }
                turn.body.push(inbox.rest(), host);
                inbox.take(inbox.rest().len());
                turn.last = inbox.taken_at();
                Ok(())
            }
        }
    }

    fn end_turn(&mut self, host: &mut dyn Session) {
        let Turn { side, body, first, last } = std::mem::replace(&mut self.turn, Turn::of(Side::Server));
        if !body.is_empty() {
            self.say(side, body.into_value(), first, last, host);
        }
    }

    fn say(&mut self, from: Side, message: keploy_sdk::Value, first: Instant, last: Instant, host: &mut dyn Session) {
        match from {
            Side::Client => {
                host.close(self.exchange);
                let request = self.protocol.request(&self.url, message);
                let about = facts::of(&request);
                self.exchange = host.open(request, about, first);
            }
            Side::Server => host.reply(self.exchange, self.protocol.response(message), last),
        }
    }

    fn direction(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

impl Direction {
    fn missing(&self) -> Option<String> {
        self.frames.missing(&self.inbox)
    }
}

impl Turn {
    fn of(side: Side) -> Self {
        Self { side, body: Body::default(), first: 0, last: 0 }
    }
}
