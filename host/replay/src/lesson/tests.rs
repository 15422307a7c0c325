use document::Map;
use store::{Response, Sender};

use super::*;

/// Tests of these classes, all in flight from their number of seconds on, and for so long that they overlap; and calls, by
/// what is asked and when, each a candidate of the test that is named.
fn set(classes: &[&str], calls: &[(&str, u64, usize)]) -> TestSet {
    const LONG: u64 = 100;
    let test = |(n, class): (usize, &&str)| TestCase {
        name: format!("test-{n}"),
        class: (*class).to_owned(),
        started: n as u64 * SECOND,
        ended: (n as u64 + LONG) * SECOND,
        ..TestCase::default()
    };
    let mock = |(n, (request, at, _)): (usize, &(&str, u64, usize))| Mock {
        name: format!("mock-{n}"),
        kind: "Line".to_owned(),
        destination: "kv.test:7070".to_owned(),
        request: (*request).into(),
        responses: vec![Response { body: "OK".into(), at: at * SECOND }],
        started: at * SECOND,
        ended: at * SECOND,
        ..Mock::default()
    };
    let mocks: Vec<Mock> = calls.iter().enumerate().map(mock).collect();
    let of_test = |test: usize| {
        let own = calls.iter().zip(&mocks).filter(|((_, _, of), _)| *of == test);
        Mapping { test: format!("test-{test}"), mocks: own.map(|(_, mock)| mapped(mock, "candidate")).collect() }
    };
    TestSet {
        tests: classes.iter().enumerate().map(test).collect(),
        mappings: (0..classes.len()).map(of_test).collect(),
        mocks,
        ..TestSet::default()
    }
}

const SECOND: u64 = 1_000_000_000;

/// What a replay saw: test, and the mocks that it claimed; `again`: what it was given though another had it.
fn lesson(set: &TestSet, claims: &[(usize, &[usize])], again: &[(usize, usize)]) -> Lesson {
    let mut lesson = Lesson::default();
    let name = |mock: &usize| format!("mock-{mock}");
    for test in 0..set.tests.len() {
        let own = claims.iter().filter(|(of, _)| *of == test).flat_map(|(_, mocks)| *mocks);
        let own: Vec<String> = own.map(name).collect();
        let others = again.iter().filter(|(of, _)| *of == test).map(|(_, mock)| name(mock));
        lesson.claimed(&format!("test-{test}"), own.clone(), own.iter().cloned().chain(others).collect());
    }
    lesson
}

fn learned(set: &TestSet, replays: [Lesson; 2]) -> Vec<(String, Vec<String>)> {
    let [first, second] = replays;
    let names = |mapping: Mapping| (mapping.test, mapping.mocks.into_iter().map(|mock| mock.name).collect());
    learn(set, &first, &second).mappings.into_iter().map(names).collect()
}

/// Recorded, test 1 asked before test 2 had begun; in the replays each gets the other's, as both ask the same.
#[test]
fn of_equal_calls_of_overlapping_tests_each_keeps_one() {
    let set =
        set(&["GET /rate", "GET /rate", "GET /rate"], &[("GET rate", 0, 0), ("GET rate", 1, 1), ("GET rate", 2, 2)]);
    let replay = || lesson(&set, &[(0, &[0]), (1, &[2]), (2, &[1])], &[]);
    let whose = learned(&set, [replay(), replay()]);
    assert_eq!(whose[1].1, ["mock-2"]);
    assert_eq!(whose[2].1, ["mock-1"], "it is no poller's, though it was made before test 2 began");
}

