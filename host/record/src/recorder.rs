//! The relay's sink: counts everything, and hands what is complete to the store.
use std::{
    collections::{BTreeMap, HashSet},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use document::{Blob, Map, Value};
use relay::{ConnectionInfo, Direction, Exchange, Sink};
use sha2::{Digest as _, Sha256};
use store::{Assets, Encoded, JournalHandle, Lifetime, Mock, Record, Recording, Response, Sender, TestCase};

use crate::{Observed, Turn, attribution};

/// What a recording came to. Requests are tests, lost or still open; exchanges are mocks, lost or still open.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub test_set: String,
    /// Requests that came in and were read to their end, and messages that came to the application and were settled.
    pub requests: u64,
    pub tests: u64,
    /// Calls that went out and were read to their end.
    pub exchanges: u64,
    /// Mocks written: exchanges that may be answered any number of times are written once, names resolved included.
    pub mocks: u64,
    pub connections: u64,
    /// Exchanges that were opened and could not be recorded, by reason.
    pub lost: BTreeMap<String, u64>,
    /// Messages that came to the application and that nothing was seen to come of, by reason: they are no tests.
    pub unsettled: BTreeMap<String, u64>,
    /// Connections that nobody read to their end, by destination and reason.
    pub unparsed: BTreeMap<String, u64>,
    /// Records that the disk did not take.
    pub dropped: u64,
    /// Calls that reached nobody.
    pub unreachable: u64,
    /// Secrets that have placeholders in the files.
    pub secrets: u64,
}

impl Summary {
    /// Everything that is missing from the recording.
    pub fn losses(&self) -> u64 {
        self.lost.values().sum::<u64>() + self.dropped
    }
}

/// Records what the relay sees. Shared by its workers.
pub struct Recorder {
    journal: JournalHandle,
    assets: Assets,
    requests: AtomicU64,
    exchanges: AtomicU64,
    connections: AtomicU64,
    unreachable: AtomicU64,
    observed: Mutex<Observed>,
    lost: Mutex<BTreeMap<String, u64>>,
    unsettled: Mutex<BTreeMap<String, u64>>,
    unparsed: Mutex<BTreeMap<String, u64>>,
    /// Exchanges that may be answered any number of times and were written already.
    repeated: Mutex<HashSet<[u8; 32]>>,
}

impl Recorder {
    pub fn new(recording: &Recording) -> Self {
        Self {
            journal: recording.journal(),
            assets: recording.assets(),
            requests: AtomicU64::new(0),
            exchanges: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            unreachable: AtomicU64::new(0),
            observed: Mutex::default(),
            lost: Mutex::default(),
            unsettled: Mutex::default(),
            unparsed: Mutex::default(),
            repeated: Mutex::default(),
        }
    }

    /// Tests and requests so far, for progress.
    pub fn progress(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.exchanges.load(Ordering::Relaxed))
    }

    /// Completes the recording: mappings, files, counts. `began`: when the application was started; `turns`: which threads used
    /// which connections, by the kernel side's numbers.
    ///
    /// # Errors
    /// When files cannot be written; the journal stays, and the next command completes it.
    pub fn finish(
        &self,
        mut recording: Recording,
        began: u64,
        turns: impl IntoIterator<Item = (u64, Turn)>,
    ) -> Result<Summary, store::Error> {
        let mut observed = std::mem::take(&mut *lock(&self.observed));
        observed.add(turns);
        let mappings = attribution::of_recording(&mut recording, &observed)?;
        let finished = recording.finish(Some(began), &mappings)?;
        Ok(Summary {
            test_set: finished.set,
            requests: self.requests.load(Ordering::Relaxed),
            tests: finished.tests,
            exchanges: self.exchanges.load(Ordering::Relaxed),
            mocks: finished.mocks,
            connections: self.connections.load(Ordering::Relaxed),
            lost: lock(&self.lost).clone(),
            unsettled: lock(&self.unsettled).clone(),
            unparsed: lock(&self.unparsed).clone(),
            dropped: finished.dropped,
            secrets: finished.secrets,
            unreachable: self.unreachable.load(Ordering::Relaxed),
        })
    }

    /// Called from the workers: the documents are looked at, and decoded by whoever reads the journal.
    fn try_exchange(&self, exchange: Exchange) -> Result<(), (Arc<ConnectionInfo>, String)> {
        let Exchange { connection: info, protocol: kind, schema, facts, request, started, responses, written, inbound } =
            exchange;
        let documents = std::iter::once(&request).chain(responses.iter().map(|(cbor, _)| cbor));
        for document in documents {
            if let Err(error) = Value::check_cbor(document) {
                return Err((info, format!("the parser {kind} made a document that cannot be read: {error}")));
            }
        }
        let (responses, at): (Vec<Vec<u8>>, Vec<u64>) = responses.into_iter().unzip();
        let encoded = Encoded { request, responses };
        let ended = at.last().copied().unwrap_or(started);
        let responses = at.into_iter().map(|at| Response { at, body: Value::Null }).collect();
        let (class, connection) = (facts.class, info.id.to_string());
        if let Some(written) = written {
            let at = match info.direction {
                Direction::Incoming => ended,
                Direction::Outgoing => started,
            };
            lock(&self.observed).wrote(info.id, at, written);
        }
        let test = match (info.direction, inbound) {
            (Direction::Incoming, _) => {
                let (app_port, tls) = (info.address.port(), info.tls.clone());
                Some(TestCase { app_port, tls, ..TestCase::default() })
            }
            (Direction::Outgoing, Some(subject)) => {
                let sender = Some(Sender { destination: info.destination(), subject });
                Some(TestCase { sender, ..TestCase::default() })
            }
            (Direction::Outgoing, None) => None,
        };
        let record = match test {
            Some(test) => Record::Test(TestCase { kind, schema, class, responses, started, ended, connection, ..test }),
            None => Record::Mock(Mock {
                kind,
                schema,
                class,
                lifetime: lifetime(facts.lifetime),
                destination: info.destination(),
                responses,
                started,
                ended,
                connection,
                ..Mock::default()
            }),
        };
        self.journal.encoded(record, encoded);
        Ok(())
    }

    /// Was the same written before? Then one is enough.
    fn is_repeated(&self, exchange: &Exchange) -> bool {
        let is_call = exchange.connection.direction == Direction::Outgoing && exchange.inbound.is_none();
        let anywhere = is_call && lifetime(exchange.facts.lifetime) == Lifetime::Session;
        if !anywhere {
            return false;
        }
        let responses = exchange.responses.iter().map(|(body, _)| &body[..]);
        let destination = exchange.connection.destination();
        !self.note(
            [destination.as_bytes(), exchange.protocol.as_bytes(), &exchange.request].into_iter().chain(responses),
        )
    }

    /// False: it was noted before.
    fn note<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> bool {
        let mut sha = Sha256::new();
        for part in parts {
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part);
        }
        lock(&self.repeated).insert(sha.finalize().into())
    }
}

