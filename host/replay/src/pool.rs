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
use std::collections::{BTreeMap, HashMap, HashSet};

use document::{Hash, Noise, Value, hash};
use matcher::{Bindings, Explained, Kind, Moment, Trial};
use store::{Lifetime, Mock};

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
}

/// What a live request asks for.
pub(crate) struct Asked<'a> {
    pub destination: &'a str,
    pub protocol: &'a str,
    pub class: &'a str,
    /// In the form that is compared, with recorded values in the place of live ones.
    pub request: &'a Value,
    /// When, by the application's clock.
    pub at: u64,
    /// By how much that clock was moved just now: a background job may have looked at it before.
    pub moved: u64,
}

/// A recorded call, ready to be compared.
pub(crate) struct Recorded {
    pub mock: Mock,
    /// The request in the form that is compared: canonical, noise stripped.
    pub request: Value,
    /// The tests that it may belong to, in order. Empty: to none, it is background.
    pub tests: Vec<usize>,
    pub claimed_by: Option<Claimer>,
    /// How often it was the answer.
    pub claims: usize,
    /// Rules of its own, by which it is found instead.
    own: Option<Noise>,
    /// Equal for calls that differ in values only.
    shape: Hash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimer {
    Test(usize),
    Background,
}

type Key = (String, String, Hash);

/// (destination, protocol, class)
type ClassKey = (String, String, String);

/// The destination of a mock that has none.
const ANYWHERE: &str = "";

/// All calls of a test set.
pub(crate) struct Pool {
    pub calls: Vec<Recorded>,
    aliases: Aliases,
    /// (destination, protocol, hash) -> calls, in recorded order.
    by_content: HashMap<Key, Vec<usize>>,
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
    /// Classes of tests, and the shapes of calls that many of them make.
    typical: HashSet<(String, Hash)>,
    /// (destination, protocol, shape) -> calls of the background; while learning, that may be.
    of_background: HashMap<Key, Vec<usize>>,
    /// What was first claimed while it ran, background included.
    made: Vec<Vec<usize>>,
    /// The test that is running, or the last one that did.
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
            typical: HashSet::new(),
            of_background: HashMap::new(),
            made: vec![Vec::new(); tests],
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
            if self.lesson.is_some() {
                let class = (destination.clone(), mock.kind.clone(), mock.class.clone());
                self.by_class.entry(class).or_default().push(index);
            }
            if own.is_some() {
                self.noisy.entry((destination.clone(), mock.kind.clone())).or_default().push(index);
            }
            if own.is_none() {
                self.by_content.entry((destination, mock.kind.clone(), hash)).or_default().push(index);
            }
        }
        let shape = matcher::shape(&request);
        self.calls.push(Recorded { mock, request, tests: Vec::new(), claimed_by: None, claims: 0, own, shape });
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

    /// `crowd`: the tests among which it is open who made which call.
    pub fn place(&mut self, test: usize, window: (u64, u64), crowd: Option<usize>) {
        self.windows[test] = window;
        self.crowds[test] = crowd;
    }

    pub fn begin(&mut self, test: usize) {
        self.current = Some(test);
    }

    /// What was recorded for a destination. Keploy's mocks do not say where they went: they stand for any.
    pub fn protocols(&self, destination: &str) -> Option<&Vec<String>> {
        self.protocols.get(&self.aliases.of(destination)).or_else(|| self.protocols.get(ANYWHERE))
    }

    /// Destinations of which the recording has nothing but failed attempts.
    pub fn out_of_reach(&self) -> &[(String, u16, String)] {
        &self.out_of_reach
    }