/// What one kind of tests asks, a poller asks, too: while tests of another kind run, and later than it seems.
#[test]
fn what_falls_into_tests_that_never_ask_it_is_a_pollers() {
    let classes =
        ["GET /rate", "POST /order", "POST /order", "POST /order", "POST /order", "POST /order", "POST /order"];
    let set = set(&classes, &[("COUNT", 1, 1), ("COUNT", 2, 2)]);
    let replays = [lesson(&set, &[(5, &[0]), (6, &[1])], &[]), lesson(&set, &[(4, &[0]), (6, &[1])], &[])];
    let whose = learned(&set, replays);
    assert!(whose.iter().all(|(_, mocks)| mocks.is_empty()), "{whose:?}");
}

/// Each order asks for its own currency: few of the orders ask for any one of them, but nobody else does.
#[test]
fn what_few_tests_of_a_kind_ask_is_theirs_when_nobody_else_does() {
    let mut classes = vec!["POST /order"; 20];
    classes.extend(["GET /health"; 80]);
    let asked: Vec<(&str, u64, usize)> = (0..4).map(|test| ("GET rates/EUR", test as u64, test)).collect();
    let set = set(&classes, &asked);
    // The first two change places.
    let replay = || lesson(&set, &[(0, &[1]), (1, &[0]), (2, &[2]), (3, &[3])], &[]);
    let whose = learned(&set, [replay(), replay()]);
    assert_eq!(whose.iter().map(|(_, mocks)| mocks.len()).sum::<usize>(), 4, "{whose:?}");
}

/// A test that was taken for another's call once says nothing of all calls of the kind: what was claimed in one replay only
/// stays as open as it was.
#[test]
fn one_test_that_asked_again_makes_nobody_a_poller() {
    let set =
        set(&["GET /a", "GET /a", "GET /b", "GET /b", "GET /b"], &[("GET 1", 0, 0), ("GET 2", 1, 1), ("GET 3", 1, 1)]);
    let replays = |again: &[(usize, usize)]| {
        [lesson(&set, &[(0, &[0]), (1, &[1])], again), lesson(&set, &[(0, &[0]), (1, &[1, 2])], again)]
    };
    assert_eq!(learned(&set, replays(&[(2, 0)]))[1].1, ["mock-1", "mock-2"]);
    assert_eq!(learned(&set, replays(&[(2, 0), (3, 0), (4, 0)]))[1].1, ["mock-1"], "a poller's, three times");
}

/// On its own connection a consumer begins while some test runs, and goes on by itself.
#[test]
fn what_tests_do_nothing_else_on_its_connection_is_no_tests() {
    let own = |connection: &str| {
        let mut classes = vec!["POST /order"; 8];
        classes.push("GET /health");
        let calls = [("CONSUME", 1, 1), ("ACK", 2, 2), ("ACK", 3, 3)];
        let mut set = set(&classes, &calls);
        set.mocks.iter_mut().for_each(|mock| mock.connection = connection.to_owned());
        // Acknowledging is nobody's.
        set.mappings.iter_mut().skip(2).for_each(|mapping| mapping.mocks.clear());
        let replay = || lesson(&set, &[(1, &[0])], &[]);
        learned(&set, [replay(), replay()])[1].1.clone()
    };
    assert!(own("7").is_empty());
    assert_eq!(own(""), ["mock-0"], "whose connection it was is not known");
}

/// A consumer was made ready while the first test was in flight, and in both replays; then its queue's messages came.
#[test]
fn what_a_consumer_does_before_its_first_message_is_no_tests() {
    let own = |sent: Option<u64>| {
        let mut set = set(&["POST /order", "deliver"], &[("QOS", 1, 0), ("CONSUME", 2, 0), ("PUBLISH", 5, 0)]);
        for mock in &mut set.mocks[..2] {
            mock.connection = "7".to_owned();
        }
        if let Some(sent) = sent {
            let message = &mut set.tests[1];
            (message.started, message.connection) = (sent * SECOND, "7".to_owned());
            message.sender = Some(Sender::default());
        }
        let replay = || lesson(&set, &[(0, &[0, 1, 2])], &[]);
        learned(&set, [replay(), replay()])[0].1.clone()
    };
    assert_eq!(own(Some(4)), ["mock-2"]);
    assert_eq!(own(Some(1)), ["mock-0", "mock-1", "mock-2"], "it went on while messages came");
    assert_eq!(own(None), ["mock-0", "mock-1", "mock-2"], "nothing came");
}

