use super::*;

/// Calls to one destination; `tests` are those that may have made each.
fn pool(calls: &[(&str, Lifetime, &[usize])], tests: usize) -> Pool {
    let mut pool = Pool::new(tests, Aliases::default(), false);
    for (n, (request, lifetime, _)) in calls.iter().enumerate() {
        let request = Value::from(*request);
        let (kind, destination, started) = ("Line".to_owned(), "kv.test:7070".to_owned(), n as u64);
        let mock = Mock { kind, destination, started, lifetime: *lifetime, ..Mock::default() };
        let hash = document::hash(&request);
        pool.add(mock, request, hash, None);
    }
    for test in 0..tests {
        let of_test = calls.iter().enumerate().filter(|(_, (_, _, tests))| tests.contains(&test));
        pool.map(test, of_test.map(|(n, _)| n).collect::<Vec<_>>());
    }
    pool
}
fn ask(pool: &mut Pool, request: &str) -> Option<usize> {
    ask_at(pool, request, 100)
}
fn ask_at(pool: &mut Pool, request: &str, reached: u64) -> Option<usize> {
    ask_over(pool, 1, request, reached)
}
fn ask_over(pool: &mut Pool, connection: u64, request: &str, reached: u64) -> Option<usize> {
    ask_as(pool, (connection, false), request, reached)
}
fn ask_as(pool: &mut Pool, (connection, by_driver): (u64, bool), request: &str, reached: u64) -> Option<usize> {
    let (destination, protocol, class, request) = ("kv.test:7070", "Line", "", &Value::from(request));
    let asked = Asked { connection, by_driver, destination, protocol, class, request, at: 0, moved: 0, reached };
    pool.claim(&asked, &Forms::plain()).0
}
use Lifetime::{Session, Test};

#[test]
fn a_test_gets_its_own_in_order_and_each_once() {
    let mut pool = pool(&[("GET a", Test, &[0]), ("GET a", Test, &[1]), ("GET a", Test, &[0])], 2);
    pool.begin(0..1);
    assert_eq!([ask(&mut pool, "GET a"), ask(&mut pool, "GET a"), ask(&mut pool, "GET a")], [Some(0), Some(2), None]);
    pool.begin(1..2);
    assert_eq!([ask(&mut pool, "GET a"), ask(&mut pool, "GET b")], [Some(1), None]);
}

/// Who joins a group is told what it gets.
#[test]
fn each_connection_gets_what_one_like_it_got() {
    let mut pool = pool(&[("JOIN", Lifetime::Connection, &[]), ("JOIN", Lifetime::Connection, &[])], 1);
    for (call, connection) in pool.calls.iter_mut().zip(["4", "5"]) {
        call.mock.connection = connection.to_owned();
    }
    let mut join = |connection| ask_over(&mut pool, connection, "JOIN", 100);
    assert_eq!([9, 8, 8, 9, 7].map(&mut join), [Some(0), Some(1), Some(1), Some(0), Some(0)]);
}

#[test]
fn what_any_connection_may_ask_is_never_used_up() {
    let mut pool = pool(&[("PING", Session, &[])], 1);
    assert_eq!([ask(&mut pool, "PING"), ask(&mut pool, "PING")], [Some(0), Some(0)]);
}

#[test]
fn background_calls_come_round_and_cost_no_test_anything() {
    let mut pool = pool(&[("POLL", Test, &[]), ("POLL", Test, &[])], 1);
    pool.begin(0..1);
    let asked: Vec<_> = [0, 1, 1].map(|reached| ask_at(&mut pool, "POLL", reached)).into();
    assert_eq!(asked, [Some(0), Some(1), Some(1)]);
    assert!(pool.additional(Some(0)).is_empty() && pool.calls_of(0).is_empty());
}

