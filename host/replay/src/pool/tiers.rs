//! Of the recorded calls that a request may be: which may be claimed now, and which first.
use std::collections::HashMap;

use document::Hash;
use matcher::Tokens;
use store::Lifetime;

use super::{Claimer, Pool};

/// The calls of one tier, out of those that were found. A tier is only made when those before it had nothing.
type Tier = fn(&Pool, &[usize], u64) -> Vec<usize>;

/// While verdicts are given, this is all: each test its own, what nobody owns, and the crowd's.
const JUDGING: &[Tier] = &[
    |pool, calls, _| pool.own(calls),
    |pool, calls, _| pool.shared(calls),
    |pool, calls, _| pool.shows(calls),
    |pool, calls, _| pool.just_asked(calls),
    |pool, calls, _| pool.usual(calls),
    Pool::background,
    Pool::comes_round,
    |pool, calls, _| pool.of_the_crowd(calls),
    Pool::to_come,
];

/// While learning, what a test may own is still open: it may be another's, or the background's.
/// These come before and after the others.
const LEARNING: (&[Tier], &[Tier]) = (
    &[|pool, calls, _| pool.fitting(calls)],
    &[|pool, calls, _| pool.anybodys(calls), |pool, calls, _| pool.again(calls)],
);

impl Pool {
    /// `calls` are sorted; `reached`: up to where the recording was replayed.
    pub(super) fn tiers(&self, calls: &[usize], reached: u64) -> impl Iterator<Item = Vec<usize>> {
        let (first, last) = if self.lesson.is_some() { LEARNING } else { (&[][..], &[][..]) };
        first.iter().chain(JUDGING).chain(last).map(move |tier| tier(self, calls, reached))
    }

    /// The unclaimed ones of the current test.
    fn own(&self, calls: &[usize]) -> Vec<usize> {
        let Some(test) = self.current else { return Vec::new() };
        // In this order: what is not among `calls` is not touched, and a test may have thousands.
        let free = |call: &usize| calls.binary_search(call).is_ok() && self.calls[*call].claimed_by.is_none();
        self.of_test[test].iter().copied().filter(free).collect()
    }

    /// While learning, of the calls that were made meanwhile: those whose answers are in what the test answered, rather than
    /// others'. What was claimed already comes last: it is what the poller has seen, or was taken by one; before it, what seems
    /// to be of a test that is still to run.
    fn fitting(&self, calls: &[usize]) -> Vec<usize> {
        let Some(test) = self.current else { return Vec::new() };
        let meanwhile = self.made_meanwhile(calls);
        let is_shown = |call: &usize| {
            self.calls[*call].mock.lifetime == Lifetime::Test && self.is_shown(self.calls[*call].shape())
        };
        if !meanwhile.first().is_some_and(is_shown) {
            return Vec::new();
        }
        let answered = |call: usize| self.calls[call].answered();
        let words = Tokens::in_all(calls.iter().map(|call| answered(*call)));
        let fit = |call: usize| {
            let (shared, missing) = answered(call).fit(&self.answers[test], &words);
            (shared > 0).then_some((missing, std::cmp::Reverse(shared)))
        };
        // Without a poller, what is claimed is another's.
        let is_polled = calls.iter().any(|call| self.is_of_none(*call));
        let free = |call: &usize| is_polled || self.calls[*call].claimed_by.is_none();
        let meanwhile: Vec<usize> = meanwhile.into_iter().filter(free).collect();
        let Some(best) = meanwhile.iter().filter_map(|call| fit(*call)).min() else { return Vec::new() };
        let mut fitting: Vec<usize> = meanwhile.into_iter().filter(|call| fit(*call) == Some(best)).collect();
        fitting.sort_by_key(|call| {
            let recorded = &self.calls[*call];
            let is_own = recorded.tests.contains(&test);
            let is_of_one_to_come = !is_own && recorded.tests.iter().any(|other| *other > test);
            (recorded.claimed_by.is_some(), !is_own, is_of_one_to_come)
        });
        fitting
    }

