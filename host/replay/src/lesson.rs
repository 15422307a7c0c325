//! What replays of unchanged code teach: which values differ though nothing has changed, and which call is whose.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use document::Hash;
use matcher::{Explained, Kind, Rule, Rules, Tokens, shape};
use store::{ClassMatchers, Flaky, Lifetime, MappedMock, Mapping, Matchers, Mock, TestCase, TestSet};

use crate::often::Times;

/// What one replay saw.
#[derive(Clone, Debug, Default)]
pub struct Lesson {
    tests: Vec<Seen>,
    calls: Vec<Seen>,
    /// Of each test, by name: the mocks that it claimed, in order.
    claims: BTreeMap<String, Vec<String>>,
    /// Of each test, by name: all mocks that were answers while it ran.
    used: BTreeMap<String, Vec<String>>,
    /// Mocks that a worker was given, it seems: the next of a queue.
    of_workers: BTreeSet<String>,
    /// All that a queue gave to others than those whose it was by the mappings.
    orders: BTreeSet<String>,
    /// Of each test that differed from the recording for no reason that can be learned: how.
    unexplained: BTreeMap<String, Vec<Unexplained>>,
}

/// Something that was otherwise than recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unexplained {
    pub words: String,
    /// The mock that nobody asked for, where that is all.
    pub missing: Option<String>,
}

/// What two replays of unchanged code say together.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    pub matchers: Matchers,
    pub mappings: Vec<Mapping>,
    /// Tests that came out otherwise than recorded, and not by chance: in both replays the same way.
    pub changed: BTreeMap<String, Vec<String>>,
}

/// A difference that has a reason.
#[derive(Clone, Debug)]
struct Seen {
    /// Kind and class, as in `matchers.yaml`.
    of: String,
    /// The test or the mock.
    name: String,
    what: Explained,
}

impl Lesson {
    /// Has it seen a number that was nearly the recorded one?
    pub fn may_count_seconds(&self) -> bool {
        self.tests.iter().any(|seen| matches!(seen.what.kind, Kind::Near(_)))
    }

    pub(crate) fn call(&mut self, mock: &Mock, explained: Vec<Explained>) {
        let of = format!("{} {}", mock.kind, mock.class);
        let seen = |what| Seen { of: of.clone(), name: mock.name.clone(), what };
        self.calls.extend(explained.into_iter().map(seen));
    }

    /// The next of a queue; `for_certain`: tests like the one that runs do not usually take from it.
    pub(crate) fn taken_by_a_worker(&mut self, mock: &Mock, for_certain: bool) {
        self.orders.insert(mock.name.clone());
        if for_certain {
            self.of_workers.insert(mock.name.clone());
        }
    }

    pub(crate) fn response(&mut self, test: &TestCase, explained: Vec<Explained>) {
        let of = format!("{} {}", test.kind, test.class);
        let seen = |what| Seen { of: of.clone(), name: test.name.clone(), what };
        self.tests.extend(explained.into_iter().map(seen));
    }

    pub(crate) fn claimed(&mut self, test: &str, mocks: Vec<String>, used: Vec<String>) {
        self.claims.insert(test.to_owned(), mocks);
        self.used.insert(test.to_owned(), used);
    }

    pub(crate) fn differs(&mut self, test: &str, how: Vec<Unexplained>) {
        self.unexplained.insert(test.to_owned(), how);
    }
}

/// Combines two replays of `set`.
pub fn learn(set: &TestSet, first: &Lesson, second: &Lesson) -> Learned {
    let whose = Whose::new(set, first, second);
    let matchers = Matchers {
        tests: classes(&first.tests, &second.tests),
        calls: classes(&first.calls, &second.calls),
        flaky: Vec::new(),
    };
    let mut unruled = [first, second].map(|lesson| with_unruled(lesson, &matchers));
    forget_mistaken(&mut unruled, [first, second], &whose);
    let (changed, flaky) = unexplained(&whose, &unruled);
    let matchers = Matchers { flaky, ..matchers };
    Learned { matchers, mappings: mappings(set, second, &whose), changed }
}

