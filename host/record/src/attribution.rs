//! Which mock belongs to which test.
//!
//! The clock says which tests were in flight when a call was made: its candidates. The thread that made it may have been
//! working on one of them, or on none (`thread`); with one left there is nothing to decide (`window`). With several, a trace
//! id that the call hands on decides (`trace`), else the values as far as they can: an id in the call's answer that is in one test's
//! response, and in no other candidate's, is that test's (`value`). Kinds of calls that always belong to one kind of test,
//! where that is clear, do so elsewhere, too. What is left goes to the test that it fits best, and may be another's after
//! all (`candidate`): that is settled by a replay, where tests run one after the other. Calls made while no request was in
//! flight belong to no test.
use std::collections::{BTreeMap, HashMap, HashSet};

use document::{Hash, hash};
use matcher::Tokens;
use store::{Lifetime, MappedMock, Mapping, Mock, Record, Recording, TestCase, TestSet, Timestamp};

#[cfg(test)]
mod tests;

use crate::{
    Observed,
    threads::{self, Request, Said},
    traces::Traces,
};

/// The mappings of a recording that was just made.
///
/// # Errors
/// When the journal cannot be read.
pub fn of_recording(recording: &mut Recording, observed: &Observed) -> Result<Vec<Mapping>, store::Error> {
    let mut run = Run::default();
    recording.for_each(&mut |record| run.note(record))?;
    run.sort();
    run.find_candidates();
    run.note_threads(observed);
    // Only what clock and threads leave open is looked at more closely: most recordings are not read twice.
    if run.mark_open() {
        recording.for_each(&mut |record| run.note_values(record))?;
        run.note_traces();
        run.forget_language();
    }
    Ok(run.mappings())
}

/// The mappings of a test set that has none: recorded by an older version, or deleted.
pub fn of_set(set: &TestSet) -> Vec<Mapping> {
    let mut run = Run::default();
    set.tests.iter().for_each(|test| run.note_test(test));
    set.mocks.iter().for_each(|mock| run.note_mock(mock));
    run.sort();
    run.find_candidates();
    if run.mark_open() {
        set.tests.iter().for_each(|test| run.note_test_values(test));
        set.mocks.iter().for_each(|mock| run.note_mock_values(mock));
        run.note_traces();
        run.forget_language();
    }
    run.mappings()
}

/// What the decision needs of a recording.
#[derive(Default)]
struct Run {
    tests: Vec<Test>,
    calls: Vec<Call>,
}

struct Test {
    name: String,
    class: String,
    /// 0: not known, or it came on a connection of the application's. Whoever reads and writes there does it for many.
    connection: u64,
    started: Timestamp,
    ended: Timestamp,
    /// A candidate of a call that has several.
    open: bool,
    /// What it was asked for.
    asked: Tokens,
    /// All of its values.
    values: Tokens,
    traces: Traces,
}

struct Call {
    name: String,
    kind: String,
    connection: u64,
    /// Equal for calls that differ in values only: a class has several statements.
    shape: Hash,
    started: Timestamp,
    ended: Timestamp,
    /// What shows that it is the only candidate's, beside the clock.
    witness: Option<&'static str>,
    /// Equal for equal requests to the same port: one machine may have several names.
    key: (Hash, String),
    /// Indices of the tests that were in flight, in order; of those that its thread did not work on, none.
    candidates: Vec<usize>,
    asked: Tokens,
    answered: Tokens,
    /// Equal for equal answers.
    answer: Option<Hash>,
    carried: Traces,
}

impl Run {
    fn note(&mut self, record: &Record) {
        match record {
            Record::Test(test) => self.note_test(test),
            Record::Mock(mock) => self.note_mock(mock),
        }
    }
    fn note_test(&mut self, test: &TestCase) {
        self.tests.push(Test {
            name: test.name.clone(),
            class: test.class.clone(),
            connection: if test.sender.is_some() { 0 } else { number(&test.connection) },
            started: test.started,
            ended: test.ended,
            open: false,
            asked: Tokens::default(),
            values: Tokens::default(),
            traces: Traces::default(),
        });
    }
    fn note_mock(&mut self, mock: &Mock) {
        if is_claimable(mock) {
            self.calls.push(Call {
                name: mock.name.clone(),
                kind: mock.kind.clone(),
                connection: number(&mock.connection),
                shape: matcher::shape(&mock.request),
                started: mock.started,
                ended: mock.ended,
                witness: None,
                key: (hash(&mock.request), mock.port().to_owned()),
                candidates: Vec::new(),
                asked: Tokens::default(),
                answered: Tokens::default(),
                answer: None,
                carried: Traces::default(),
            });
        }
    }

