//! The relay's source of answers.
use std::{
    fs::File,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use document::{Blob, Value};
use plugins::{Facts, Lifetime, Part, Registry};
use relay::{Answer, Answers, ConnectionInfo};
use store::{Assets, Mock};
use tokio::sync::watch;

use crate::{
    forms::Forms,
    pool::{Additional, Asked, Pool},
    resolver::Resolver,
};

/// What the relay's workers and the driver share.
pub(crate) struct Shared {
    pub registry: Registry,
    pub forms: Forms,
    pub pool: Mutex<Pool>,
    pub resolver: Mutex<Resolver>,
    pub assets: Assets,
    /// Told whenever a call was answered.
    pub claimed: tokio::sync::Notify,
    pub clock: AppClock,
}

/// Later than all that was recorded.
const END: u64 = u64::MAX;

/// What time it is for the application, and in the recording.
pub(crate) struct AppClock {
    /// When the recording began.
    pub began: u64,
    /// By how much the application's clock is ahead of the real one.
    ahead: AtomicI64,
    /// Up to when the recording was replayed, since when, and how far it was moved to get there.
    reached: watch::Sender<(u64, Instant, u64)>,
}

impl AppClock {
    pub fn new(began: u64) -> Self {
        Self { began, ahead: AtomicI64::new(0), reached: watch::Sender::new((began, Instant::now(), 0)) }
    }

    /// The test that was recorded at `recorded` begins; the application's clock is so far ahead of the real one.
    pub fn set(&self, recorded: u64, ahead: i64) {
        self.ahead.store(ahead, Ordering::Relaxed);
        let by = recorded.saturating_sub(self.reached.borrow().0);
        self.reached.send_replace((recorded, Instant::now(), by));
    }

    /// Up to where the recording was replayed.
    pub fn reached(&self) -> u64 {
        let (at, since, _) = *self.reached.borrow();
        at.saturating_add(since.elapsed().as_nanos().try_into().unwrap_or(u64::MAX))
    }

    /// By how much it was moved just now.
    fn moved(&self) -> u64 {
        const JUST_NOW: Duration = Duration::from_millis(200);
        let (_, since, by) = *self.reached.borrow();
        if since.elapsed() < JUST_NOW { by } else { 0 }
    }

    /// The application's time at a real one.
    pub fn at(&self, real: u64) -> u64 {
        real.saturating_add_signed(self.ahead.load(Ordering::Relaxed))
    }

    /// The replay is over: nothing is waited for any more.
    pub fn end(&self) {
        self.reached.send_replace((END, Instant::now(), 0));
    }

    /// Returns after so much time, or when the replay is over.
    async fn passes(&self, time: Duration) {
        let mut reached_rx = self.reached.subscribe();
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            // The sender is ours: it does not go.
            _ = reached_rx.wait_for(|(at, ..)| *at == END) => {}
        }
    }

    /// Returns when the replay has come to where this was recorded.
    async fn reaches(&self, recorded: u64) {
        let mut reached_rx = self.reached.subscribe();
        loop {
            let (at, since, _) = *reached_rx.borrow_and_update();
            let left = Duration::from_nanos(recorded.saturating_sub(at)).saturating_sub(since.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                // The sender is ours: it does not go.
                _ = reached_rx.changed() => {}
            }
        }
    }
}

impl Shared {
    pub fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The destination as it was recorded: by name, else by address.
    pub fn destination(pool: &Pool, connection: &ConnectionInfo) -> String {
        let (name, address) = (connection.destination(), connection.address.to_string());
        let known = |destination: &str| pool.protocols(destination).is_some();
        if !known(&name) && known(&address) { address } else { name }
    }

    fn find(&self, connection: &ConnectionInfo, protocol: &str, facts: &Facts, request: &Value) -> Looked {
        let form = self.forms.of(&self.registry, protocol, Part::Request);
        let (at, moved, reached) = (self.clock.at(relay::now()), self.clock.moved(), self.clock.reached());
        let mut pool = self.pool();
        let live = pool.bindings.to_recorded(request);
        let request = form.strip(&live);
        let destination = Self::destination(&pool, connection);
        let asked = Asked {
            connection: connection.id,
            by_driver: facts.lifetime != Lifetime::Test,
            destination: &destination,
            protocol,
            class: &facts.class,
            request: &request,
            at,
            moved,
            reached,
        };
        let (found, test) = pool.claim(&asked, &self.forms);
        Looked { found, test, request, live, destination, at }
    }

