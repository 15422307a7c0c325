//! Who made which call, as two replays say it together: which calls are a test's, and which nobody's.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use document::Hash;
use matcher::{Tokens, shape};
use store::{Lifetime, Mock, TestCase, TestSet};

use super::{Lesson, natural};
use crate::often::Times;

/// Calls of the same shape to the same port: one machine may have several names.
type CallClass = (String, String, Hash);

pub(super) struct Whose<'a> {
    pub mocks: HashMap<&'a str, &'a Mock>,
    tests: HashMap<&'a str, &'a TestCase>,
    /// Mocks that were made while a request was in flight.
    mapped: BTreeSet<&'a str>,
    classes: HashMap<&'a str, CallClass>,
    /// Classes of calls that no test is known to make: they were made while no request was in flight, or by one test in one
    /// replay and by another in the other.
    background: BTreeSet<CallClass>,
    /// What was claimed in a replay while no test ran.
    of_none: BTreeSet<&'a str>,
    /// What consumers asked before the first message came: they begin on their own, whatever test is in flight then.
    preparing: BTreeSet<&'a str>,
    /// Mock -> test, in each replay.
    owners: [HashMap<&'a str, &'a str>; 2],
    /// Kinds of tests many of which make such calls, in both replays: more than would by chance.
    regular: BTreeSet<(&'a str, CallClass)>,
    /// Calls of the background's classes that a test seems to have made beside those that tests of its kind usually make.
    extra: BTreeSet<&'a str>,
    /// What its thread, or a trace, says: mock -> test.
    pub known: BTreeMap<&'a str, &'a str>,
    /// Calls given to tests that would have made fewer than tests of their kind usually make: mock -> test.
    pub given: BTreeMap<&'a str, &'a str>,
}

impl<'a> Whose<'a> {
    pub fn new(set: &'a TestSet, first: &'a Lesson, second: &'a Lesson) -> Self {
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
        let of_none = first.of_none.union(&second.of_none).map(String::as_str).collect();
        let preparing = BTreeSet::new();
        let mut whose = Self {
            mocks,
            tests,
            mapped,
            classes,
            background,
            of_none,
            preparing,
            owners,
            regular,
            extra,
            known,
            given,
        };
        whose.regular = whose.find_regular(first, second, Times::MANY);
        whose.preparing = whose.find_preparing(set);
        let of_workers = first.of_workers.intersection(&second.of_workers).map(String::as_str);
        let of_none = whose.find_of_none(set).chain(of_workers);
        whose.background = of_none.map(|name| whose.classes[name].clone()).collect();
        let ordered = whose.find_ordered([first, second]);
        whose.regular.retain(|(_, class)| !ordered.contains(class));
        whose.background.extend(ordered);
        let unusual = whose.find_unusual(set);
        whose.background.extend(unusual);
        whose.background.extend(whose.find_strange([first, second]));
        // At the start of an application its pollers' calls fall into the first tests, again and again.
        let mostly = whose.find_regular(first, second, Times::MANY_BESIDE_A_POLLER);
        let background = &whose.background;
        whose.regular.retain(|kind| !background.contains(&kind.1) || mostly.contains(kind));
        let usual = whose.usual(second);
        whose.extra = whose.find_extra(second, &usual);
        whose.given = whose.find_given([second, first], &usual);
        whose
    }

    /// What was made while no test was in flight; or, as far as nobody saw whose it is, was given to one test in one replay
    /// and to another in the other, or to one that began later: tests run in the order in which they began, who asked is not
    /// in step with them; or on a connection on which tests did nothing else. Unless both usually make such calls: of equal
    /// ones, each has one. And what was made between tests or before them, and by none.
    fn find_of_none(&self, set: &'a TestSet) -> impl Iterator<Item = &'a str> {
        let mut connections: HashMap<&str, (usize, &str)> = HashMap::new();
        for mock in set.mocks.iter().filter(|mock| !mock.connection.is_empty()) {
            let (mapped, last) = connections.entry(&mock.connection).or_default();
            *mapped += usize::from(self.mapped.contains(mock.name.as_str()));
            *last = &mock.name;
        }
        // A consumer's, a subscriber's: somebody of the application's own goes on with it.
        let is_alone = move |mock: &Mock| {
            connections.get(mock.connection.as_str()).is_some_and(|(mapped, last)| *mapped == 1 && *last != mock.name)
        };
        let is_of_none = move |mock: &&'a Mock| {
            let name = mock.name.as_str();
            let claims = self.owners.iter().map(|owners| owners.get(name).copied());
            let is_usual = claims.clone().flatten().all(|test| self.makes(test, name));
            let is_late = |test: &str| self.tests[test].started > mock.started;
            let is_out_of_step =
                || self.owners[0].get(name) != self.owners[1].get(name) || claims.clone().flatten().any(is_late);
            let is_nobodys = || claims.clone().flatten().next().is_none() && self.of_none.contains(name);
            let is_open = !self.known.contains_key(name);
            !self.mapped.contains(name)
                || is_open && (is_nobodys() || !is_usual && (is_out_of_step() || is_alone(mock)))
        };
        set.mocks.iter().filter(is_of_none).map(|mock| mock.name.as_str())
    }

