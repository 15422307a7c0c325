//! What a mock writes: packets, numbered, and compressed when that was agreed on.
use keploy_sdk::{Fault, Session, Side};

use super::{Compression, FRAME, put_u24};

#[derive(Default)]
pub struct Outbox {
    sequence: u8,
    bytes: Vec<u8>,
    compression: Option<Compression>,
    packed_sequence: u8,
}

impl Outbox {
    /// What follows answers a packet with this number, in a compressed frame with that one.
    pub fn behind(&mut self, sequence: u8, packed_sequence: u8) {
        self.sequence = sequence.wrapping_add(1);
        self.packed_sequence = packed_sequence.wrapping_add(1);
    }

    pub fn packet(&mut self, payload: &[u8]) {
        let mut rest = payload;
        if payload.len() > FRAME / 2 {
            self.bytes.reserve_exact(payload.len() + 16); // no more of a guest's memory than it takes
        }
        loop {
            let (frame, behind) = rest.split_at(rest.len().min(FRAME));
            put_u24(&mut self.bytes, frame.len());
            self.bytes.push(self.sequence);
            self.bytes.extend_from_slice(frame);
            self.sequence = self.sequence.wrapping_add(1);
            if frame.len() < FRAME {
                return;
            }
            rest = behind;
        }
    }

    /// From here on frames go compressed.
    pub fn compress(&mut self, compression: Compression) {
        self.compression = Some(compression);
    }

    pub fn send(&mut self, host: &mut dyn Session) -> Result<(), Fault> {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes.is_empty() {
            return Ok(());
        }
        match self.compression {
            None => host.write(Side::Client, &bytes),
            Some(compression) => {
                let packed = compression.wrap(host, &bytes, &mut self.packed_sequence)?;
                host.write(Side::Client, &packed);
            }
        }
        Ok(())
    }
}
