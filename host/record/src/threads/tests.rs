use document::hash;

use super::*;

/// What threads did, in order. Requests and calls have a connection each.
#[derive(Default)]
struct Scene {
    now: u64,
    observed: Observed,
    requests: Vec<Request>,
    /// Connection, shape, when.
    calls: Vec<(u64, Hash, u64)>,
}

impl Scene {
    fn tick(&mut self) -> u64 {
        self.now += 10;
        self.now
    }
    fn turn(&mut self, connection: u64, thread: u32, wrote: bool) {
        let at = self.tick();
        self.observed.connected(connection, connection);
        self.observed.add([(connection, Turn { at, offset: 0, process: 1, thread, wrote })]);
    }
    /// Somebody asks, and `thread` takes it.
    fn take(&mut self, thread: u32) -> usize {
        let (connection, started) = (1000 + self.requests.len() as u64, self.tick());
        self.requests.push(Request { connection, started, ended: u64::MAX });
        self.turn(connection, thread, false);
        self.requests.len() - 1
    }
    fn answer(&mut self, thread: u32, request: usize) {
        let connection = self.requests[request].connection;
        self.turn(connection, thread, true);
        let at = self.tick();
        self.observed.wrote(connection, at, 0..100);
        self.requests[request].ended = at;
    }
    /// `thread` calls, and is answered.
    fn call(&mut self, thread: u32, shape: &str) -> usize {
        let connection = 2000 + self.calls.len() as u64;
        self.turn(connection, thread, true);
        let at = self.tick();
        self.observed.wrote(connection, at, 0..50);
        self.calls.push((connection, hash(&shape.into()), at));
        self.tick();
        self.calls.len() - 1
    }
    /// So many pairs of overlapping requests, each answered by the thread that took it, that calls in between.
    fn pairs(&mut self, pairs: usize) {
        for _ in 0..pairs {
            let (a, b) = (self.take(1), self.take(2));
            self.call(1, "x");
            self.call(2, "x");
            self.answer(1, a);
            self.answer(2, b);
        }
    }
    /// Of each call, what its thread says.
    fn said(&self) -> Vec<Option<Vec<usize>>> {
        let candidates: Vec<Vec<usize>> = self.calls.iter().map(|(.., at)| self.in_flight(*at)).collect();
        let call = |(&(connection, shape, started), candidates)| Call {
            connection,
            shape,
            started,
            ended: started + 5,
            candidates,
        };
        let calls: Vec<Call<'_>> = self.calls.iter().zip(candidates.iter().map(Vec::as_slice)).map(call).collect();
        say(&self.observed, &self.requests, &calls).into_iter().map(|said| said.map(|said| said.of)).collect()
    }
    fn in_flight(&self, at: u64) -> Vec<usize> {
        let in_flight = |(_, request): &(usize, &Request)| request.started <= at && at <= request.ended;
        self.requests.iter().enumerate().filter(in_flight).map(|(n, _)| n).collect()
    }
}

#[test]
fn a_thread_calls_for_the_request_that_it_works_on() {
    let mut scene = Scene::default();
    scene.pairs(4);
    let expected: Vec<_> = (0..8).map(|request| Some(vec![request])).collect();
    assert_eq!(scene.said(), expected);
}

#[test]
fn few_requests_show_nothing() {
    let mut scene = Scene::default();
    scene.pairs(3);
    assert_eq!(scene.said(), vec![None; 6]);
}

#[test]
fn one_thread_may_read_for_others_that_work() {
    const READER: u32 = 9;
    let mut scene = Scene::default();
    let mut expected = Vec::new();
    for _ in 0..4 {
        let (a, b) = (scene.take(READER), scene.take(READER));
        for (thread, request) in [(2, b), (1, a)] {
            scene.call(thread, "x");
            scene.answer(thread, request);
            expected.push(Some(vec![request]));
        }
    }
    assert_eq!(scene.said(), expected);
}

/// A worker that tidies up after its answer would else be taken to work on what waits for it.
#[test]
fn what_workers_do_after_an_answer_is_not_the_next_requests() {
    const READER: u32 = 9;
    let mut scene = Scene::default();
    for _ in 0..8 {
        let (a, b) = (scene.take(READER), scene.take(READER));
        for request in [a, b] {
            scene.call(1, "work");
            scene.answer(1, request);
            scene.tick();
            scene.call(1, "tidy");
        }
    }
    let said = scene.said();
    assert!(said.iter().step_by(2).all(Option::is_some), "{said:?}");
    assert!(said.iter().skip(1).step_by(2).all(|said| said.as_ref().is_none_or(Vec::is_empty)), "{said:?}");
}

#[test]
fn event_loops_are_not_believed() {
    let mut scene = Scene::default();
    for _ in 0..8 {
        let (a, b) = (scene.take(1), scene.take(1));
        scene.call(1, "x");
        scene.answer(1, a);
        scene.call(1, "x");
        scene.answer(1, b);
    }
    assert_eq!(scene.said(), vec![None; 16]);
}

#[test]
fn tasks_that_move_between_threads_are_not_believed() {
    let mut scene = Scene::default();
    scene.pairs(8);
    let (a, b) = (scene.take(1), scene.take(2));
    scene.call(1, "x");
    scene.answer(2, a);
    scene.call(2, "x");
    scene.answer(1, b);
    assert_eq!(scene.said(), vec![None; 18]);
}

#[test]
fn threads_that_call_for_each_other_are_not_believed() {
    let mut scene = Scene::default();
    scene.pairs(8);
    let alone = scene.take(1);
    scene.call(2, "x");
    scene.answer(1, alone);
    assert_eq!(scene.said(), vec![None; 17]);
}

#[test]
fn what_a_thread_does_between_its_requests_is_no_others() {
    let mut scene = Scene::default();
    scene.pairs(4);
    let (a, b) = (scene.take(4), scene.take(2));
    let between = scene.call(1, "x");
    scene.call(2, "x");
    scene.answer(4, a);
    scene.answer(2, b);
    assert_eq!(scene.said()[between], Some(vec![a]), "nothing is known of a thread that never calls");
    let (a, b) = (scene.take(2), scene.take(3));
    let between = scene.call(1, "x");
    scene.call(2, "x");
    scene.call(3, "x");
    scene.answer(2, a);
    scene.answer(3, b);
    assert_eq!(scene.said()[between], Some(vec![]));
}
