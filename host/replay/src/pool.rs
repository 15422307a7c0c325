//! The recorded calls, and who may have them.
//!
//! A live request is brought into the form that is compared, hashed, and looked up. Of the recorded calls that it may be
//! (equal but for what the matchers of its class allow), the current test gets the first unclaimed one of its own, in the
//! order of its mapping. Calls of no test (start-up, background jobs) are a set of their own; what any connection may ask
//! any time is never used up.
//!
//! While it is open which of several overlapping tests made a call, those tests share what they have: a test that finds
//! nothing of its own gets the nearest equal call of its crowd. Together they must make exactly the calls that were
//! recorded; which of two equal ones was whose, replays settle, and then each has its own.
//!
//! While learning, a request that finds nothing equal gets the recorded call of its class that differs least from it, if
//! every difference is of a kind that differs from run to run.
mod habits;
mod tiers;

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
    ops::Range,
};

use document::{Hash, Noise, Value};
use matcher::{Bindings, Explained, Kind, Moment, Tokens, Trial};
use store::{Lifetime, Mock, TestCase};

use self::habits::Habits;
use crate::{aliases::Aliases, forms::Forms, lesson::Lesson, replay::SLACK};

/// A call that the application made and that nothing recorded matches.
#[derive(Clone, Debug)]
pub(crate) struct Additional {
    pub protocol: String,
    pub destination: String,
    pub class: String,
    pub summary: String,
    /// In the form that is compared.
    pub request: Value,
    /// As it was sent, with recorded values in the place of live ones.
    pub live: Value,
    /// When, by the application's clock.
    pub at: u64,
    /// What drivers and pools do on their own, they may do more often than when recorded: alone it fails no test.
    pub by_driver: bool,
    /// The connection's number.
    pub connection: u64,
}

/// What a live request asks for.
pub(crate) struct Asked<'a> {
    /// The connection's number.
    pub connection: u64,
    /// As in [`Additional`].
    pub by_driver: bool,
    pub destination: &'a str,
    pub protocol: &'a str,
    pub class: &'a str,
    /// In the form that is compared, with recorded values in the place of live ones.
    pub request: &'a Value,
    /// When, by the application's clock.
    pub at: u64,
    /// By how much that clock was moved just now: a background job may have looked at it before.
    pub moved: u64,
    /// Up to where the recording was replayed.
    pub reached: u64,
}

/// A recorded call, ready to be compared.
pub(crate) struct Recorded {
    pub mock: Mock,
    /// The request in the form that is compared: canonical, noise stripped.
    pub request: Value,
    /// The tests that it may belong to, in order. Empty: to none, it is background.
    pub tests: Vec<usize>,
    /// Its thread, or a trace, has shown whose it is.
    pub is_witnessed: bool,
    pub claimed_by: Option<Claimer>,
    /// How often it was the answer.
    pub claims: usize,
    /// Equal for equal requests, but for what may differ.
    key: Hash,
    /// Rules of its own, by which it is found instead.
    own: Option<Noise>,
    shape: OnceCell<Hash>,
    said: OnceCell<Option<Hash>>,
    answered: OnceCell<Tokens>,
}

impl Recorded {
    /// Equal for calls that differ in values only.
    fn shape(&self) -> Hash {
        *self.shape.get_or_init(|| matcher::shape(&self.request))
    }

    /// The values of its answers.
    fn answered(&self) -> &Tokens {
        self.answered.get_or_init(|| Tokens::of(self.mock.responses.iter().map(|response| &response.body)))
    }

    /// Its first answer, but for the times in it.
    fn said(&self) -> Option<Hash> {
        *self.said.get_or_init(|| self.mock.responses.first().map(|response| matcher::timeless(&response.body)))
    }

