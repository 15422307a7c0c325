//! Conversations over bare TCP, through `apps/pipe.py`: a client on one end, a server on the other, and what each saw.
//!
//! A conversation is run twice, with and without keploy around the pipe; what was seen must be the same.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::PATIENCE;
use crate::apps::PORT;

/// Where the pipe leads.
pub const TARGET: u16 = 7000;

/// What one end of a conversation saw.
#[derive(PartialEq, Eq)]
pub struct Seen {
    pub bytes: Vec<u8>,
    pub end: End,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum End {
    /// The other side will send no more.
    Closed,
    /// The other side is gone.
    Reset,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes, then {:?}", self.bytes.len(), self.end)
    }
}

/// A conversation: what the client does, what the server does, at the same time. The barrier is for giving each other a
/// sign outside of it.
pub struct Conversation {
    pub name: &'static str,
    client: fn(TcpStream, &Barrier) -> Seen,
    server: fn(TcpStream, &Barrier) -> Seen,
}

impl Conversation {
    /// Both ends, in the calling thread's network: (client, server).
    ///
    /// # Panics
    /// When an end is stuck.
    pub fn hold(&self) -> (Seen, Seen) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, TARGET)).expect("the port is free");
        let word = Barrier::new(2);
        thread::scope(|scope| {
            let server = scope.spawn(|| (self.server)(ready(listener.accept().expect("a connection").0), &word));
            let client = TcpStream::connect((Ipv4Addr::LOCALHOST, PORT)).expect("the pipe listens");
            let client = (self.client)(ready(client), &word);
            (client, server.join().expect("the server's part succeeded"))
        })
    }
}

pub const CONVERSATIONS: &[Conversation] = &[
    Conversation {
        name: "both talk at once, in pieces of every size",
        client: |stream, _| both(&stream, || torn(&stream, &noise(1, 1 << 20))),
        server: |stream, _| both(&stream, || torn(&stream, &noise(2, 1 << 20))),
    },
    Conversation {
        name: "a byte at a time",
        client: |stream, _| both(&stream, || bytewise(&stream, &noise(3, 3000))),
        server: |stream, _| both(&stream, || bytewise(&stream, &noise(4, 3000))),
    },
    Conversation {
        name: "the client has said all, the server answers then",
        client: |stream, _| {
            all(&stream, &noise(5, 100_000));
            stream.shutdown(Shutdown::Write).expect("it is open");
            rest(&stream)
        },
        server: |stream, _| {
            let seen = rest(&stream);
            all(&stream, &noise(6, 100_000));
            seen
        },
    },
    Conversation {
        name: "the server has said all, the client goes on",
        client: |stream, _| {
            let seen = rest(&stream);
            all(&stream, &noise(7, 100_000));
            seen
        },
        server: |stream, _| {
            all(&stream, &noise(8, 1000));
            stream.shutdown(Shutdown::Write).expect("it is open");
            rest(&stream)
        },
    },
    Conversation {
        name: "the server greets first, then they take turns",
        client: |stream, _| {
            let mut bytes = exactly(&stream, 32);
            all(&stream, &noise(9, 64));
            bytes.extend(exactly(&stream, 16));
            stream.shutdown(Shutdown::Write).expect("it is open");
            let Seen { bytes: tail, end } = rest(&stream);
            bytes.extend(tail);
            Seen { bytes, end }
        },
        server: |stream, _| {
            all(&stream, &noise(10, 32));
            let mut bytes = exactly(&stream, 64);
            all(&stream, &noise(11, 16));
            let Seen { bytes: tail, end } = rest(&stream);
            bytes.extend(tail);
            Seen { bytes, end }
        },
    },
    Conversation {
        name: "the server hangs up hard",
        client: |stream, _| {
            all(&stream, b"are you there?");
            rest(&stream)
        },
        server: |stream, _| {
            let bytes = exactly(&stream, 14);
            reset(stream);
            Seen { bytes, end: End::Closed }
        },
    },
    Conversation {
        name: "the client hangs up hard",
        client: |stream, _| {
            let bytes = exactly(&stream, 5);
            reset(stream);
            Seen { bytes, end: End::Closed }
        },
        server: |stream, _| {
            all(&stream, b"hello");
            rest(&stream)
        },
    },
    Conversation {
        name: "the server reads only when the client is stuck",
        client: |stream, word| {
            let flood = noise(12, FLOOD);
            let taken = until_stuck(&stream, &flood);
            assert!(taken < FLOOD, "{FLOOD} bytes were taken though nobody reads: the buffers have no end");
            word.wait();
            all(&stream, &flood[taken..]);
            stream.shutdown(Shutdown::Write).expect("it is open");
            rest(&stream)
        },
        server: |stream, word| {
            word.wait();
            rest(&stream)
        },
    },
];

/// More than all the buffers between two ends can hold.
const FLOOD: usize = 64 << 20;

/// Bytes without a pattern, the same for the same seed (xorshift64*).
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = std::iter::repeat_with(move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    });
    words.flat_map(u64::to_le_bytes).take(len).collect()
}

fn ready(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).expect("a TCP socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout above zero");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout above zero");
    stream
}

/// `say` on a thread of its own while this one listens until the other side has ended.
fn both(stream: &TcpStream, say: impl FnOnce() + Send) -> Seen {
    thread::scope(|scope| {
        scope.spawn(|| {
            say();
            stream.shutdown(Shutdown::Write).expect("it is open");
        });
        rest(stream)
    })
}

fn all(mut stream: &TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("the other side takes it");
}

fn bytewise(stream: &TcpStream, bytes: &[u8]) {
    bytes.iter().for_each(|byte| all(stream, &[*byte]));
}

/// Pieces of 1 to 65536 bytes.
fn torn(stream: &TcpStream, mut bytes: &[u8]) {
    let mut sizes = noise(bytes.len() as u64, bytes.len()).into_iter();
    while !bytes.is_empty() {
        let (magnitude, part) = (sizes.next().unwrap_or(0) % 17, sizes.next().unwrap_or(0));
        let size = ((1 << magnitude) * (usize::from(part) + 1) / 256).clamp(1, bytes.len());
        let (piece, rest) = bytes.split_at(size);
        all(stream, piece);
        bytes = rest;
    }
}

fn exactly(mut stream: &TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).expect("the other side sends as much");
    bytes
}

fn rest(mut stream: &TcpStream) -> Seen {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => Seen { bytes, end: End::Closed },
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Seen { bytes, end: End::Reset },
        Err(error) => panic!("after {} bytes: {error}", bytes.len()),
    }
}

/// Sends until nothing has been taken for a second; how much was.
fn until_stuck(mut stream: &TcpStream, bytes: &[u8]) -> usize {
    stream.set_write_timeout(Some(Duration::from_secs(1))).expect("a timeout above zero");
    let mut taken = 0;
    while taken < bytes.len() {
        match stream.write(&bytes[taken..]) {
            Ok(n) => taken += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("after {taken} bytes: {error}"),
        }
    }
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout above zero");
    taken
}

fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a TCP socket");
    drop(stream);
}
