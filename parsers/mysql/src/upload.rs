//! A file that the client sends because a statement asked for it (LOAD DATA LOCAL).
use keploy_sdk::{Blob, Instant, Map, Session, Value};

use crate::wire::Packet;

pub struct Upload {
    name: Value,
    data: Vec<u8>,
    /// Of a long file, the host keeps the content.
    blob: Option<u64>,
    since: Option<Instant>,
}

/// Longer files are kept by the host.
const LONG: usize = 1 << 20;

impl Upload {
    pub fn new(name: Value) -> Self {
        Self { name, data: Vec::new(), blob: None, since: None }
    }

    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    pub fn push(&mut self, host: &mut dyn Session, packet: &Packet) {
        self.since.get_or_insert(packet.since);
        self.data.extend_from_slice(&packet.payload);
        if self.data.len() > LONG || self.blob.is_some() {
            self.blob = Some(host.keep_bytes(&std::mem::take(&mut self.data), self.blob));
        }
    }

    pub fn document(self) -> Map {
        let data = match self.blob {
            Some(blob) => Blob::new(blob).into(),
            None => Value::readable(self.data),
        };
        Map::new().with("file", self.name).with("data", data)
    }
}
