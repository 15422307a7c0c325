//! A test set, brought into the form that is compared, and driven.
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
    ops::Range,
    sync::Arc,
    time::Duration,
};

use document::{BadRule, Value};
use futures_util::{StreamExt as _, future::join, stream::FuturesUnordered};
use matcher::{Bindings, Moment};
use plugins::{Failure, Registry};
use relay::{Address, Answers, Common, ConnectionInfo, Drive, DriveError, Driven};
use store::{Assets, Lifetime, MappedMock, Mapping, Mock, Sender, TestCase, TestSet};

use crate::{
    aliases::Aliases,
    answers::{AppClock, Handle, Shared},
    comparison::{Comparing, Comparison},
    forms::Forms,
    judge::{self, TestVerdict},
    lesson::Lesson,
    pool::{Claimer, Pool},
    prepare::{Prepared, each_prepared, hide_stand_ins},
    resolver::Resolver,
};

/// How far apart two times may be, beside how long a test took: a second that had just begun, a coarse clock.
pub(crate) const SLACK: u64 = 2_000_000_000;

/// How often it is waited long for a call that then does not come.
const PATIENT: u32 = 5;

/// How to replay.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long the application may take for one answer.
    pub api_timeout: Duration,
    /// Within which it takes what is sent to it over its own connections, where it has not done so before.
    pub patience: Duration,
    /// `keploy.yml`'s noise for this test set: path patterns and regular expressions.
    pub noise: Vec<(String, Vec<String>)>,
    /// JSON arrays are equal in any order.
    pub ignore_ordering: bool,
    /// So many tests may run at the same time, where they did when they were recorded and their calls can be told apart.
    pub parallel: usize,
    /// The code is known to be the same: what differs from the recording is learned from.
    pub learns: bool,
}

/// The application's clock.
pub trait Clock {
    /// Moves it to the recorded time, if that is later. Nanoseconds by which it is ahead of the real clock now, or
    /// behind it.
    fn move_to(&self, recorded: u64) -> i64;
}

/// The application has the real clock.
pub struct RealTime;

impl Clock for RealTime {
    fn move_to(&self, _: u64) -> i64 {
        0
    }
}

/// Why a test set cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error(
        "{set} has {count} documents of kind {kind}, for which there is no parser\nhint: --plugins DIR adds parsers; `keploy plugin list` shows those there are"
    )]
    ParserMissing { set: String, kind: String, count: usize },
    #[error("{file}:{line}: the parser cannot read this document: {failure}")]
    Parser { file: String, line: usize, failure: Failure },
    #[error("{rule}\nhint: {}", .rule.hint())]
    Noise {
        #[from]
        rule: BadRule,
    },
    #[error("{set} has no tests\nhint: while recording, send the application some requests")]
    NoTests { set: String },
}

/// What came of sending one test.
#[derive(Debug)]
pub struct Outcome {
    pub started: u64,
    pub ended: u64,
    pub answered: Result<Vec<Value>, String>,
    pub compared: Comparison,
}

/// A test set that is ready to run.
pub struct Replay {
    pub(crate) set: TestSet,
    pub(crate) settings: Settings,
    pub(crate) shared: Arc<Shared>,
}

