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
    /// The packet that we are in.
    begun: Option<Begun>,
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

/// A packet of which something is still to come.
struct Begun {
    packet: Packet,
    /// So many bytes of the frame that we are in.
    left: usize,
    /// No other frame follows that one.
    is_last: bool,
}

/// A guest has 64 MiB, and what is read takes room three times: as it is, as a value, and as a document.
const LARGEST: usize = 17 << 20;
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
        if self.start >= self.bytes.len() / 2 {
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
        self.begun = None;
    }

    /// The number of the next packet's first frame.
    pub fn sequence(&self) -> Option<u8> {
        match &self.begun {
            Some(begun) => Some(begun.packet.first),
            None => self.bytes.get(self.start + 3).copied(),
        }
    }

    /// The next packet, when it is whole. What there is of it moves to where it will be, so that a long one is in memory
    /// once.
    pub fn packet(&mut self) -> Result<Option<Packet>, Fault> {
        loop {
            if self.begun.as_ref().is_none_or(|begun| begun.left == 0) && !self.begin()? {
                return Ok(None);
            }
            let Some(begun) = self.begun.as_mut() else { return Ok(None) };
            let waiting = &self.bytes[self.start..];
            let content = &waiting[..begun.left.min(waiting.len())];
            begun.packet.payload.extend_from_slice(content);
            begun.left -= content.len();
            self.start += content.len();
            if begun.left > 0 {
                return Ok(None);
            }
            if begun.is_last {
                return Ok(self.begun.take().map(|begun| begun.packet));
            }
        }
    }

    /// Takes the next frame's header.
    fn begin(&mut self) -> Result<bool, Fault> {
        let Some(&[a, b, c, sequence]) = self.bytes[self.start..].first_chunk::<4>() else { return Ok(false) };
        let length = u24([a, b, c]);
        let since = self.since();
        let begun = self.begun.get_or_insert_with(|| Begun {
            packet: Packet { first: sequence, sequence, payload: Vec::new(), since },
            left: 0,
            is_last: false,
        });
        if begun.packet.payload.len() + length > LARGEST {
            let message = format!("a packet of more than {LARGEST} bytes at {}", self.offset());
            return Err(Fault::new("packet-too-large", message));
        }
        begun.packet.payload.reserve_exact(length);
        begun.packet.sequence = sequence;
        (begun.left, begun.is_last) = (length, length < FRAME);
        self.start += 4;
        Ok(true)
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
