//! What has arrived from one side and is not read yet, with the time each byte came.
use std::collections::VecDeque;

use keploy_sdk::Instant;

/// Bytes of one direction. Readers look at [`Inbox::rest`] and [`Inbox::take`] what they understood.
#[derive(Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    /// How many of `bytes` were taken.
    taken: usize,
    /// Where `bytes` ends in its direction.
    end: u64,
    /// `(end, at)`: the bytes before `end`, and not before the previous mark, came at `at`.
    marks: VecDeque<(u64, Instant)>,
    /// When the last byte that was taken came.
    taken_at: Instant,
    /// Where the bytes start that are being fed right now.
    fed: Option<u64>,
}

impl Inbox {
    pub fn push(&mut self, offset: u64, at: Instant, data: &[u8]) {
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        self.fed = Some(offset);
        // After `keep` the host goes on behind what it kept: then there is nothing left here.
        self.end = offset + data.len() as u64;
        self.bytes.extend_from_slice(data);
        match self.marks.back_mut() {
            Some((end, last)) if *last == at => *end = self.end,
            _ => self.marks.push_back((self.end, at)),
        }
    }

    /// The call that fed the last bytes is over.
    pub fn fed(&mut self) {
        self.fed = None;
    }

    /// May the host be asked to keep what starts with [`Inbox::rest`]? It has no older bytes than those it is feeding.
    pub fn can_be_kept(&self) -> bool {
        self.fed.is_some_and(|start| start <= self.offset())
    }

    /// What is not taken yet.
    pub fn rest(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// Where [`Inbox::rest`] starts in its direction.
    pub fn offset(&self) -> u64 {
        self.end - self.rest().len() as u64
    }

    /// When the first byte of [`Inbox::rest`] came; for an empty one, when the last byte taken came.
    pub fn at(&self) -> Instant {
        if self.is_empty() { self.taken_at } else { self.marks.front().map_or(self.taken_at, |(_, at)| *at) }
    }

    /// When the last byte that was taken came.
    pub fn taken_at(&self) -> Instant {
        self.taken_at
    }

    /// Removes the first `n` bytes, or all there are.
    pub fn take(&mut self, n: usize) {
        let n = n.min(self.rest().len());
        if n == 0 {
            return;
        }
        self.taken += n;
        let offset = self.offset();
        while let Some(&(end, at)) = self.marks.front() {
            self.taken_at = at;
            if end <= offset {
                self.marks.pop_front();
            }
            if end >= offset {
                break;
            }
        }
    }

    /// The rest was kept by the host up to `at`.
    pub fn skip_to(&mut self, at: Instant) {
        self.take(self.rest().len());
        self.taken_at = at;
    }
}

#[cfg(test)]
mod tests {
    use super::Inbox;

    #[test]
    fn each_byte_knows_when_it_came() {
        let mut inbox = Inbox::default();
        inbox.push(0, 10, b"ab");
        inbox.push(2, 20, b"cd");
        assert_eq!((inbox.at(), inbox.offset()), (10, 0));
        inbox.take(2);
        assert_eq!((inbox.taken_at(), inbox.at(), inbox.offset()), (10, 20, 2));
        inbox.take(1);
        assert_eq!((inbox.taken_at(), inbox.rest()), (20, &b"d"[..]));
        inbox.push(4, 30, b"ef");
        inbox.take(2);
        assert_eq!((inbox.taken_at(), inbox.at(), inbox.rest()), (30, 30, &b"f"[..]));
    }

    #[test]
    fn only_what_is_being_fed_can_be_kept() {
        let mut inbox = Inbox::default();
        inbox.push(0, 1, b"ab");
        assert!(inbox.can_be_kept());
        inbox.fed();
        assert!(!inbox.can_be_kept());
        inbox.push(2, 1, b"cd");
        assert!(!inbox.can_be_kept(), "`ab` was fed before");
        inbox.take(2);
        assert!(inbox.can_be_kept());
    }

    #[test]
    fn behind_kept_bytes_the_offset_goes_on() {
        let mut inbox = Inbox::default();
        inbox.push(0, 1, b"head");
        inbox.skip_to(5);
        inbox.push(1000, 6, b"next");
        assert_eq!((inbox.offset(), inbox.at(), inbox.taken_at()), (1000, 6, 5));
    }
}