    /// Everything is mapped: which kinds of tests make which calls? `classes`: of the tests, in order.
    pub fn note_habits(&mut self, classes: Vec<String>) {
        /// One of so many tests of a class makes it often: others may be refused before.
        const OFTEN: usize = 4;
        let mut tests: HashMap<&str, usize> = HashMap::new();
        let mut calls: HashMap<(&str, Hash), usize> = HashMap::new();
        for (class, own) in classes.iter().zip(&self.of_test) {
            *tests.entry(class).or_default() += 1;
            let shapes: HashSet<Hash> = own.iter().map(|call| self.calls[*call].shape).collect();
            shapes.into_iter().for_each(|shape| *calls.entry((class, shape)).or_default() += 1);
        }
        let often = calls.into_iter().filter(|((class, _), count)| count * OFTEN >= tests[class]);
        self.typical = often.map(|((class, shape), _)| (class.to_owned(), shape)).collect();
        self.classes = classes;
        for (n, call) in self.calls.iter().enumerate() {
            let Recorded { mock, tests, shape, .. } = call;
            let may_be = tests.is_empty() || self.lesson.is_some();
            if may_be && mock.lifetime == Lifetime::Test && mock.unreachable.is_none() {
                let key = (self.aliases.of(&mock.destination), mock.kind.clone(), *shape);
                self.of_background.entry(key).or_default().push(n);
            }
        }
    }

    /// All calls are added: what was reached at some time is not out of reach.
    pub fn complete(&mut self) {
        let (protocols, aliases) = (&self.protocols, &self.aliases);
        self.out_of_reach.retain(|(host, port, _)| !protocols.contains_key(&aliases.of(&format!("{host}:{port}"))));
        self.out_of_reach.sort();
        self.out_of_reach.dedup_by(|a, b| (&a.0, a.1) == (&b.0, b.1));
    }

    /// The call that answers this request, claimed.
    pub fn claim(&mut self, asked: &Asked<'_>, forms: &Forms) -> Option<usize> {
        let hash = forms.hash(asked.protocol, asked.class, asked.request);
        let destination = self.aliases.of(asked.destination);
        let key = (destination, asked.protocol.to_owned(), hash);
        let anywhere = (ANYWHERE.to_owned(), key.1.clone(), hash);
        let calls = [&key, &anywhere].into_iter().filter_map(|key| self.by_content.get(key));
        let mut equal: Vec<usize> = calls.flatten().copied().collect();
        if let Some(noisy) = self.noisy.get(&(key.0.clone(), key.1.clone())) {
            let fits = |call: &&usize| {
                let recorded = &self.calls[**call];
                recorded.own.as_ref().is_some_and(|own| own.hash(&recorded.request) == own.hash(asked.request))
            };
            equal.extend(noisy.iter().filter(fits));
        }
        equal.sort_unstable();
        let (call, fit) = self
            .first_that_fits(&equal, asked, forms)
            .or_else(|| self.most_alike((key.0.clone(), key.1.clone(), asked.class.to_owned()), asked, forms))
            .or_else(|| Some((self.stand_in(&key.0, asked)?, Fit::default())))?;
        self.take(call, fit);
        Some(call)
    }

    fn take(&mut self, call: usize, fit: Fit) {
        let recorded = &mut self.calls[call];
        recorded.claims += 1;
        self.bindings.accept(fit.bindings);
        if let Some(lesson) = &mut self.lesson {
            lesson.call(&recorded.mock, fit.explained);
        }
        if recorded.mock.lifetime == Lifetime::Test && recorded.claimed_by.is_none() {
            if let Some(test) = self.current {
                self.made[test].push(call);
            }
            recorded.claimed_by = Some(match self.current {
                Some(test) if !recorded.tests.is_empty() => Claimer::Test(test),
                _ => Claimer::Background,
            });
        }
    }

    /// Of those with the same hash, the first that it may be.
    fn first_that_fits(&self, equal: &[usize], asked: &Asked<'_>, forms: &Forms) -> Option<(usize, Fit)> {
        self.tiers(equal).flatten().find_map(|call| self.fit(call, asked, forms).map(|fit| (call, fit)))
    }

    /// Of those of the same class, the one that has to be explained least; a test's own before others.
    fn most_alike(&self, class: ClassKey, asked: &Asked<'_>, forms: &Forms) -> Option<(usize, Fit)> {
        /// Comparing costs: so many are looked at.
        const MOST: usize = 256;
        let alike = self.by_class.get(&class)?;
        let best = |tier: Vec<usize>| {
            let fits = tier.into_iter().take(MOST).filter_map(|call| Some((call, self.fit(call, asked, forms)?)));
            fits.min_by_key(|(_, fit)| fit.cost())
        };
        self.tiers(alike).find_map(best)
    }

