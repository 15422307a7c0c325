//! Of equal calls that were answered otherwise, which was a test's: what the test itself answered says it, once a replay has
//! given it another one.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use document::Value;
use matcher::Tokens;
use store::{Mapping, Mock, TestCase, TestSet};

use super::{ANSWER, Learned, Lesson, mapped, natural};

/// Of numbers and texts that differ: recorded, live.
pub(crate) type Otherwise = BTreeSet<(String, String)>;

/// The recording's mappings with such calls exchanged. None: there are none, or it is open which.
pub fn settle<'r>(set: &TestSet, [first, second]: [&'r Lesson; 2], learned: &Learned) -> Option<Vec<Mapping>> {
    let own = learned.mappings.iter().flat_map(|mapping| mapping.mocks.iter().map(move |mock| (&mock.name, mapping)));
    let mut settling = Settling {
        set,
        tests: set.tests.iter().map(|test| (test.name.as_str(), test)).collect(),
        mocks: set.mocks.iter().map(|mock| (mock.name.as_str(), mock)).collect(),
        owners: own.map(|(mock, mapping)| (mock.as_str(), mapping.test.as_str())).collect(),
        settled: BTreeMap::new(),
    };
    for test in learned.changed.keys() {
        let Some(test) = settling.tests.get(test.as_str()).copied() else { continue };
        let used = |replay: &'r Lesson| -> BTreeSet<&'r str> {
            replay.used.get(&test.name).into_iter().flatten().map(String::as_str).collect()
        };
        let given = &used(first) & &used(second);
        let otherwise = [first, second].map(|replay| replay.otherwise.get(&test.name));
        let [Some(first), Some(second)] = otherwise else { continue };
        for (recorded, live) in first.intersection(second) {
            settling.test(test, &given, (recorded, live));
        }
    }
    settling.into_mappings()
}

/// Whose a mock turns out to be.
#[derive(Clone, Copy, PartialEq)]
enum Owner<'a> {
    Test(&'a str),
    Background,
}

struct Settling<'a> {
    set: &'a TestSet,
    tests: BTreeMap<&'a str, &'a TestCase>,
    mocks: HashMap<&'a str, &'a Mock>,
    /// Mock -> test, as far as that is known.
    owners: BTreeMap<&'a str, &'a str>,
    settled: BTreeMap<&'a str, Owner<'a>>,
}

impl<'a> Settling<'a> {
    /// The test answered `live` where it had answered `recorded`. If that is what a call was answered with that it was
    /// `given`, it gets the equal call that was answered with what it had recorded.
    fn test(&mut self, test: &'a TestCase, given: &BTreeSet<&str>, values: (&str, &str)) {
        let given = given.iter().filter_map(|mock| self.mocks.get(mock).copied());
        let mut exchanges: Vec<_> = given.flat_map(|given| self.exchanges(test, given, values)).collect();
        // Best is one that nobody seems to have.
        exchanges.sort_by_key(|(given, right, _)| {
            let distance = given.started.abs_diff(right.started);
            (self.owners.contains_key(&*right.name), distance, natural(&right.name), natural(&given.name))
        });
        if let Some((given, right, taker)) = exchanges.into_iter().next() {
            self.give(right, Owner::Test(&test.name));
            if self.owners.get(&*given.name) == Some(&&*test.name) {
                self.give(given, taker);
            }
        }
    }

    /// For what could be exchanged, and whose it would be then.
    fn exchanges(
        &self,
        test: &TestCase,
        given: &'a Mock,
        (recorded, live): (&str, &str),
    ) -> Vec<(&'a Mock, &'a Mock, Owner<'a>)> {
        if !says(given, live, recorded) {
            return Vec::new();
        }
        let others = self.set.mocks.iter().filter(|mock| is_equal(mock, given) && is_during(test, mock));
        let right = others.filter(|mock| says(mock, recorded, live) && !self.settled.contains_key(&*mock.name));
        right.filter_map(|right| Some((given, right, self.taker(test, (given, live), right)?))).collect()
    }

