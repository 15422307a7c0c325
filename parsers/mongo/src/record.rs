//! Recording: whose reply is it?
use keploy_sdk::{Exchange, Fault, Instant, Level, Map, Session, Value};

use crate::{
    command::Command,
    facts, hello,
    login::{Outcome, Step},
    wire::{CHECKSUM_PRESENT, Content, MORE_TO_COME, Message},
};

#[derive(Default)]
pub struct Recording {
    pending: Vec<Pending>,
    /// A log-in that goes on with the client's next step.
    log_in: Option<Exchange>,
    pub client_ended: bool,
}

/// A command that waits for its reply.
struct Pending {
    /// What the reply answers: the command, or the reply that promised more.
    to: [i32; 2],
    since: Instant,
    asked: Asked,
    answered: bool,
}

enum Asked {
    Command(Exchange),
    Hello {
        exchange: Exchange,
        speculates: Option<Step>,
    },
    /// A heartbeat: nobody's exchange.
    Heartbeat,
    /// The first step of a log-in.
    LogIn(Exchange),
    /// A further one.
    Step,
}

impl Recording {
    pub fn command(&mut self, host: &mut dyn Session, mut command: Command) {
        let (id, since) = (command.id, command.since);
        let asked = if command.is_heartbeat() {
            Asked::Heartbeat
        } else if let Some(step) = command.log_in() {
            if step.goes_on() { Asked::Step } else { Asked::LogIn(open(host, step.document(), since)) }
        } else {
            let exchange = open(host, command.document(), since);
            if command.unacknowledged {
                host.close(exchange);
                return;
            }
            match command.is_hello() {
                true => Asked::Hello { exchange, speculates: command.speculates() },
                false => Asked::Command(exchange),
            }
        };
        self.pending.push(Pending { to: [id; 2], since, asked, answered: false });
    }

    pub fn reply(&mut self, host: &mut dyn Session, message: Message, at: Instant) -> Result<(), Fault> {
        let Message { id, response_to, content, .. } = message;
        let Some(place) = self.pending.iter().position(|pending| pending.to.contains(&response_to)) else {
            let problem = format!("message {id} of the server answers {response_to}, which nobody asked");
            return Err(Fault::new("unasked-reply", problem));
        };
        let (mut document, flags) = match content {
            Content::Msg(message) => (reply_document(message.body, message.sequences, message.flags), message.flags),
            Content::Reply(body) => (reply_document(body, Vec::new(), 0), 0),
            Content::Query { .. } => {
                return Err(Fault::new("bad-opcode", format!("message {id} of the server is a query")));
            }
        };
        let pending = &mut self.pending[place];
        let more = flags & MORE_TO_COME != 0;
        pending.answered = true;
        pending.to[1] = id;
        match &pending.asked {
            Asked::Command(exchange) => {
                host.reply(*exchange, document.into(), at);
                if !more {
                    host.close(*exchange);
                }
            }
            Asked::Heartbeat => {}
            Asked::LogIn(_) | Asked::Step => {
                let before = self.log_in.take();
                let exchange = if let Asked::LogIn(begun) = pending.asked {
                    before.into_iter().for_each(|given_up| host.close(given_up));
                    Some(begun)
                } else {
                    before
                };
                let outcome = Outcome::of(document.get("reply").unwrap_or(&Value::Null));
                self.log_in = exchange.and_then(|exchange| settle(host, exchange, outcome, at));
            }
            Asked::Hello { exchange, speculates } => {
                let reply = document.get_mut("reply").and_then(Value::as_map_mut);
                let speculative = reply.as_ref().and_then(|reply| reply.get("speculativeAuthenticate").cloned());
                reply.into_iter().for_each(hello::strip_reply);
                host.reply(*exchange, document.into(), at);
                host.close(*exchange);
                if let (Some(step), Some(reply)) = (speculates, speculative) {
                    let exchange = open(host, step.document(), pending.since);
                    self.log_in = settle(host, exchange, Outcome::of(&reply), at);
                }
            }
        }
        if !more {
            self.pending.remove(place);
        }
        Ok(())
    }

    /// The server says no more. `cut`: in the middle of a reply.
    pub fn end(&mut self, host: &mut dyn Session, cut: bool) {
        let log_in = self.log_in.take().map(|exchange| (exchange, true));
        let pending = self.pending.drain(..).filter_map(|pending| match pending.asked {
            Asked::Command(exchange) | Asked::LogIn(exchange) | Asked::Hello { exchange, .. } => {
                Some((exchange, pending.answered))
            }
            Asked::Heartbeat | Asked::Step => None,
        });
        for (exchange, answered) in pending.chain(log_in) {
            match answered || self.client_ended {
                // Who went away waits for nothing: a cursor that waits for news ends like that.
                true if !cut => host.close(exchange),
                _ if cut => host.abandon(exchange, "the server hung up inside a reply"),
                _ => host.abandon(exchange, "the server hung up before it replied"),
            }
        }
    }
}

fn open(host: &mut dyn Session, document: Value, since: Instant) -> Exchange {
    let facts = facts::of(&document);
    host.open(document, facts, since)
}

/// The log-in, if it goes on.
fn settle(host: &mut dyn Session, exchange: Exchange, outcome: Outcome, at: Instant) -> Option<Exchange> {
    match outcome {
        Outcome::GoesOn => return Some(exchange),
        Outcome::Accepted => host.reply(exchange, Map::new().with("accepted", true).into(), at),
        Outcome::Refused(reply) => {
            host.log(Level::Debug, "a log-in was refused");
            host.reply(exchange, Map::new().with("refused", reply).into(), at);
        }
    }
    host.close(exchange);
    None
}

/// Without the clocks that servers and drivers tell each other: drivers ask no less without them.
fn reply_document(mut body: Value, sequences: Vec<(String, Value)>, flags: u32) -> Map {
    if let Some(body) = body.as_map_mut() {
        body.remove("$clusterTime");
        body.remove("operationTime");
    }
    let mut document = Map::new().with("reply", body);
    for (name, documents) in sequences {
        match document.get_mut("sequences").and_then(Value::as_map_mut) {
            Some(all) => all.insert(name, documents),
            None => document.insert("sequences", Map::new().with(name, documents)),
        }
    }
    if flags & CHECKSUM_PRESENT != 0 {
        document.insert("checksum", true);
    }
    document
}