    fn sort(&mut self) {
        self.tests.sort_by(|a, b| (a.started, &a.name).cmp(&(b.started, &b.name)));
        self.calls.sort_by_key(|call| call.started);
    }

    /// The tests that were in flight when a call was made.
    fn find_candidates(&mut self) {
        // How late a test that started no later than this one has ended: bounds the search.
        let latest: Vec<Timestamp> = self
            .tests
            .iter()
            .scan(0, |latest, test| {
                *latest = test.ended.max(*latest);
                Some(*latest)
            })
            .collect();
        for call in &mut self.calls {
            let before = self.tests.partition_point(|test| test.started <= call.started);
            let in_reach = (0..before).rev().take_while(|&n| latest[n] >= call.started);
            call.candidates = in_reach.filter(|&n| self.tests[n].ended >= call.started).collect();
            call.candidates.reverse();
        }
    }

    /// True when some calls have several candidates, whose values are needed then.
    fn mark_open(&mut self) -> bool {
        let mut any = false;
        for call in &self.calls {
            if let several @ [_, _, ..] = &call.candidates[..] {
                several.iter().for_each(|&test| self.tests[test].open = true);
                any = true;
            }
        }
        any
    }

    /// The second reading: the values of what is open.
    fn note_values(&mut self, record: &Record) {
        match record {
            Record::Test(test) => self.note_test_values(test),
            Record::Mock(mock) => self.note_mock_values(mock),
        }
    }
    fn note_test_values(&mut self, case: &TestCase) {
        let at = self.tests.binary_search_by(|test| (test.started, &test.name).cmp(&(case.started, &case.name)));
        if let Ok(at) = at
            && self.tests[at].open
        {
            let responses = case.responses.iter().map(|response| &response.body);
            let documents = std::iter::once(&case.request).chain(responses);
            self.tests[at].traces = Traces::named(documents.clone());
            self.tests[at].asked = Tokens::of([&case.request]);
            self.tests[at].values = Tokens::of(documents);
        }
    }
    fn note_mock_values(&mut self, mock: &Mock) {
        let first = self.calls.partition_point(|call| call.started < mock.started);
        let same_time = self.calls[first..].iter_mut().take_while(|call| call.started == mock.started);
        for call in same_time.filter(|call| call.name == mock.name && call.candidates.len() > 1) {
            call.carried = Traces::carried(&mock.request);
            call.asked = Tokens::of([&mock.request]);
            call.answered = Tokens::of(mock.responses.iter().map(|response| &response.body));
            call.answer = mock.responses.first().map(|response| hash(&response.body));
        }
    }

    /// What the threads say, where the clock leaves anything open.
    fn note_threads(&mut self, observed: &Observed) {
        if observed.is_empty() || self.calls.iter().all(|call| call.candidates.len() < 2) {
            return;
        }
        let request = |test: &Test| Request { connection: test.connection, started: test.started, ended: test.ended };
        let requests: Vec<Request> = self.tests.iter().map(request).collect();
        let calls = self.calls.iter().map(|Call { connection, shape, started, ended, candidates, .. }| threads::Call {
            connection: *connection,
            shape: *shape,
            started: *started,
            ended: *ended,
            candidates,
        });
        let said = threads::say(observed, &requests, &calls.collect::<Vec<_>>());
        for (call, said) in self.calls.iter_mut().zip(said) {
            if let Some(Said { of, is_certain, .. }) = said {
                (call.candidates, call.witness) = (of, is_certain.then_some("thread"));
            }
        }
    }

    /// A call that carries the ids of some of its candidates is one of theirs.
    fn note_traces(&mut self) {
        for call in self.calls.iter_mut().filter(|call| call.candidates.len() > 1) {
            let tests = &self.tests;
            let named: Vec<usize> =
                call.candidates.iter().copied().filter(|test| tests[*test].traces.shares(&call.carried)).collect();
            if !named.is_empty() {
                call.witness = (named.len() == 1).then_some("trace");
                call.candidates = named;
            }
        }
    }

