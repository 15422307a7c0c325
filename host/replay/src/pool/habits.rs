//! Which kinds of tests make which kinds of calls, and what the background asks: needed where nothing equal was recorded, so
//! it is found out only then.
use std::collections::{HashMap, HashSet};

use document::Hash;
use store::Lifetime;

use super::{Asked, Key, Pool, Recorded};

#[derive(Default)]
pub(super) struct Habits {
    /// Classes of tests, and the shapes of calls that many of them make.
    usual: HashSet<(String, Hash)>,
    /// (destination, protocol, shape) -> the last such call of the background.
    of_background: HashMap<Key, usize>,
}

impl Habits {
    fn of(pool: &Pool) -> Self {
        /// One of so many tests of a class makes it often: others may be refused before.
        const OFTEN: usize = 4;
        let mut tests: HashMap<&str, usize> = HashMap::new();
        let mut calls: HashMap<(&str, Hash), usize> = HashMap::new();
        for (class, own) in pool.classes.iter().zip(&pool.of_test) {
            *tests.entry(class).or_default() += 1;
            let shapes: HashSet<Hash> = own.iter().map(|call| pool.calls[*call].shape()).collect();
            shapes.into_iter().for_each(|shape| *calls.entry((class, shape)).or_default() += 1);
        }
        let often = calls.into_iter().filter(|((class, _), count)| count * OFTEN >= tests[class]);
        let usual = often.map(|((class, shape), _)| (class.to_owned(), shape)).collect();
        // What starting up asks is no habit: it is asked once, and has to be as it was.
        let mut of_background = HashMap::new();
        for (n, call) in pool.calls.iter().enumerate() {
            let Recorded { mock, tests, .. } = call;
            let may_be = (tests.is_empty() && mock.started >= pool.began()) || pool.lesson.is_some();
            if may_be && mock.lifetime == Lifetime::Test && mock.unreachable.is_none() {
                of_background.insert((pool.aliases.of(&mock.destination), mock.kind.clone(), call.shape()), n);
            }
        }
        Self { usual, of_background }
    }
}

impl Pool {
    /// Do tests like the current one usually make such calls?
    pub(super) fn is_usual(&self, shape: Hash) -> bool {
        let habits = self.habits.get_or_init(|| Habits::of(self));
        self.current.is_some_and(|test| habits.usual.contains(&(self.classes[test].clone(), shape)))
    }

    /// What the background asks with other values than ever recorded (a job that was ordered as the recording ended) is
    /// answered as its like was: it is nobody's, and has to go on. Not what tests like the current one ask.
    pub(super) fn stand_in(&self, destination: &str, asked: &Asked<'_>) -> Option<usize> {
        let habits = self.habits.get_or_init(|| Habits::of(self));
        let shape = matcher::shape(asked.request);
        let alike = habits.of_background.get(&(destination.to_owned(), asked.protocol.to_owned(), shape))?;
        (!self.is_usual(shape)).then_some(*alike)
    }
}
