//! What crossed connections and was not read yet, in the order in which it crossed them.
//!
//! Who moves bytes only copies them in here. One thread reads them, when nobody else wants the processor: the traffic
//! goes first. One queue for all connections, so that exchanges come out in the order in which they were completed.
use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use plugins::Side;

use crate::{BlobWriter, ConnectionInfo, Exchange, Sink, tap::Tap, told::Told};

/// More than so many bytes do not wait: the traffic does, until they are read.
const MOST: usize = 32 << 20;
/// The same, of one connection: a large body.
const MOST_OF_ONE: usize = 8 << 20;
/// With so many, reading takes its turn like everybody else.
const MANY: usize = MOST / 2;
/// A chunk is full with so many bytes, or events.
const CHUNK: usize = 256 << 10;
const EVENTS: usize = 4096;
/// Empty chunks that are kept for reuse.
const SPARE: usize = 8;
/// How long the reader waits for more before it looks by itself. In traffic nobody has to wake it, which would take a
/// system call for each piece.
const LINGER: Duration = Duration::from_millis(2);
/// After so many looks at nothing it sleeps, and is woken.
const LOOKS: u32 = 10;

pub(crate) struct Backlog {
    waiting: Mutex<Waiting>,
    came: Condvar,
    /// Bytes of memory that wait, or are being read.
    size: AtomicUsize,
    /// Somebody waits for the last of it.
    ending: AtomicBool,
    /// Traffic waits.
    is_waited_for: AtomicBool,
    sink: Arc<dyn Sink>,
}

#[derive(Default)]
struct Waiting {
    chunks: VecDeque<Chunk>,
    spare: Vec<Chunk>,
    asleep: bool,
}

struct Chunk {
    /// What the pieces hold, one after the other.
    data: Vec<u8>,
    events: Vec<Event>,
}

/// What happened on a connection.
pub(crate) struct Event {
    pub connection: u64,
    pub what: What,
}

pub(crate) enum What {
    /// From now on it is read here.
    Begins(Box<Tap>, Arc<Unread>),
    /// Bytes crossed it: so many, and as many of the wire as [`Tap::feed`] is told.
    Piece {
        from: Side,
        at: u64,
        raw: u64,
        length: usize,
    },
    /// That side will send no more.
    End {
        from: Side,
        at: u64,
    },
    Finished {
        at: u64,
    },
    /// Read in step with the traffic; only its turn it waits for.
    Exchange(Box<Exchange>),
}

/// A connection, as who moves its bytes and who reads them both know it.
#[derive(Default)]
pub(crate) struct Unread {
    /// Bytes that wait.
    pub size: AtomicUsize,
    /// Nobody reads them any more.
    pub is_blind: AtomicBool,
}

/// Those who read connections, by number.
#[derive(Default)]
struct Taps {
    of: HashMap<u64, (Box<Tap>, Arc<Unread>)>,
    told: Told,
    /// These have not been told yet what others said before: nobody reads them yet.
    new: HashSet<u64>,
}

impl Taps {
    /// Something was read on this connection. What its parser has to tell, it tells to its other connections; one that
    /// has begun hears what was told before.
    fn tell(&mut self, connection: u64) {
        let Some((tap, _)) = self.of.get_mut(&connection) else { return };
        let told = tap.take_told();
        if told.is_empty() && !self.new.contains(&connection) {
            return;
        }
        let Some(protocol) = tap.protocol().map(str::to_owned) else { return };
        if self.new.remove(&connection) {
            self.told.of(&protocol).iter().for_each(|message| tap.hear(message));
        }
        for (subject, message) in told {
            let others = self.of.iter_mut().filter(|(number, _)| **number != connection && !self.new.contains(number));
            let others = others.filter(|(_, (other, _))| other.protocol() == Some(&*protocol));
            others.for_each(|(_, (other, _))| other.hear(&message));
            self.told.keep(&protocol, subject, message.into());
        }
    }
}