    fn mappings(&self) -> Vec<Mapping> {
        let owners = self.owners();
        let mut of_test: Vec<Vec<(usize, &'static str)>> = vec![Vec::new(); self.tests.len()];
        for (n, call) in self.calls.iter().enumerate() {
            match (&call.candidates[..], owners.get(&n)) {
                ([test], _) => of_test[*test].push((n, call.witness.unwrap_or("window"))),
                (_, Some(owner)) => of_test[owner.test].push((n, if owner.alone { "value" } else { "candidate" })),
                (_, None) => {}
            }
        }
        let mapping = |(test, calls): (&Test, Vec<(usize, &str)>)| {
            let mapped = |(n, evidence): (usize, &str)| {
                let Call { name, kind, started, ended, .. } = &self.calls[n];
                let (name, kind, evidence) = (name.clone(), kind.clone(), evidence.to_owned());
                MappedMock { name, kind, started: *started, ended: *ended, evidence }
            };
            Mapping { test: test.name.clone(), mocks: calls.into_iter().map(mapped).collect() }
        };
        self.tests.iter().zip(of_test).map(mapping).collect()
    }

    /// For calls with several candidates, the one that fits best, where one does: by values, then by values, by what kind of
    /// test such a call belongs to wherever that is clear, and by whose the calls beside it on its connection are.
    fn owners(&self) -> HashMap<usize, Owner> {
        let by_values = self.owners_with(&Habits::default(), &Neighbours::default());
        self.owners_with(&self.habits(&by_values), &self.neighbours(&by_values))
    }

    /// Words that stand in many different requests are their language's (`select`, `items`), as those are that stand in most
    /// answers to one kind of request (names of columns), and small numbers that stand in all (their widths): no evidence.
    fn forget_language(&mut self) {
        let open = || self.calls.iter().filter(|call| call.candidates.len() > 1);
        let different: HashMap<&(Hash, String), &Tokens> = open().map(|call| (&call.key, &call.asked)).collect();
        let asked = common(different.values().copied(), different.len() / 10);
        let mut by_shape: HashMap<Hash, Vec<&Tokens>> = HashMap::new();
        open().for_each(|call| by_shape.entry(call.shape).or_default().push(&call.answered));
        let of_language = |all: Vec<&Tokens>| {
            let words = common(all.iter().copied(), all.len() / 2);
            words.into_iter().chain(constants(&all)).collect::<HashSet<u64>>()
        };
        let answered: HashMap<Hash, HashSet<u64>> =
            by_shape.into_iter().map(|(shape, all)| (shape, of_language(all))).collect();
        for call in self.calls.iter_mut().filter(|call| call.candidates.len() > 1) {
            call.asked.forget(&asked);
            call.answered.forget(&answered[&call.shape]);
        }
    }

    fn owners_with(&self, habits: &Habits<'_>, neighbours: &Neighbours) -> HashMap<usize, Owner> {
        let open = self.calls.iter().enumerate().filter(|(_, call)| call.candidates.len() > 1);
        let mut fits: Vec<(usize, Vec<(usize, Fit)>)> = open.map(|(n, call)| (n, self.fits(call, habits))).collect();
        // The clearest cases first: what they take is no longer free for the others. Then by time.
        fits.sort_by_key(|(n, fits)| (std::cmp::Reverse(margin(fits)), *n));
        let mut taken = Taken::default();
        for call in self.calls.iter().filter(|call| call.witness.is_some()) {
            call.candidates.iter().for_each(|test| taken.note(call, *test));
        }
        let mut owners = HashMap::new();
        for (n, fits) in fits {
            let call = &self.calls[n];
            // A test that has got one of several equal calls probably made no second one, unless what is asked is its own.
            let asks_alone = asks_alone(&fits);
            let score = |(test, fit): &(usize, Fit)| {
                let times = match asks_alone == Some(*test) {
                    true => ASKED_ALONE,
                    false => -taken.weight(call, *test, fit),
                };
                let beside = neighbours.weight(n, *test);
                // Of those that fit as well, one that had the call's answer before it gave its own; the one that shows nothing
                // else; then the one that ended first: the others have more time left.
                let ended = self.tests[*test].ended;
                let had_it = ended >= call.ended;
                (fit.score + times + beside, had_it, std::cmp::Reverse(fit.others), std::cmp::Reverse(ended))
            };
            let Some(best) = fits.iter().rev().max_by_key(|fit| score(fit)) else { continue };
            let test = best.0;
            let others = fits.iter().filter(|(other, _)| *other != test);
            let alone = others.map(|(_, fit)| fit.strong).max().is_some_and(|most| best.1.strong > most);
            let clear = fits.iter().filter(|fit| score(fit).0 == score(best).0).count() == 1;
            owners.insert(n, Owner { test, alone, clear });
            taken.note(call, test);
        }
        owners
    }

    /// Which kinds of tests make which kinds of calls, as far as that is known.
    fn habits<'a>(&'a self, owners: &HashMap<usize, Owner>) -> Habits<'a> {
        let mut habits = Habits::default();
        for (n, call) in self.calls.iter().enumerate() {
            let owner = match call.candidates[..] {
                [only] => Some(only),
                _ => owners.get(&n).filter(|owner| owner.clear).map(|owner| owner.test),
            };
            if let Some(test) = owner {
                *habits.0.entry(call.shape).or_default().entry(&self.tests[test].class).or_default() += 1;
            }
        }
        habits
    }

    /// Of calls that values leave open, whose the nearest calls on the same connection are: a transaction is begun and ended
    /// by who writes in it. Only of connections that are one test's at a time, as those of pools are.
    fn neighbours(&self, owners: &HashMap<usize, Owner>) -> Neighbours {
        let owner = |n: usize| match self.calls[n].candidates[..] {
            [only] => Some(only),
            _ => owners.get(&n).filter(|owner| owner.alone).map(|owner| owner.test),
        };
        let mut by_connection: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (n, call) in self.calls.iter().enumerate().filter(|(_, call)| call.connection != 0) {
            by_connection.entry(call.connection).or_default().push(n);
        }
        let mut neighbours = Neighbours::default();
        for calls in by_connection.into_values() {
            let owned: Vec<(usize, usize)> = calls.iter().filter_map(|n| Some((*n, owner(*n)?))).collect();
            if !is_one_at_a_time(owned.iter().map(|(_, test)| *test)) {
                continue;
            }
            for n in calls.into_iter().filter(|n| owner(*n).is_none()) {
                let at = owned.partition_point(|(other, _)| *other < n);
                let before = at.checked_sub(1).map(|at| owned[at]);
                let before = before.map(|(p, test)| (self.calls[n].started.saturating_sub(self.calls[p].ended), test));
                let after = owned.get(at);
                let after = after.map(|(q, test)| (self.calls[*q].started.saturating_sub(self.calls[n].ended), *test));
                let mut beside: Vec<(Timestamp, usize)> = before.into_iter().chain(after).collect();
                beside.sort_unstable();
                neighbours.0.insert(n, beside.into_iter().map(|(_, test)| test).collect());
            }
        }
        neighbours
    }

    fn fits(&self, call: &Call, habits: &Habits<'_>) -> Vec<(usize, Fit)> {
        let fit = |&test: &usize| {
            let Test { values, class, asked: about, .. } = &self.tests[test];
            let (asked, answered) = (call.asked.shared(values), call.answered.shared(values));
            // What a test is asked for flows into what it asks.
            let flows = call.asked.shared(about).named;
            let missing = call.answered.len() - answered.tokens;
            let strange = if habits.is_strange(call.shape, class) { 20 } else { 0 };
            let score = 2 * (asked.times + flows + answered.times) as i64 - missing as i64 - strange;
            let others = if call.answered.is_list() { values.len() - answered.tokens.min(values.len()) } else { 0 };
            let (strong, shown) = (asked.strong + answered.strong, 2 * answered.times as i64);
            (test, Fit { score, shown, asked: asked.named, strong, others })
        };
        call.candidates.iter().map(fit).collect()
    }
}

