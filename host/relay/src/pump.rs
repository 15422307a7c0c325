//! Moves bytes between two sockets, faithfully, and shows them to a [`Tap`].
//!
//! Bytes go on first and are read second: a parser costs the application nothing but the hop. A half-close, a reset and
//! a slow reader are passed on as they are.
use std::{
    cell::RefCell,
    io,
    net::Shutdown,
    ops::{Deref, DerefMut},
    time::Duration,
};

use plugins::{Pace, Side};
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::{now, tap::Tap};

/// Moves bytes both ways until both sides have ended, or one broke. Without a tap nobody reads along.
pub(crate) async fn run(client: TcpStream, server: TcpStream, tap: Option<&RefCell<Tap>>) {
    let there = forward(&client, &server, Side::Client, tap);
    let back = forward(&server, &client, Side::Server, tap);
    if tokio::try_join!(there, back).is_err() {
        // One side was reset: so is the other.
        reset(&client);
        reset(&server);
    }
    if let Some(tap) = tap {
        tap.borrow_mut().finish(now());
    }
}

/// What is dropped next will send a reset instead of an orderly end.
pub(crate) fn reset(stream: &TcpStream) {
    if let Err(error) = SockRef::from(stream).set_linger(Some(Duration::ZERO)) {
        tracing::debug!(%error, "a reset became an orderly end");
    }
}

/// One direction, to its end.
async fn forward(from: &TcpStream, to: &TcpStream, side: Side, tap: Option<&RefCell<Tap>>) -> io::Result<()> {
    loop {
        from.readable().await?;
        // Buffers are only held while there is something in them: an idle connection has none.
        let mut buffer = Buffer::take();
        loop {
            let n = match from.try_read(&mut buffer) {
                Ok(0) => {
                    if let Some(tap) = tap {
                        tap.borrow_mut().end(side, now());
                    }
                    return half_close(to);
                }
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            let data = &buffer[..n];
            // Stamped before they go on: what they cause is always later than they are, whichever worker sees it.
            let at = now();
            let pace = tap.map_or(Pace::Free, |tap| tap.borrow().pace());
            // Tried before it is read, so that no answer to these bytes can be read before them.
            let written = if pace == Pace::Free { written(to.try_write(data))? } else { 0 };
            if let Some(tap) = tap {
                tap.borrow_mut().feed(side, at, data);
            }
            write_all(to, &data[written..]).await?;
            // The other direction's turn, too, when this one never ends.
            from.readable().await?;
        }
    }
}

fn written(tried: io::Result<usize>) -> io::Result<usize> {
    match tried {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

/// # Errors
/// When the peer is gone.
pub(crate) async fn write_all(to: &TcpStream, mut data: &[u8]) -> io::Result<()> {
    while !data.is_empty() {
        let n = written(to.try_write(data))?;
        data = &data[n..];
        if !data.is_empty() {
            to.writable().await?;
        }
    }
    Ok(())
}

/// "I send no more", passed on. The peer may be gone already: then there is nobody to tell.
pub(crate) fn half_close(to: &TcpStream) -> io::Result<()> {
    match SockRef::from(to).shutdown(Shutdown::Write) {
        Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(error),
        _ => Ok(()),
    }
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
