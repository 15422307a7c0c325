//! Which exchange a reply belongs to.
//!
//! Replies come in the order of the commands. Messages, invalidations and monitored commands come whenever they like
//! and belong to the command that asked for them.
use std::collections::{BTreeMap, VecDeque};

use keploy_sdk::{Exchange, Value};

use crate::state::{Awaits, Kind, Undo};

#[derive(Default)]
pub struct Replies {
    pending: VecDeque<Pending>,
    /// The exchange that subscribed.
    homes: BTreeMap<(Kind, Vec<u8>), Exchange>,
    /// Under RESP2, confirmations and messages are ordinary arrays.
    as_arrays: bool,
    monitor: Option<Exchange>,
    tracking: Option<Exchange>,
}

struct Pending {
    exchange: Exchange,
    awaits: Awaits,
    undo: Option<Undo>,
    answered: bool,
}

/// Where a reply goes.
#[derive(Debug, Default, PartialEq)]
pub struct Route {
    pub exchange: Exchange,
    /// What is over with this reply.
    pub close: Vec<Exchange>,
    pub undo: Option<Undo>,
}

/// A reply that nobody asked for.
#[derive(Debug, PartialEq)]
pub enum Unasked {
    Reply,
    /// Harmless: it was not meant as an answer.
    Push,
}

/// What was still open when the connection ended.
pub struct Left {
    pub exchange: Exchange,
    /// It had got an answer, or was answered for good and only waited for messages.
    pub answered: bool,
}

impl Replies {
    /// A command was sent. False when nothing will come back.
    pub fn expect(&mut self, exchange: Exchange, awaits: Awaits, undo: Option<Undo>) -> bool {
        if awaits != Awaits::Nothing {
            self.pending.push_back(Pending { exchange, awaits, undo, answered: false });
        }
        awaits != Awaits::Nothing
    }

    pub fn route(&mut self, reply: &Value) -> Result<Route, Unasked> {
        let pushed = reply.get("push").is_some();
        if let Some((kind, subject)) = notice(reply) {
            if let Some(exchange) = self.message(kind, subject, pushed) {
                return Ok(Route { exchange, ..Route::default() });
            }
            if let Some(route) = self.confirmation(kind, subject, pushed) {
                return Ok(route);
            }
        }
        if pushed {
            return Err(Unasked::Push);
        }
        if let Some(exchange) = self.monitor.filter(|_| is_monitored(reply)) {
            return Ok(Route { exchange, ..Route::default() });
        }
        self.answer(reply).ok_or(Unasked::Reply)
    }

    fn message(&self, kind: &str, subject: &Value, pushed: bool) -> Option<Exchange> {
        let of = match kind {
            "message" => Kind::Channel,
            "pmessage" => Kind::Pattern,
            "smessage" => Kind::Shard,
            "invalidate" if pushed => return self.tracking,
            _ => return None,
        };
        if !pushed && !self.as_arrays {
            return None;
        }
        self.homes.get(&(of, subject.as_raw()?.to_vec())).copied()
    }

    fn confirmation(&mut self, kind: &str, subject: &Value, pushed: bool) -> Option<Route> {
        let (of, subscribes) = match kind {
            "subscribe" => (Kind::Channel, true),
            "psubscribe" => (Kind::Pattern, true),
            "ssubscribe" => (Kind::Shard, true),
            "unsubscribe" => (Kind::Channel, false),
            "punsubscribe" => (Kind::Pattern, false),
            "sunsubscribe" => (Kind::Shard, false),
            _ => return None,
        };
        let name = subject.as_raw().map(|name| (of, name.to_vec()));
        let Some(pending) = self.pending.front_mut() else { return self.dropped(name) };
        let last = match &mut pending.awaits {
            Awaits::Subscribed(left) if subscribes => left,
            Awaits::Unsubscribed(left) if !subscribes => left,
            _ => return self.dropped(name),
        };
        *last -= 1;
        let over = *last == 0;
        pending.answered = true;
        let exchange = pending.exchange;
        let mut route = Route { exchange, ..Route::default() };
        if over {
            self.pending.pop_front();
        }
        if let Some(name) = name {
            let before = if subscribes {
                self.as_arrays = !pushed;
                self.homes.insert(name, exchange)
            } else {
                self.homes.remove(&name)
            };
            route.close.extend(before.filter(|before| self.is_over(*before)));
        }
        if over && self.is_over(exchange) && !route.close.contains(&exchange) {
            route.close.push(exchange);
        }
        Some(route)
    }

    /// A cluster takes a subscription back when the slot moves away: nobody asked, and the subscription is over.
    fn dropped(&mut self, name: Option<(Kind, Vec<u8>)>) -> Option<Route> {
        let exchange = self.homes.remove(&name?)?;
        let close = if self.is_over(exchange) { vec![exchange] } else { Vec::new() };
        Some(Route { exchange, close, undo: None })
    }

    /// Nothing more can come for it.
    fn is_over(&self, exchange: Exchange) -> bool {
        self.pending.iter().all(|pending| pending.exchange != exchange)
            && self.homes.values().all(|home| *home != exchange)
            && self.monitor != Some(exchange)
            && self.tracking != Some(exchange)
    }

    /// An ordinary reply, to the earliest command that waits for one.
    fn answer(&mut self, reply: &Value) -> Option<Route> {
        let Pending { exchange, awaits, undo, .. } = self.pending.pop_front()?;
        let refused = is_refusal(reply);
        let mut close = Vec::new();
        match awaits {
            Awaits::Monitor if !refused => self.monitor = Some(exchange),
            Awaits::Tracking if !refused => close.extend(self.tracking.replace(exchange)),
            Awaits::Untracking if !refused => close.extend(self.tracking.take()),
            Awaits::Reset if !refused => {
                close.extend(self.monitor.take().into_iter().chain(self.tracking.take()));
                close.extend(std::mem::take(&mut self.homes).into_values());
                close.sort_unstable();
                close.dedup();
            }
            _ => {}
        }
        if self.is_over(exchange) {
            close.push(exchange);
        }
        Some(Route { exchange, close, undo: undo.filter(|_| refused) })
    }

    /// The connection is over: all that is open, in the order it was asked.
    pub fn end(&mut self) -> Vec<Left> {
        let homes = std::mem::take(&mut self.homes).into_values();
        let standing = homes.chain(self.monitor.take()).chain(self.tracking.take());
        let mut left: BTreeMap<Exchange, bool> = standing.map(|exchange| (exchange, true)).collect();
        for pending in self.pending.drain(..) {
            left.entry(pending.exchange).or_insert(pending.answered);
        }
        left.into_iter().map(|(exchange, answered)| Left { exchange, answered }).collect()
    }
}

/// What a notice is and what it is about: `[message, channel, …]`.
fn notice(reply: &Value) -> Option<(&str, &Value)> {
    let items = reply.get("push").unwrap_or(reply).as_array()?;
    Some((items.first()?.as_str()?, items.get(1)?))
}

/// `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`
fn is_monitored(reply: &Value) -> bool {
    let line = reply.get("simple").and_then(Value::as_str).unwrap_or_default();
    line.split_once(" [").is_some_and(|(time, _)| time.parse::<f64>().is_ok())
}

/// An error, or the nothing that an EXEC comes to when a watched key changed: what was asked was not done.
pub fn is_refusal(reply: &Value) -> bool {
    *reply == Value::Null || ["error", "bulk-error", "nil"].iter().any(|tag| reply.get(tag).is_some())
}
