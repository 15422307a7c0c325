//! Keploy's report of one test set, with ours beside it.
use document::{Map, Value, yaml};

use super::{CallDifference, Difference, DifferenceKind, MayDiffer, RunReport, SetReport, Status, TestReport};
use crate::{
    envelope::{HEADER, VERSION},
    time,
};

pub(super) fn write(run: &RunReport, set: &SetReport) -> String {
    let mut report = Map::new()
        .with("version", VERSION)
        .with("name", format!("{}-report", set.set))
        .with("status", set.status.as_str());
    if let Some(error) = &set.error {
        report.insert("failure_reason", error.as_str());
    }
    report.insert("success", set.count(Status::Passed));
    report.insert("failure", set.count(Status::Failed));
    report.insert("ignored", set.count(Status::Ignored));
    report.insert("total", set.tests.len());
    report.insert("clock", if set.at_recorded_time { "recorded" } else { "real" });
    if !set.at_real_time.is_empty() {
        report.insert("at_real_time", list(&set.at_real_time, String::clone));
    }
    if !set.by_matcher.is_empty() {
        let by_matcher = set.by_matcher.iter().map(|(kind, n)| (kind.clone(), Value::from(*n)));
        report.insert("by_matcher", by_matcher.collect::<Map>());
    }
    report.insert("tests", list(&set.tests, |test| self::test(set, test)));
    if !set.calls.is_empty() {
        report.insert("calls_outside_tests", list(&set.calls, call));
    }
    report.insert("test_set", set.set.as_str());
    report.insert("created_at", time::seconds(run.started));
    report.insert("time_taken", seconds(set.started, set.ended));
    if !run.command.is_empty() {
        report.insert("cmdUsed", run.command.as_str());
    }
    format!("{HEADER}{}", yaml::emit(&report.into()))
}

fn test(set: &SetReport, test: &TestReport) -> Map {
    let mut result = Map::new()
        .with("compared", list(&test.compared, String::clone))
        .with("may_differ", list(&test.may_differ, may_differ))
        .with("differences", list(&test.differences, difference))
        .with("made", list(&test.made, String::clone))
        .with("calls", list(&test.calls, call));
    if !test.flaky.is_empty() {
        result.insert("flaky", list(&test.flaky, String::clone));
    }
    if let Some(error) = &test.error {
        result.insert("error", error.as_str());
    }
    Map::new()
        .with("kind", test.kind.as_str())
        .with("name", set.set.as_str())
        .with("status", test.status.as_str())
        .with("started", time::seconds(test.started))
        .with("completed", time::seconds(test.ended))
        .with("test_case_path", test.path.as_str())
        .with("test_case_id", test.name.as_str())
        .with("req", test.request.clone())
        .with("resp", test.response.clone())
        .with("result", result)
        .with("time_taken", seconds(test.started, test.ended))
}

fn call(call: &CallDifference) -> Map {
    let mut map = Map::new()
        .with("kind", call.kind.as_str())
        .with("protocol", call.protocol.as_str())
        .with("destination", call.destination.as_str())
        .with("summary", call.summary.as_str());
    if let Some(nearest) = &call.nearest {
        map.insert("nearest", nearest.as_str());
    }
    if !call.differences.is_empty() {
        map.insert("differences", list(&call.differences, difference));
    }
    if call.request != Value::Null {
        map.insert("request", call.request.clone());
    }
    map
}

fn may_differ(place: &MayDiffer) -> Map {
    let map = Map::new().with("at", place.at.as_str()).with("by", place.by.as_str());
    match &place.is {
        Some(is) => map.with("is", is.as_str()),
        None => map,
    }
}

fn difference(difference: &Difference) -> Map {
    let kind = match difference.kind {
        DifferenceKind::Missing => "missing",
        DifferenceKind::Added => "added",
        DifferenceKind::Changed => "changed",
        DifferenceKind::Type => "type",
    };
    let mut map = Map::new().with("path", difference.path.as_str()).with("kind", kind);
    for (key, value) in [("expected", &difference.expected), ("actual", &difference.actual), ("why", &difference.why)] {
        if let Some(value) = value {
            map.insert(key, value.as_str());
        }
    }
    map
}

fn list<T, V: Into<Value>>(items: &[T], of: impl Fn(&T) -> V) -> Value {
    items.iter().map(|item| of(item).into()).collect::<Vec<Value>>().into()
}

/// Keploy writes Go's durations, e.g. `1.204s`.
fn seconds(started: u64, ended: u64) -> String {
    format!("{:.3}s", ended.saturating_sub(started) as f64 / 1e9)
}