/// A number has to have three values to be one that differs from run to run: recorded, and in each replay. What both replays
/// agree on has changed, and what one of them agrees on with the recording was disturbed by something else; unless it is so
/// near that only the rounding differs.
fn classes(first: &[Seen], second: &[Seen]) -> Vec<ClassMatchers> {
    let mut numbers: HashMap<(&str, &str), [Vec<&str>; 2]> = HashMap::new();
    for (n, replay) in [first, second].into_iter().enumerate() {
        for seen in replay.iter().filter(|seen| matches!(seen.what.kind, Kind::Number { .. } | Kind::Near(_))) {
            let said = &mut numbers.entry((&seen.name, &seen.what.place)).or_default()[n];
            said.push(&seen.what.seen);
        }
    }
    let has_three_values = |(first, second): (&str, &str)| first != second;
    let differs = |seen: &&Seen| match (&seen.what.kind, numbers.get(&(&*seen.name, &*seen.what.place))) {
        (Kind::Number { .. }, Some([first, second])) => {
            first.iter().copied().zip(second.iter().copied()).any(has_three_values)
        }
        (Kind::Near(_), Some([first, second])) => first != second,
        _ => true,
    };
    // What is one for one document is one for all of its class.
    let places: BTreeSet<(&str, &str)> =
        first.iter().chain(second).filter(differs).map(|seen| (&*seen.of, &*seen.what.place)).collect();
    let differs = |seen: &&Seen| places.contains(&(&*seen.of, &*seen.what.place));
    let mut by_class: BTreeMap<&str, (Rules, BTreeMap<&str, &str>)> = BTreeMap::new();
    for seen in first.iter().chain(second).filter(differs) {
        let (rules, examples) = by_class.entry(&seen.of).or_default();
        rules.add(&seen.what.place, seen.what.kind.clone());
        let example = examples.entry(&seen.what.place).or_insert(&seen.name);
        if natural(&seen.name) < natural(example) {
            *example = &seen.name;
        }
    }
    let class = |(of, (rules, examples)): (&str, (Rules, BTreeMap<&str, &str>))| {
        let rule = |(at, kinds): (&str, &[Kind])| Rule {
            at: at.to_owned(),
            kinds: kinds.to_vec(),
            evidence: format!("replays of the same code differ, as in {}", examples.get(at).unwrap_or(&"")),
        };
        ClassMatchers { of: of.to_owned(), rules: rules.iter().map(rule).collect() }
    };
    by_class.into_iter().map(class).collect()
}

/// `mock-2` comes before `mock-10`.
fn natural(name: &str) -> (usize, &str) {
    (name.len(), name)
}

/// How each test differed for no reason that was learned.
type ByTest = BTreeMap<String, Vec<Unexplained>>;

/// What had an explanation and is no rule is unexplained after all.
fn with_unruled(lesson: &Lesson, matchers: &Matchers) -> ByTest {
    let mut unexplained = lesson.unexplained.clone();
    for seen in &lesson.tests {
        let of_class = matchers.tests.iter().find(|class| class.of == seen.of);
        let rule = of_class.and_then(|class| class.rules.iter().find(|rule| rule.at == seen.what.place));
        if rule.is_none_or(|rule| !rule.kinds.iter().any(|kind| kind.allows(&seen.what.kind))) {
            let words = format!("{} changed: {}", seen.what.place, seen.what.seen);
            unexplained.entry(seen.name.clone()).or_default().push(Unexplained { words, missing: None });
        }
    }
    unexplained
}

/// Where a test was given what turned out to be another's, or the background's, in one replay only, what came of that says
/// nothing of the application.
fn forget_mistaken(unexplained: &mut [ByTest; 2], replays: [&Lesson; 2], whose: &Whose<'_>) {
    let tests: BTreeSet<String> = unexplained.iter().flat_map(BTreeMap::keys).cloned().collect();
    for test in tests {
        match replays.map(|replay| whose.was_mistaken(&test, replay)) {
            [true, false] if !unexplained[1].contains_key(&test) => _ = unexplained[0].remove(&test),
            [false, true] if !unexplained[0].contains_key(&test) => _ = unexplained[1].remove(&test),
            _ => {}
        }
    }
}