impl Backlog {
    pub fn new(sink: Arc<dyn Sink>) -> Arc<Self> {
        let (waiting, came, size) = Default::default();
        let [ending, is_waited_for] = Default::default();
        Arc::new(Self { waiting, came, size, ending, is_waited_for, sink })
    }

    /// What becomes of what is read.
    pub fn sink(&self) -> &dyn Sink {
        &*self.sink
    }

    /// `data`: what a piece holds.
    pub fn push(&self, event: Event, data: &[u8]) {
        self.size.fetch_add(weight(data.len()), Ordering::Relaxed);
        let mut waiting = self.lock();
        let Waiting { chunks, spare, asleep } = &mut *waiting;
        if !chunks.back().is_some_and(|chunk| chunk.has_room(data.len())) {
            chunks.push_back(spare.pop().unwrap_or_else(Chunk::empty));
        }
        if let Some(chunk) = chunks.back_mut() {
            chunk.data.extend_from_slice(data);
            chunk.events.push(event);
        }
        if std::mem::take(asleep) {
            self.came.notify_one();
        }
    }

    /// True: who would add more of this connection should wait.
    pub fn is_full(&self, of: &Unread) -> bool {
        let (all, own) = (self.size.load(Ordering::Relaxed), of.size.load(Ordering::Relaxed));
        let is_full = all > MOST || own > MOST_OF_ONE;
        if is_full {
            self.is_waited_for.store(true, Ordering::Relaxed);
        }
        is_full
    }

    /// Must reading take its turn like everybody else?
    fn is_urgent(&self) -> bool {
        self.is_waited_for.swap(false, Ordering::Relaxed)
            || self.ending.load(Ordering::Relaxed)
            || self.size.load(Ordering::Relaxed) > MANY
    }