    /// What was asked on a connection before something was sent over it that is a test of its own. Where tests use that
    /// connection, too, only what they do not usually ask.
    fn find_preparing(&self, set: &'a TestSet) -> BTreeSet<&'a str> {
        let mut sent: HashMap<&str, u64> = HashMap::new();
        for test in set.tests.iter().filter(|test| test.sender.is_some()) {
            let first = sent.entry(&test.connection).or_insert(test.started);
            *first = test.started.min(*first);
        }
        let open =
            set.mocks.iter().filter(|mock| self.mapped.contains(&*mock.name) && !self.known.contains_key(&*mock.name));
        let on_those = open.filter_map(|mock| Some((mock, *sent.get(&*mock.connection)?)));
        let (before, after): (Vec<_>, Vec<_>) = on_those.partition(|(mock, sent)| mock.ended <= *sent);
        let shared: BTreeSet<&str> = after.iter().map(|(mock, _)| &*mock.connection).collect();
        let is_usual =
            |mock: &str| self.owners.iter().any(|owners| owners.get(mock).is_some_and(|test| self.makes(test, mock)));
        let preparing = before.into_iter().map(|(mock, _)| mock);
        let preparing = preparing.filter(|mock| !shared.contains(&*mock.connection) || !is_usual(&mock.name));
        preparing.map(|mock| &*mock.name).collect()
    }

    /// Do tests like this one usually make such calls?
    fn makes(&self, test: &str, mock: &str) -> bool {
        self.regular.contains(&(self.tests[test].class.as_str(), self.classes[mock].clone()))
    }

    /// `many`: see [`Times::are_often`].
    fn find_regular(&self, first: &'a Lesson, second: &'a Lesson, many: usize) -> BTreeSet<(&'a str, CallClass)> {
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
            Times { made: **made, tests: tests[test], made_by_all, all_tests }.are_often(many)
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
    /// test's own, most tests of its kind say; which, the time: what is made together is made at about the same time. None is
    /// where a test has none of those that others make with it.
    fn find_extra(&self, replay: &'a Lesson, usual: &BTreeMap<(&'a str, CallClass), usize>) -> BTreeSet<&'a str> {
        let mut extra = BTreeSet::new();
        let own: BTreeMap<&str, BTreeSet<&CallClass>> =
            replay.claims.keys().map(|test| (test.as_str(), self.certain_classes(test, replay))).collect();
        let companions = self.find_companions(&own);
        for test in replay.claims.keys() {
            for (class, mut calls) in self.of_the_background(test, replay) {
                let kind = self.tests[test.as_str()].class.as_str();
                let companions = companions.get(&(kind, class)).filter(|companions| !companions.is_empty());
                let is_alone = companions.is_some_and(|companions| companions.is_disjoint(&own[test.as_str()]));
                let usual = if is_alone { 0 } else { usual[&(kind, class.clone())] };
                calls.sort_by_key(|mock| (self.distance_to_others(mock, replay), natural(mock)));
                extra.extend(calls.into_iter().skip(usual));
            }
        }
        extra
    }

    fn certain_classes(&self, test: &str, replay: &'a Lesson) -> BTreeSet<&CallClass> {
        let claims = replay.claims.get(test).into_iter().flatten().map(String::as_str);
        claims.filter(|mock| self.certain(mock) == Some(test)).map(|mock| &self.classes[mock]).collect()
    }

    /// What tests of a kind nearly always make together with a call of the background's classes. `own`: what each test makes.
    fn find_companions<'c>(
        &'c self,
        own: &BTreeMap<&str, BTreeSet<&'c CallClass>>,
    ) -> BTreeMap<(&'c str, &'c CallClass), BTreeSet<&'c CallClass>> {
        /// Of fewer tests it may be chance.
        const SEVERAL: usize = 5;
        let mut makers: BTreeMap<(&str, &CallClass), Vec<&BTreeSet<&CallClass>>> = BTreeMap::new();
        for (test, classes) in own {
            for class in classes.iter().filter(|class| self.background.contains(**class)) {
                makers.entry((&self.tests[test].class, class)).or_default().push(classes);
            }
        }
        makers.retain(|_, tests| tests.len() >= SEVERAL);
        let companions = |((kind, class), tests): ((&'c str, &'c CallClass), Vec<&BTreeSet<&'c CallClass>>)| {
            let mut times: BTreeMap<&CallClass, usize> = BTreeMap::new();
            tests.iter().copied().flatten().for_each(|other| *times.entry(other).or_default() += 1);
            let nearly_always =
                times.into_iter().filter(|(other, times)| *other != class && 4 * times >= 3 * tests.len());
            ((kind, class), nearly_always.map(|(other, _)| other).collect())
        };
        makers.into_iter().map(companions).collect()
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
    pub fn certain(&self, mock: &str) -> Option<&'a str> {
        if let Some(&test) = self.known.get(mock) {
            let [first, second] = &self.owners;
            let replayed = first.get(mock).filter(|first| second.get(mock) == Some(first));
            return Some(replayed.copied().unwrap_or(test));
        }
        if self.preparing.contains(mock) {
            return None;
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
    pub fn was_mistaken(&self, test: &str, replay: &Lesson) -> bool {
        let used = replay.used.get(test).into_iter().flatten().map(String::as_str);
        let is_strange = |mock: &str| self.classes.contains_key(mock) && self.certain(mock) != Some(test);
        used.into_iter().any(|mock| is_strange(mock) && self.makes(test, mock))
    }

    /// The test that claimed it in one of them.
    pub fn likely(&self, mock: &str) -> Option<&'a str> {
        let [first, second] = &self.owners;
        let claimed = [second, first].into_iter().filter_map(|owners| owners.get(mock).copied());
        claimed.into_iter().find(|test| self.is_of_its_time(test, mock))
    }

    /// Does it matter that the test did not claim it? Not where the test was given another one as good.
    pub fn may_be_of(&self, mock: &str, test: &str) -> bool {
        !self.is_background(mock)
            && !self.given.contains_key(mock)
            && self.certain(mock).is_none_or(|owner| owner == test)
    }

    pub fn is_background(&self, mock: &str) -> bool {
        let is_of_none = || self.classes.get(mock).is_some_and(|class| self.background.contains(class));
        self.preparing.contains(mock) || self.certain(mock).is_none() && is_of_none()
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