/// What is not as recorded, by test: the same in both replays, and not.
fn unexplained(whose: &Whose<'_>, [first, second]: &[ByTest; 2]) -> (BTreeMap<String, Vec<String>>, Vec<Flaky>) {
    let words = |by_test: &ByTest, test: &str| -> BTreeSet<String> {
        let all = by_test.get(test).into_iter().flatten();
        let of_the_test = all.filter(|what| what.missing.as_ref().is_none_or(|mock| whose.may_be_of(mock, test)));
        of_the_test.map(|what| what.words.clone()).collect()
    };
    let (mut changed, mut flaky) = (BTreeMap::new(), Vec::new());
    let tests: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    for test in tests {
        let [first, second] = [words(first, test), words(second, test)];
        if first == second {
            if !first.is_empty() {
                changed.insert(test.clone(), first.into_iter().collect());
            }
        } else {
            let what = first.union(&second).cloned().collect();
            flaky.push(Flaky { test: test.clone(), what });
        }
    }
    (changed, flaky)
}

/// Who made which call, after two replays.
///
/// What both say is certain. Calls of a class that was also made while no request was in flight are the background's (a
/// poller, a heartbeat, a worker), unless many tests of a class make one in both replays. What is left open stays so.
fn mappings(set: &TestSet, second: &Lesson, whose: &Whose<'_>) -> Vec<Mapping> {
    let mut by_test: HashMap<&str, Vec<MappedMock>> = HashMap::new();
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for mapping in &set.mappings {
        for mapped in &mapping.mocks {
            let name = mapped.name.as_str();
            match (whose.certain(name), whose.likely(name)) {
                (Some(_), _) => {}
                _ if whose.is_background(name) => {}
                (None, Some(test)) if open.insert(name) => {
                    by_test
                        .entry(test)
                        .or_default()
                        .push(MappedMock { evidence: "candidate".to_owned(), ..mapped.clone() });
                }
                (None, Some(_)) => {}
                (None, None) => by_test.entry(&mapping.test).or_default().push(mapped.clone()),
            }
        }
    }
    let mapping = |mapping: &Mapping| {
        let claimed = second.claims.get(&mapping.test).map_or(&[][..], Vec::as_slice);
        let given = whose.given.iter().filter(|(mock, _)| !claimed.iter().any(|claimed| claimed == *mock));
        let known = mapping.mocks.iter().map(|mock| mock.name.as_str());
        let known =
            known.filter(|name| whose.known.contains_key(name) && !claimed.iter().any(|claimed| claimed == name));
        let names = claimed.iter().map(String::as_str).chain(given.map(|(mock, _)| *mock)).chain(known);
        let certain = names.filter(|name| whose.certain(name) == Some(&mapping.test));
        let certain = certain.filter_map(|name| whose.mocks.get(name));
        let witnessed =
            |mock: &Mock| mapping.mocks.iter().find(|mapped| mapped.name == mock.name && mapped.is_witnessed());
        let certain = certain.map(|mock| witnessed(mock).cloned().unwrap_or_else(|| mapped(mock, "replay")));
        let mut mocks: Vec<MappedMock> = certain.collect();
        mocks.extend(by_test.remove(mapping.test.as_str()).unwrap_or_default());
        Mapping { test: mapping.test.clone(), mocks }
    };
    set.mappings.iter().map(mapping).collect()
}

/// Calls of the same shape to the same port: one machine may have several names.
type CallClass = (String, String, Hash);

struct Whose<'a> {
    mocks: HashMap<&'a str, &'a Mock>,
    tests: HashMap<&'a str, &'a TestCase>,
    /// Mocks that were made while a request was in flight.
    mapped: BTreeSet<&'a str>,
    classes: HashMap<&'a str, CallClass>,
    /// Classes of calls that no test is known to make: they were made while no request was in flight, or by one test in one
    /// replay and by another in the other.
    background: BTreeSet<CallClass>,
    /// Mock -> test, in each replay.
    owners: [HashMap<&'a str, &'a str>; 2],
    /// Kinds of tests many of which make such calls, in both replays: more than would by chance.
    regular: BTreeSet<(&'a str, CallClass)>,
    /// Calls of the background's classes that a test seems to have made beside those that tests of its kind usually make.
    extra: BTreeSet<&'a str>,
    /// What its thread, or a trace, says: mock -> test.
    known: BTreeMap<&'a str, &'a str>,
    /// Calls given to tests that would have made fewer than tests of their kind usually make: mock -> test.
    given: BTreeMap<&'a str, &'a str>,
}

