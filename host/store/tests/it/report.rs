//! Reports.
use document::{Map, Value};
use fs_err as fs;
use store::{CallDifference, CallKind, Difference, DifferenceKind, Project, RunReport, SetReport, Status, TestReport};

fn run() -> RunReport {
    const AT: u64 = 1_784_279_453_000_000_000;
    let status = Difference {
        path: "status_code".into(),
        kind: DifferenceKind::Changed,
        expected: Some("200".into()),
        actual: Some("500".into()),
    };
    let call = CallDifference {
        kind: CallKind::Missing,
        protocol: "Redis".into(),
        destination: "redis:6379".into(),
        summary: "SET order:1".into(),
        nearest: None,
        differences: Vec::new(),
    };
    let changed = CallDifference {
        kind: CallKind::Changed,
        nearest: Some("mock-4".into()),
        differences: vec![Difference {
            path: "command[2]".into(),
            kind: DifferenceKind::Added,
            expected: None,
            actual: Some("<EX>".into()),
        }],
        ..call.clone()
    };
    let test = TestReport {
        name: "get-orders-1".into(),
        kind: "Http".into(),
        started: AT,
        ended: AT + 12_000_000,
        path: "keploy/test-set-0/tests/get-orders-1.yaml".into(),
        compared: vec!["status".into(), "9 headers".into(), "2 calls".into()],
        request: Map::new().with("method", "GET").with("url", "/orders").into(),
        response: Map::new().with("status_code", 500).with("body", Value::Bytes(vec![0, 255])).into(),
        ..TestReport::default()
    };
    let failed = TestReport {
        name: "get-orders-2".into(),
        status: Status::Failed,
        differences: vec![status],
        calls: vec![call, changed],
        ..test.clone()
    };
    let dead = TestReport {
        name: "get-orders-3".into(),
        status: Status::Failed,
        error: Some("no answer within 5 s".into()),
        response: Value::Null,
        ..test.clone()
    };
    let ignored = TestReport { name: "get-orders-4".into(), status: Status::Ignored, ..TestReport::default() };
    let set = SetReport {
        set: "test-set-0".into(),
        status: Status::Failed,
        error: None,
        started: AT,
        ended: AT + 1_204_000_000,
        tests: vec![test, failed, dead, ignored],
        calls: Vec::new(),
    };
    let halted = SetReport {
        set: "test-set-1".into(),
        status: Status::Failed,
        error: Some("the application ended with status 3 before it listened\nTraceback".into()),
        started: AT,
        ended: AT,
        ..SetReport::default()
    };
    let (name, command) = ("test-run-0".into(), "python app.py".into());
    RunReport { name, status: Status::Failed, command, started: AT, ended: AT + 2_000_000_000, sets: vec![set, halted] }
}

#[test]
fn yaml() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let run_dir = Project::open(directory.path(), None).next_run().expect("writable");
    run_dir.write(&run()).expect("writable");
    let read = |name| fs::read_to_string(run_dir.path.join(name)).expect("written");
    insta::assert_snapshot!(read("test-set-0-report.yaml"), @"");
    insta::assert_snapshot!(read("test-set-1-report.yaml"), @"");
}

#[test]
fn junit() {
    insta::assert_snapshot!(run().to_junit().expect("XML"), @"");
}

#[test]
fn json() {
    let json: serde_json::Value = serde_json::from_str(&run().to_json().expect("JSON")).expect("JSON");
    assert_eq!(json["status"], "FAILED");
    assert_eq!(json["sets"][0]["tests"][1]["differences"][0]["actual"], "500");
    assert_eq!(json["sets"][0]["tests"][1]["calls"][0]["kind"], "missing");
    assert_eq!(json["sets"][0]["tests"][0]["response"]["body"]["$base64"], "AP8=");
}

#[test]
fn differences_show_quotes_where_they_are_the_difference() {
    let difference = |expected: Value, actual: Value| {
        let found = document::diff(&expected, &actual, &document::Noise::default(), document::DiffOptions::default());
        let difference = Difference::from(&found[0]);
        (difference.kind, difference.expected.unwrap_or_default(), difference.actual.unwrap_or_default())
    };
    assert_eq!(difference("a".into(), "b".into()), (DifferenceKind::Changed, "a".into(), "b".into()));
    assert_eq!(difference("1".into(), 1.into()), (DifferenceKind::Type, "\"1\"".into(), "1".into()));
}
