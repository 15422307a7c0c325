//! What was seen of a run's connections beside what crossed them: which threads used them.
use std::{collections::HashMap, ops::Range};

use store::Timestamp;

/// A thread of the application began to write, or to read, on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When the bytes had been written or read.
    pub at: Timestamp,
    /// How many bytes the application had written on this connection before.
    pub offset: u64,
    pub process: u32,
    pub thread: u32,
    pub wrote: bool,
}

/// Turns of two processors may be told in another order than they had; so many of them at most.
const SLIPS: usize = 8;

/// Turns, and where in what the application wrote the relay found requests and answers. Offsets join the two: the kernel
/// stamps a turn when the thread has its processor back, which may be after the answer has come.
#[derive(Default)]
pub struct Observed {
    /// The kernel side's number of a connection -> the relay's.
    sockets: HashMap<u64, u64>,
    /// By the relay's number, in order.
    turns: HashMap<u64, Vec<Turn>>,
    /// (connection, time stamp) -> what the relay read then.
    written: HashMap<(u64, Timestamp), Range<u64>>,
}

impl Observed {
    pub(crate) fn connected(&mut self, socket: u64, connection: u64) {
        self.sockets.insert(socket, connection);
    }

    pub(crate) fn wrote(&mut self, connection: u64, at: Timestamp, bytes: Range<u64>) {
        self.written.insert((connection, at), bytes);
    }

    /// What the kernel told, by its own numbers, in order.
    pub(crate) fn add(&mut self, turns: impl IntoIterator<Item = (u64, Turn)>) {
        for (socket, turn) in turns {
            // Not there: nobody was at the other end.
            if let Some(connection) = self.sockets.get(&socket) {
                self.turns.entry(*connection).or_default().push(turn);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    pub(crate) fn turns(&self, connection: u64) -> &[Turn] {
        self.turns.get(&connection).map_or(&[], Vec::as_slice)
    }

    /// The turns of a connection from this time on, and perhaps a few before it. Connections live long: they are searched, not
    /// walked through.
    pub(crate) fn turns_from(&self, connection: u64, at: Timestamp) -> &[Turn] {
        let turns = self.turns(connection);
        let from = turns.partition_point(|turn| turn.at < at);
        &turns[from.saturating_sub(SLIPS)..]
    }

    /// The turns of a connection that began before so many bytes were written, and perhaps a few after it.
    fn turns_before(&self, connection: u64, offset: u64) -> &[Turn] {
        let turns = self.turns(connection);
        let to = turns.partition_point(|turn| turn.offset < offset);
        &turns[..(to + SLIPS).min(turns.len())]
    }

    /// Where the piece ended that the relay read at this time.
    pub(crate) fn written_to(&self, connection: u64, at: Timestamp) -> Option<u64> {
        self.written.get(&(connection, at)).map(|piece| piece.end)
    }

    /// Who wrote what the relay read at this time. None: not known, or several threads did.
    pub(crate) fn writer(&self, connection: u64, at: Timestamp) -> Option<&Turn> {
        let piece = self.written.get(&(connection, at))?;
        let turns = self.turns_before(connection, piece.end);
        let earlier = turns.iter().rev().filter(|turn| turn.wrote && turn.offset < piece.end);
        let mut writer: Option<&Turn> = None;
        for turn in earlier {
            if writer.is_some_and(|writer| writer.thread != turn.thread) {
                return None;
            }
            writer = Some(turn);
            if turn.offset <= piece.start {
                break;
            }
        }
        writer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(turns: &[(u64, u32)], pieces: &[(u64, Range<u64>)]) -> Observed {
        let mut observed = Observed::default();
        observed.connected(77, 1);
        observed.add(turns.iter().map(|(offset, thread)| {
            let turn = Turn { at: 100, offset: *offset, process: 1, thread: *thread, wrote: true };
            (77, turn)
        }));
        pieces.iter().for_each(|(at, piece)| observed.wrote(1, *at, piece.clone()));
        observed
    }

    #[test]
    fn the_writer_of_a_piece_is_found_by_its_bytes() {
        let observed = observed(&[(0, 5), (10, 6), (20, 5)], &[(1, 0..10), (2, 10..20), (3, 20..30), (4, 25..40)]);
        let thread = |at| observed.writer(1, at).map(|turn| turn.thread);
        assert_eq!([1, 2, 3, 4].map(thread), [Some(5), Some(6), Some(5), Some(5)]);
        assert_eq!(thread(9), None, "nothing was read then");
    }

    #[test]
    fn two_threads_bytes_in_one_piece_are_nobodys() {
        let observed = observed(&[(0, 5), (10, 6), (20, 6)], &[(1, 0..20), (2, 10..30)]);
        assert_eq!(observed.writer(1, 1), None);
        assert_eq!(observed.writer(1, 2).map(|turn| turn.thread), Some(6));
    }
}