    /// Of calls that a poller makes, too, it may be open which were the test's: those whose answers are in what it answered.
    /// One that was given to another before is as good; what another test still has to ask is its.
    fn shows(&self, calls: &[usize]) -> Vec<usize> {
        let is_polled = calls.iter().any(|call| self.is_of_none(*call));
        let is_shown = || calls.first().is_some_and(|call| self.is_shown(self.calls[*call].shape()));
        let Some(test) = self.current.filter(|_| is_polled && self.lesson.is_none() && is_shown()) else {
            return Vec::new();
        };
        let answered = |call: usize| self.calls[call].answered();
        let words = Tokens::in_all(calls.iter().map(|call| answered(*call)));
        let is_shown = |call: &usize| matches!(answered(*call).fit(&self.answers[test], &words), (1.., 0));
        let is_free = |call: &usize| self.is_of_none(*call) || self.calls[*call].claimed_by.is_some();
        let mut shown: Vec<usize> = calls.iter().copied().filter(is_free).filter(is_shown).collect();
        shown.sort_by_key(|call| self.calls[*call].claimed_by.is_some());
        shown
    }

    /// Those that were made while the current test was in flight, or soon after.
    fn made_meanwhile(&self, calls: &[usize]) -> Vec<usize> {
        let Some(test) = self.current else { return Vec::new() };
        let (started, ended) = self.windows[test];
        let meanwhile = |call: &usize| (started..=ended).contains(&self.calls[*call].mock.started);
        calls.iter().copied().filter(meanwhile).collect()
    }

    /// What any connection may ask any time. Of what belongs to a connection like the one that recorded it, each live one
    /// goes on with what it had, or takes what none has, before it gets another's.
    fn shared(&self, calls: &[usize]) -> Vec<usize> {
        let mut shared: Vec<usize> =
            calls.iter().copied().filter(|call| self.calls[*call].mock.lifetime != Lifetime::Test).collect();
        shared.sort_by_key(|call| {
            let mock = &self.calls[*call].mock;
            match self.bound.get(&mock.connection) {
                _ if mock.lifetime != Lifetime::Connection => 0,
                Some(live) if *live == self.asking => 0,
                None => 1,
                Some(_) => 2,
            }
        });
        shared
    }

    /// A poller asks what the current test has asked: whoever came first, both see what the test saw.
    fn just_asked(&self, calls: &[usize]) -> Vec<usize> {
        let asked = |call: &usize| self.calls[*call].claimed_by == self.current.map(Claimer::Test);
        let is_background = calls.iter().any(|call| self.calls[*call].tests.is_empty()) && !self.is_queue(calls);
        calls.iter().copied().filter(|call| is_background && asked(call)).collect()
    }