/// What may be missed is no call yet: it gets what is equal to it, and leaves no trace once the call is found.
#[test]
fn nobody_stands_in_for_a_question() {
    let mut pool = pool(&[("PUT 1", Test, &[]), ("GET a", Test, &[0])], 1);
    pool.begin(0..1);
    assert_eq!(ask_as(&mut pool, (1, true), "PUT 2", 100), None);
    let (protocol, class) = ("Line".to_owned(), String::new());
    let question = Additional {
        protocol,
        class,
        destination: "kv.test:7070".to_owned(),
        summary: String::new(),
        request: "GET".into(),
        live: "GET".into(),
        at: 0,
        by_driver: true,
        connection: 1,
    };
    pool.note_additional(Some(0), question.clone());
    pool.note_additional(Some(0), Additional { connection: 2, ..question });
    assert_eq!(ask(&mut pool, "GET a"), Some(1));
    let left: Vec<u64> = pool.additional(Some(0)).iter().map(|question| question.connection).collect();
    assert_eq!(left, [2], "another connection's");
    assert_eq!(ask(&mut pool, "PUT 2"), Some(0), "a call that is nobody's has to go on");
}

#[test]
fn who_polls_less_often_sees_what_is_there_by_then() {
    let calls: &[(&str, Lifetime, &[usize])] = &[("POLL", Test, &[]), ("POLL", Test, &[]), ("POLL", Test, &[])];
    let mut pool = pool(calls, 1);
    pool.begin(0..1);
    assert_eq!([1, 1, 2].map(|reached| ask_at(&mut pool, "POLL", reached)), [Some(1), Some(1), Some(2)]);
}

#[test]
fn a_crowd_shares_what_it_has_and_others_do_not() {
    let calls: &[(&str, Lifetime, &[usize])] = &[("GET a", Test, &[0]), ("GET a", Test, &[1]), ("GET a", Test, &[2])];
    let mut pool = pool(calls, 3);
    for (test, crowd) in [Some(1), Some(1), None].into_iter().enumerate() {
        let window = TestCase { started: test as u64, ended: test as u64, ..TestCase::default() };
        pool.place(test, &window, crowd);
    }
    pool.begin(0..1);
    let asked: Vec<_> = (0..3).map(|_| ask(&mut pool, "GET a")).collect();
    assert_eq!(asked, [Some(0), Some(1), None], "the third is of a test whose calls are settled");
    assert_eq!(pool.calls[1].claimed_by, Some(Claimer::Test(0)));
}

#[test]
fn a_mock_without_a_destination_stands_for_any() {
    let mut pool = Pool::new(1, Aliases::default(), false);
    let request = Value::from("GET a");
    let mock = Mock { kind: "Line".to_owned(), ..Mock::default() };
    pool.add(mock, request.clone(), document::hash(&request), None);
    assert_eq!(ask(&mut pool, "GET a"), Some(0));
    assert_eq!(pool.protocols("somewhere:1").map(Vec::len), Some(1));
}

#[test]
fn tests_run_together_that_did_and_whose_calls_can_be_told_apart() {
    let calls: &[(&str, Lifetime, &[usize])] = &[
        ("GET a", Test, &[0]),
        ("GET b", Test, &[1]),
        ("GET c", Test, &[2]),
        ("GET b", Test, &[3]),
        ("GET d", Test, &[4]),
    ];
    let mut pool = pool(calls, 5);
    for (test, window) in [(0, 9), (1, 9), (2, 9), (3, 9), (20, 29)].into_iter().enumerate() {
        pool.place(test, &TestCase { started: window.0, ended: window.1, ..TestCase::default() }, None);
    }
    assert_eq!(
        [pool.together(0, 1), pool.together(0, 2), pool.together(0, 8)],
        [1, 2, 3],
        "the fourth asks for b, too"
    );
    assert_eq!(pool.together(3, 8), 1, "the fifth came later");
    pool.begin(0..3);
    assert_eq!(["GET c", "GET a", "GET b"].map(|request| ask(&mut pool, request)), [Some(2), Some(0), Some(1)]);
    assert_eq!(pool.calls[2].claimed_by, Some(Claimer::Test(2)));
}