/// What a poller asks rarely falls into the same test in both replays: tests of its kind ask that, too, but never alone.
#[test]
fn what_tests_of_its_kind_make_only_with_others_is_not_its_own_alone() {
    let mut calls: Vec<(&str, u64, usize)> = (0..6).map(|test| ("COUNT", test as u64, test)).collect();
    calls.extend((0..6).map(|test| ("SUM", test as u64, test)));
    // The dashboard of test 6 had not changed: it asks nothing. The last one came before all tests.
    calls.extend([("COUNT", 6, 6), ("COUNT", 0, 99)]);
    let set = set(&["GET /dashboard"; 8], &calls);
    let claims: Vec<(usize, Vec<usize>)> =
        (0..6).map(|test| (test, vec![test, 6 + test])).chain([(6, vec![12])]).collect();
    let claims: Vec<(usize, &[usize])> = claims.iter().map(|(test, mocks)| (*test, &mocks[..])).collect();
    let whose = learned(&set, [lesson(&set, &claims, &[]), lesson(&set, &claims, &[])]);
    assert_eq!(whose[6].1, Vec::<String>::new());
    assert_eq!(whose[5].1, ["mock-5", "mock-11"]);
}

/// Recorded while the first test was in flight, and made before it in the replays: by who asks when the application starts.
#[test]
fn what_is_asked_while_no_test_runs_is_no_tests() {
    let set = set(&["POST /login", "GET /count"], &[("COUNT", 1, 0), ("COUNT", 2, 1)]);
    let replay = |of_none: &[usize]| {
        let mut lesson = lesson(&set, &[(1, &[1])], &[]);
        of_none.iter().for_each(|mock| lesson.claimed_by_none(&format!("mock-{mock}")));
        lesson
    };
    let [unseen, seen] = [&[][..], &[0]].map(|of_none| learned(&set, [replay(of_none), replay(of_none)]));
    assert_eq!(unseen[0].1, ["mock-0"], "as open as it was");
    assert!(seen[0].1.is_empty(), "{seen:?}");
    assert_eq!(seen[1].1, ["mock-1"]);
}

/// The worker had taken an order when the recording ended: what it does with it in a replay is new, and no test's.
#[test]
fn what_a_worker_does_beyond_the_recording_is_no_tests() {
    let mut set = set(&["GET /job", "GET /job"], &[("INSERT 1", 0, 0)]);
    set.mappings.iter_mut().for_each(|mapping| mapping.mocks.clear());
    let trouble = |like: &str| {
        let what = Unexplained { words: "call additional".to_owned(), missing: None, like: Some(like.to_owned()) };
        let mut lesson = lesson(&set, &[], &[]);
        lesson.differs("test-1", vec![what]);
        lesson
    };
    assert_eq!(learn(&set, &trouble("mock-0"), &trouble("mock-0")).troubles(), 0);
    assert_eq!(learn(&set, &trouble("mock-1"), &trouble("mock-1")).troubles(), 1, "nobody knows such calls");
}

/// Two tests count at the same time, and what each of them was answered stands in its own answer.
fn counting() -> TestSet {
    let mut set = set(&["GET /count", "GET /count"], &[("COUNT", 2, 0), ("COUNT", 3, 1)]);
    for (n, counted) in ["62", "63"].into_iter().enumerate() {
        set.mocks[n].responses[0].body = counted.into();
    }
    for (test, counted) in set.tests.iter_mut().zip([63, 62]) {
        test.responses = vec![Response { body: Map::new().with("count", counted).into(), at: test.ended }];
    }
    set
}