    /// The crowd's, before the background's, when tests like the current one usually make such calls.
    fn usual(&self, calls: &[usize]) -> Vec<usize> {
        let theirs = self.of_the_crowd(calls);
        let is_usual = || theirs.first().is_some_and(|call| self.is_usual(self.calls[*call].shape()));
        if is_usual() { theirs } else { Vec::new() }
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
            let mock = &self.calls[*call].mock;
            started.saturating_sub(mock.started) + mock.ended.saturating_sub(ended)
        };
        let mut theirs: Vec<usize> = calls.iter().copied().filter(is_theirs).collect();
        theirs.sort_by_key(distance);
        theirs
    }

    /// Calls of no test, unclaimed: those that were made by then. Who asks more often than it did (a poller, in a slow
    /// replay) does not see what is yet to come. What a queue gave comes in recorded order; while learning, whosever it is.
    fn background(&self, calls: &[usize], reached: u64) -> Vec<usize> {
        let reached = self.seen_by_now(reached);
        let is_queue = self.is_queue(calls);
        let is_anybodys = calls.first().is_some_and(|call| self.takes_from_a_queue(*call));
        let free = |call: &usize| {
            let recorded = &self.calls[*call];
            let has_come = recorded.mock.started <= reached || is_queue;
            (self.is_of_none(*call) || is_anybodys) && recorded.claimed_by.is_none() && has_come
        };
        let mut free: Vec<usize> = calls.iter().copied().filter(free).collect();
        let is_order = |call: &usize| {
            let mut responses = self.calls[*call].mock.responses.iter();
            responses.any(|response| self.bindings.to_live(&response.body) != response.body)
        };
        // Of a queue, and of orders, none is left out; of other things the last is seen, and none before it again.
        if !is_queue && !free.iter().any(is_order) {
            let started = |call: &usize| self.calls[*call].mock.started;
            let claimed = |call: &&usize| self.is_of_none(**call) && self.calls[**call].claimed_by.is_some();
            let seen = calls.iter().filter(claimed).map(started).max();
            free.retain(|call| seen.is_none_or(|seen| started(call) > seen));
            free.sort_by_key(|call| std::cmp::Reverse(started(call)));
        }
        free
    }

    /// Up to when the background's answers are there: what came while the current test was in flight, it may have seen.
    fn seen_by_now(&self, reached: u64) -> u64 {
        let ended = self.current.map_or(0, |test| self.windows[test].1);
        reached.max(self.began()).max(ended)
    }

    /// Are these calls that wait for something, which then is not always the same?
    fn is_queue(&self, calls: &[usize]) -> bool {
        calls.first().is_some_and(|call| self.is_of_a_queue(*call))
    }

    fn say_different_things(&self, calls: &[usize]) -> bool {
        let mut said = calls.iter().map(|call| self.calls[*call].said());
        let first = said.next();
        said.any(|other| Some(other) != first)
    }

    /// Calls of no test, unclaimed, though they are yet to come: the nearest first.
    fn to_come(&self, calls: &[usize], _: u64) -> Vec<usize> {
        let free = |call: &usize| self.is_of_none(*call) && self.calls[*call].claimed_by.is_none();
        let mut free: Vec<usize> = calls.iter().copied().filter(free).collect();
        free.sort_by_key(|call| self.calls[*call].mock.started);
        free
    }

    /// Calls of no test, claimed: jobs come round. What is asked at once sees what was last seen by then. Of what a queue
    /// gave, those first that are no orders (`nothing new`), and were answered as most are, the last of them first: an order
    /// must not be taken twice. While learning, too, what tests of other kinds ask and those like the current one do not, if
    /// it matters who gets which answer: a poller asks it, and would use up what is theirs.
    fn comes_round(&self, calls: &[usize], reached: u64) -> Vec<usize> {
        let is_strange = || calls.first().is_some_and(|call| self.is_strange(self.calls[*call].shape()));
        let is_queue = self.is_queue(calls);
        let is_open = self.lesson.is_some() && is_strange() && !is_queue && self.say_different_things(calls);
        let is_its = |call: usize| match is_open {
            true => self.calls[call].mock.lifetime == Lifetime::Test,
            false => self.is_of_none(call),
        };
        let claimed = |call: &usize| is_its(*call) && self.calls[*call].claimed_by.is_some();
        let mut claimed: Vec<usize> = calls.iter().rev().copied().filter(claimed).collect();
        let reached = self.seen_by_now(reached);
        if !is_queue {
            // The last one first, as they are sorted; what lies ahead comes last.
            claimed.sort_by_key(|call| self.calls[*call].mock.started > reached);
            return claimed;
        }
        let said = |call: &usize| self.calls[*call].said();
        let mut times: HashMap<Option<Hash>, usize> = HashMap::new();
        claimed.iter().for_each(|call| *times.entry(said(call)).or_default() += 1);
        claimed.sort_by_key(|call| (self.is_order(*call), std::cmp::Reverse(times[&said(call)])));
        claimed
    }

    fn anybodys(&self, calls: &[usize]) -> Vec<usize> {
        calls.iter().copied().filter(|call| self.calls[*call].claimed_by.is_none()).collect()
    }

    fn again(&self, calls: &[usize]) -> Vec<usize> {
        calls.iter().rev().copied().filter(|call| self.calls[*call].claimed_by.is_some()).collect()
    }

    fn is_of_none(&self, call: usize) -> bool {
        let recorded = &self.calls[call];
        recorded.mock.lifetime == Lifetime::Test && recorded.tests.is_empty()
    }
}