    /// With the live values in it.
    fn recorded(&self, call: usize) -> Vec<Vec<u8>> {
        let pool = self.pool();
        let responses = pool.calls[call].mock.responses.iter();
        responses.map(|response| pool.bindings.to_live(&response.body).to_cbor()).collect()
    }

    /// How long an answer has to wait, if it has to.
    fn held(&self, call: usize) -> Option<Held> {
        let pool = self.pool();
        let recorded = &pool.calls[call];
        let Mock { started, ended, lifetime, responses, .. } = &recorded.mock;
        if recorded.claims > 1 && *lifetime == store::Lifetime::Test {
            // An order that came once does not come again.
            let is_order = responses.iter().any(|response| pool.bindings.to_live(&response.body) != response.body);
            let took = Duration::from_nanos(ended.saturating_sub(*started));
            return Some(Held::For(if is_order { NEVER } else { took }));
        }
        pool.held_until(call).map(Held::Until)
    }
}

/// What became of a request.
struct Looked {
    found: Option<usize>,
    /// Whose it seems to be.
    test: Option<usize>,
    /// In the form that is compared.
    request: Value,
    /// With recorded values in the place of live ones.
    live: Value,
    destination: String,
    /// By the application's clock.
    at: u64,
}

/// Longer than any replay.
const NEVER: Duration = Duration::from_secs(1 << 32);

enum Held {
    /// A recorded time.
    Until(u64),
    /// It comes round again.
    For(Duration),
}

/// A handle that the relay owns.
pub(crate) struct Handle(pub Arc<Shared>);

impl Answers for Handle {
    fn protocols(&self, connection: &ConnectionInfo) -> Vec<String> {
        let pool = self.0.pool();
        let destination = Shared::destination(&pool, connection);
        pool.protocols(&destination).cloned().unwrap_or_default()
    }

    fn out_of_reach(&self) -> Vec<(String, u16, String)> {
        self.0.pool().out_of_reach().to_vec()
    }

    fn answer(&self, connection: &ConnectionInfo, protocol: &str, facts: &Facts, request: Value, _at: u64) -> Answer {
        let Looked { found, test, request, live, destination, at } = self.0.find(connection, protocol, facts, &request);
        if let Some(call) = found {
            self.0.claimed.notify_one();
            let Some(held) = self.0.held(call) else { return Answer::Recorded(self.0.recorded(call)) };
            let shared = self.0.clone();
            return Answer::Later(Box::pin(async move {
                match held {
                    Held::Until(recorded) => shared.clock.reaches(recorded).await,
                    Held::For(duration) => shared.clock.passes(duration).await,
                }
                shared.recorded(call)
            }));
        }
        let additional = Additional {
            protocol: protocol.to_owned(),
            destination,
            class: facts.class.clone(),
            summary: facts.summary.clone(),
            request,
            live,
            at,
            by_driver: facts.lifetime != Lifetime::Test,
            connection: connection.id,
        };
        let mut pool = self.0.pool();
        let nearest = pool.nearest(&additional, 0..pool.calls.len());
        let nearest =
            nearest.map_or_else(String::new, |(call, _)| format!("; the nearest is {}", pool.calls[call].mock.name));
        let reason = format!("no recorded call matches {} to {}{nearest}", additional.summary, additional.destination);
        pool.note_additional(test, additional);
        Answer::Miss(reason)
    }

    fn answer_partial(
        &self,
        connection: &ConnectionInfo,
        protocol: &str,
        facts: &Facts,
        request: Value,
    ) -> Option<Vec<Vec<u8>>> {
        let call = self.0.find(connection, protocol, facts, &request).found?;
        self.0.claimed.notify_one();
        Some(self.0.recorded(call))
    }

    fn unanswered(&self, connection: &ConnectionInfo, reason: &str) {
        let trouble = format!("{}: {reason}", connection.destination());
        // The verdict says it, of its test or of none.
        tracing::debug!("{trouble}");
        self.0.pool().note_trouble(trouble);
    }

    fn resolve(&self, query: &[u8]) -> Vec<u8> {
        self.0.resolver.lock().unwrap_or_else(PoisonError::into_inner).resolve(query)
    }

    fn blob(&self, blob: &Blob) -> io::Result<File> {
        self.0.assets.open(blob).map(Into::into).map_err(io::Error::other)
    }
}
