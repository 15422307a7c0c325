//! kernel --which thread reads and writes on which connection--> us, through the ring buffer `TURNS`.
use std::{
    io::{self, PipeReader, PipeWriter},
    os::fd::AsFd as _,
    thread::{self, JoinHandle},
};

use aya::maps::{Array, MapData, RingBuf};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    time::{ClockId, clock_gettime},
};

use crate::layout;

/// A thread of the application wrote or read on a connection that crosses the relay, and somebody else, or in the other
/// direction, had done so before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Nanoseconds since the Unix epoch: when the bytes had been written or read.
    pub at: u64,
    /// [`crate::Origin::socket`], or what was given to [`crate::Kernel::let_through`].
    pub socket: u64,
    /// How many bytes the application had written on this connection before.
    pub offset: u64,
    pub process: u32,
    pub thread: u32,
    pub wrote: bool,
}

/// Collects turns until it is asked for them.
pub struct Turns {
    stop_tx: PipeWriter,
    reader: JoinHandle<Vec<Turn>>,
    lost: Array<MapData, u64>,
}

impl Turns {
    pub(crate) fn read(ring: RingBuf<MapData>, lost: Array<MapData, u64>) -> io::Result<Self> {
        let (stop_rx, stop_tx) = io::pipe()?;
        let reader = thread::Builder::new().name("turns".into()).spawn(move || collect(ring, &stop_rx))?;
        Ok(Self { stop_tx, reader, lost })
    }

    /// What was seen, in order, and how many turns were not, because there was no room for them.
    pub fn finish(self) -> (Vec<Turn>, u64) {
        drop(self.stop_tx);
        let turns = self.reader.join().unwrap_or_default();
        (turns, self.lost.get(&0, 0).unwrap_or_default())
    }
}

fn collect(mut ring: RingBuf<MapData>, stop_rx: &PipeReader) -> Vec<Turn> {
    let mut turns = Vec::new();
    loop {
        let mut both = [PollFd::new(ring.as_fd(), PollFlags::POLLIN), PollFd::new(stop_rx.as_fd(), PollFlags::POLLIN)];
        let polled = poll(&mut both, PollTimeout::NONE);
        let ended = both[1].any() == Some(true) || !matches!(polled, Ok(_) | Err(Errno::EINTR));
        // The kernel keeps time as the relay does, but for the leap seconds.
        let ahead = leap_seconds();
        while let Some(item) = ring.next() {
            turns.extend(decode(&item, ahead));
        }
        if ended {
            return turns;
        }
    }
}

fn decode(bytes: &[u8], ahead: u64) -> Option<Turn> {
    if bytes.len() < size_of::<layout::Turn>() {
        return None;
    }
    // SAFETY: there are enough bytes, and every bit pattern is a turn.
    let layout::Turn { at_ns, socket, offset, process, thread, kind, .. } =
        unsafe { bytes.as_ptr().cast::<layout::Turn>().read_unaligned() };
    let wrote = match kind {
        layout::WROTE => true,
        layout::READ => false,
        _ => return None,
    };
    Some(Turn { at: at_ns.saturating_sub(ahead), socket, offset, process, thread, wrote })
}

/// By how much CLOCK_TAI is ahead of the clock that recordings use, in nanoseconds: whole seconds.
fn leap_seconds() -> u64 {
    let now = |clock| clock_gettime(clock).map_or(0.0, |now| now.tv_sec() as f64 + now.tv_nsec() as f64 / 1e9);
    let seconds = (now(ClockId::CLOCK_TAI) - now(ClockId::CLOCK_REALTIME)).round();
    seconds as u64 * 1_000_000_000
}
