//! The bytes of one direction, and the packets they come to.
//!
//! Packets are taken only when the conversation is ready for them: what a client sends ahead waits here, and so does
//! what a server says unasked.
use std::collections::VecDeque;

use keploy_sdk::{Fault, Instant, Session};

use super::{Compression, FRAME, u24};

#[derive(Default)]
pub struct Inbox {
    /// Frames, from `start` on.
    bytes: Vec<u8>,
    start: usize,
    /// Of the byte behind `bytes`. Without compression this is the offset in the direction.
    end: u64,
    /// Up to which position bytes had come, and when.
    arrivals: VecDeque<(u64, Instant)>,
    /// The beginning of a payload of several frames, and when its first byte came.
    begun: Option<(Vec<u8>, Instant)>,
    compression: Option<Compression>,
    /// Compressed frames that are not whole yet.
    packed: Vec<u8>,
    /// The number of the last compressed frame.
    pub packed_sequence: u8,
}

pub struct Packet {
    /// The numbers of its first and its last frame.
    pub first: u8,
    pub sequence: u8,
    pub payload: Vec<u8>,
    /// When its first byte came.
    pub since: Instant,
}

/// A guest has 64 MiB, and what is read takes room more than once.
const LARGEST: usize = 20 << 20;
/// What may wait while nobody takes it.
const WAITING: usize = 32 << 20;

impl Inbox {
    pub fn push(&mut self, host: &dyn Session, offset: u64, at: Instant, data: &[u8]) -> Result<(), Fault> {
        if self.bytes.len() - self.start + self.packed.len() > WAITING {
            return Err(Fault::new("unread", format!("more than {WAITING} bytes that nothing waits for")));
        }
        let Some(compression) = self.compression else {
            self.end = offset;
            self.append(at, data);
            return Ok(());
        };
        let mut packed = std::mem::take(&mut self.packed);
        packed.extend_from_slice(data);
        let mut taken = 0;
        while let Some((length, sequence, content)) = compression.take(host, &packed[taken..])? {
            self.append(at, &content);
            self.packed_sequence = sequence;
            taken += length;
        }
        packed.drain(..taken);
        self.packed = packed;
        Ok(())
    }

    fn append(&mut self, at: Instant, data: &[u8]) {
        // Moving what is left only when it is the smaller part costs no more than one move a byte.
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(data);
        self.end += data.len() as u64;
        match self.arrivals.back_mut() {
            Some(last) if last.1 == at => last.0 = self.end,
            _ => self.arrivals.push_back((self.end, at)),
        }
    }

    /// From here on frames come compressed.
    pub fn decompress(&mut self, host: &dyn Session, compression: Compression) -> Result<(), Fault> {
        let since = self.since();
        let rest = self.bytes.split_off(self.start);
        self.end -= rest.len() as u64;
        self.compression = Some(compression);
        self.push(host, 0, since, &rest)
    }

    pub fn is_compressed(&self) -> bool {
        self.compression.is_some()
    }

    /// The offset of the next byte to be taken. Means nothing once frames are compressed.
    pub fn offset(&self) -> u64 {
        self.end - (self.bytes.len() - self.start) as u64
    }

    /// Forgets what was not taken: it is TLS, and will come again with that taken off.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
        self.arrivals.clear();
    }

    /// The number of the next frame.
    pub fn sequence(&self) -> Option<u8> {
        self.bytes.get(self.start + 3).copied()
    }

    /// The next packet, when it is whole.
    pub fn packet(&mut self) -> Result<Option<Packet>, Fault> {
        loop {
            let Some((&[a, b, c, sequence], rest)) = self.bytes[self.start..].split_first_chunk::<4>() else {
                return Ok(None);
            };
            let length = u24([a, b, c]);
            let before = self.begun.as_ref().map_or(0, |(payload, _)| payload.len());
            if before + length > LARGEST {
                let message = format!("a packet of more than {LARGEST} bytes at {}", self.offset());
                return Err(Fault::new("packet-too-large", message));
            }
            if rest.len() < length {
                return Ok(None);
            }
            let since = self.since();
            let (mut payload, since) = self.begun.take().unwrap_or((Vec::new(), since));
            let content = self.start + 4;
            self.start = content + length;
            payload.extend_from_slice(&self.bytes[content..self.start]);
            if length < FRAME {
                let first = sequence.wrapping_sub((payload.len() / FRAME) as u8);
                return Ok(Some(Packet { first, sequence, payload, since }));
            }
            self.begun = Some((payload, since));
        }
    }

    /// When the next byte came.
    fn since(&mut self) -> Instant {
        let next = self.offset();
        while self.arrivals.len() > 1 && self.arrivals.front().is_some_and(|(end, _)| *end <= next) {
            self.arrivals.pop_front();
        }
        self.arrivals.front().map_or(0, |(_, at)| *at)
    }
}
