use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::{Backlog, Event, Unread, What};
use crate::{BlobWriter, ConnectionInfo, Direction, Exchange, Facts, Sink};

/// What the sink breaks at.
const BROKEN: u64 = u64::MAX;

/// Notes when the exchanges started, in the order in which they came.
#[derive(Default)]
struct Noting {
    started: Mutex<Vec<u64>>,
    /// Reads nothing while it is set.
    is_held: AtomicBool,
}

impl Sink for Noting {
    fn exchange(&self, exchange: Exchange) {
        while self.is_held.load(Ordering::Acquire) {
            thread::yield_now();
        }
        assert_ne!(exchange.started, BROKEN, "as a bug of ours would");
        self.started.lock().unwrap().push(exchange.started);
    }
    fn connected(&self, _: &ConnectionInfo) {}
    fn opened(&self, _: &ConnectionInfo) {}
    fn lost(&self, _: &ConnectionInfo, _: &str) {}
    fn unsettled(&self, _: &ConnectionInfo, _: &str) {}
    fn unparsed(&self, _: &ConnectionInfo, _: &str) {}
    fn unreachable(&self, _: &ConnectionInfo, _: u64, _: &str) {}
    fn resolved(&self, _: SocketAddr, _: &[u8], _: &[u8], _: u64) {}
    fn blob(&self) -> io::Result<Box<dyn BlobWriter>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn start() -> (Arc<Backlog>, Arc<Noting>) {
    let sink = Arc::new(Noting::default());
    let backlog = Backlog::new(sink.clone());
    let read = backlog.clone();
    thread::spawn(move || read.read());
    (backlog, sink)
}

fn exchange(started: u64) -> Event {
    let connection = Arc::new(ConnectionInfo {
        id: 1,
        socket: 1,
        direction: Direction::Outgoing,
        address: SocketAddr::from(([127, 0, 0, 1], 6379)),
        host: "127.0.0.1".to_owned(),
        tls: None,
    });
    let facts = Facts { class: String::new(), summary: String::new(), lifetime: plugins::Lifetime::Test };
    let (protocol, schema) = ("Line".to_owned(), 1);
    let exchange = Exchange {
        connection,
        protocol,
        schema,
        facts,
        request: Vec::new(),
        started,
        inbound: None,
        responses: Vec::new(),
        written: None,
    };
    Event { connection: 1, what: What::Exchange(Box::new(exchange)) }
}

fn read_up(backlog: &Backlog) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(backlog.read_up());
}

#[test]
fn what_is_pushed_comes_out_in_order_and_nothing_is_left() {
    let (backlog, sink) = start();
    // Several chunks.
    (0..20_000).for_each(|n| backlog.push(exchange(n), &[]));
    read_up(&backlog);
    assert_eq!(*sink.started.lock().unwrap(), (0..20_000).collect::<Vec<_>>());
}

#[test]
fn a_panic_costs_what_was_read_and_nothing_else() {
    let (backlog, sink) = start();
    [1, BROKEN, 2].into_iter().for_each(|n| backlog.push(exchange(n), &[]));
    read_up(&backlog);
    assert_eq!(*sink.started.lock().unwrap(), [1, 2]);
}

#[test]
fn a_reader_that_sleeps_is_woken() {
    let (backlog, sink) = start();
    for n in 0..3 {
        while !backlog.lock().asleep {
            thread::yield_now();
        }
        backlog.push(exchange(n), &[]);
        read_up(&backlog);
        assert_eq!(sink.started.lock().unwrap().len() as u64, n + 1);
    }
}

#[test]
fn it_is_full_with_what_was_not_read_yet() {
    let ((backlog, sink), unread) = (start(), Unread::default());
    sink.is_held.store(true, Ordering::Release);
    backlog.push(exchange(0), &[]);
    let piece =
        |n| Event { connection: n, what: What::Piece { from: plugins::Side::Client, at: 0, raw: 0, length: 64 << 10 } };
    let pieces = (0..).take_while(|n| {
        backlog.push(piece(*n), &[0; 64 << 10]);
        !backlog.is_full(&unread)
    });
    assert_eq!(pieces.count(), super::MOST / (64 << 10) - 1, "each counts for a bit more than its bytes");
    sink.is_held.store(false, Ordering::Release);
    read_up(&backlog);
    assert!(!backlog.is_full(&unread));
}

#[test]
fn one_connection_does_not_take_all_of_it() {
    let ((backlog, _), unread) = (start(), Unread::default());
    unread.size.store(super::MOST_OF_ONE + 1, Ordering::Relaxed);
    assert!(backlog.is_full(&unread));
    assert!(!backlog.is_full(&Unread::default()));
}
