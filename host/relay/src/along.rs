//! Reads a recorded connection along: in step with its bytes for as long as it matters, then behind them.
//!
//! It matters while a parser may still have to say something before bytes go on, as where TLS begins in mid-stream. All
//! others read from the [`Backlog`].
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use plugins::{Pace, Side};

use crate::{
    Common, ConnectionInfo,
    backlog::{Backlog, Event, InTurn, Unread, What},
    now,
    tap::Tap,
};

pub(crate) struct Along {
    connection: u64,
    backlog: Arc<Backlog>,
    reading: Reading,
}

enum Reading {
    InStep(Box<Tap>),
    Behind(Arc<Unread>),
    Finished { heard: bool },
}

impl Along {
    pub fn new(info: Arc<ConnectionInfo>, common: Common, backlog: Arc<Backlog>) -> Self {
        let connection = info.id;
        let tap = Tap::new(info, common, Arc::new(InTurn(backlog.clone())));
        Self { connection, backlog, reading: Reading::InStep(Box::new(tap)) }
    }

    /// Free: what comes goes on before it is read.
    pub fn pace(&self) -> Pace {
        match &self.reading {
            Reading::InStep(tap) => tap.pace(),
            Reading::Behind(_) | Reading::Finished { .. } => Pace::Free,
        }
    }

    /// Is there too much that was not read yet? Then nothing should be added.
    pub fn is_far_behind(&self) -> bool {
        matches!(&self.reading, Reading::Behind(unread) if self.backlog.is_full(unread))
    }

    /// How often to ask that again.
    pub const AGAIN: Duration = Duration::from_millis(1);

    /// See [`Tap::feed`].
    pub fn feed(&mut self, from: Side, at: u64, raw: u64, data: &[u8]) -> usize {
        match &mut self.reading {
            Reading::InStep(tap) => {
                let seen = tap.feed(from, at, raw, data);
                if tap.may_fall_behind() {
                    let unread = Arc::<Unread>::default();
                    let behind = Reading::Behind(unread.clone());
                    if let Reading::InStep(tap) = std::mem::replace(&mut self.reading, behind) {
                        self.push(What::Begins(tap, unread), &[]);
                    }
                }
                seen
            }
            Reading::Behind(unread) => {
                if !unread.is_blind.load(Ordering::Relaxed) {
                    unread.size.fetch_add(data.len(), Ordering::Relaxed);
                    self.push(What::Piece { from, at, raw, length: data.len() }, data);
                }
                data.len()
            }
            Reading::Finished { .. } => data.len(),
        }
    }

    /// That side will send no more.
    pub fn end(&mut self, from: Side, at: u64) {
        match &mut self.reading {
            Reading::InStep(tap) => tap.end(from, at),
            Reading::Behind(_) => self.push(What::End { from, at }, &[]),
            Reading::Finished { .. } => {}
        }
    }

    /// The connection is over.
    pub fn finish(&mut self, at: u64) {
        let finished = Reading::Finished { heard: self.has_heard() };
        match std::mem::replace(&mut self.reading, finished) {
            Reading::InStep(mut tap) => tap.finish(at),
            Reading::Behind(_) => self.push(What::Finished { at }, &[]),
            Reading::Finished { .. } => {}
        }
    }

    /// Was anything said, TLS aside?
    pub fn has_heard(&self) -> bool {
        match &self.reading {
            Reading::InStep(tap) => tap.has_heard(),
            Reading::Behind(_) => true,
            Reading::Finished { heard } => *heard,
        }
    }

    /// Who reads, while that is in step: then it may change what goes on, and find TLS.
    pub fn in_step(&mut self) -> Option<&mut Tap> {
        match &mut self.reading {
            Reading::InStep(tap) => Some(tap),
            Reading::Behind(_) | Reading::Finished { .. } => None,
        }
    }

    /// Nobody can read what follows.
    pub fn left_on(&mut self, why: String) {
        if let Some(tap) = self.in_step() {
            tap.left_on(why);
        }
    }

    fn push(&self, what: What, data: &[u8]) {
        self.backlog.push(Event { connection: self.connection, what }, data);
    }
}

impl Drop for Along {
    /// However it ended: the backlog keeps nothing of it.
    fn drop(&mut self) {
        if let Reading::Behind(_) = self.reading {
            self.finish(now());
        }
    }
}
