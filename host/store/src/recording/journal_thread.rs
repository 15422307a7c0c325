//! The thread that names records and appends them to the journal, and the way to it.
use std::{
    io,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use document::{Map, Value};
use fs_err as fs;

use crate::{
    Mock, Naming, Record, Response, TestCase, envelope,
    error::advice,
    files::naming,
    journal::{self, Encoded, START},
    names::Names,
};

/// A batch is written when it has this size, or when nothing more is waiting.
const BATCH: usize = 1 << 20;

/// How long a batch is gathered from its first record on. Under load that is hundreds of records, for one wake-up of this
/// thread and one of the renderer's, instead of one each for every record, on processors that the traffic needs.
const GATHERING: Duration = Duration::from_millis(5);

/// Hands records over to the journal: never waits, never fails. What cannot be kept is counted as dropped.
#[derive(Clone)]
pub struct JournalHandle {
    spool: Arc<Spool>,
}

impl JournalHandle {
    pub(super) fn to(spool: Arc<Spool>) -> Self {
        Self { spool }
    }

    pub fn test(&self, test: TestCase) {
        self.spool.send(Record::Test(test), None);
    }

    pub fn mock(&self, mock: Mock) {
        self.spool.send(Record::Mock(mock), None);
    }

    /// A record whose documents are still encoded: the cheapest for who calls.
    pub fn encoded(&self, record: Record, documents: Encoded) {
        self.spool.send(record, Some(documents));
    }

    /// Records that were not kept, so far.
    pub fn dropped(&self) -> u64 {
        self.spool.dropped()
    }

    /// About how many bytes of memory wait for the disk.
    pub fn waiting(&self) -> usize {
        self.spool.waiting.load(Ordering::Relaxed)
    }
}

#[expect(clippy::large_enum_variant, reason = "all but the last message are the large one")]
enum Message {
    Record(Record, Option<Encoded>, usize),
    Seal,
}

/// What waits for the disk, bounded in bytes.
pub(super) struct Spool {
    records_tx: mpsc::Sender<Message>,
    waiting: AtomicUsize,
    limit: usize,
    dropped: AtomicU64,
    reported: AtomicBool,
}

pub(super) struct Inbox(mpsc::Receiver<Message>);

impl Spool {
    pub fn new(limit: usize) -> (Arc<Self>, Inbox) {
        let (records_tx, records_rx) = mpsc::channel();
        let (waiting, dropped, reported) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
        (Arc::new(Self { records_tx, waiting, limit, dropped, reported }), Inbox(records_rx))
    }

    /// Nobody listens: all that is sent is dropped.
    pub fn closed() -> Arc<Self> {
        Self::new(0).0
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Everything sent before is still written.
    pub fn seal(&self) {
        // Without a receiver the journal thread is gone, and there is nothing to seal.
        let _ = self.records_tx.send(Message::Seal);
    }

    fn send(&self, record: Record, documents: Option<Encoded>) {
        let size = weight(&record) + documents.as_ref().map_or(0, Encoded::len);
        let waiting = self.waiting.fetch_add(size, Ordering::Relaxed) + size;
        if waiting > self.limit {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
            self.drop_records(1, "the disk is slower than the traffic", "");
        } else if self.records_tx.send(Message::Record(record, documents, size)).is_err() {
            self.drop_records(1, "the recording has ended", "");
        }
    }

    /// Counts, and says so once: a line a record would bury everything else.
    fn drop_records(&self, count: u64, why: &str, hint: &str) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
        if !self.reported.swap(true, Ordering::Relaxed) {
            tracing::error!("exchanges are being lost from the recording: {why}; the traffic itself goes on{hint}");
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub tests: u64,
    pub mocks: u64,
}

/// A complete journal.
pub(super) struct Journal {
    /// Open, because the lock goes with it.
    #[expect(dead_code, reason = "held, not read")]
    pub file: fs::File,
    pub counts: Counts,
}

/// Runs until the spool is sealed. `written_tx` is told how long the journal is after every batch.
pub(super) fn run(
    file: fs::File,
    spool: &Spool,
    inbox: &Inbox,
    written_tx: &mpsc::Sender<u64>,
    naming: Naming,
) -> Journal {
    let mut names = Names::new(naming);
    let mut counts = Counts::default();
    let mut writer = Writer { file, length: START };
    let mut batch = Batch::default();
    let (mut open, mut full) = (true, false);
    while open {
        batch.clear();
        // Waits for the first, and takes along what has come in by then. The spool has a sender, so that receiving
        // never fails before it is sealed.
        let mut next = inbox.0.recv().ok();
        if !full {
            gather();
        }
        while let Some(message) = next {
            match message {
                Message::Record(record, documents, size) => batch.add(record, documents.as_ref(), size, &mut names),
                Message::Seal => open = false,
            }
            next = if open && batch.bytes.len() < BATCH { inbox.0.try_recv().ok() } else { None };
        }
        full = batch.bytes.len() >= BATCH;
        if batch.too_large > 0 {
            spool.drop_records(batch.too_large, "an exchange is larger than 4 GiB", "");
        }
        match writer.write(&batch.bytes) {
            Ok(length) => {
                counts.tests += batch.counts.tests;
                counts.mocks += batch.counts.mocks;
                // Without a renderer the journal is kept, and says what happened when it is finished.
                let _ = written_tx.send(length);
            }
            Err(error) => {
                let lost = batch.counts.tests + batch.counts.mocks;
                spool.drop_records(lost, &error.to_string(), advice(error.kind()));
            }
        }
        spool.waiting.fetch_sub(batch.waiting, Ordering::Relaxed);
    }
    Journal { file: writer.file, counts }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is not a guess at when something is ready: records come all the time"
)]
fn gather() {
    std::thread::sleep(GATHERING);
}

/// Frames that go to the disk together.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    counts: Counts,
    too_large: u64,
    /// What the spool counts for them.
    waiting: usize,
}

impl Batch {
    fn clear(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        *self = Self { bytes, ..Self::default() };
    }

    fn add(&mut self, mut record: Record, documents: Option<&Encoded>, size: usize, names: &mut Names) {
        let counter = match &mut record {
            Record::Test(test) => {
                test.name = names.test(&test.class);
                &mut self.counts.tests
            }
            Record::Mock(mock) => {
                mock.name = names.mock();
                &mut self.counts.mocks
            }
        };
        self.waiting += size;
        let appended = match documents {
            Some(documents) => journal::append_encoded(&mut self.bytes, &record, documents),
            None => journal::append(&mut self.bytes, envelope::document(record)),
        };
        if appended {
            *counter += 1;
        } else {
            self.too_large += 1;
        }
    }
}

struct Writer {
    file: fs::File,
    length: u64,
}

impl Writer {
    /// All of it or nothing.
    fn write(&mut self, bytes: &[u8]) -> io::Result<u64> {
        match self.file.file().write_all_at(bytes, self.length) {
            Ok(()) => self.length += bytes.len() as u64,
            Err(error) => {
                self.file.set_len(self.length)?;
                return Err(naming("write", self.file.path(), &error));
            }
        }
        Ok(self.length)
    }
}

/// About what a record takes in memory: every node, and the text in it.
fn weight(record: &Record) -> usize {
    let (request, responses) = match record {
        Record::Test(test) => (&test.request, &test.responses),
        Record::Mock(mock) => (&mock.request, &mock.responses),
    };
    let answers: usize = responses.iter().map(|Response { body, .. }| value(body)).sum();
    return size_of::<Record>() + value(request) + answers;

    fn value(value_of: &Value) -> usize {
        let inside = match value_of {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Array(items) => items.iter().map(value).sum(),
            Value::Map(entries) => map(entries),
            _ => 0,
        };
        size_of::<Value>() + inside
    }
    fn map(entries: &Map) -> usize {
        entries.iter().map(|(name, item)| size_of::<String>() + name.len() + value(item)).sum()
    }
}
