//! Which kinds of tests make which kinds of calls, and what the background asks: needed where nothing equal was recorded, so
//! it is found out only then.
use std::collections::{HashMap, HashSet};

use document::Hash;
use matcher::Tokens;
use store::Lifetime;

use super::{Asked, Pool, Recorded};
use crate::often::Times;

#[derive(Default)]
pub(super) struct Habits {
    /// Classes of tests, and the shapes of calls that many of them make.
    usual: HashSet<(String, Hash)>,
    /// The shapes of calls that some class of tests usually makes.
    of_anyone: HashSet<Hash>,
    /// Of those, the shapes of calls whose answers tests of this class mostly show. Only where there is a background, or
    /// while learning.
    shown: HashSet<(String, Hash)>,
    /// Calls that wait for something, which then is not always the same: keys of equal requests.
    queues: HashSet<Hash>,
    /// (destination, protocol, shape) -> the last such call of the background.
    of_background: HashMap<(String, String, Hash), usize>,
}

impl Habits {
    fn of(pool: &Pool) -> Self {
        let mut tests: HashMap<&str, usize> = HashMap::new();
        let mut by_all: HashMap<Hash, usize> = HashMap::new();
        let mut calls: HashMap<(&str, Hash), usize> = HashMap::new();
        for (class, own) in pool.classes.iter().zip(&pool.of_test) {
            *tests.entry(class).or_default() += 1;
            let shapes: HashSet<Hash> = own.iter().map(|call| pool.calls[*call].shape()).collect();
            for shape in shapes {
                *calls.entry((class, shape)).or_default() += 1;
                *by_all.entry(shape).or_default() += 1;
            }
        }
        let is_often = |((class, shape), made): &((&str, Hash), usize)| {
            let times =
                Times { made: *made, tests: tests[class], made_by_all: by_all[shape], all_tests: pool.classes.len() };
            times.are_often(Times::MANY)
        };
        let often = calls.into_iter().filter(is_often);
        let usual: HashSet<(String, Hash)> = often.map(|((class, shape), _)| (class.to_owned(), shape)).collect();
        let of_anyone = usual.iter().map(|(_, shape)| *shape).collect();
        let shown = if pool.lesson.is_some() || pool.has_background() { shown(pool) } else { HashSet::new() };
        let queues = queues(pool);
        // What starting up asks is no habit: it is asked once, and has to be as it was.
        let mut of_background = HashMap::new();
        for (n, call) in pool.calls.iter().enumerate() {
            let Recorded { mock, tests, .. } = call;
            let may_be = (tests.is_empty() && mock.started >= pool.began()) || pool.lesson.is_some();
            if may_be && mock.lifetime == Lifetime::Test && mock.unreachable.is_none() {
                of_background.insert((pool.aliases.of(&mock.destination), mock.kind.clone(), call.shape()), n);
            }
        }
        Self { usual, of_anyone, shown, queues, of_background }
    }
}

fn queues(pool: &Pool) -> HashSet<Hash> {
    let waited = pool.calls.iter().filter(|call| call.was_waited_for()).map(|call| call.key);
    let mut answers: HashMap<Hash, HashSet<Option<Hash>>> = waited.map(|key| (key, HashSet::new())).collect();
    for call in &pool.calls {
        if let Some(answers) = answers.get_mut(&call.key) {
            answers.insert(call.said());
        }
    }
    answers.into_iter().filter(|(_, answers)| answers.len() > 1).map(|(key, _)| key).collect()
}

/// Whatever in an answer is not in all answers to such calls has to be in what the test answered.
fn shown(pool: &Pool) -> HashSet<(String, Hash)> {
    let mut by_shape: HashMap<Hash, Vec<(usize, usize)>> = HashMap::new();
    for (test, own) in pool.of_test.iter().enumerate() {
        own.iter().for_each(|call| by_shape.entry(pool.calls[*call].shape()).or_default().push((test, *call)));
    }
    // Nobody's calls count, too: where all tests were answered the same, they show what else there was.
    let mut answers: HashMap<Hash, Vec<&Tokens>> = HashMap::new();
    for call in pool.calls.iter().filter(|call| call.mock.lifetime == Lifetime::Test) {
        if by_shape.contains_key(&call.shape()) {
            answers.entry(call.shape()).or_default().push(call.answered());
        }
    }
    let mut shown = HashSet::new();
    for (shape, calls) in by_shape {
        let words = Tokens::in_all(answers.remove(&shape).unwrap_or_default());
        let mut by_class: HashMap<&str, (usize, usize)> = HashMap::new();
        for (test, call) in calls {
            let fit = pool.calls[call].answered().fit(&pool.answers[test], &words);
            let (all, showing) = by_class.entry(&pool.classes[test]).or_default();
            *all += 1;
            *showing += usize::from(matches!(fit, (1.., 0)));
        }
        let mostly = by_class.into_iter().filter(|(_, (all, showing))| showing * 2 > *all);
        shown.extend(mostly.map(|(class, _)| (class.to_owned(), shape)));
    }
    shown
}

impl Pool {
    /// Do tests like the current one usually make such calls?
    pub(super) fn is_usual(&self, shape: Hash) -> bool {
        let habits = self.habits.get_or_init(|| Habits::of(self));
        self.current.is_some_and(|test| habits.usual.contains(&(self.classes[test].clone(), shape)))
    }

    /// Do tests of other kinds usually make such calls, and those like the current one not?
    pub(super) fn is_strange(&self, shape: Hash) -> bool {
        let habits = self.habits.get_or_init(|| Habits::of(self));
        !self.is_usual(shape) && habits.of_anyone.contains(&shape)
    }

    pub(super) fn is_of_a_queue(&self, call: usize) -> bool {
        let habits = self.habits.get_or_init(|| Habits::of(self));
        habits.queues.contains(&self.calls[call].key)
    }

    /// Did a queue give this, rather than say that it had nothing?
    pub(super) fn is_order(&self, call: usize) -> bool {
        self.is_of_a_queue(call) && self.calls[call].answered().ids().next().is_some()
    }

    /// While learning: does a worker seem to ask for the next order, rather than the current test?
    pub(super) fn takes_from_a_queue(&self, call: usize) -> bool {
        self.lesson.is_some() && self.is_of_a_queue(call) && !self.is_usual(self.calls[call].shape())
    }

    /// Does what tests like the current one answer show what such calls were answered?
    pub(super) fn is_shown(&self, shape: Hash) -> bool {
        let habits = self.habits.get_or_init(|| Habits::of(self));
        self.current.is_some_and(|test| habits.shown.contains(&(self.classes[test].clone(), shape)))
    }

    /// What the background asks with other values than ever recorded (a job that was ordered as the recording ended) is
    /// answered as its like was: it is nobody's, and has to go on. Not what tests like the current one ask, and not what
    /// may be missed.
    pub(super) fn stand_in(&self, destination: &str, asked: &Asked<'_>) -> Option<usize> {
        if asked.by_driver {
            return None;
        }
        let habits = self.habits.get_or_init(|| Habits::of(self));
        let shape = matcher::shape(asked.request);
        let alike = habits.of_background.get(&(destination.to_owned(), asked.protocol.to_owned(), shape))?;
        (!self.is_usual(shape)).then_some(*alike)
    }
}
