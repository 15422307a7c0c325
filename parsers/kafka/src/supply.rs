//! What a consumer gets in replay: what was recorded for an offset, as soon as it asks.
//!
//! When there is nothing, a broker has it wait for a while. There is no clock here, but clients can be told to pause (KIP-219).
//! Who does not, waits for what never comes; while it may still be busy with what it got, it is told at once, since
//! clients leave out of what they ask for next what they have not looked at yet.
use std::collections::BTreeMap;

use keploy_sdk::{Instant, Value};

use crate::fetch::Position;

/// Of clients that are told that there is nothing.
pub const PAUSE_MS: i64 = 100;
const MS: u64 = 1_000_000;
const BUSY: u64 = 500 * MS;

/// What is known of positions that were asked for on this connection.
#[derive(Default)]
pub struct Supply {
    known: BTreeMap<Position, Known>,
    asked_at: Option<Instant>,
    /// When it asked for what it got last.
    got_at: Option<Instant>,
}

enum Known {
    /// Whether something was recorded is still to be said.
    Asked,
    Found(Value),
    Nothing,
}

/// What is said to a request when there is nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WhenEmpty {
    Tell,
    Wait,
}

impl Supply {
    /// Takes the time of a request.
    pub fn request(&mut self, at: Instant) -> WhenEmpty {
        let asked_at = self.asked_at.replace(at);
        let got_at = *self.got_at.get_or_insert(at);
        let has_paused = asked_at.is_none_or(|before| at.saturating_sub(before) >= PAUSE_MS.unsigned_abs() * MS / 2);
        let is_busy = at.saturating_sub(got_at) < BUSY;
        if has_paused || is_busy { WhenEmpty::Tell } else { WhenEmpty::Wait }
    }

    /// Is this the first that is heard of a position?
    pub fn asks(&mut self, position: &Position) -> bool {
        let is_new = !self.known.contains_key(position);
        if is_new {
            self.known.insert(position.clone(), Known::Asked);
        }
        is_new
    }

    pub fn learn(&mut self, position: Position, found: Option<Value>) {
        self.known.insert(position, found.map_or(Known::Nothing, Known::Found));
    }

    /// Is there something to say?
    pub fn has_news(&self, positions: impl Iterator<Item = Position>, when_empty: WhenEmpty) -> bool {
        let mut is_known = true;
        for position in positions {
            match self.known.get(&position) {
                Some(Known::Found(_)) => return true,
                Some(Known::Nothing) => {}
                Some(Known::Asked) | None => is_known = false,
            }
        }
        is_known && when_empty == WhenEmpty::Tell
    }

    /// What there is. Who asks for the same once more, gets it once more.
    pub fn take(&mut self, positions: impl Iterator<Item = Position>) -> BTreeMap<Position, Value> {
        let mut taken = BTreeMap::new();
        for position in positions {
            match self.known.remove(&position) {
                Some(Known::Found(found)) => drop(taken.insert(position, found)),
                Some(other) => drop(self.known.insert(position, other)),
                None => {}
            }
        }
        if !taken.is_empty() {
            self.gave();
        }
        taken
    }

    /// It got something.
    pub fn gave(&mut self) {
        self.got_at = self.asked_at;
    }
}