/// The words that are in more than `most` of them, and in more than two.
fn common<'a>(documents: impl Iterator<Item = &'a Tokens>, most: usize) -> HashSet<u64> {
    let mut seen: HashMap<u64, usize> = HashMap::new();
    documents.flat_map(Tokens::words_of_language).for_each(|word| *seen.entry(word).or_default() += 1);
    seen.into_iter().filter(|(_, times)| *times > most.max(2)).map(|(word, _)| word).collect()
}

/// The small numbers that stand in all of several answers, where these say something else, too.
fn constants(answers: &[&Tokens]) -> HashSet<u64> {
    const SEVERAL: usize = 4;
    let in_all = Tokens::in_all(answers.iter().copied());
    let differ = answers.iter().any(|answer| answer.len() > in_all.len());
    match answers {
        [first, ..] if differ && answers.len() >= SEVERAL => {
            first.small_numbers().filter(|n| in_all.contains(n)).collect()
        }
        _ => HashSet::new(),
    }
}

/// Shape of call -> kind of test -> how often.
#[derive(Default)]
struct Habits<'a>(HashMap<Hash, HashMap<&'a str, usize>>);

impl Habits<'_> {
    /// Do calls of this kind belong, nearly always, to other kinds of tests?
    fn is_strange(&self, call: Hash, test: &str) -> bool {
        let Some(tests) = self.0.get(&call) else { return false };
        let most = tests.values().max().copied().unwrap_or(0);
        tests.get(test).copied().unwrap_or(0) * 4 < most
    }
}