    /// Waits until everything that was pushed before is read.
    pub async fn read_up(&self) {
        self.ending.store(true, Ordering::Relaxed);
        while self.size.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(LINGER).await;
        }
        self.ending.store(false, Ordering::Relaxed);
    }

    /// Reads, for as long as the process lives.
    pub fn read(&self) {
        let mut taps = Taps::default();
        let mut priority = Priority::Ordinary;
        loop {
            let mut chunk = self.next();
            priority.set(if self.is_urgent() { Priority::Ordinary } else { Priority::Last });
            let mut start = 0;
            for event in chunk.events.drain(..) {
                let (connection, length) = (event.connection, event.length());
                let data = &chunk.data[start..start + length];
                // Without this thread the traffic would wait forever.
                if catch_unwind(AssertUnwindSafe(|| self.happened(&mut taps, event, data))).is_err() {
                    tracing::error!("keploy itself panicked while it read a connection; please report it");
                    Self::forget(&mut taps, connection);
                }
                start += length;
                self.size.fetch_sub(weight(length), Ordering::Release);
            }
            chunk.data.clear();
            let spare = &mut self.lock().spare;
            if spare.len() < SPARE {
                spare.push(chunk);
            }
        }
    }

    fn happened(&self, taps: &mut Taps, Event { connection, what }: Event, data: &[u8]) {
        match what {
            What::Begins(mut tap, unread) => {
                tap.fall_behind(self.sink.clone());
                unread.is_blind.store(tap.is_blind(), Ordering::Relaxed);
                taps.of.insert(connection, (tap, unread));
                taps.new.insert(connection);
            }
            What::Piece { from, at, raw, .. } => {
                if let Some((tap, unread)) = taps.of.get_mut(&connection) {
                    tap.feed(from, at, raw, data);
                    unread.size.fetch_sub(data.len(), Ordering::Relaxed);
                    unread.is_blind.store(tap.is_blind(), Ordering::Relaxed);
                }
            }
            What::End { from, at } => {
                if let Some((tap, _)) = taps.of.get_mut(&connection) {
                    tap.end(from, at);
                }
            }
            What::Finished { at } => {
                taps.new.remove(&connection);
                if let Some((mut tap, _)) = taps.of.remove(&connection) {
                    tap.finish(at);
                }
            }
            What::Exchange(exchange) => self.sink.exchange(*exchange),
        }
        taps.tell(connection);
    }

    /// Nobody reads it any more, and nobody waits for that.
    fn forget(taps: &mut Taps, connection: u64) {
        taps.new.remove(&connection);
        if let Some((_, unread)) = taps.of.remove(&connection) {
            unread.is_blind.store(true, Ordering::Relaxed);
            unread.size.store(0, Ordering::Relaxed);
        }
    }

    /// What came first, when there is something. The lock is held for as long as this takes, which is next to nothing: those who
    /// move bytes take it, too, and this thread may lose its processor with it.
    fn next(&self) -> Chunk {
        let mut waiting = self.lock();
        let mut looks = 0;
        loop {
            if let Some(chunk) = waiting.chunks.pop_front() {
                return chunk;
            }
            looks += 1;
            if looks < LOOKS {
                waiting = self.came.wait_timeout(waiting, LINGER).unwrap_or_else(PoisonError::into_inner).0;
            } else {
                waiting.asleep = true;
                waiting = self.came.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chunk {
    /// As large as it will be, so that it is not copied while it grows.
    fn empty() -> Self {
        Self { data: Vec::with_capacity(CHUNK), events: Vec::new() }
    }

    fn has_room(&self, length: usize) -> bool {
        self.events.len() < EVENTS && self.data.len() + length <= CHUNK
    }
}

impl Event {
    fn length(&self) -> usize {
        if let What::Piece { length, .. } = self.what { length } else { 0 }
    }
}

/// What an event takes of the memory.
fn weight(length: usize) -> usize {
    length + size_of::<Event>()
}

/// Recording, as seen by who reads in step: its exchanges wait for their turn.
pub(crate) struct InTurn(pub Arc<Backlog>);

impl Sink for InTurn {
    fn exchange(&self, exchange: Exchange) {
        let connection = exchange.connection.id;
        self.0.push(Event { connection, what: What::Exchange(Box::new(exchange)) }, &[]);
    }
    fn connected(&self, connection: &ConnectionInfo) {
        self.0.sink().connected(connection);
    }
    fn opened(&self, connection: &ConnectionInfo) {
        self.0.sink().opened(connection);
    }
    fn lost(&self, connection: &ConnectionInfo, reason: &str) {
        self.0.sink().lost(connection, reason);
    }
    fn unsettled(&self, connection: &ConnectionInfo, reason: &str) {
        self.0.sink().unsettled(connection, reason);
    }
    fn unparsed(&self, connection: &ConnectionInfo, reason: &str) {
        self.0.sink().unparsed(connection, reason);
    }
    fn unreachable(&self, connection: &ConnectionInfo, started: u64, how: &str) {
        self.0.sink().unreachable(connection, started, how);
    }
    fn resolved(&self, resolver: SocketAddr, query: &[u8], response: &[u8], started: u64) {
        self.0.sink().resolved(resolver, query, response, started);
    }
    fn blob(&self) -> io::Result<Box<dyn BlobWriter>> {
        self.0.sink().blob()
    }
}

/// When this thread has the processor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Priority {
    Ordinary,
    /// When nobody else wants it.
    Last,
}

impl Priority {
    /// Where the kernel does not allow it, nothing changes.
    #[expect(unsafe_code, reason = "no crate that is here has this call")]
    fn set(&mut self, to: Self) {
        if std::mem::replace(self, to) != to {
            let policy = if to == Self::Last { libc::SCHED_IDLE } else { libc::SCHED_OTHER };
            let param = libc::sched_param { sched_priority: 0 };
            // SAFETY: 0 is the calling thread, and `param` is read only during the call.
            unsafe { libc::sched_setscheduler(0, policy, &raw const param) };
        }
    }
}

#[cfg(test)]
mod tests;
