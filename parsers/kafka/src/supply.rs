//! What a consumer gets in replay: what was recorded for an offset, as soon as it asks; and when there is nothing, it waits.
use std::collections::BTreeMap;

use keploy_sdk::Value;

use crate::fetch::Position;

/// What is known of positions that were asked for on this connection.
#[derive(Default)]
pub struct Supply(BTreeMap<Position, Known>);

enum Known {
    /// Whether something was recorded is still to be said.
    Asked,
    Found(Value),
    Nothing,
    /// There is nothing, and the consumer knows.
    Told,
}

impl Supply {
    /// Is this the first that is heard of a position?
    pub fn asks(&mut self, position: &Position) -> bool {
        let is_new = !self.0.contains_key(position);
        if is_new {
            self.0.insert(position.clone(), Known::Asked);
        }
        is_new
    }

    pub fn learn(&mut self, position: Position, found: Option<Value>) {
        self.0.insert(position, found.map_or(Known::Nothing, Known::Found));
    }

    /// Is there something to say? Said once: asking for nothing again is to wait for what never comes.
    pub fn has_news(&self, mut positions: impl Iterator<Item = Position>) -> bool {
        positions.any(|position| matches!(self.0.get(&position), Some(Known::Found(_) | Known::Nothing)))
    }

    /// What there is. Who asks for the same once more, gets it once more.
    pub fn take(&mut self, positions: impl Iterator<Item = Position>) -> BTreeMap<Position, Value> {
        let mut taken = BTreeMap::new();
        for position in positions {
            match self.0.remove(&position) {
                Some(Known::Found(found)) => drop(taken.insert(position, found)),
                Some(Known::Nothing | Known::Told) => drop(self.0.insert(position, Known::Told)),
                Some(Known::Asked) => drop(self.0.insert(position, Known::Asked)),
                None => {}
            }
        }
        taken
    }
}