    /// What the background asks with other values than ever recorded (a job that was ordered as the recording ended) is
    /// answered as its like was: it is nobody's, and has to go on. Not what tests like the current one ask.
    fn stand_in(&self, destination: &str, asked: &Asked<'_>) -> Option<usize> {
        let shape = matcher::shape(asked.request);
        let is_typical = self.current.is_some_and(|test| self.typical.contains(&(self.classes[test].clone(), shape)));
        let alike = self.of_background.get(&(destination.to_owned(), asked.protocol.to_owned(), shape))?;
        alike.last().copied().filter(|_| !is_typical)
    }

    /// May this recorded call be what is asked for?
    fn fit(&self, call: usize, asked: &Asked<'_>, forms: &Forms) -> Option<Fit> {
        let recorded = &self.calls[call];
        if recorded.own.is_some() || recorded.request == *asked.request {
            return Some(Fit::default());
        }
        // What comes round again has other values each time.
        let mut trial = if recorded.claimed_by.is_some() { Trial::free() } else { Trial::new(&self.bindings) };
        let (class, documents) = ((asked.protocol, asked.class), (&recorded.request, asked.request));
        let compared = forms.compare_requests(class, documents, self.moment(recorded, asked), &mut trial);
        let bindings = trial.into_new();
        compared.differences.is_empty().then_some(Fit { explained: compared.explained, bindings })
    }

    fn moment(&self, recorded: &Recorded, asked: &Asked<'_>) -> Moment {
        let longest = recorded.tests.iter().map(|test| self.windows[*test].1 - self.windows[*test].0).max();
        Moment { recorded: recorded.mock.started, live: asked.at, slack: SLACK + longest.unwrap_or(asked.moved) }
    }

    /// Those of `calls`, which are sorted, that may be claimed now, in the order in which they are.
    fn tiers(&self, calls: &[usize]) -> impl Iterator<Item = Vec<usize>> {
        [Self::own, Self::shared, Self::just_asked, Self::of_others, Self::anybodys, Self::again]
            .into_iter()
            .map(move |tier| tier(self, calls))
    }

    /// The unclaimed ones of the current test.
    fn own(&self, calls: &[usize]) -> Vec<usize> {
        let Some(test) = self.current else { return Vec::new() };
        let free = |call: &usize| self.calls[*call].claimed_by.is_none() && calls.binary_search(call).is_ok();
        self.of_test[test].iter().copied().filter(free).collect()
    }

    /// What is the background's, and what is the crowd's, nearest to the current test first. Which comes first depends on
    /// whether tests like the current one usually make such calls.
    fn of_others(&self, calls: &[usize]) -> Vec<usize> {
        let (background, again) = self.background(calls);
        let crowd = self.of_the_crowd(calls);
        if self.is_typical(calls) {
            return crowd.into_iter().chain(background).chain(again).collect();
        }
        background.into_iter().chain(again).chain(crowd).collect()
    }

    /// A poller asks what the current test has asked: whoever came first, both see what the test saw.
    fn just_asked(&self, calls: &[usize]) -> Vec<usize> {
        let asked = |call: &usize| self.calls[*call].claimed_by == self.current.map(Claimer::Test);
        let is_background = calls.iter().any(|call| self.calls[*call].tests.is_empty());
        calls.iter().copied().filter(|call| is_background && asked(call)).collect()
    }

    fn is_typical(&self, calls: &[usize]) -> bool {
        let (Some(test), Some(call)) = (self.current, calls.first()) else { return false };
        self.typical.contains(&(self.classes[test].clone(), self.calls[*call].shape))
    }