    /// Did its answer take long, as that of a queue does?
    fn was_waited_for(&self) -> bool {
        const LONG: u64 = 50_000_000;
        self.mock.ended.saturating_sub(self.mock.started) >= LONG
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimer {
    Test(usize),
    Background,
}

/// Hash -> calls, in recorded order.
type ByHash = HashMap<Hash, Vec<usize>, BuildHasherDefault<Hashed>>;

/// What is as evenly distributed as a [`Hash`] is not hashed again.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    /// Last come its bytes.
    fn write(&mut self, bytes: &[u8]) {
        if let Some((eight, _)) = bytes.split_first_chunk() {
            self.0 = u64::from_le_bytes(*eight);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// (destination, protocol, class)
type ClassKey = (String, String, String);

/// The destination of a mock that has none.
const ANYWHERE: &str = "";

/// All calls of a test set.
pub(crate) struct Pool {
    pub calls: Vec<Recorded>,
    aliases: Aliases,
    /// By destination, and by protocol.
    by_content: HashMap<String, HashMap<String, ByHash>>,
    /// The calls that differ may be learned from. Only while learning.
    by_class: HashMap<ClassKey, Vec<usize>>,
    /// Calls with noise rules of their own cannot be found by hash: (destination, protocol) -> calls.
    noisy: HashMap<(String, String), Vec<usize>>,
    protocols: HashMap<String, Vec<String>>,
    /// Destinations that were never reached: host, port, how.
    out_of_reach: Vec<(String, u16, String)>,
    /// Of each test, its calls in the order in which it claims them.
    of_test: Vec<Vec<usize>>,
    /// Of each test, its crowd: tests that overlapped, directly or by way of others. None: what it owns is settled.
    crowds: Vec<Option<usize>>,
    /// Of each test, when it was in flight.
    windows: Vec<(u64, u64)>,
    /// Of each test, its class.
    classes: Vec<String>,
    /// Of each test, the values of its answers. Only where there is a background, or while learning.
    answers: Vec<Tokens>,
    has_background: OnceCell<bool>,
    habits: OnceCell<Habits>,
    /// Of calls of one shape that tests were waited for: how many came, and how many did not.
    waits: HashMap<Hash, (usize, usize)>,
    /// What the background asks: destination, and request but for what may differ.
    asked_by_the_background: OnceCell<HashSet<(String, Hash)>>,
    /// Of a recorded connection, the live one that gets what may be asked on one like it.
    bound: HashMap<String, u64>,
    /// The live connection that asks.
    asking: u64,
    /// What was answered as its like: mocks, and how often.
    stood_in: BTreeMap<usize, usize>,
    /// What was first claimed while it ran, background included.
    made: Vec<Vec<usize>>,
    /// All that was answered while it ran. Only while learning.
    used: Vec<Vec<usize>>,
    /// The tests that are running, or the last ones that did.
    running: Vec<usize>,
    /// Of those, the one whose request is looked up, as far as that can be told.
    current: Option<usize>,
    additional: BTreeMap<Option<usize>, Vec<Additional>>,
    /// What was said of connections that could not be answered at all.
    pub troubles: Vec<(Option<usize>, String)>,
    /// What stands for what, so far.
    pub bindings: Bindings,
    /// What was seen while learning.
    pub lesson: Option<Lesson>,
}

/// Why a recorded call is the one that was asked for.
#[derive(Default)]
struct Fit {
    explained: Vec<Explained>,
    bindings: Vec<(String, String)>,
}

impl Fit {
    /// How much had to be explained; numbers explain too easily.
    fn cost(&self) -> usize {
        let cost = |found: &Explained| if matches!(found.kind, Kind::Number { .. }) { 4 } else { 1 };
        self.explained.iter().map(cost).sum()
    }
}

impl Pool {
    pub fn new(tests: usize, aliases: Aliases, learns: bool) -> Self {
        Self {
            calls: Vec::new(),
            aliases,
            by_content: HashMap::new(),
            by_class: HashMap::new(),
            noisy: HashMap::new(),
            protocols: HashMap::new(),
            out_of_reach: Vec::new(),
            of_test: vec![Vec::new(); tests],
            crowds: vec![None; tests],
            windows: vec![(0, 0); tests],
            classes: vec![String::new(); tests],
            answers: (0..tests).map(|_| Tokens::default()).collect(),
            has_background: OnceCell::new(),
            habits: OnceCell::new(),
            waits: HashMap::new(),
            asked_by_the_background: OnceCell::new(),
            bound: HashMap::new(),
            asking: 0,
            stood_in: BTreeMap::new(),
            made: vec![Vec::new(); tests],
            used: vec![Vec::new(); tests],
            running: Vec::new(),
            current: None,
            additional: BTreeMap::new(),
            troubles: Vec::new(),
            bindings: Bindings::default(),
            lesson: learns.then(Lesson::default),
        }
    }

    /// Adds a call whose request was brought into the form that is compared; `own` are the mock's own rules.
    pub fn add(&mut self, mock: Mock, request: Value, hash: Hash, own: Option<Noise>) {
        let index = self.calls.len();
        if let Some(how) = &mock.unreachable {
            if let Some((host, port)) = split(&mock.destination) {
                self.out_of_reach.push((host, port, how.clone()));
            }
        } else {
            let destination = self.aliases.of(&mock.destination);
            let protocols = self.protocols.entry(destination.clone()).or_default();
            if !protocols.contains(&mock.kind) {
                protocols.push(mock.kind.clone());
            }
            if own.is_some() {
                // Found by its own rules, which say nothing of what else could be told of it.
                self.noisy.entry((destination, mock.kind.clone())).or_default().push(index);
            } else {
                if self.lesson.is_some() {
                    let class = (destination.clone(), mock.kind.clone(), mock.class.clone());
                    self.by_class.entry(class).or_default().push(index);
                }
                let protocols = self.by_content.entry(destination).or_default();
                if !protocols.contains_key(&mock.kind) {
                    protocols.insert(mock.kind.clone(), ByHash::default());
                }
                let calls = protocols.get_mut(&mock.kind).expect("it is there now");
                // Of a large recording, nearly all are one of a kind.
                calls.entry(hash).or_insert_with(|| Vec::with_capacity(1)).push(index);
            }
        }
        let (tests, shape, said, answered) = (Vec::new(), OnceCell::new(), OnceCell::new(), OnceCell::new());
        let (key, claimed_by, claims) = (hash, None, 0);
        let is_witnessed = false;
        self.calls.push(Recorded {
            mock,
            request,
            tests,
            is_witnessed,
            claimed_by,
            claims,
            key,
            own,
            shape,
            said,
            answered,
        });
    }

    /// Says which calls a test may claim, in that order. Tests are numbered in the order in which they run.
    pub fn map(&mut self, test: usize, calls: impl IntoIterator<Item = usize>) {
        for call in calls {
            if self.calls[call].mock.lifetime == Lifetime::Test {
                self.calls[call].tests.push(test);
                self.of_test[test].push(call);
            }
        }
    }

    /// Were calls made that are no test's, beside those of starting up?
    fn has_background(&self) -> bool {
        *self.has_background.get_or_init(|| {
            let is_of_none = |call: &Recorded| call.mock.lifetime == Lifetime::Test && call.tests.is_empty();
            self.calls.iter().any(|call| is_of_none(call) && call.mock.started >= self.began())
        })
    }

    /// When the first test did: starting up need not take as long as it took.
    fn began(&self) -> u64 {
        self.windows.first().map_or(0, |window| window.0)
    }

    /// `crowd`: the tests among which it is open who made which call.
    pub fn place(&mut self, test: usize, case: &TestCase, crowd: Option<usize>) {
        self.windows[test] = (case.started, case.ended);
        self.classes[test].clone_from(&case.class);
        self.crowds[test] = crowd;
        if self.lesson.is_some() || self.has_background() {
            self.answers[test] = Tokens::of(case.responses.iter().map(|response| &response.body));
        }
    }

    /// These tests run now, until others begin.
    pub fn begin(&mut self, tests: Range<usize>) {
        self.running = tests.collect();
        self.current = self.running.first().copied();
    }

    /// What was recorded for a destination. Keploy's mocks do not say where they went: they stand for any.
    pub fn protocols(&self, destination: &str) -> Option<&Vec<String>> {
        self.protocols.get(&self.aliases.of(destination)).or_else(|| self.protocols.get(ANYWHERE))
    }

    /// May these be two names of one machine's port?
    pub fn is_same_destination(&self, one: &str, other: &str) -> bool {
        self.aliases.of(one) == self.aliases.of(other)
    }

    /// Destinations of which the recording has nothing but failed attempts.
    pub fn out_of_reach(&self) -> &[(String, u16, String)] {
        &self.out_of_reach
    }

    /// All calls are added: what was reached at some time is not out of reach.
    pub fn complete(&mut self) {
        let (protocols, aliases) = (&self.protocols, &self.aliases);
        self.out_of_reach.retain(|(host, port, _)| !protocols.contains_key(&aliases.of(&format!("{host}:{port}"))));
        self.out_of_reach.sort();
        self.out_of_reach.dedup_by(|a, b| (&a.0, a.1) == (&b.0, b.1));
    }

    /// The call that answers this request, claimed; and the test that seems to ask.
    pub fn claim(&mut self, asked: &Asked<'_>, forms: &Forms) -> (Option<usize>, Option<usize>) {
        self.asking = asked.connection;
        let found = self.find(asked, forms);
        if let Some((call, fit)) = found {
            self.take(call, fit);
            self.forget_questions(asked);
            return (Some(call), self.current);
        }
        (None, self.current)
    }

    /// What was asked before it was certain that this is all, and not found, has been found now.
    fn forget_questions(&mut self, asked: &Asked<'_>) {
        if let Some(additional) = self.additional.get_mut(&self.current) {
            let is_such = |made: &Additional| {
                (made.connection, made.protocol.as_str(), made.class.as_str())
                    == (asked.connection, asked.protocol, asked.class)
            };
            additional.retain(|made| !made.by_driver || !is_such(made));
        }
    }

    fn find(&mut self, asked: &Asked<'_>, forms: &Forms) -> Option<(usize, Fit)> {
        let hash = forms.hash(asked.protocol, asked.class, asked.request);
        let destination = self.aliases.of(asked.destination);
        let protocols = [&destination, ANYWHERE].into_iter().filter_map(|destination| self.by_content.get(destination));
        let calls = protocols.filter_map(|protocols| protocols.get(asked.protocol)?.get(&hash));
        let mut equal: Vec<usize> = calls.flatten().copied().collect();
        if let Some(noisy) = self.noisy.get(&(destination.clone(), asked.protocol.to_owned())) {
            let fits = |call: &&usize| {
                let recorded = &self.calls[**call];
                recorded.own.as_ref().is_some_and(|own| own.hash(&recorded.request) == own.hash(asked.request))
            };
            equal.extend(noisy.iter().filter(fits));
        }
        equal.sort_unstable();
        self.current = self.asker(&equal, asked.class);
        self.first_that_fits(&equal, asked, forms).or_else(|| self.most_alike(&destination, asked, forms)).or_else(
            || {
                let call = self.stand_in(&destination, asked)?;
                *self.stood_in.entry(call).or_default() += 1;
                Some((call, Fit::default()))
            },
        )
    }

    /// Of the running tests, the one that has such a call to make, or else one of this class.
    fn asker(&self, equal: &[usize], class: &str) -> Option<usize> {
        let [_, _, ..] = self.running[..] else { return self.running.first().copied() };
        let free = |call: &&usize| self.calls[**call].claimed_by.is_none();
        let has_equal =
            |test: &&usize| self.of_test[**test].iter().filter(|n| equal.binary_search(n).is_ok()).any(|n| free(&n));
        let is_of_class = |call: &usize| self.calls[*call].mock.class == class;
        let has_of_class = |test: &&usize| self.of_test[**test].iter().filter(free).any(is_of_class);
        let running = || self.running.iter();
        running().find(has_equal).or_else(|| running().find(has_of_class)).or_else(|| running().next()).copied()
    }

    fn take(&mut self, call: usize, fit: Fit) {
        let is_own = |test: usize| self.calls[call].tests.contains(&test);
        let is_an_order = self.lesson.is_some() && self.is_of_a_queue(call) && !self.current.is_some_and(is_own);
        let is_a_workers = is_an_order && self.takes_from_a_queue(call);
        let recorded = &mut self.calls[call];
        recorded.claims += 1;
        if recorded.mock.lifetime == Lifetime::Connection && !recorded.mock.connection.is_empty() {
            self.bound.entry(recorded.mock.connection.clone()).or_insert(self.asking);
        }
        self.bindings.accept(fit.bindings);
        if let Some(lesson) = &mut self.lesson {
            lesson.call(&recorded.mock, fit.explained);
            if is_an_order {
                lesson.taken_by_a_worker(&recorded.mock, is_a_workers);
            }
            if let Some(test) = self.current.filter(|_| !is_a_workers) {
                self.used[test].push(call);
            }
        }
        if recorded.mock.lifetime == Lifetime::Test && recorded.claimed_by.is_none() {
            let test = self.current.filter(|_| !is_a_workers);
            if let Some(test) = test {
                self.made[test].push(call);
            }
            recorded.claimed_by = Some(match test {
                Some(test) if !recorded.tests.is_empty() => Claimer::Test(test),
                _ => Claimer::Background,
            });
        }
    }

    /// Of those with the same hash, the first that it may be.
    fn first_that_fits(&self, equal: &[usize], asked: &Asked<'_>, forms: &Forms) -> Option<(usize, Fit)> {
        self.tiers(equal, asked.reached).flatten().find_map(|call| self.fit(call, asked, forms).map(|fit| (call, fit)))
    }

    /// Of those of the same class, the one that has to be explained least; a test's own before others.
    fn most_alike(&self, destination: &str, asked: &Asked<'_>, forms: &Forms) -> Option<(usize, Fit)> {
        /// Comparing costs: so many are looked at.
        const MOST: usize = 256;
        if self.by_class.is_empty() {
            return None;
        }
        let class = (destination.to_owned(), asked.protocol.to_owned(), asked.class.to_owned());
        let alike = self.by_class.get(&class)?;
        let best = |tier: Vec<usize>| {
            let fits = tier.into_iter().take(MOST).filter_map(|call| Some((call, self.fit(call, asked, forms)?)));
            fits.min_by_key(|(_, fit)| fit.cost())
        };
        self.tiers(alike, asked.reached).find_map(best)
    }

    /// May this recorded call be what is asked for?
    fn fit(&self, call: usize, asked: &Asked<'_>, forms: &Forms) -> Option<Fit> {
        let recorded = &self.calls[call];
        if recorded.own.is_some() || recorded.request == *asked.request {
            return Some(Fit::default());
        }
        // What comes round again has other values each time.
        let known = &self.bindings;
        let mut trial = if recorded.claimed_by.is_some() { Trial::free_of(known) } else { Trial::new(known) };
        let (class, documents) = ((asked.protocol, asked.class), (&recorded.request, asked.request));
        let compared = forms.compare_requests(class, documents, self.moment(recorded, asked), &mut trial);
        let bindings = trial.into_new();
        compared.differences.is_empty().then_some(Fit { explained: compared.explained, bindings })
    }

    fn moment(&self, recorded: &Recorded, asked: &Asked<'_>) -> Moment {
        let longest = recorded.tests.iter().map(|test| self.windows[*test].1 - self.windows[*test].0).max();
        Moment { recorded: recorded.mock.started, live: asked.at, slack: SLACK + longest.unwrap_or(asked.moved) }
    }

    pub fn note_additional(&mut self, test: Option<usize>, additional: Additional) {
        self.additional.entry(test).or_default().push(additional);
    }

    pub fn note_trouble(&mut self, trouble: String) {
        self.troubles.push((self.current, trouble));
    }

    /// What a test, or (none) nobody, asked for in vain.
    pub fn additional(&self, test: Option<usize>) -> &[Additional] {
        self.additional.get(&test).map_or(&[], Vec::as_slice)
    }

    /// The calls that the running tests still have to make, and that are only their own. While learning, not those of a kind
    /// that was mostly awaited in vain: it is the background's.
    pub fn awaited(&self) -> Vec<usize> {
        let is_hopeless = |call: usize| {
            let (came, missed) = self.waits.get(&self.calls[call].shape()).copied().unwrap_or_default();
            missed > 2 + 4 * came
        };
        let is_awaited = |call: &usize| {
            let recorded = &self.calls[*call];
            recorded.claimed_by.is_none() && recorded.tests.len() == 1 && (self.lesson.is_none() || !is_hopeless(*call))
        };
        self.running.iter().flat_map(|test| &self.of_test[*test]).copied().filter(is_awaited).collect()
    }

    /// Does any test have calls that nobody made?
    pub fn has_unclaimed(&self) -> bool {
        self.of_test.iter().flatten().any(|call| self.calls[*call].claimed_by.is_none())
    }

    /// These were awaited: some came. Only while learning is that of any use.
    pub fn note_awaited(&mut self, calls: &[usize]) {
        if self.lesson.is_none() {
            return;
        }
        for call in calls {
            let recorded = &self.calls[*call];
            let (came, missed) = self.waits.entry(recorded.shape()).or_default();
            *(if recorded.claimed_by.is_some() { came } else { missed }) += 1;
        }
    }

    /// How many tests from `first` on, `most` at the most, can run at the same time: they did when they were recorded, and
    /// none makes a call that another one makes, too.
    pub fn together(&self, first: usize, most: usize) -> usize {
        let can_be_told_apart = |test: usize| {
            let rules_of_its_own = |call: &usize| self.calls[*call].own.is_some();
            self.crowds[test].is_none() && !self.of_test[test].iter().any(rules_of_its_own)
        };
        if most < 2 || !can_be_told_apart(first) {
            return 1;
        }
        let keys = |test: usize| self.of_test[test].iter().map(|call| self.calls[*call].key);
        let mut taken: HashSet<Hash> = keys(first).collect();
        let mut until = self.windows[first].1;
        let mut joins = |test: &usize| {
            let joins = self.windows[*test].0 < until
                && can_be_told_apart(*test)
                && keys(*test).all(|key| !taken.contains(&key));
            taken.extend(keys(*test));
            until = until.min(self.windows[*test].1);
            joins
        };
        1 + (first + 1..self.windows.len()).take(most - 1).take_while(&mut joins).count()
    }

    /// Calls of the background with values that were never recorded, which were answered as this recorded one was, and how
    /// often.
    pub fn stood_in(&self) -> impl Iterator<Item = (&Mock, usize)> {
        self.stood_in.iter().map(|(call, times)| (&self.calls[*call].mock, *times))
    }

    /// Until when an answer has to wait: who asks may be ahead, and should not see a job that is yet to come. Answers that
    /// were waited for are not given before the replay has come to where they were recorded. What a test owns waits for
    /// nothing, unless that it does is still to be learned.
    pub fn held_until(&self, call: usize) -> Option<u64> {
        let Recorded { mock, tests, .. } = &self.calls[call];
        let at = if self.calls[call].was_waited_for() { mock.ended } else { mock.started };
        let reached = match self.current {
            _ if !tests.is_empty() && self.lesson.is_none() => return None,
            Some(test) if !tests.is_empty() => self.windows[test].1,
            _ => self.began(),
        };
        (mock.lifetime == Lifetime::Test && at > reached).then_some(at)
    }

    /// What was first claimed while this test ran.
    pub fn made_during(&self, test: usize) -> &[usize] {
        &self.made[test]
    }

    /// Does the background make equal calls? What starting up asks is not asked again.
    pub fn is_asked_by_the_background(&self, call: usize) -> bool {
        let key = |recorded: &Recorded| (self.aliases.of(&recorded.mock.destination), recorded.key);
        let asked = self.asked_by_the_background.get_or_init(|| {
            let of_none = |recorded: &&Recorded| recorded.tests.is_empty() && recorded.mock.started >= self.began();
            let once = |recorded: &&Recorded| recorded.mock.lifetime == Lifetime::Test;
            self.calls.iter().filter(of_none).filter(once).map(key).collect()
        });
        asked.contains(&key(&self.calls[call]))
    }

    /// Somebody saw whose these are.
    pub fn witness(&mut self, calls: impl IntoIterator<Item = usize>) {
        calls.into_iter().for_each(|call| self.calls[call].is_witnessed = true);
    }

    /// All that was answered while this test ran. Only while learning.
    pub fn used_during(&self, test: usize) -> &[usize] {
        &self.used[test]
    }

    /// The calls that a test may claim.
    pub fn calls_of(&self, test: usize) -> &[usize] {
        &self.of_test[test]
    }

    /// Is it open who made which of the running tests' calls?
    pub fn is_open(&self) -> bool {
        self.running.iter().any(|test| self.crowds[*test].is_some())
    }

    /// The recorded call that `wanted` is most like: same destination first, then same class, then by content.
    pub fn nearest(&self, wanted: &Additional, among: impl Iterator<Item = usize>) -> Option<(usize, u32)> {
        /// Comparing costs: so many of a class are looked at.
        const MOST: usize = 256;
        let destination = self.aliases.of(&wanted.destination);
        let alike = |call: &usize| {
            let mock = &self.calls[*call].mock;
            let same_kind = mock.unreachable.is_none() && mock.kind == wanted.protocol;
            same_kind && [ANYWHERE, &destination].contains(&self.aliases.of(&mock.destination).as_str())
        };
        let (same_class, others): (Vec<_>, Vec<_>) =
            among.filter(alike).partition(|call| self.calls[*call].mock.class == wanted.class);
        let rank = |call: usize| {
            let similar = document::similarity(&self.calls[call].request, &wanted.request, &Noise::default());
            (similar, std::cmp::Reverse(call))
        };
        let pick = |calls: Vec<usize>| {
            let ranked = calls.into_iter().take(MOST).map(|call| (rank(call).0, std::cmp::Reverse(call)));
            ranked.max().map(|(similar, call)| (call.0, similar))
        };
        pick(same_class).or_else(|| pick(others))
    }
}

/// `host:port`, brackets off.
fn split(destination: &str) -> Option<(String, u16)> {
    let (host, port) = destination.rsplit_once(':')?;
    Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests;
