//! What replays of unchanged code teach: which values differ though nothing has changed, and which call is whose.
mod settle;
mod whose;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use matcher::{Explained, Kind, Rule, Rules};
use store::{ClassMatchers, Flaky, MappedMock, Mapping, Matchers, Mock, TestCase, TestSet};

pub use self::settle::settle;
pub(crate) use self::settle::{Otherwise, plain};
use self::whose::Whose;

/// What says whose a call is: the test's own answer.
const ANSWER: &str = "answer";

/// What one replay saw.
#[derive(Clone, Debug, Default)]
pub struct Lesson {
    tests: Vec<Seen>,
    calls: Vec<Seen>,
    /// Of each test, by name: the mocks that it claimed, in order.
    claims: BTreeMap<String, Vec<String>>,
    /// Of each test, by name: all mocks that were answers while it ran.
    used: BTreeMap<String, Vec<String>>,
    /// Mocks that were claimed while no test ran.
    of_none: BTreeSet<String>,
    /// Mocks that a worker was given, it seems: the next of a queue.
    of_workers: BTreeSet<String>,
    /// All that a queue gave to others than those whose it was by the mappings.
    orders: BTreeSet<String>,
    /// Of each test that differed from the recording for no reason that can be learned: how.
    unexplained: BTreeMap<String, Vec<Unexplained>>,
    /// Of each test that answered otherwise, explained or not: with what.
    otherwise: BTreeMap<String, Otherwise>,
}

/// Something that was otherwise than recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unexplained {
    pub words: String,
    /// The mock that nobody asked for, where that is all.
    pub missing: Option<String>,
    /// Where a call was not recorded, and that is all: the recorded one that is most like it.
    pub like: Option<String>,
}

/// What two replays of unchanged code say together.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    pub matchers: Matchers,
    pub mappings: Vec<Mapping>,
    /// Tests that came out otherwise than recorded, and not by chance: in both replays the same way.
    pub changed: BTreeMap<String, Vec<String>>,
}

impl Learned {
    /// Tests that did not come out as recorded.
    pub fn troubles(&self) -> usize {
        self.changed.len() + self.matchers.flaky.len()
    }
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

    pub(crate) fn response(&mut self, test: &TestCase, explained: Vec<Explained>, otherwise: Otherwise) {
        let of = format!("{} {}", test.kind, test.class);
        let seen = |what| Seen { of: of.clone(), name: test.name.clone(), what };
        self.tests.extend(explained.into_iter().map(seen));
        self.otherwise.insert(test.name.clone(), otherwise);
    }

    pub(crate) fn claimed(&mut self, test: &str, mocks: Vec<String>, used: Vec<String>) {
        self.claims.insert(test.to_owned(), mocks);
        self.used.insert(test.to_owned(), used);
    }

    pub(crate) fn claimed_by_none(&mut self, mock: &str) {
        self.of_none.insert(mock.to_owned());
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
            unexplained.entry(seen.name.clone()).or_default().push(Unexplained { words, missing: None, like: None });
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
        // A worker had begun with something when the recording ended.
        let of_the_test = of_the_test.filter(|what| !what.like.as_ref().is_some_and(|mock| whose.is_background(mock)));
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

fn mapped(mock: &Mock, evidence: &str) -> MappedMock {
    let Mock { name, kind, started, ended, .. } = mock;
    let (name, kind, evidence) = (name.clone(), kind.clone(), evidence.to_owned());
    MappedMock { name, kind, started: *started, ended: *ended, evidence }
}

#[cfg(test)]
mod tests;