    /// The unclaimed ones of tests in the same crowd, those first that were made nearest to the current test.
    fn of_the_crowd(&self, calls: &[usize]) -> Vec<usize> {
        let Some(crowd) = self.current.and_then(|current| self.crowds[current]) else { return Vec::new() };
        let is_theirs = |call: &usize| {
            let recorded = &self.calls[*call];
            recorded.claimed_by.is_none() && recorded.tests.iter().any(|test| self.crowds[*test] == Some(crowd))
        };
        let (started, ended) = self.current.map_or((0, 0), |current| self.windows[current]);
        let distance = |call: &usize| {
            let at = self.calls[*call].mock.started;
            started.saturating_sub(at) + at.saturating_sub(ended)
        };
        let mut theirs: Vec<usize> = calls.iter().copied().filter(is_theirs).collect();
        theirs.sort_by_key(distance);
        theirs
    }

    /// While learning, what nobody has claimed.
    fn anybodys(&self, calls: &[usize]) -> Vec<usize> {
        let free = |call: &usize| self.lesson.is_some() && self.calls[*call].claimed_by.is_none();
        calls.iter().copied().filter(free).collect()
    }

    /// While learning, what a test may own is still open: it may be the background's.
    fn again(&self, calls: &[usize]) -> Vec<usize> {
        let claimed = |call: &usize| self.lesson.is_some() && self.calls[*call].claimed_by.is_some();
        calls.iter().rev().copied().filter(claimed).collect()
    }

    /// What any connection may ask any time.
    fn shared(&self, calls: &[usize]) -> Vec<usize> {
        calls.iter().copied().filter(|call| self.calls[*call].mock.lifetime != Lifetime::Test).collect()
    }

    /// Calls of no test: the unclaimed ones; and, since jobs come round, the claimed ones. Of those the first are such as were
    /// answered as most are (`nothing new`), the last of them first: an order must not be taken twice.
    fn background(&self, calls: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let of_none = |call: &usize| {
            let recorded = &self.calls[*call];
            recorded.mock.lifetime == Lifetime::Test && recorded.tests.is_empty()
        };
        let (free, mut claimed): (Vec<usize>, Vec<usize>) =
            calls.iter().copied().filter(of_none).partition(|call| self.calls[*call].claimed_by.is_none());
        let said = |call: &usize| self.calls[*call].mock.responses.first().map(|response| hash(&response.body));
        let mut times: HashMap<Option<Hash>, usize> = HashMap::new();
        claimed.iter().for_each(|call| *times.entry(said(call)).or_default() += 1);
        claimed.reverse();
        claimed.sort_by_key(|call| std::cmp::Reverse(times[&said(call)]));
        (free, claimed)
    }

    pub fn note_additional(&mut self, additional: Additional) {
        self.additional.entry(self.current).or_default().push(additional);
    }
    pub fn note_trouble(&mut self, trouble: String) {
        self.troubles.push((self.current, trouble));
    }

    /// What a test, or (none) nobody, asked for in vain.
    pub fn additional(&self, test: Option<usize>) -> &[Additional] {
        self.additional.get(&test).map_or(&[], Vec::as_slice)
    }

    /// Does the current test still have calls to make that are only its own?
    pub fn awaits_calls(&self) -> bool {
        let Some(test) = self.current else { return false };
        self.of_test[test].iter().any(|call| {
            let recorded = &self.calls[*call];
            recorded.claimed_by.is_none() && recorded.tests.len() == 1
        })
    }

    /// Until when an answer has to wait: who asks may be ahead, and should not see a job that is yet to come. Answers that
    /// were waited for are not given before the replay has come to where they were recorded.
    pub fn held_until(&self, call: usize) -> Option<u64> {
        const BLOCKED: u64 = 50_000_000;
        let Recorded { mock, tests, .. } = &self.calls[call];
        let blocked = mock.ended.saturating_sub(mock.started) >= BLOCKED;
        let at = if blocked { mock.ended } else { mock.started };
        // Starting up need not take as long as it did.
        let first = self.windows.first().map_or(0, |window| window.0);
        let reached = match self.current {
            Some(test) if !tests.is_empty() => self.windows[test].1,
            _ => first,
        };
        (mock.lifetime == Lifetime::Test && at > reached).then_some(at)
    }

    /// What was first claimed while this test ran.
    pub fn made_during(&self, test: usize) -> &[usize] {
        &self.made[test]
    }

    /// The calls that a test may claim.
    pub fn calls_of(&self, test: usize) -> &[usize] {
        &self.of_test[test]
    }

