use document::{Map, Value};
use store::Response;

use super::*;

fn test(name: &str, window: (u64, u64), response: &str) -> Record {
    let responses = vec![Response { body: response.into(), at: window.1 }];
    Record::Test(TestCase {
        name: name.to_owned(),
        started: window.0,
        ended: window.1,
        responses,
        ..TestCase::default()
    })
}
fn call(name: &str, at: u64, request: &str, response: Value) -> Record {
    let request = Map::new().with("command", request).into();
    let responses = vec![Response { body: response, at }];
    let name = name.to_owned();
    Record::Mock(Mock { name, started: at, ended: at, request, responses, ..Mock::default() })
}
/// `test: mock evidence, ...`, a line a test.
fn attribute(records: &[Record]) -> String {
    let mut run = Run::default();
    records.iter().for_each(|record| run.note(record));
    run.sort();
    run.find_candidates();
    if run.mark_open() {
        records.iter().for_each(|record| run.note_values(record));
        run.note_traces();
        run.forget_language();
    }
    let line = |mapping: Mapping| {
        let mocks: Vec<_> = mapping.mocks.iter().map(|mock| format!("{} {}", mock.name, mock.evidence)).collect();
        format!("{}: {}", mapping.test, mocks.join(", "))
    };
    run.mappings().into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_request_in_flight_needs_no_guess() {
    let records = [
        call("before", 5, "PING", "PONG".into()),
        test("a", (10, 20), "x"),
        test("b", (30, 40), "y"),
        call("m0", 12, "GET k", "v".into()),
        call("m1", 40, "GET k", "w".into()),
        call("between", 25, "GET k", "v".into()),
    ];
    assert_eq!(attribute(&records), "a: m0 window\nb: m1 window");
}

#[test]
fn a_value_that_only_one_response_shows_decides() {
    let records = [
        test("a", (10, 50), r#"{"customer":"walter"}"#),
        test("b", (11, 51), r#"{"customer":"sabine"}"#),
        call("m0", 20, "GET customer", "sabine".into()),
        call("m1", 21, "GET customer", "walter".into()),
    ];
    assert_eq!(attribute(&records), "a: m1 value\nb: m0 value");
}

#[test]
fn small_numbers_only_order_the_candidates() {
    let records = [
        test("a", (10, 50), r#"{"id":18}"#),
        test("b", (11, 51), r#"{"id":17}"#),
        call("m0", 20, "INCR id", 17.into()),
        call("m1", 21, "INCR id", 18.into()),
    ];
    assert_eq!(attribute(&records), "a: m1 candidate\nb: m0 candidate");
}

#[test]
fn a_number_that_two_could_mean_goes_to_who_has_no_other() {
    let records = [
        test("a", (10, 50), r#"{"id":17}"#),
        test("b", (11, 51), r#"{"id":18,"pieces":17}"#),
        call("m0", 20, "INCR id", 17.into()),
        call("m1", 21, "INCR id", 18.into()),
    ];
    assert_eq!(attribute(&records), "a: m0 candidate\nb: m1 candidate");
}

#[test]
fn a_number_that_stands_in_every_date_still_tells() {
    let records = [
        test("a", (10, 50), r#"{"date":"Sun, 22 Nov","id":22}"#),
        test("b", (11, 51), r#"{"date":"Sun, 22 Nov","id":21}"#),
        call("m0", 20, "INCR id", 21.into()),
        call("m1", 21, "INCR id", 22.into()),
    ];
    assert_eq!(attribute(&records), "a: m1 candidate\nb: m0 candidate");
}

/// Each response is as long as the other's number says.
#[test]
fn a_length_is_weaker_evidence_than_data() {
    let response = |length: &str, body: &str| -> Value {
        Map::new().with("header", Map::new().with("Content-Length", length)).with("body", body).into()
    };
    let case = |name: &str, window, body| match test(name, window, "") {
        Record::Test(mut case) => {
            case.responses[0].body = body;
            Record::Test(case)
        }
        other => other,
    };
    let records = [
        case("a", (10, 50), response("31", r#"{"customer":"c11","ticket":30}"#)),
        case("b", (11, 51), response("30", r#"{"customer":"c3","ticket":31}"#)),
        call("m0", 20, "INCR tickets", 31.into()),
        call("m1", 21, "INCR tickets", 30.into()),
    ];
    assert_eq!(attribute(&records), "a: m1 candidate\nb: m0 candidate");
}

/// Two customers' tests count their own rows twice; the numbers would fit either.
#[test]
fn what_is_asked_weighs_more_than_numbers_in_answers() {
    let records = [
        test("a", (10, 50), r#"{"customer":"c1","during":8,"count":7}"#),
        test("b", (11, 51), r#"{"customer":"c2","during":8,"count":7,"list":[7,7,8,8]}"#),
        call("m0", 20, "count c1", 8.into()),
        call("m1", 21, "count c1", 7.into()),
        call("m2", 22, "count c2", 8.into()),
        call("m3", 23, "count c2", 7.into()),
    ];
    assert_eq!(attribute(&records), "a: m0 candidate, m1 candidate\nb: m2 candidate, m3 candidate");
}

/// A step of one says nothing of who was given number one.
#[test]
fn a_commands_own_arguments_are_nobodys() {
    let records = [
        test("a", (10, 50), r#"{"customer":"c1","ticket":2}"#),
        test("b", (11, 51), r#"{"customer":"c2","ticket":1}"#),
        call("m0", 20, "INCRBY ticket 1", 2.into()),
        call("m1", 21, "INCRBY ticket 1", 1.into()),
    ];
    assert_eq!(attribute(&records), "a: m0 candidate\nb: m1 candidate");
}

/// Lists that grow: what the shorter answer shows, the longer one shows, too.
#[test]
fn an_answer_goes_to_who_shows_nothing_else() {
    let records = [
        test("a", (10, 60), r#"["tea 1","tea 2","ham 1"]"#),
        test("b", (11, 50), r#"["tea 1","tea 2"]"#),
        call("m0", 20, "LIST", r#"["tea 1","tea 2"]"#.into()),
        call("m1", 21, "LIST", r#"["tea 1","tea 2","ham 1"]"#.into()),
    ];
    assert_eq!(attribute(&records), "a: m1 value\nb: m0 candidate");
}

#[test]
fn without_any_evidence_time_orders() {
    let records = [
        test("a", (10, 50), "x"),
        test("b", (11, 51), "y"),
        call("m0", 20, "INCR n", 1.into()),
        call("m1", 21, "INCR n", 2.into()),
    ];
    assert_eq!(attribute(&records), "a: m0 candidate\nb: m1 candidate");
}

/// A call on a connection, from when to when.
fn call_on(connection: u64, name: &str, window: (u64, u64), request: &str) -> Record {
    let Record::Mock(mock) = call(name, window.0, request, "OK".into()) else { unreachable!("a call is a mock") };
    Record::Mock(Mock { connection: connection.to_string(), ended: window.1, ..mock })
}

#[test]
fn a_transaction_is_begun_and_ended_by_who_writes_in_it() {
    let records = [
        test("a", (10, 90), r#"{"item":"walter-1"}"#),
        test("b", (11, 91), r#"{"item":"sabine-2"}"#),
        call_on(1, "m0", (20, 21), "BEGIN"),
        call_on(1, "m1", (22, 23), "INSERT sabine-2"),
        call_on(1, "m2", (24, 25), "COMMIT"),
        call_on(2, "m3", (20, 21), "BEGIN"),
        call_on(2, "m4", (22, 23), "INSERT walter-1"),
        call_on(2, "m5", (24, 25), "COMMIT"),
    ];
    assert_eq!(attribute(&records), "a: m3 candidate, m4 value, m5 candidate\nb: m0 candidate, m1 value, m2 candidate");
}

#[test]
fn what_a_test_shows_it_has_from_one_call() {
    let records = [
        test("a", (10, 50), r#"{"count":63,"created":63}"#),
        test("b", (11, 60), r#"{"count":64,"created":63}"#),
        call("m0", 20, "GET created", "63".into()),
        call("m1", 21, "GET created", "63".into()),
    ];
    assert_eq!(attribute(&records), "a: m0 candidate\nb: m1 candidate");
}