impl Replay {
    /// Brings every recorded call into the form that is compared. Tests run in the order in which they were started.
    ///
    /// # Errors
    /// When a parser is missing or a noise rule is broken.
    pub fn prepare(
        mut set: TestSet,
        registry: &Registry,
        assets: Assets,
        settings: Settings,
    ) -> Result<Self, PrepareError> {
        parsers_are_there(&set, registry)?;
        if set.tests.is_empty() {
            return Err(PrepareError::NoTests { set: set.name });
        }
        set.tests.sort_by(|a, b| (a.started, &a.name).cmp(&(b.started, &b.name)));
        let matchers = set.matchers.clone().unwrap_or_default();
        let mut forms = Forms::new(registry, &settings, &matchers)?;
        forms.follow(set.templates.iter().map(|(_, value)| value.clone()).collect(), &set.templated);
        let mut aliases = Aliases::default();
        set.mocks.iter().filter(|mock| mock.kind == "DNS").for_each(|mock| aliases.learn(mock));
        let mut pool = Pool::new(set.tests.len(), aliases, settings.learns);
        pool.bindings = Bindings::with_stand_ins(set.secrets.stand_ins());
        hide_stand_ins(&set.mocks, registry, &mut forms, &pool.bindings)?;
        let mut resolver = Resolver::default();
        let began = began(&set);
        let mut names: HashMap<String, usize> = HashMap::new();
        each_prepared(std::mem::take(&mut set.mocks), registry, &forms, |prepared| {
            match prepared? {
                Prepared::Name(mock) => resolver.add(&mock),
                Prepared::Call { mock, request, hash, own } => {
                    names.insert(mock.name.clone(), names.len());
                    pool.add(mock, request, hash, own);
                }
            }
            Ok(())
        })?;
        pool.complete();
        let numbers: HashMap<&str, usize> =
            set.tests.iter().enumerate().map(|(n, test)| (test.name.as_str(), n)).collect();
        let mut of_test: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for mapping in &set.mappings {
            // A mapping of a test that was deleted maps nothing.
            let Some(test) = numbers.get(mapping.test.as_str()) else { continue };
            // Of equal calls it gets those first that are certainly its own: the others may be the background's.
            let (witnessed, others): (Vec<_>, Vec<_>) = mapping.mocks.iter().partition(|mock| mock.is_witnessed());
            pool.witness(witnessed.iter().filter_map(|mock| names.get(&mock.name).copied()));
            let calls = witnessed.into_iter().chain(others).filter_map(|mock| names.get(&mock.name).copied());
            of_test.entry(*test).or_default().extend(calls);
        }
        for (test, calls) in of_test {
            pool.map(test, calls);
        }
        let crowds = crowds(&set, settings.learns);
        for (n, (test, crowd)) in set.tests.iter().zip(crowds).enumerate() {
            pool.place(n, test, crowd);
        }
        let shared = Shared {
            registry: registry.clone(),
            forms,
            pool: pool.into(),
            resolver: resolver.into(),
            assets,
            claimed: tokio::sync::Notify::new(),
            clock: AppClock::new(began),
        };
        Ok(Self { set, settings, shared: Arc::new(shared) })
    }

    /// For the relay.
    pub fn answers(&self) -> Arc<dyn Answers> {
        Arc::new(Handle(self.shared.clone()))
    }

    /// The test set's.
    pub fn name(&self) -> &str {
        &self.set.name
    }

    /// When the recording began: where the application's clock begins, too.
    pub fn began(&self) -> u64 {
        self.shared.clock.began
    }

    /// In the order in which they run.
    pub fn tests(&self) -> &[TestCase] {
        &self.set.tests
    }