#[test]
fn while_learning_a_poller_does_not_use_up_what_others_ask() {
    // Tests 0 and 1 are of a kind that asks for the count, 2 is not.
    let asked_meanwhile = |answers: [&str; 2]| {
        let calls: &[(&str, Lifetime, &[usize])] = &[("COUNT", Test, &[0]), ("COUNT", Test, &[1])];
        let mut pool = learning(calls, &["GET /sum", "GET /sum", "POST /item"]);
        for (call, answer) in pool.calls.iter_mut().zip(answers) {
            call.mock.responses = vec![store::Response { body: answer.into(), at: 0 }];
        }
        pool.begin(0..1);
        assert_eq!(ask(&mut pool, "COUNT"), Some(0));
        pool.begin(2..3);
        ask(&mut pool, "COUNT")
    };
    assert_eq!(asked_meanwhile(["7", "8"]), Some(0), "again, for a poller");
    assert_eq!(
        asked_meanwhile(["7 at 2026-11-22T19:22:40Z", "7 at 2026-11-22T19:22:41Z"]),
        Some(1),
        "of equal ones, as many as ask"
    );
}

/// All of them showed 64 when they were recorded, and a poller was told 0 before: that says which answers are theirs.
#[test]
fn what_all_tests_show_is_told_from_what_a_poller_was_told() {
    let calls: &[(&str, Lifetime, &[usize])] = &[("COUNT", Test, &[]), ("COUNT", Test, &[0]), ("COUNT", Test, &[1])];
    let mut pool = learning(calls, &["GET /count", "GET /count"]);
    for (call, answer) in pool.calls.iter_mut().zip(["0", "64", "64"]) {
        call.mock.responses = vec![store::Response { body: answer.into(), at: 0 }];
    }
    for test in 0..2 {
        let responses = vec![store::Response { body: "64".into(), at: 0 }];
        let case = TestCase { class: "GET /count".to_owned(), ended: 1_000, responses, ..TestCase::default() };
        pool.place(test, &case, Some(0));
    }
    pool.begin(0..1);
    assert!(pool.is_shown(pool.calls[1].shape()));
    assert_eq!([(); 3].map(|()| ask(&mut pool, "COUNT")), [Some(1), Some(2), Some(1)], "never 0");
}

#[test]
fn while_learning_a_queue_gives_in_recorded_order() {
    let mut pool = learning(&[("POP", Test, &[]), ("POP", Test, &[1]), ("POP", Test, &[])], &["GET /a", "GET /b"]);
    for (n, call) in pool.calls.iter_mut().enumerate() {
        let body = Value::from(format!("order {n}"));
        call.mock.responses = vec![store::Response { body, at: 0 }];
        call.mock.ended = call.mock.started + 60_000_000;
    }
    pool.begin(0..1);
    assert_eq!([(); 3].map(|()| ask(&mut pool, "POP")), [Some(0), Some(1), Some(2)]);
    assert!(pool.made_during(0).is_empty(), "a worker took them");
}

#[test]
fn what_a_queue_gave_comes_once_and_then_nothing_new() {
    let mut pool = pool(&[("POP", Test, &[]), ("POP", Test, &[]), ("POP", Test, &[])], 1);
    let answers = ["order 3df3f938-aac5-4ffd", "nothing", "order cc5fac8e-cba8-41a7"];
    for (call, answer) in pool.calls.iter_mut().zip(answers) {
        call.mock.responses = vec![store::Response { body: answer.into(), at: 0 }];
        call.mock.ended = call.mock.started + 60_000_000;
    }
    pool.begin(0..1);
    assert_eq!([(); 5].map(|()| ask(&mut pool, "POP")), [Some(0), Some(1), Some(2), Some(1), Some(1)]);
    assert_eq!([0, 1, 2].map(|call| pool.is_order(call)), [true, false, true]);
}

/// Calls of tests of these classes, all at once.
fn learning(calls: &[(&str, Lifetime, &[usize])], classes: &[&str]) -> Pool {
    let mut pool = pool(calls, classes.len());
    pool.lesson = Some(Lesson::default());
    for (test, class) in classes.iter().enumerate() {
        let case = TestCase { class: (*class).to_owned(), ended: 1_000, ..TestCase::default() };
        pool.place(test, &case, Some(0));
    }
    pool
}