impl<'a> Whose<'a> {
    fn new(set: &'a TestSet, first: &'a Lesson, second: &'a Lesson) -> Self {
        let mocks: HashMap<&str, &Mock> = set.mocks.iter().map(|mock| (mock.name.as_str(), mock)).collect();
        let tests: HashMap<&str, &TestCase> = set.tests.iter().map(|test| (test.name.as_str(), test)).collect();
        let mapped: BTreeSet<&str> =
            set.mappings.iter().flat_map(|mapping| &mapping.mocks).map(|mock| mock.name.as_str()).collect();
        let of_mock = |mock: &'a Mock| (mock.name.as_str(), class_of(mock));
        let classes: HashMap<&str, CallClass> = set.mocks.iter().map(of_mock).collect();
        let owners = |lesson: &'a Lesson| {
            let claims = lesson.claims.iter();
            claims.flat_map(|(test, mocks)| mocks.iter().map(move |mock| (mock.as_str(), test.as_str()))).collect()
        };
        let owners: [HashMap<&str, &str>; 2] = [owners(first), owners(second)];
        let pairs = set.mappings.iter().flat_map(|mapping| mapping.mocks.iter().map(move |mock| (&mapping.test, mock)));
        let known: BTreeMap<&str, &str> =
            pairs.filter(|(_, mock)| mock.is_witnessed()).map(|(test, mock)| (&*mock.name, &**test)).collect();
        let (background, regular) = (BTreeSet::new(), BTreeSet::new());
        let (extra, given) = (BTreeSet::new(), BTreeMap::new());
        let mut whose = Self { mocks, tests, mapped, classes, background, owners, regular, extra, known, given };
        whose.regular = whose.find_regular(first, second);
        let of_workers = first.of_workers.intersection(&second.of_workers).map(String::as_str);
        let of_none = whose.find_of_none(set).chain(of_workers);
        whose.background = of_none.map(|name| whose.classes[name].clone()).collect();
        let ordered = whose.find_ordered([first, second]);
        whose.regular.retain(|(_, class)| !ordered.contains(class));
        whose.background.extend(ordered);
        let unusual = whose.find_unusual(set);
        whose.background.extend(unusual);
        whose.background.extend(whose.find_strange([first, second]));
        let usual = whose.usual(second);
        whose.extra = whose.find_extra(second, &usual);
        whose.given = whose.find_given([second, first], &usual);
        whose
    }

    /// What was made while no test was in flight; or, as far as nobody saw whose it is, was given to one test in one replay
    /// and to another in the other, or to one that began later: tests run in the order in which they began, who asked is not
    /// in step with them. Unless both usually make such calls: of equal ones, each has one.
    fn find_of_none(&self, set: &'a TestSet) -> impl Iterator<Item = &'a str> {
        let is_of_none = |mock: &&'a Mock| {
            let name = mock.name.as_str();
            let claims = self.owners.iter().map(|owners| owners.get(name).copied());
            let is_usual = claims.clone().flatten().all(|test| self.makes(test, name));
            let is_late = |test: &str| self.tests[test].started > mock.started;
            let is_out_of_step =
                || self.owners[0].get(name) != self.owners[1].get(name) || claims.clone().flatten().any(is_late);
            !self.mapped.contains(name) || (!self.known.contains_key(name) && !is_usual && is_out_of_step())
        };
        set.mocks.iter().filter(is_of_none).map(|mock| mock.name.as_str())
    }

    /// Do tests like this one usually make such calls?
    fn makes(&self, test: &str, mock: &str) -> bool {
        self.regular.contains(&(self.tests[test].class.as_str(), self.classes[mock].clone()))
    }

    fn find_regular(&self, first: &'a Lesson, second: &'a Lesson) -> BTreeSet<(&'a str, CallClass)> {
        let classes = |lesson: &'a Lesson, test: &str| -> BTreeSet<CallClass> {
            let claims = lesson.claims.get(test).into_iter().flatten();
            claims.filter_map(|mock| self.classes.get(mock.as_str())).cloned().collect()
        };
        let mut tests: HashMap<&str, usize> = HashMap::new();
        let mut calls: BTreeMap<(&str, CallClass), usize> = BTreeMap::new();
        let mut by_all: HashMap<CallClass, usize> = HashMap::new();
        for (name, test) in &self.tests {
            *tests.entry(&test.class).or_default() += 1;
            for class in classes(first, name).intersection(&classes(second, name)) {
                *calls.entry((&test.class, class.clone())).or_default() += 1;
                *by_all.entry(class.clone()).or_default() += 1;
            }
        }
        let is_regular = |((test, class), made): &(&(&str, CallClass), &usize)| {
            let (made_by_all, all_tests) = (by_all[class], self.tests.len());
            Times { made: **made, tests: tests[test], made_by_all, all_tests }.are_often()
        };
        calls.iter().filter(is_regular).map(|((test, class), _)| (*test, class.clone())).collect()
    }

    /// What carries ids of orders that a worker had taken from a queue, and was made while a test ran that has none of them:
    /// the worker makes such calls.
    fn find_ordered(&self, replays: [&'a Lesson; 2]) -> BTreeSet<CallClass> {
        let orders = replays.into_iter().flat_map(|replay| &replay.orders);
        let orders = orders.filter_map(|name| self.mocks.get(name.as_str())).flat_map(|mock| &mock.responses);
        let ids: BTreeSet<u64> = Tokens::of(orders.map(|response| &response.body)).ids().collect();
        if ids.is_empty() {
            return BTreeSet::new();
        }
        let of_test = |test: &TestCase| {
            let responses = test.responses.iter().map(|response| &response.body);
            Tokens::of(std::iter::once(&test.request).chain(responses))
        };
        let of_tests: HashMap<&str, Tokens> = self.tests.iter().map(|(name, test)| (*name, of_test(test))).collect();
        let is_ordered = |(mock, test): &(&'a str, &'a str)| {
            let ordered: Vec<u64> =
                Tokens::of([&self.mocks[mock].request]).ids().filter(|id| ids.contains(id)).collect();
            !ordered.is_empty() && !ordered.iter().any(|id| of_tests[test].has(*id))
        };
        let claims = self.owners.iter().flatten().map(|(mock, test)| (*mock, *test));
        claims.filter(is_ordered).map(|(mock, _)| self.classes[mock].clone()).collect()
    }

    /// What was made several times, and no kind of tests usually makes: a worker does. Only what nobody saw a test make, and
    /// where recording and replays disagree about most of them.
    fn find_unusual(&self, set: &'a TestSet) -> BTreeSet<CallClass> {
        const SEVERAL: usize = 4;
        let mut times: BTreeMap<&CallClass, (usize, usize)> = BTreeMap::new();
        let pairs = set.mappings.iter().flat_map(|mapping| mapping.mocks.iter().map(move |mock| (&mapping.test, mock)));
        for (test, mock) in pairs.filter(|(_, mock)| mock.is_guessed()) {
            if let Some(class) = self.classes.get(mock.name.as_str()) {
                let (all, agreed) = times.entry(class).or_default();
                *all += 1;
                *agreed += usize::from(self.owners.iter().all(|owners| owners.get(&*mock.name) == Some(&&**test)));
            }
        }
        let usual: BTreeSet<&CallClass> = self.regular.iter().map(|(_, class)| class).collect();
        let is_unusual = |(class, (all, agreed)): &(&CallClass, (usize, usize))| {
            *all >= SEVERAL && 2 * agreed <= *all && !usual.contains(class)
        };
        times.into_iter().filter(is_unusual).map(|(class, _)| class.clone()).collect()
    }

    /// What was asked again, in both replays, while tests ran that do not usually make such calls: a poller did. Not for one
    /// or two tests, which may have been taken for other calls' than theirs.
    fn find_strange(&self, replays: [&'a Lesson; 2]) -> BTreeSet<CallClass> {
        const SEVERAL: usize = 3;
        let [first, second] = replays.map(|replay| -> BTreeSet<CallClass> {
            let mut tests: BTreeMap<&CallClass, usize> = BTreeMap::new();
            for (test, used) in &replay.used {
                let again =
                    used.iter().map(String::as_str).filter(|mock| !replay.claims[test].iter().any(|made| made == mock));
                let once =
                    again.filter(|mock| self.mocks.get(mock).is_some_and(|mock| mock.lifetime == Lifetime::Test));
                let strange: BTreeSet<&CallClass> =
                    once.filter(|mock| !self.makes(test, mock)).map(|mock| &self.classes[mock]).collect();
                strange.into_iter().for_each(|class| *tests.entry(class).or_default() += 1);
            }
            let several = tests.into_iter().filter(|(_, tests)| *tests >= SEVERAL);
            several.map(|(class, _)| class.clone()).collect()
        });
        first.intersection(&second).cloned().collect()
    }

    /// How many calls of the background's classes tests of a kind usually make, where they do.
    fn usual(&self, replay: &'a Lesson) -> BTreeMap<(&'a str, CallClass), usize> {
        let mut counts: BTreeMap<(&str, CallClass), Vec<usize>> = BTreeMap::new();
        for test in replay.claims.keys() {
            for (class, calls) in self.of_the_background(test, replay) {
                counts.entry((&self.tests[test.as_str()].class, class.clone())).or_default().push(calls.len());
            }
        }
        let usual = |(key, counts): (_, Vec<usize>)| (key, most_frequent(counts.into_iter()));
        counts.into_iter().map(usual).collect()
    }

    /// What is certainly this test's, though the background makes such calls, too.
    fn of_the_background(&self, test: &str, replay: &'a Lesson) -> BTreeMap<&CallClass, Vec<&'a str>> {
        let mut calls: BTreeMap<&CallClass, Vec<&'a str>> = BTreeMap::new();
        let claims = replay.claims.get(test).into_iter().flatten().map(String::as_str);
        for mock in claims.filter(|mock| self.certain(mock) == Some(test)) {
            let class = &self.classes[mock];
            if self.background.contains(class) {
                calls.entry(class).or_default().push(mock);
            }
        }
        calls
    }

    /// A poller may have asked what tests ask, too, and during the same test in both replays. How many such calls are a
    /// test's own, most tests of its kind say; which, the time: what is made together is made at about the same time.
    fn find_extra(&self, replay: &'a Lesson, usual: &BTreeMap<(&'a str, CallClass), usize>) -> BTreeSet<&'a str> {
        let mut extra = BTreeSet::new();
        for test in replay.claims.keys() {
            for (class, mut calls) in self.of_the_background(test, replay) {
                let usual = usual[&(self.tests[test.as_str()].class.as_str(), class.clone())];
                calls.sort_by_key(|mock| (self.distance_to_others(mock, replay), natural(mock)));
                extra.extend(calls.into_iter().skip(usual));
            }
        }
        extra
    }

    /// Where a poller was given a test's own call in one of the replays, the test was given the poller's: one as good, that
    /// nobody else claims for certain.
    fn find_given(
        &self,
        replays: [&'a Lesson; 2],
        usual: &BTreeMap<(&'a str, CallClass), usize>,
    ) -> BTreeMap<&'a str, &'a str> {
        let mut given = BTreeMap::new();
        for (&test, case) in &self.tests.iter().collect::<BTreeMap<_, _>>() {
            let own = self.of_the_background(test, replays[0]);
            for ((_, class), usual) in usual.iter().filter(|((kind, _), _)| *kind == case.class) {
                let has = own.get(class).map_or(0, Vec::len);
                // The replay in which it came out as recorded knows better.
                let (right, wrong): (Vec<&Lesson>, Vec<&Lesson>) =
                    replays.into_iter().partition(|replay| !replay.unexplained.contains_key(*test));
                let claims = right.into_iter().chain(wrong).filter_map(|replay| replay.claims.get(*test)).flatten();
                let free = claims
                    .map(String::as_str)
                    .filter(|mock| self.classes.get(mock) == Some(class))
                    .filter(|mock| self.certain(mock).is_none() && !self.extra.contains(mock))
                    .filter(|mock| self.is_of_its_time(test, mock));
                let mut lacks = usual.saturating_sub(has);
                for mock in free {
                    if lacks > 0 && !given.contains_key(mock) {
                        given.insert(mock, *test);
                        lacks -= 1;
                    }
                }
            }
        }
        given
    }

    /// How far in time a call is from the nearest one of another kind of the same test.
    fn distance_to_others(&self, mock: &str, replay: &Lesson) -> u64 {
        let others = self.certain(mock).and_then(|test| replay.claims.get(test)).into_iter().flatten();
        let others = others.filter(|other| self.classes.get(other.as_str()) != self.classes.get(mock));
        let at = self.mocks[mock].started;
        others
            .filter_map(|other| self.mocks.get(other.as_str()))
            .map(|other| other.started.abs_diff(at))
            .min()
            .unwrap_or(0)
    }

    /// The test that made it when recorded, where that is known; else the one that claimed it in both replays. Where these two
    /// say another than the recording, it is theirs: who comes first fills a cache, and tests run one after the other.
    fn certain(&self, mock: &str) -> Option<&'a str> {
        if let Some(&test) = self.known.get(mock) {
            let [first, second] = &self.owners;
            let replayed = first.get(mock).filter(|first| second.get(mock) == Some(first));
            return Some(replayed.copied().unwrap_or(test));
        }
        if let Some(test) = self.given.get(mock) {
            return Some(test);
        }
        let test = *self.owners[0].get(mock)?;
        let call = self.classes.get(mock)?;
        let is_regular = || self.makes(test, mock);
        let certain = self.owners[1].get(mock) == Some(&test)
            && !self.extra.contains(mock)
            && (!self.background.contains(call) || is_regular())
            && (self.is_of_its_time(test, mock) || !self.background.contains(call) && self.mapped.contains(mock));
        certain.then_some(test)
    }

    /// Was it given such calls of others, or of the background, as it makes itself?
    fn was_mistaken(&self, test: &str, replay: &Lesson) -> bool {
        let used = replay.used.get(test).into_iter().flatten().map(String::as_str);
        let is_strange = |mock: &str| self.classes.contains_key(mock) && self.certain(mock) != Some(test);
        used.into_iter().any(|mock| is_strange(mock) && self.makes(test, mock))
    }

    /// The test that claimed it in one of them.
    fn likely(&self, mock: &str) -> Option<&'a str> {
        let [first, second] = &self.owners;
        let claimed = [second, first].into_iter().filter_map(|owners| owners.get(mock).copied());
        claimed.into_iter().find(|test| self.is_of_its_time(test, mock))
    }

    /// Does it matter that the test did not claim it? Not where the test was given another one as good.
    fn may_be_of(&self, mock: &str, test: &str) -> bool {
        !self.is_background(mock)
            && !self.given.contains_key(mock)
            && self.certain(mock).is_none_or(|owner| owner == test)
    }

    fn is_background(&self, mock: &str) -> bool {
        self.certain(mock).is_none() && self.classes.get(mock).is_some_and(|class| self.background.contains(class))
    }

    /// Was it made while the test was in flight, or soon after?
    fn is_of_its_time(&self, test: &str, mock: &str) -> bool {
        const SOON: u64 = 1_000_000_000;
        let (test, mock) = (self.tests[test], self.mocks[mock]);
        (test.started..=test.ended + SOON).contains(&mock.started)
    }
}

/// The smaller, where two are.
fn most_frequent(numbers: impl Iterator<Item = usize>) -> usize {
    let mut times: BTreeMap<usize, usize> = BTreeMap::new();
    numbers.for_each(|number| *times.entry(number).or_default() += 1);
    times.into_iter().max_by_key(|(number, times)| (*times, std::cmp::Reverse(*number))).map_or(0, |(number, _)| number)
}

fn class_of(mock: &Mock) -> CallClass {
    (mock.port().to_owned(), mock.kind.clone(), shape(&mock.request))
}

fn mapped(mock: &Mock, evidence: &str) -> MappedMock {
    let Mock { name, kind, started, ended, .. } = mock;
    let (name, kind, evidence) = (name.clone(), kind.clone(), evidence.to_owned());
    MappedMock { name, kind, started: *started, ended: *ended, evidence }
}