impl Sink for Recorder {
    fn connected(&self, connection: &ConnectionInfo) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        lock(&self.observed).connected(connection.socket, connection.id);
    }

    fn opened(&self, connection: &ConnectionInfo) {
        let count = match connection.direction {
            Direction::Incoming => &self.requests,
            Direction::Outgoing => &self.exchanges,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn exchange(&self, exchange: Exchange) {
        if exchange.inbound.is_some() {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
        if self.is_repeated(&exchange) {
            return;
        }
        if let Err((connection, reason)) = self.try_exchange(exchange) {
            self.lost(&connection, &reason);
        }
    }

    fn lost(&self, connection: &ConnectionInfo, reason: &str) {
        let count = &mut *lock(&self.lost);
        let count = count.entry(format!("{}: {reason}", connection.destination())).or_default();
        if *count == 0 {
            tracing::warn!(destination = %connection.destination(), "an exchange is not recorded: {reason}");
        }
        *count += 1;
    }

    fn unsettled(&self, connection: &ConnectionInfo, reason: &str) {
        *lock(&self.unsettled).entry(format!("{}: {reason}", connection.destination())).or_default() += 1;
    }

    fn unparsed(&self, connection: &ConnectionInfo, reason: &str) {
        let count = &mut *lock(&self.unparsed);
        let count = count.entry(format!("{}: {reason}", connection.destination())).or_default();
        if *count == 0 {
            tracing::warn!(destination = %connection.destination(), "a connection is not read further: {reason}");
        }
        *count += 1;
    }

    fn unreachable(&self, connection: &ConnectionInfo, started: u64, how: &str) {
        self.unreachable.fetch_add(1, Ordering::Relaxed);
        // Who tries again and again is told the same.
        if !self.note([b"unreachable", connection.destination().as_bytes(), how.as_bytes()].into_iter()) {
            return;
        }
        self.journal.mock(Mock {
            kind: "Unreachable".to_owned(),
            destination: connection.destination(),
            unreachable: Some(how.to_owned()),
            started,
            ended: relay::now(),
            connection: connection.id.to_string(),
            ..Mock::default()
        });
    }

    fn resolved(&self, resolver: SocketAddr, query: &[u8], response: &[u8], started: u64) {
        let Some((request, response)) = dns::document_of(query, response) else {
            return tracing::warn!(%resolver, "a DNS answer cannot be read and is not recorded");
        };
        // Resolvers are asked the same thing again and again; a new answer is a new document.
        let known = [b"DNS".to_vec(), request.to_cbor(), without_ttl(&response).to_cbor()];
        if !self.note(known.iter().map(Vec::as_slice)) {
            return;
        }
        let ended = relay::now();
        self.journal.mock(Mock {
            kind: "DNS".to_owned(),
            lifetime: Lifetime::Session,
            destination: resolver.to_string(),
            request,
            responses: vec![Response { body: response, at: ended }],
            started,
            ended,
            ..Mock::default()
        });
    }

    fn blob(&self) -> io::Result<Box<dyn relay::BlobWriter>> {
        Ok(Box::new(AssetWriter(self.assets.write().map_err(io::Error::other)?)))
    }
}

/// A body on its way into the test set's assets.
struct AssetWriter(store::BlobWriter);

impl relay::BlobWriter for AssetWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.0.write(data).map_err(io::Error::other)
    }
    fn finish(self: Box<Self>) -> io::Result<Blob> {
        self.0.finish().map_err(io::Error::other)
    }
}

/// A caching resolver counts down: that alone makes no new answer. Records are `name TTL class type data`, by tabs.
fn without_ttl(response: &Value) -> Value {
    match response {
        Value::Text(record) => {
            let fields = record.split('\t').enumerate().filter(|(n, _)| *n != 1).map(|(_, field)| field);
            Value::Text(fields.collect::<Vec<_>>().join("\t"))
        }
        Value::Array(records) => Value::Array(records.iter().map(without_ttl).collect()),
        Value::Map(map) => {
            map.iter().map(|(name, value)| (name.to_owned(), without_ttl(value))).collect::<Map>().into()
        }
        other => other.clone(),
    }
}

fn lifetime(lifetime: plugins::Lifetime) -> Lifetime {
    match lifetime {
        plugins::Lifetime::Test => Lifetime::Test,
        plugins::Lifetime::Connection => Lifetime::Connection,
        plugins::Lifetime::Session => Lifetime::Session,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
