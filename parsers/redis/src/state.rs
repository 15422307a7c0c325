//! What earlier commands of a client mean for later ones.
//!
//! Followed by what is asked, not by what is answered, because requests may be sent before earlier answers are there; a
//! refusal undoes what its command did.
use std::collections::BTreeSet;

use keploy_sdk::Value;

use crate::command::Command;

#[derive(Debug)]
pub struct State {
    db: u32,
    protocol: u8,
    /// The commands since MULTI.
    transaction: Option<Vec<Command>>,
    replies: Replies,
    /// By kind of subscription and name, as asked.
    subscribed: BTreeSet<(Kind, Vec<u8>)>,
}

impl Default for State {
    fn default() -> Self {
        Self { db: 0, protocol: 2, transaction: None, replies: Replies::On, subscribed: BTreeSet::new() }
    }
}

/// What of it a request's document says.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    pub db: u32,
    pub protocol: u8,
    /// To anything.
    pub subscribed: bool,
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Replies {
    On,
    Off,
    SkipNext,
}

/// SUBSCRIBE, PSUBSCRIBE and SSUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Channel,
    Pattern,
    Shard,
}

/// What one command does.
#[derive(Debug, PartialEq)]
pub struct Turn {
    pub awaits: Awaits,
    pub queued: bool,
    /// CLIENT REPLY suppresses the answer.
    pub silent: bool,
    /// EXEC: what it executes.
    pub transaction: Option<Vec<Command>>,
    pub undo: Option<Undo>,
}

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Awaits {
    Nothing,
    Reply,
    /// So many confirmations; messages follow.
    Subscribed(usize),
    Unsubscribed(usize),
    /// One reply, then one line a command of anyone.
    Monitor,
    /// One reply, then invalidations.
    Tracking,
    /// One reply, and no more invalidations.
    Untracking,
    /// One reply, and all of the above is over.
    Reset,
}

/// How to take back what a refused command did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Undo {
    Select { from: u32, to: u32 },
    Hello { from: u8, to: u8 },
    Multi,
}

impl State {
    pub fn context(&self) -> Context {
        Context { db: self.db, protocol: self.protocol, subscribed: !self.subscribed.is_empty() }
    }

    /// Follows one command.
    pub fn take(&mut self, command: &Command) -> Turn {
        let (name, sub) = (command.name(), command.sub());
        let mut turn = Turn { awaits: Awaits::Reply, queued: false, silent: false, transaction: None, undo: None };
        if let Some(transaction) = &mut self.transaction
            && !matches!(name.as_str(), "EXEC" | "DISCARD" | "MULTI" | "WATCH" | "QUIT" | "RESET")
        {
            transaction.push(command.clone());
            turn.queued = true;
        } else if (name.as_str(), sub.as_str()) == ("CLIENT", "REPLY") {
            turn.awaits = self.reply_mode(command);
            return turn;
        } else {
            turn.awaits = self.follow(&name, &sub, command, &mut turn);
        }
        self.hush(&mut turn);
        turn
    }

    fn follow(&mut self, name: &str, sub: &str, command: &Command, turn: &mut Turn) -> Awaits {
        match name {
            "SELECT" => turn.undo = self.select(command),
            "HELLO" => {
                let to = match number(command.args().first()) {
                    Some(2) => 2,
                    Some(3) => 3,
                    _ => self.protocol,
                };
                turn.undo = Some(Undo::Hello { from: self.protocol, to });
                self.protocol = to;
            }
            "MULTI" if self.transaction.is_none() => {
                self.transaction = Some(Vec::new());
                turn.undo = Some(Undo::Multi);
            }
            "DISCARD" => self.transaction = None,
            "EXEC" => {
                turn.transaction = Some(self.transaction.take().unwrap_or_default());
                let mut selects = turn.transaction.iter().flatten().filter(|command| command.name() == "SELECT");
                if let Some(last) = selects.next_back().cloned() {
                    turn.undo = self.select(&last);
                }
            }
            "RESET" => {
                *self = Self::default();
                return Awaits::Reset;
            }
            "SUBSCRIBE" => return self.subscribe(Kind::Channel, command),
            "PSUBSCRIBE" => return self.subscribe(Kind::Pattern, command),
            "SSUBSCRIBE" => return self.subscribe(Kind::Shard, command),
            "UNSUBSCRIBE" => return self.unsubscribe(Kind::Channel, command),
            "PUNSUBSCRIBE" => return self.unsubscribe(Kind::Pattern, command),
            "SUNSUBSCRIBE" => return self.unsubscribe(Kind::Shard, command),
            "MONITOR" => return Awaits::Monitor,
            "CLIENT" if sub == "TRACKING" => {
                let on =
                    command.args().get(1).and_then(Value::as_str).is_some_and(|word| word.eq_ignore_ascii_case("on"));
                return if on { Awaits::Tracking } else { Awaits::Untracking };
            }
            _ => {}
        }
        Awaits::Reply
    }

    fn select(&mut self, command: &Command) -> Option<Undo> {
        let (from, to) = (self.db, number(command.args().first())?);
        self.db = to;
        Some(Undo::Select { from, to })
    }

    fn subscribe(&mut self, kind: Kind, command: &Command) -> Awaits {
        self.subscribed.extend(names(command).map(|name| (kind, name)));
        match command.args().len() {
            0 => Awaits::Reply, // an error
            count => Awaits::Subscribed(count),
        }
    }

    fn unsubscribe(&mut self, kind: Kind, command: &Command) -> Awaits {
        let before = self.subscribed.iter().filter(|(of, _)| *of == kind).count();
        if command.args().is_empty() {
            self.subscribed.retain(|(of, _)| *of != kind);
            return Awaits::Unsubscribed(before.max(1));
        }
        for name in names(command) {
            self.subscribed.remove(&(kind, name));
        }
        Awaits::Unsubscribed(command.args().len())
    }

    /// Suppresses the answer where CLIENT REPLY said so. CLIENT REPLY itself is answered when it turns answers on.
    fn hush(&mut self, turn: &mut Turn) {
        match self.replies {
            Replies::On => return,
            Replies::Off => {}
            Replies::SkipNext => self.replies = Replies::On,
        }
        turn.silent = true;
        turn.awaits = Awaits::Nothing;
    }

    fn reply_mode(&mut self, command: &Command) -> Awaits {
        let mode = command.args().get(1).and_then(Value::as_str).unwrap_or_default();
        match (mode.to_ascii_uppercase().as_str(), self.replies) {
            ("ON", _) => self.replies = Replies::On,
            ("OFF", _) => {
                self.replies = Replies::Off;
                return Awaits::Nothing;
            }
            ("SKIP", Replies::On) => {
                self.replies = Replies::SkipNext;
                return Awaits::Nothing;
            }
            ("SKIP", _) => return Awaits::Nothing,
            _ => {}
        }
        Awaits::Reply
    }

    pub fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Select { from, to } if self.db == to => self.db = from,
            Undo::Hello { from, to } if self.protocol == to => self.protocol = from,
            Undo::Multi => self.transaction = None,
            Undo::Select { .. } | Undo::Hello { .. } => {} // changed again since
        }
    }
}

fn names(command: &Command) -> impl Iterator<Item = Vec<u8>> {
    command.args().iter().filter_map(|name| name.as_raw().map(<[u8]>::to_vec))
}

fn number(word: Option<&Value>) -> Option<u32> {
    word?.as_str()?.parse().ok()
}