/// Call -> the tests of the nearest calls on its connection, the nearer first.
#[derive(Default)]
struct Neighbours(HashMap<usize, Vec<usize>>);

impl Neighbours {
    fn weight(&self, call: usize, test: usize) -> i64 {
        /// More than it weighs that a test has an equal call already: it may have several transactions.
        const WEIGHTS: [i64; 2] = [4, 2];
        let beside = self.0.get(&call).into_iter().flatten();
        beside.zip(WEIGHTS).filter(|(other, _)| **other == test).map(|(_, weight)| weight).sum()
    }
}

/// Does each test have it for a while, and then the next one? On a connection that all share, they alternate.
fn is_one_at_a_time(owners: impl Iterator<Item = usize>) -> bool {
    let (mut turns, mut last, mut tests) = (0, None, HashSet::new());
    for test in owners {
        turns += usize::from(last.replace(test) != Some(test));
        tests.insert(test);
    }
    2 * turns <= 3 * tests.len()
}

/// The calls that tests have got already.
#[derive(Default)]
struct Taken<'a> {
    equal: HashMap<(&'a (Hash, String), usize), i64>,
    /// With the same answer, too.
    answers: HashSet<(&'a (Hash, String), Option<Hash>, usize)>,
}

impl<'a> Taken<'a> {
    fn note(&mut self, call: &'a Call, test: usize) {
        *self.equal.entry((&call.key, test)).or_default() += 1;
        self.answers.insert((&call.key, call.answer, test));
    }

    /// What it weighs against one more: what the test shows of this answer, it has from the one that it got.
    fn weight(&self, call: &Call, test: usize, fit: &Fit) -> i64 {
        let times = self.equal.get(&(&call.key, test)).copied().unwrap_or(0);
        let is_shown = self.answers.contains(&(&call.key, call.answer, test));
        3 * times + if is_shown { fit.shown } else { 0 }
    }
}

/// How well a call's values fit a test.
struct Fit {
    score: i64,
    /// Of that, what the test shows of the call's answer.
    shown: i64,
    /// How many ids of the call's request are in the test.
    asked: usize,
    /// Shared values that are hardly shared by chance.
    strong: usize,
    /// Where the call's answer is a list: values of the test that are not in it.
    others: usize,
}

/// The candidate that a call's values fit best.
struct Owner {
    test: usize,
    /// No other candidate shares as much that is not shared by chance: it is this one's.
    alone: bool,
    /// No other candidate fits as well.
    clear: bool,
}

/// What it weighs that more of a call's request is in one test than in any other: what a test is about flows into what
/// it asks, while numbers in answers are often met by chance.
const ASKED_ALONE: i64 = 6;

/// The only candidate with the most of what is asked.
fn asks_alone(fits: &[(usize, Fit)]) -> Option<usize> {
    let most = fits.iter().map(|(_, fit)| fit.asked).max()?;
    let mut with_most = fits.iter().filter(|(_, fit)| fit.asked == most);
    let (test, _) = with_most.next()?;
    with_most.next().is_none().then_some(*test)
}

/// By how much the best candidate is better than the next.
fn margin(fits: &[(usize, Fit)]) -> i64 {
    let mut scores: Vec<i64> = fits.iter().map(|(_, fit)| fit.score).collect();
    scores.sort_unstable();
    match scores[..] {
        [.., next, best] => best - next,
        _ => 0,
    }
}

/// The relay's number of a connection. 0: a recording of somebody else's.
fn number(connection: &str) -> u64 {
    connection.parse().unwrap_or_default()
}

/// Only what is answered once can belong to a test.
fn is_claimable(mock: &Mock) -> bool {
    mock.lifetime == Lifetime::Test && mock.unreachable.is_none()
}
