//! One connection, in any mode.
use std::collections::BTreeMap;

use keploy_sdk::{Connection, Exchange, Fault, Instant, Level, Map, Mode, Peer, Session, Side, Value};

use crate::{
    command::Command,
    facts,
    inbox::Inbox,
    replies::{Replies, Unasked, is_refusal},
    resp::{KEEP_ABOVE, Segments, write},
    state::{State, Undo},
};

pub struct Conversation {
    mode: Mode,
    client: Inbox,
    server: Inbox,
    state: State,
    /// Recording, driving: what is to come.
    replies: Replies,
    /// Mocking: what was asked and has no answer yet.
    asked: BTreeMap<Exchange, Asked>,
    client_ended: bool,
}

struct Asked {
    undo: Option<Undo>,
    silent: bool,
    /// The server hangs up behind the answer.
    quits: bool,
}

impl Conversation {
    /// Bodies of up to `keep_above` bytes stay in the documents.
    pub fn keeping(mode: Mode, keep_above: u64) -> Self {
        Self {
            mode,
            client: Inbox::new(Side::Client, keep_above),
            server: Inbox::new(Side::Server, keep_above),
            state: State::default(),
            replies: Replies::default(),
            asked: BTreeMap::new(),
            client_ended: false,
        }
    }

    fn read_commands(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        while let Some((command, since)) = self.client.command(host)? {
            let name = command.name();
            if name == "SYNC" || name == "PSYNC" {
                return Err(Fault::new(
                    "replication",
                    format!("behind {name} the connection carries a replica's stream"),
                ));
            }
            let context = self.state.context();
            let turn = self.state.take(&command);
            let document = command.document(context, &turn);
            let facts = facts::describe(&command, &document);
            let exchange = host.open(document, facts, since);
            if self.mode == Mode::Mock {
                let quits = name == "QUIT" && !turn.queued;
                self.asked.insert(exchange, Asked { undo: turn.undo, silent: turn.silent, quits });
            } else if !self.replies.expect(exchange, turn.awaits, turn.undo) {
                host.close(exchange);
            }
        }
        Ok(())
    }

    fn read_replies(&mut self, host: &mut dyn Session, at: Instant) -> Result<(), Fault> {
        while let Some(reply) = self.server.value(host)? {
            match self.replies.route(&reply) {
                Ok(route) => {
                    host.reply(route.exchange, Map::new().with("reply", reply).into(), at);
                    route.close.into_iter().for_each(|exchange| host.close(exchange));
                    self.undo(route.undo);
                }
                Err(Unasked::Push) => host.log(Level::Warn, &format!("a push that no command asked for: {reply:?}")),
                Err(Unasked::Reply) => {
                    return Err(Fault::new("unasked-reply", format!("no command waits for this reply: {reply:?}")));
                }
            }
        }
        Ok(())
    }

    fn undo(&mut self, undo: Option<Undo>) {
        if let Some(undo) = undo {
            self.state.undo(undo);
        }
    }
}

impl Connection for Conversation {
    fn new(mode: Mode, _: Peer, _: Value) -> Self {
        Self::keeping(mode, KEEP_ABOVE)
    }

    fn feed(&mut self, host: &mut dyn Session, from: Side, offset: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        match from {
            Side::Client => {
                self.client.push(offset, at, data);
                self.read_commands(host)
            }
            Side::Server => {
                self.server.push(offset, at, data);
                self.read_replies(host, at)
            }
        }
    }

    fn end(&mut self, host: &mut dyn Session, from: Side, _: Instant) -> Result<(), Fault> {
        match (self.mode, from) {
            (Mode::Mock, Side::Client) => host.finish(Side::Client),
            (_, Side::Client) => self.client_ended = true,
            (_, Side::Server) => {
                let cut = !self.server.is_empty();
                // A client that went away waits for nothing: a blocking read may end like that.
                let expected = self.client_ended || self.mode == Mode::Drive;
                for left in self.replies.end() {
                    match left.answered || (expected && !cut) {
                        true => host.close(left.exchange),
                        false if cut => host.abandon(left.exchange, "the server hung up inside a reply"),
                        false => host.abandon(left.exchange, "the server hung up before it replied"),
                    }
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        let mut out = Segments::default();
        let mut refused = false;
        for response in &responses {
            let reply = response.get("reply");
            let reply = reply.ok_or_else(|| Fault::new("bad-document", "a response without `reply`"))?;
            write(reply, &mut out)?;
            refused |= is_refusal(reply);
        }
        out.send(host, Side::Client);
        if let Some(asked) = self.asked.remove(&exchange) {
            self.undo(asked.undo.filter(|_| refused));
            if asked.quits {
                host.finish(Side::Client);
            }
        }
        Ok(())
    }

    fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        let asked = self.asked.remove(&exchange);
        if !asked.as_ref().is_some_and(|asked| asked.silent) {
            let reason = reason.replace(['\r', '\n'], " ");
            host.write(Side::Client, format!("-ERR keploy: {reason}\r\n").as_bytes());
        }
        self.undo(asked.and_then(|asked| asked.undo));
        Ok(())
    }

    fn send(&mut self, host: &mut dyn Session, exchange: Exchange, request: Value) -> Result<(), Fault> {
        let command = Command::from_document(&request)?;
        let turn = self.state.take(&command);
        let mut out = Segments::default();
        command.write(&mut out)?;
        out.send(host, Side::Server);
        if !self.replies.expect(exchange, turn.awaits, turn.undo) {
            host.close(exchange);
        }
        Ok(())
    }
}