/// Tests of it answered otherwise: which, and the recorded and the live value.
fn counted(set: &TestSet, claims: &[(usize, &[usize])], otherwise: &[(usize, &str, &str)]) -> Lesson {
    let mut lesson = lesson(set, claims, &[]);
    for (test, recorded, live) in otherwise {
        let test = format!("test-{test}");
        let what = Unexplained { words: "body.count changed".to_owned(), missing: None, like: None };
        lesson.differs(&test, vec![what]);
        lesson.otherwise.insert(test, [((*recorded).to_owned(), (*live).to_owned())].into());
    }
    lesson
}

/// Whose each mock is after it was settled, if anything was.
fn settled(set: &TestSet, replay: &Lesson) -> Option<Vec<(String, String)>> {
    let learned = learn(set, replay, replay);
    let settled = settle(set, [replay, replay], &learned)?;
    let whose = |mapping: Mapping| mapping.mocks.into_iter().map(move |mock| (mapping.test.clone(), mock.name));
    Some(settled.into_iter().flat_map(whose).collect())
}

fn owned(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    Some(pairs.iter().map(|(test, mock)| ((*test).to_owned(), (*mock).to_owned())).collect())
}

#[test]
fn a_tests_answer_says_which_of_equal_calls_was_its_own() {
    let set = counting();
    let claims: &[(usize, &[usize])] = &[(0, &[0]), (1, &[1])];
    let mistaken = counted(&set, claims, &[(0, "63", "62"), (1, "62", "63")]);
    assert_eq!(settled(&set, &mistaken), owned(&[("test-0", "mock-1"), ("test-1", "mock-0")]));
    assert_eq!(settled(&set, &counted(&set, claims, &[])), None, "nothing says so");
    assert_eq!(settled(&set, &counted(&set, claims, &[(0, "64", "62")])), None, "nobody was answered that");
}

#[test]
fn what_a_test_was_given_by_mistake_may_be_a_pollers() {
    let mut set = counting();
    set.mocks.push(Mock { name: "mock-2".to_owned(), started: 0, ..set.mocks[0].clone() });
    set.tests[1].class = "GET /other".to_owned();
    let mistaken = counted(&set, &[(0, &[0])], &[(0, "63", "62")]);
    assert_eq!(settled(&set, &mistaken), owned(&[("test-0", "mock-1")]));
}

#[test]
fn what_a_test_was_lent_stays_where_it_was() {
    let mut set = counting();
    set.mappings.iter_mut().for_each(|mapping| mapping.mocks.clear());
    let mut mistaken = counted(&set, &[], &[(0, "63", "62")]);
    mistaken.claimed("test-0", Vec::new(), vec!["mock-0".to_owned()]);
    assert_eq!(settled(&set, &mistaken), owned(&[("test-0", "mock-1")]));
}

/// Two polls fall into the first tests, in both replays, and were made while none ran, too: two of eight are no habit then.
#[test]
fn what_a_poller_asks_beside_the_first_tests_is_not_theirs() {
    let own = |polls: &[usize]| {
        let calls: Vec<(&str, u64, usize)> =
            polls.iter().map(|test| ("COUNT", *test as u64, *test)).chain([("COUNT", 0, 99)]).collect();
        let set = set(&["POST /login"; 8], &calls);
        let claims: Vec<(usize, Vec<usize>)> = polls.iter().enumerate().map(|(n, test)| (*test, vec![n])).collect();
        let claims: Vec<(usize, &[usize])> = claims.iter().map(|(test, mocks)| (*test, &mocks[..])).collect();
        let whose = learned(&set, [lesson(&set, &claims, &[]), lesson(&set, &claims, &[])]);
        whose.iter().map(|(_, mocks)| mocks.len()).sum::<usize>()
    };
    assert_eq!(own(&[0, 1]), 0);
    assert_eq!(own(&[0, 1, 2]), 3, "where more than a third ask, they do so themselves");
}
