//! In the server's place.
use std::collections::BTreeMap;

use keploy_scram::Passwords;
use keploy_sdk::{Exchange, Fault, Map, Session, Value};

use crate::{
    command::Command,
    errors::{self, Code},
    facts, hello,
    login::{LogIn, Step},
    wire::{CHECKSUM_PRESENT, MORE_TO_COME, Outbox, Reply},
};

pub struct Mock {
    asked: BTreeMap<Exchange, Asked>,
    log_in: LogIn,
    out: Outbox,
}

struct Asked {
    command: Command,
    /// The first step to log in.
    step: Option<Step>,
}

impl Mock {
    pub fn new(passwords: Passwords) -> Self {
        Self { asked: BTreeMap::new(), log_in: LogIn::new(passwords), out: Outbox::default() }
    }

    pub fn command(&mut self, host: &mut dyn Session, mut command: Command) -> Result<(), Fault> {
        let step = command.log_in();
        let document = match &step {
            Some(step) if step.goes_on() => {
                let reply = self.log_in.go_on(host, step);
                return self.say(host, &command, &reply);
            }
            Some(step) => step.document(),
            None => command.document(),
        };
        let facts = facts::of(&document);
        let exchange = host.open(document, facts, command.since);
        self.asked.insert(exchange, Asked { command, step });
        Ok(())
    }

    pub fn answer(&mut self, host: &mut dyn Session, exchange: Exchange, responses: &[Value]) -> Result<(), Fault> {
        let Some(Asked { command, step }) = self.asked.remove(&exchange) else { return Ok(()) };
        if let Some(step) = step {
            let refused = responses.iter().find_map(|response| response.get("refused")).and_then(Value::as_map);
            let reply = refused.cloned().unwrap_or_else(|| self.log_in.begin(host, &step));
            return self.say(host, &command, &reply);
        }
        if command.unacknowledged {
            return Ok(());
        }
        if command.is_hello() {
            let recorded = responses.first().and_then(|response| response.get("reply")).and_then(Value::as_map);
            return self.hello(host, &command, recorded.cloned().unwrap_or_else(hello::unrecorded));
        }
        let mut to = command.id;
        for (n, response) in responses.iter().enumerate() {
            let more = if n + 1 < responses.len() { MORE_TO_COME } else { 0 };
            let checksum = if response.get("checksum").is_some() { CHECKSUM_PRESENT } else { 0 };
            let body = response.get("reply");
            let sequences = response.get("sequences").and_then(Value::as_map);
            to = self.out.send(
                host,
                &Reply {
                    to,
                    flags: more | checksum,
                    legacy: command.legacy,
                    compressor: command.compressor,
                    body: body.ok_or_else(|| Fault::new("bad-document", "a response without `reply`"))?,
                    sequences: sequences.into_iter().flat_map(Map::iter).collect(),
                },
            )?;
        }
        Ok(())
    }

    pub fn miss(&mut self, host: &mut dyn Session, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        let Some(Asked { command, step }) = self.asked.remove(&exchange) else { return Ok(()) };
        if let Some(step) = step {
            // Whoever could log in when nobody looked, can now.
            let reply = self.log_in.begin(host, &step);
            return self.say(host, &command, &reply);
        }
        if command.unacknowledged {
            return Ok(());
        }
        if command.is_hello() {
            return self.hello(host, &command, hello::unrecorded());
        }
        if facts::is_housekeeping(command.name()) {
            return self.say(host, &command, &Map::new().with("ok", 1.0));
        }
        self.say(host, &command, &errors::reply(Code::OperationFailed, reason))
    }

    fn hello(&mut self, host: &mut dyn Session, command: &Command, reply: Map) -> Result<(), Fault> {
        let mut reply = hello::fit(reply, command.body());
        if let Some(first) = command.speculates().and_then(|step| self.log_in.speculate(host, &step)) {
            reply.insert("speculativeAuthenticate", first);
        }
        self.say(host, command, &reply)
    }

    fn say(&mut self, host: &mut dyn Session, command: &Command, reply: &Map) -> Result<(), Fault> {
        let body = Value::from(reply.clone());
        let Command { id, legacy, compressor, .. } = *command;
        let reply = Reply { to: id, flags: 0, legacy, compressor, body: &body, sequences: Vec::new() };
        self.out.send(host, &reply).map(drop)
    }
}
