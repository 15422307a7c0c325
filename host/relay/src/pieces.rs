//! Where in what an application wrote the relay's pieces were, by their time stamps.
use std::{collections::VecDeque, ops::Range};

/// A request may begin so many pieces before it is known to be one.
const MOST: usize = 4096;

/// The pieces of one connection, in order, as far as they may still be asked for.
#[derive(Default)]
pub(crate) struct Pieces {
    end: u64,
    recent: VecDeque<(u64, Range<u64>)>,
}

impl Pieces {
    /// The next piece, of so many bytes on the wire, was read at this time.
    pub fn note(&mut self, at: u64, bytes: u64) {
        let start = match self.recent.back() {
            // TLS had more in the bytes that came with the piece before.
            Some((_, before)) if bytes == 0 => before.start,
            _ => self.end,
        };
        self.end += bytes;
        if self.recent.len() == MOST {
            self.recent.pop_front();
        }
        self.recent.push_back((at, start..self.end));
    }

    /// The piece that was read at this time. None: it is unknown, or too long ago. Earlier ones are not asked for again.
    pub fn read_at(&mut self, at: u64) -> Option<Range<u64>> {
        let earlier = self.recent.partition_point(|(stamp, _)| *stamp < at);
        self.recent.drain(..earlier);
        self.recent.front().filter(|(stamp, _)| *stamp == at).map(|(_, piece)| piece.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_found_by_its_time_until_a_later_one_is_asked_for() {
        let mut pieces = Pieces::default();
        for (at, bytes) in [(10, 5), (20, 7), (30, 0), (40, 1)] {
            pieces.note(at, bytes);
        }
        assert_eq!(pieces.read_at(10), Some(0..5));
        assert_eq!(pieces.read_at(15), None);
        assert_eq!(pieces.read_at(30), Some(5..12), "within the records of the one before");
        assert_eq!(pieces.read_at(40), Some(12..13));
        assert_eq!(pieces.read_at(20), None);
    }
}
