//! Moves bytes between two sockets, faithfully, and shows them to who reads [`Along`].
//!
//! Bytes go on first and are read second: a parser costs the application nothing but the hop. A half-close, a reset and
//! a slow reader are passed on as they are.
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io,
    ops::{Deref, DerefMut},
    pin::pin,
    task::Poll,
};

use plugins::{Pace, Side};

use crate::{
    along::Along,
    now,
    stream::{Stream, or_nothing},
    tap::{Changes, Tap},
};

/// Why no more bytes are moved.
pub(crate) enum Moved {
    /// Both sides have ended, or one broke.
    ToTheEnd,
    /// What comes next is a TLS handshake; so much of it was read from the client, and nothing of it has gone on.
    ToTls(Vec<u8>),
}

/// Moves bytes both ways. Without a tap nobody reads along.
pub(crate) async fn run(client: &Stream, server: &Stream, tap: Option<&RefCell<Along>>) -> Moved {
    let tls = RefCell::new(None);
    let (writing, ended) = ([Cell::new(false), Cell::new(false)], Cell::new(false));
    let mut there = pin!(forward(client, server, Side::Client, tap, &tls, (&writing[0], &ended)));
    let mut back = pin!(forward(server, client, Side::Server, tap, &tls, (&writing[1], &ended)));
    let (mut there_ended, mut back_ended) = (None, None);
    let broken = poll_fn(|cx| {
        if there_ended.is_none()
            && let Poll::Ready(ended) = there.as_mut().poll(cx)
        {
            there_ended = Some(ended);
        }
        if back_ended.is_none()
            && let Poll::Ready(ended) = back.as_mut().poll(cx)
        {
            back_ended = Some(ended);
        }
        match (&there_ended, &back_ended) {
            (Some(Err(_)), _) | (_, Some(Err(_))) => Poll::Ready(true),
            (Some(Ok(())), Some(Ok(()))) => Poll::Ready(false),
            // One direction has found TLS; the other one is at rest, or it finishes what it is writing.
            _ if tls.borrow().is_some() && !writing.iter().any(Cell::get) => Poll::Ready(false),
            _ => Poll::Pending,
        }
    })
    .await;
    if let Some(first) = tls.take() {
        return Moved::ToTls(first);
    }
    if broken {
        // One side was reset: so is the other.
        client.reset();
        server.reset();
    }
    if let Some(tap) = tap {
        tap.borrow_mut().finish(now());
    }
    Moved::ToTheEnd
}

/// One direction, to its end. Both share `ended`: one of them has come to its own.
async fn forward(
    from: &Stream,
    to: &Stream,
    side: Side,
    tap: Option<&RefCell<Along>>,
    tls: &RefCell<Option<Vec<u8>>>,
    (writing, ended): (&Cell<bool>, &Cell<bool>),
) -> io::Result<()> {
    loop {
        from.readable().await?;
        while tap.is_some_and(|tap| tap.borrow().is_far_behind()) {
            tokio::time::sleep(Along::AGAIN).await;
        }
        if tls.borrow().is_some() {
            return Ok(());
        }
        // Buffers are only held while there is something in them: an idle connection has none.
        let mut buffer = Buffer::take();
        let n = match from.try_read(&mut buffer) {
            Ok(0) => {
                if let Some(tap) = tap {
                    tap.borrow_mut().end(side, now());
                }
                // Of the second end the socket tells by being closed, which it is now.
                return if ended.replace(true) && to.is_plain() { Ok(()) } else { to.half_close(from.was_cut()).await };
            }
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let data = &buffer[..n];
        // Stamped before they go on: what they cause is always later than they are, whichever worker sees it.
        let at = now();
        let pace = tap.map_or(Pace::Free, |tap| tap.borrow().pace());
        // Tried before it is read, so that no answer to these bytes can be read before them.
        let written = if pace == Pace::Free { or_nothing(to.try_write(data))? } else { 0 };
        let seen = tap.map_or(data.len(), |tap| tap.borrow_mut().feed(side, at, from.take_raw(n), data));
        let changes = tap.and_then(|tap| tap.borrow_mut().in_step()?.take_changes());
        writing.set(true);
        match changes {
            None => to.write_all(&data[written..seen.max(written)]).await?,
            Some(changes) => pass_changed(from, to, side, &data[..seen], *changes).await?,
        }
        writing.set(false);
        if let Some(tap) = tap
            && tap.borrow_mut().in_step().is_some_and(Tap::take_tls)
        {
            // Nobody but a client begins a handshake.
            let first = if side == Side::Client { data[seen..].to_vec() } else { Vec::new() };
            tls.replace(Some(first));
        }
        if tls.borrow().is_some() {
            return Ok(());
        }
    }
}

/// What a parser leaves of the bytes goes on; then what it says itself goes where it says.
async fn pass_changed(from: &Stream, to: &Stream, side: Side, data: &[u8], changes: Changes) -> io::Result<()> {
    let mut at = 0;
    for withheld in changes.withheld {
        let (start, end) = (withheld.start.clamp(at, data.len()), withheld.end.clamp(at, data.len()));
        to.write_all(&data[at..start]).await?;
        at = end;
    }
    to.write_all(&data[at..]).await?;
    for (receiver, said) in changes.said {
        let stream = if receiver == side { from } else { to };
        stream.write_all(&said).await?;
    }
    Ok(())
}

/// A buffer of the worker's, returned when dropped.
pub(crate) struct Buffer(Option<Box<[u8]>>);

const BUFFER: usize = 64 << 10;
/// Buffers that a worker keeps for the next connection.
const KEPT: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

impl Buffer {
    pub fn take() -> Self {
        let kept = POOL.with_borrow_mut(Vec::pop);
        Self(Some(kept.unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice())))
    }
}
impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(buffer) = self.0.take() {
            POOL.with_borrow_mut(|pool| {
                if pool.len() < KEPT {
                    pool.push(buffer);
                }
            });
        }
    }
}
impl Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.0.as_deref().expect("taken only when dropped")
    }
}
impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.as_deref_mut().expect("taken only when dropped")
    }
}
