//! Documents that nobody looks at yet: kept as CBOR, a tenth of the size of their trees.
use std::sync::OnceLock;

use crate::{Map, Value, cbor};

impl Value {
    /// Keeps a map as CBOR, until somebody looks at an entry; then, and whenever it is written as CBOR, it is as it was. What
    /// is no map stays what it is, and what CBOR cannot hold, too.
    pub fn pack(&mut self) {
        if !matches!(self, Self::Map(map) if map.packed.is_empty()) || !fits(self, 0) {
            return;
        }
        let packed = self.to_cbor().into_boxed_slice();
        *self = Self::Map(Map { entries: OnceLock::new(), packed });
    }
}

/// Is it the same when it was CBOR?
fn fits(value: &Value, depth: usize) -> bool {
    depth <= cbor::MAX_DEPTH
        && match value {
            Value::Int(n) => u64::try_from(*n).is_ok() || u64::try_from(-1 - *n).is_ok(),
            Value::Array(items) => items.iter().all(|item| fits(item, depth + 1)),
            Value::Map(map) => map.iter().all(|(_, item)| fits(item, depth + 1)),
            _ => true,
        }
}

impl Map {
    pub(crate) fn of(entries: Vec<(String, Value)>) -> Self {
        Self { entries: entries.into(), packed: Box::default() }
    }

    /// The map as CBOR, where that is there already.
    pub(crate) fn as_packed(&self) -> Option<&[u8]> {
        (!self.packed.is_empty()).then_some(&self.packed)
    }

    pub(crate) fn entries(&self) -> &Vec<(String, Value)> {
        self.entries.get_or_init(|| unpack(&self.packed))
    }

    /// From now on they may be others than were packed.
    pub(crate) fn entries_mut(&mut self) -> &mut Vec<(String, Value)> {
        self.entries();
        self.packed = Box::default();
        self.entries.get_mut().expect("they were made just now")
    }

    pub(crate) fn into_entries(self) -> Vec<(String, Value)> {
        self.entries.into_inner().unwrap_or_else(|| unpack(&self.packed))
    }
}

fn unpack(packed: &[u8]) -> Vec<(String, Value)> {
    if packed.is_empty() {
        return Vec::new();
    }
    match cbor::decode(packed) {
        Ok(Value::Map(map)) => map.into_entries(),
        other => unreachable!("only maps that CBOR can hold are packed: {other:?}"),
    }
}