    /// Is it open who made which of this test's calls?
    pub fn is_open(&self) -> bool {
        self.current.is_some_and(|test| self.crowds[test].is_some())
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
mod tests {
    use super::*;

    /// Calls to one destination; `tests` are those that may have made each.
    fn pool(calls: &[(&str, Lifetime, &[usize])], tests: usize) -> Pool {
        let mut pool = Pool::new(tests, Aliases::default(), false);
        for (n, (request, lifetime, _)) in calls.iter().enumerate() {
            let request = Value::from(*request);
            let (kind, destination, started) = ("Line".to_owned(), "kv.test:7070".to_owned(), n as u64);
            let mock = Mock { kind, destination, started, lifetime: *lifetime, ..Mock::default() };
            let hash = document::hash(&request);
            pool.add(mock, request, hash, None);
        }
        for test in 0..tests {
            let of_test = calls.iter().enumerate().filter(|(_, (_, _, tests))| tests.contains(&test));
            pool.map(test, of_test.map(|(n, _)| n).collect::<Vec<_>>());
        }
        pool
    }
    fn ask(pool: &mut Pool, request: &str) -> Option<usize> {
        let (destination, protocol, class, request) = ("kv.test:7070", "Line", "", &Value::from(request));
        pool.claim(&Asked { destination, protocol, class, request, at: 0, moved: 0 }, &Forms::plain())
    }
    use Lifetime::{Session, Test};

    #[test]
    fn a_test_gets_its_own_in_order_and_each_once() {
        let mut pool = pool(&[("GET a", Test, &[0]), ("GET a", Test, &[1]), ("GET a", Test, &[0])], 2);
        pool.begin(0);
        assert_eq!(
            [ask(&mut pool, "GET a"), ask(&mut pool, "GET a"), ask(&mut pool, "GET a")],
            [Some(0), Some(2), None]
        );
        pool.begin(1);
        assert_eq!([ask(&mut pool, "GET a"), ask(&mut pool, "GET b")], [Some(1), None]);
    }

    #[test]
    fn what_any_connection_may_ask_is_never_used_up() {
        let mut pool = pool(&[("PING", Session, &[])], 1);
        assert_eq!([ask(&mut pool, "PING"), ask(&mut pool, "PING")], [Some(0), Some(0)]);
    }

    #[test]
    fn background_calls_come_round_and_cost_no_test_anything() {
        let mut pool = pool(&[("POLL", Test, &[]), ("POLL", Test, &[])], 1);
        pool.begin(0);
        let asked: Vec<_> = (0..3).map(|_| ask(&mut pool, "POLL")).collect();
        assert_eq!(asked, [Some(0), Some(1), Some(1)]);
        assert!(pool.additional(Some(0)).is_empty() && pool.calls_of(0).is_empty());
    }

    #[test]
    fn a_crowd_shares_what_it_has_and_others_do_not() {
        let calls: &[(&str, Lifetime, &[usize])] =
            &[("GET a", Test, &[0]), ("GET a", Test, &[1]), ("GET a", Test, &[2])];
        let mut pool = pool(calls, 3);
        for (test, crowd) in [Some(1), Some(1), None].into_iter().enumerate() {
            pool.place(test, (test as u64, test as u64), crowd);
        }
        pool.begin(0);
        let asked: Vec<_> = (0..3).map(|_| ask(&mut pool, "GET a")).collect();
        assert_eq!(asked, [Some(0), Some(1), None], "the third is of a test whose calls are settled");
        assert_eq!(pool.calls[1].claimed_by, Some(Claimer::Test(0)));
    }

    #[test]
    fn a_mock_without_a_destination_stands_for_any() {
        let mut pool = Pool::new(1, Aliases::default(), false);
        let request = Value::from("GET a");
        let mock = Mock { kind: "Line".to_owned(), ..Mock::default() };
        pool.add(mock, request.clone(), document::hash(&request), None);
        assert_eq!(ask(&mut pool, "GET a"), Some(0));
        assert_eq!(pool.protocols("somewhere:1").map(Vec::len), Some(1));
    }
}