    /// The ports that the application has to listen on.
    pub fn ports(&self) -> Vec<u16> {
        let requests = self.set.tests.iter().filter(|test| test.sender.is_none());
        let mut ports: Vec<u16> = requests.map(|test| test.app_port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// What has to be taken from dependencies before the first test can run: what the tests before any request were sent to.
    /// Later ones may be taken because of a request.
    pub fn senders(&self) -> Vec<&Sender> {
        let mut senders: Vec<&Sender> = self.set.tests.iter().map_while(|test| test.sender.as_ref()).collect();
        senders.sort_by_key(|sender| (&sender.destination, &sender.subject));
        senders.dedup();
        senders
    }

    /// Waits until the application takes what was sent to all of these.
    pub async fn taken(&self, common: &Common, senders: &[&Sender]) {
        for sender in senders {
            let (subject, is_there) = (self.subject(sender), |info: &ConnectionInfo| self.is_there(sender, info));
            common.takers.served(&Address { subject: &subject, is_there: &is_there }).await;
        }
    }

    /// Under the name that it has in this replay.
    fn subject(&self, sender: &Sender) -> String {
        let live = self.shared.pool().bindings.to_live(&Value::from(sender.subject.as_str()));
        live.as_str().unwrap_or(&sender.subject).to_owned()
    }

    fn is_there(&self, sender: &Sender, connection: &ConnectionInfo) -> bool {
        let pool = self.shared.pool();
        pool.is_same_destination(&sender.destination, &Shared::destination(&pool, connection))
    }

    /// Sends the tests, one after the other or several at a time. `listening` says where the application listens on a port;
    /// `each` gets every outcome as it comes, and returns false to stop.
    /// Before each, the application's clock is moved to the time at which it was recorded.
    pub async fn drive(
        &self,
        common: &Common,
        listening: &dyn Fn(u16) -> Option<SocketAddr>,
        clock: &dyn Clock,
        each: &mut dyn FnMut(&TestCase, Outcome) -> bool,
    ) {
        let mut patience = PATIENT;
        let last: HashMap<&str, &str> =
            self.set.tests.iter().map(|test| (test.connection.as_str(), test.name.as_str())).collect();
        let driver =
            Driver { replay: self, common, listening, last, open: RefCell::default(), untaken: RefCell::default() };
        let mut next = 0;
        while next < self.set.tests.len() {
            let together = self.shared.pool().together(next, self.settings.parallel);
            let outcomes = self.run_together(&driver, next..self.settled_with(next + together), clock).await;
            let tests = &self.set.tests[next..next + outcomes.len()];
            next += outcomes.len();
            patience = self.trailing_calls(patience).await;
            for (test, outcome) in tests.iter().zip(outcomes) {
                if !each(test, Outcome { ended: relay::now(), ..outcome }) {
                    return;
                }
            }
        }
        if self.settings.learns {
            self.settle().await;
        }
    }

    /// Messages that were settled by one word, like the one before `end`, are sent together: that word may only come when all
    /// of them are there.
    fn settled_with(&self, mut end: usize) -> usize {
        let tests = &self.set.tests;
        let is_alike = |a: &TestCase, b: &TestCase| {
            a.sender.is_some() && b.sender.is_some() && (a.ended, &a.connection) == (b.ended, &b.connection)
        };
        while tests.get(end).is_some_and(|next| is_alike(&tests[end - 1], next)) {
            end += 1;
        }
        end
    }

    /// Sends these tests, and waits for all of them. While one has no answer, what came to the application meanwhile when it
    /// was recorded is sent, too, up to the last message: a request may wait for one, whoever has caused it. So there may be
    /// more outcomes.
    async fn run_together(&self, driver: &Driver<'_>, mut tests: Range<usize>, clock: &dyn Clock) -> Vec<Outcome> {
        /// Who does not wait for a message has mostly answered by then.
        const MEANWHILE: Duration = Duration::from_millis(250);
        /// Who has waited for this one has mostly answered by then.
        const AFTER_A_MESSAGE: Duration = Duration::from_millis(50);
        let (first, asked_for) = (tests.start, tests.end);
        self.begin(tests.clone(), clock);
        let run = async |n: usize| (n, self.run(driver, &self.set.tests[n]).await);
        let mut running: FuturesUnordered<_> = tests.clone().map(run).collect();
        let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
        let mut patience = MEANWHILE;
        loop {
            let open = tests.clone().filter(|n| !outcomes.contains_key(n));
            let until = open.map(|n| self.set.tests[n].ended).max().unwrap_or_default();
            let later = self.set.tests[tests.end..].iter().take_while(|next| next.started <= until);
            let is_message_to_come = later.into_iter().any(|next| next.sender.is_some());
            let meanwhile = async {
                match is_message_to_come {
                    true => tokio::time::sleep(patience).await,
                    false => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                done = running.next() => match done {
                    Some((n, outcome)) => {
                        // Who waited when the others were sent waits still: what comes before its message goes on.
                        patience = match &self.set.tests[n] {
                            _ if n < asked_for => MEANWHILE,
                            TestCase { sender: Some(_), .. } => AFTER_A_MESSAGE,
                            _ => Duration::ZERO,
                        };
                        outcomes.insert(n, outcome);
                    }
                    None => return outcomes.into_values().collect(),
                },
                () = meanwhile => {
                    let joining = tests.end..self.settled_with(tests.end + 1);
                    patience = MEANWHILE;
                    tests = first..joining.end;
                    self.begin_meanwhile(tests.clone(), joining.start, clock);
                    running.extend(joining.map(run));
                }
            }
        }
    }

    /// These tests run from now on, at the time at which they were recorded. [`Replay::drive`] says so itself.
    ///
    /// # Panics
    /// When there are no such tests.
    pub fn begin(&self, tests: Range<usize>, clock: &dyn Clock) {
        let last = tests.start;
        self.begin_meanwhile(tests, last, clock);
    }

    /// The same, at the time at which `last` of them was recorded.
    fn begin_meanwhile(&self, tests: Range<usize>, last: usize, clock: &dyn Clock) {
        let started = self.set.tests[last].started;
        self.shared.pool().begin(tests);
        self.shared.clock.set(started, clock.move_to(started));
    }

    /// What the background still has to do (jobs that were ordered last), it may do: that it makes these calls is learned.
    async fn settle(&self) {
        const QUIET: Duration = Duration::from_millis(500);
        const MOST: Duration = Duration::from_secs(3);
        let done = async {
            let mut goes_on = true;
            while goes_on && self.shared.pool().has_unclaimed() {
                goes_on = tokio::time::timeout(QUIET, self.shared.claimed.notified()).await.is_ok();
            }
        };
        // A poller never rests.
        let _ = tokio::time::timeout(MOST, done).await;
    }

    async fn run(&self, driver: &Driver<'_>, test: &TestCase) -> Outcome {
        let started = relay::now();
        // While the application works, we do, too.
        let (answered, comparing) = join(driver.send(test), async { Comparing::new(&self.shared, test) }).await;
        let ended = relay::now();
        let compared = match &answered {
            Ok(responses) => self.compare(test, &comparing, responses, (started, ended)),
            Err(_) => Comparison::default(),
        };
        Outcome { started, ended, answered, compared }
    }

    /// What the application answered otherwise than recorded. What it made up is followed from here on.
    fn compare(
        &self,
        test: &TestCase,
        comparing: &Comparing<'_>,
        responses: &[Value],
        (started, ended): (u64, u64),
    ) -> Comparison {
        let taken = (test.ended - test.started.min(test.ended)) + (ended - started.min(ended));
        let live = self.shared.clock.at(started);
        let moment = Moment { recorded: test.started, live, slack: SLACK + taken };
        let mut pool = self.shared.pool();
        let live: Vec<Value> = responses.iter().map(|response| pool.bindings.to_recorded(response)).collect();
        let (compared, explained) = comparing.compare(&live, moment, &pool.bindings);
        pool.bindings.accept(compared.bound.clone());
        if let Some(lesson) = &mut pool.lesson {
            lesson.response(test, explained, comparing.otherwise(&live));
        }
        compared
    }

    /// What was learned, when all tests were judged.
    pub fn lesson(&self, verdicts: &[TestVerdict]) -> Lesson {
        let pool = self.shared.pool();
        let mut lesson = pool.lesson.clone().unwrap_or_default();
        for (n, (test, verdict)) in self.tests().iter().zip(verdicts).enumerate() {
            let names = |calls: &[usize]| calls.iter().map(|call| pool.calls[*call].mock.name.clone()).collect();
            lesson.claimed(&test.name, names(pool.made_during(n)), names(pool.used_during(n)));
            if !verdict.passed() {
                lesson.differs(&test.name, verdict.unexplained());
            }
        }
        let of_none = pool.calls.iter().filter(|call| call.claimed_by == Some(Claimer::Background));
        of_none.for_each(|call| lesson.claimed_by_none(&call.mock.name));
        lesson
    }

    /// Calls that the application makes after it has answered: those that were recorded are waited for, a little. An
    /// application that leaves out such calls again and again is waited for less: `patience` more times.
    async fn trailing_calls(&self, patience: u32) -> u32 {
        const LONG: Duration = Duration::from_millis(500);
        // A call that is only this test's may have been another's after all.
        const SHORT: Duration = Duration::from_millis(50);
        let (awaited, to_come, long) = {
            let pool = self.shared.pool();
            let awaited = pool.awaited();
            // Who makes it may be waiting for what comes at its time.
            let last = awaited.iter().map(|call| pool.calls[*call].mock.started).max().unwrap_or_default();
            let to_come = Duration::from_nanos(last.saturating_sub(self.shared.clock.reached()));
            (awaited, to_come, patience > 0 && !pool.is_open())
        };
        if awaited.is_empty() {
            return patience;
        }
        let done = async {
            loop {
                let told = self.shared.claimed.notified();
                if self.shared.pool().awaited().is_empty() {
                    return;
                }
                told.await;
            }
        };
        let patiently = if long { LONG } else { (SHORT + to_come).min(LONG) };
        let given_up = tokio::time::timeout(patiently, done).await.is_err();
        self.shared.pool().note_awaited(&awaited);
        if given_up && long { patience - 1 } else { patience }
    }

    /// The application is gone: no answer has to wait any more.
    pub fn release(&self) {
        self.shared.clock.end();
    }

    /// What changed, test by test. Tests beyond `outcomes` did not run.
    pub fn judge(&self, outcomes: &[Outcome]) -> Vec<TestVerdict> {
        judge::judge(self, outcomes)
    }

    /// Calls that were made outside of any test and that nothing recorded matches, and other troubles of start-up.
    pub fn outside_tests(&self) -> Vec<String> {
        let pool = self.shared.pool();
        let calls = pool
            .additional(None)
            .iter()
            .filter(|call| !call.by_driver)
            .map(|call| format!("{} to {}: not recorded", call.summary, call.destination));
        let troubles = pool.troubles.iter().filter(|(test, _)| test.is_none()).map(|(_, trouble)| trouble.clone());
        let stood_in = pool.stood_in().map(|(mock, times)| {
            let Mock { kind, class, destination, name, .. } = mock;
            format!("{times} x {kind} {class} to {destination} with values that were not recorded: answered as {name}, not compared")
        });
        calls.chain(troubles).chain(stood_in).collect()
    }

    /// The mappings that this replay settled: who claimed what. None when the recording left nothing open.
    pub fn learned(&self) -> Option<Vec<Mapping>> {
        if self.set.mappings.iter().flat_map(|mapping| &mapping.mocks).all(MappedMock::is_settled) {
            return None;
        }
        let pool = self.shared.pool();
        let mut claimed: Vec<Vec<&Mock>> = vec![Vec::new(); self.set.tests.len()];
        for call in &pool.calls {
            if let Some(Claimer::Test(test)) = call.claimed_by {
                claimed[test].push(&call.mock);
            }
        }
        let mapping = |(test, mine): (&TestCase, Vec<&Mock>)| {
            let known: HashMap<&str, &MappedMock> = self
                .set
                .mappings
                .iter()
                .filter(|mapping| mapping.test == test.name)
                .flat_map(|mapping| &mapping.mocks)
                .map(|mock| (mock.name.as_str(), mock))
                .collect();
            let mapped = mine.into_iter().map(|mock| {
                let Mock { name, kind, started, ended, .. } = mock;
                let evidence = match known.get(name.as_str()) {
                    Some(mapped) if mapped.is_settled() => &mapped.evidence,
                    _ => "replay",
                };
                let (name, kind, evidence) = (name.clone(), kind.clone(), evidence.to_owned());
                MappedMock { name, kind, started: *started, ended: *ended, evidence }
            });
            Mapping { test: test.name.clone(), mocks: mapped.collect() }
        };
        Some(self.set.tests.iter().zip(claimed).map(mapping).collect())
    }
}

/// When the application was started, or else when the first of it was recorded.
fn began(set: &TestSet) -> u64 {
    if let Some(began) = set.began {
        return began;
    }
    let tests = set.tests.iter().map(|test| test.started);
    let mocks = set.mocks.iter().filter(|mock| mock.kind != "DNS").map(|mock| mock.started);
    tests.chain(mocks).min().unwrap_or_default()
}

/// Of each test, in order, the crowd of overlapping tests that it belongs to, where the mappings leave something open in
/// that crowd: then a call of any of them may be any other's.
fn crowds(set: &TestSet, learns: bool) -> Vec<Option<usize>> {
    let is_open = |mapping: &&Mapping| learns || !mapping.mocks.iter().all(MappedMock::is_settled);
    let open: HashSet<&str> = set.mappings.iter().filter(is_open).map(|mapping| mapping.test.as_str()).collect();
    let (mut crowd, mut until) = (0, 0);
    let number = |test: &TestCase| {
        if test.started > until {
            crowd += 1;
        }
        until = until.max(test.ended);
        crowd
    };
    let numbers: Vec<usize> = set.tests.iter().map(number).collect();
    let tests = set.tests.iter().zip(&numbers);
    let open: HashSet<usize> = tests.filter(|(test, _)| open.contains(test.name.as_str())).map(|(_, n)| *n).collect();
    numbers.into_iter().map(|n| open.contains(&n).then_some(n)).collect()
}

fn parsers_are_there(set: &TestSet, registry: &Registry) -> Result<(), PrepareError> {
    let tests = set.tests.iter().map(|test| &test.kind);
    let mocks = set.mocks.iter().filter(|mock| mock.unreachable.is_none() && mock.kind != "DNS").map(|mock| &mock.kind);
    let foreign = set.foreign.iter().map(|document| &document.kind);
    let mut missing: BTreeMap<&String, usize> = BTreeMap::new();
    for kind in tests.chain(mocks).chain(foreign).filter(|kind| registry.get(kind).is_none()) {
        *missing.entry(kind).or_default() += 1;
    }
    match missing.into_iter().next() {
        Some((kind, count)) => Err(PrepareError::ParserMissing { set: set.name.clone(), kind: kind.clone(), count }),
        None => Ok(()),
    }
}

/// Connections to the application, one for each recorded one.
struct Driver<'a> {
    replay: &'a Replay,
    common: &'a Common,
    listening: &'a dyn Fn(u16) -> Option<SocketAddr>,
    /// Of each connection the last test: then it is closed. A server of one thread serves nobody else before.
    last: HashMap<&'a str, &'a str>,
    open: RefCell<HashMap<String, Drive>>,
    /// What was sent to these, nobody took: it is not waited for again.
    untaken: RefCell<HashSet<Sender>>,
}

impl Driver<'_> {
    /// Connections kept open at the same time: an application's own limits are not to be met by its tests.
    const MOST: usize = 32;

    async fn send(&self, test: &TestCase) -> Result<Vec<Value>, String> {
        if let Some(sender) = &test.sender {
            return self.send_inside(test, sender).await.map_err(|error| error.to_string());
        }
        let reused = self.open.borrow_mut().remove(&test.connection).filter(Drive::is_open);
        let is_reused = reused.is_some();
        let drive = match reused {
            Some(drive) => drive,
            None => self.connect(test).await?,
        };
        match self.exchange(drive, test).await {
            // A kept connection that the application closed at this very moment has not read the request.
            Err(DriveError::Closed(_)) if is_reused => {
                let drive = self.connect(test).await?;
                self.exchange(drive, test).await.map_err(|error| error.to_string())
            }
            other => other.map_err(|error| error.to_string()),
        }
    }

    /// Over the application's own connection.
    async fn send_inside(&self, test: &TestCase, sender: &Sender) -> Result<Vec<Value>, DriveError> {
        let Replay { settings, shared, .. } = self.replay;
        let patience = if self.untaken.borrow().contains(sender) { Duration::ZERO } else { settings.patience };
        let request = shared.pool().bindings.to_live(&test.request).to_cbor();
        let (subject, is_there) =
            (self.replay.subject(sender), |info: &ConnectionInfo| self.replay.is_there(sender, info));
        let address = Address { subject: &subject, is_there: &is_there };
        let sent = self.common.takers.send(&address, request, patience, settings.api_timeout).await;
        if let Err(DriveError::NobodyTakes(..)) = sent {
            self.untaken.borrow_mut().insert(sender.clone());
        }
        decoded(&sent?)
    }

    async fn connect(&self, test: &TestCase) -> Result<Drive, String> {
        let port = test.app_port;
        let address =
            (self.listening)(port).ok_or_else(|| format!("the application does not listen on port {port}"))?;
        let plugin = self.common.registry.get(&test.kind).ok_or_else(|| format!("no parser for {}", test.kind))?;
        Drive::connect(self.common, plugin, address, test.tls.as_deref()).await.map_err(|error| error.to_string())
    }

    async fn exchange(&self, mut drive: Drive, test: &TestCase) -> Result<Vec<Value>, DriveError> {
        let (wanted, limit) = (test.responses.len(), self.replay.settings.api_timeout);
        let assets = &self.replay.shared.assets;
        let blob = |blob: &document::Blob| assets.open(blob).map(Into::into).map_err(std::io::Error::other);
        let request = self.replay.shared.pool().bindings.to_live(&test.request);
        let driven = drive.exchange(request.to_cbor(), wanted, limit, &blob).await?;
        let mut open = self.open.borrow_mut();
        let is_last = self.last.get(test.connection.as_str()) == Some(&test.name.as_str());
        if !is_last && open.len() < Self::MOST {
            open.insert(test.connection.clone(), drive);
        }
        decoded(&driven)
    }
}

fn decoded(driven: &Driven) -> Result<Vec<Value>, DriveError> {
    let read = |(cbor, _): &(Vec<u8>, u64)| {
        Value::from_cbor(cbor).map_err(|error| DriveError::Guest(Failure::Trap(error.to_string())))
    };
    driven.responses.iter().map(read).collect()
}

/// Does a mock stay usable however often it was?
pub(crate) fn is_used_up(mock: &Mock) -> bool {
    mock.lifetime == Lifetime::Test && mock.unreachable.is_none()
}