    fn give(&mut self, mock: &'a Mock, owner: Owner<'a>) {
        self.settled.insert(&mock.name, owner);
        match owner {
            Owner::Test(test) => self.owners.insert(&mock.name, test),
            Owner::Background => self.owners.remove(&*mock.name),
        };
    }

    /// Whose the call is that the test was given by mistake: it is his who seems to have the right one, or else a test's of
    /// its kind that has none, or the background's, where that asks the same. None: it is open.
    fn taker(&self, test: &TestCase, (given, live): (&Mock, &str), right: &Mock) -> Option<Owner<'a>> {
        let is_own = self.owners.get(&*given.name) == Some(&&*test.name);
        if let Some(owner) = self.owners.get(&*right.name) {
            let may_take = is_own && *owner != test.name && is_during(self.tests.get(owner)?, given);
            return may_take.then_some(Owner::Test(owner));
        }
        if !is_own {
            return Some(Owner::Background); // It was lent.
        }
        let of_its_kind = self.tests.values().filter(|other| other.name != test.name && other.class == test.class);
        let without = of_its_kind.filter(|other| is_during(other, given) && !self.has_equal(other, given));
        // One that answered nothing of it (`no session`) has not made it.
        let live = Tokens::of([&Value::from(live)]);
        let answered = |other: &TestCase| Tokens::of(other.responses.iter().map(|response| &response.body));
        let showing = without.filter(|other| answered(other).shared(&live).tokens > 0);
        let first = showing.min_by_key(|other| (other.started, natural(&other.name)));
        let is_nobodys = |mock: &Mock| mock.name != right.name && !self.owners.contains_key(&*mock.name);
        let is_polled = || self.set.mocks.iter().any(|mock| is_equal(mock, given) && is_nobodys(mock));
        first.map(|other| Owner::Test(&other.name)).or_else(|| is_polled().then_some(Owner::Background))
    }

    fn has_equal(&self, test: &TestCase, mock: &Mock) -> bool {
        let own = self.owners.iter().filter(|(_, owner)| **owner == test.name);
        own.filter_map(|(name, _)| self.mocks.get(name)).any(|own| is_equal(own, mock))
    }

    fn into_mappings(self) -> Option<Vec<Mapping>> {
        let settled = |mapping: &Mapping| {
            let others = mapping.mocks.iter().filter(|mock| !self.settled.contains_key(&*mock.name)).cloned();
            let own = self.settled.iter().filter(|(_, owner)| **owner == Owner::Test(&mapping.test));
            let own = own.map(|(mock, _)| mapped(self.mocks[mock], ANSWER));
            Mapping { test: mapping.test.clone(), mocks: others.chain(own).collect() }
        };
        (!self.settled.is_empty()).then(|| self.set.mappings.iter().map(settled).collect())
    }
}

/// The same question to the same place.
fn is_equal(one: &Mock, other: &Mock) -> bool {
    one.port() == other.port() && one.kind == other.kind && one.request == other.request && one.name != other.name
}

fn is_during(test: &TestCase, mock: &Mock) -> bool {
    (test.started..=test.ended).contains(&mock.started)
}

/// Is it answered with the one value, and without the other?
fn says(mock: &Mock, value: &str, other: &str) -> bool {
    let mut said = BTreeSet::new();
    mock.responses.iter().for_each(|response| collect(&response.body, &mut said));
    said.contains(value) && !said.contains(other)
}

fn collect(value: &Value, said: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, said)),
        Value::Map(map) => map.iter().for_each(|(_, item)| collect(item, said)),
        _ => said.extend(plain(value)),
    }
}

/// A number or a text, however a protocol writes it: 62, `"62"` and 62.00 are one.
pub(crate) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Text(text) => {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            Some(number.map_or_else(|| text.clone(), |number| number.to_string()))
        }
        _ => None,
    }
}
