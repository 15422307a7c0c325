//! kernel --the application's listeners, and connections that nobody takes--> us, through the ring buffer `EVENTS`.
use std::{
    io::{self, PipeReader, PipeWriter},
    net::SocketAddr,
    os::fd::AsFd as _,
    thread,
};

use aya::maps::{MapData, RingBuf};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use tokio::sync::mpsc;

use crate::layout;

/// What the application's sockets do. Several may listen on one address (SO_REUSEPORT): each says so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A connection to `addr` succeeds from now on.
    Listening {
        addr: SocketAddr,
        /// CLOCK_MONOTONIC, nanoseconds.
        since_ns: u64,
    },
    Closed {
        addr: SocketAddr,
    },
    /// In [`crate::Mode::Record`]: the application dialled an address of this machine on which nobody listens. The relay
    /// never saw the connection: the kernel refused it, as it would have without us.
    Refused {
        /// As dialled.
        addr: SocketAddr,
        /// CLOCK_MONOTONIC, nanoseconds.
        at_ns: u64,
    },
}

/// Dropping it ends the thread that reads.
pub struct Reader {
    _stop_tx: PipeWriter,
}

/// Reads in a thread of its own: events come 50 us after the fact, however busy the runtimes are.
pub fn read(ring: RingBuf<MapData>) -> io::Result<(Reader, mpsc::UnboundedReceiver<Event>)> {
    let (stop_rx, stop_tx) = io::pipe()?;
    let (event_tx, event_rx) = mpsc::unbounded_channel();
    thread::Builder::new().name("events".into()).spawn(move || forward(ring, &stop_rx, &event_tx))?;
    Ok((Reader { _stop_tx: stop_tx }, event_rx))
}

fn forward(mut ring: RingBuf<MapData>, stop_rx: &PipeReader, event_tx: &mpsc::UnboundedSender<Event>) {
    loop {
        while let Some(item) = ring.next() {
            if let Some(event) = decode(&item)
                && event_tx.send(event).is_err()
            {
                return;
            }
        }
        let mut both = [PollFd::new(ring.as_fd(), PollFlags::POLLIN), PollFd::new(stop_rx.as_fd(), PollFlags::POLLIN)];
        match poll(&mut both, PollTimeout::NONE) {
            Ok(_) if both[1].any() == Some(true) => return,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}

fn decode(bytes: &[u8]) -> Option<Event> {
    if bytes.len() < size_of::<layout::Event>() {
        return None;
    }
    // SAFETY: there are enough bytes, and every bit pattern is an event.
    let event: layout::Event = unsafe { bytes.as_ptr().cast::<layout::Event>().read_unaligned() };
    let addr = event.addr.into();
    match event.kind {
        layout::LISTENING => Some(Event::Listening { addr, since_ns: event.at_ns }),
        layout::CLOSED => Some(Event::Closed { addr }),
        layout::REFUSED => Some(Event::Refused { addr, at_ns: event.at_ns }),
        _ => None,
    }
}
