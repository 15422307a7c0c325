//! JUnit's XML, as CI systems show it.
use std::{fmt::Write, time::Duration};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{CallDifference, Difference, RunReport, SetReport, Status, TestReport};
use crate::Error;

pub(super) fn write(run: &RunReport) -> Result<String, Error> {
    let mut report = Report::new("keploy");
    report.set_time(between(run.started, run.ended));
    report.add_test_suites(run.sets.iter().map(suite));
    report.to_string().map_err(|error| Error::Report { format: "JUnit", reason: error.to_string() })
}

fn suite(set: &SetReport) -> TestSuite {
    let mut suite = TestSuite::new(set.set.as_str());
    suite.set_time(between(set.started, set.ended));
    suite.add_test_cases(set.tests.iter().map(|test| case(set, test)));
    // A set that failed as a whole has no test to show it.
    if let Some(error) = &set.error {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(first_line(error)).set_type("test set").set_description(error.as_str());
        let mut case = TestCase::new(set.set.as_str(), status);
        case.set_classname(set.set.as_str());
        suite.add_test_case(case);
    }
    suite
}

fn case(set: &SetReport, test: &TestReport) -> TestCase {
    let status = match test.status {
        Status::Passed => TestCaseStatus::success(),
        Status::Ignored => TestCaseStatus::skipped(),
        Status::Failed => {
            let text = description(test);
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(first_line(&text)).set_type(test.kind.as_str()).set_description(text.as_str());
            status
        }
    };
    let mut case = TestCase::new(test.name.as_str(), status);
    case.set_classname(set.set.as_str()).set_time(between(test.started, test.ended));
    // The verdict stands: whether it is chance, a person says.
    if !test.flaky.is_empty() {
        case.set_system_out(format!("flaky: {}", test.flaky.join("\nflaky: ")));
    }
    case
}

/// A line for each thing that is wrong.
fn description(test: &TestReport) -> String {
    let mut text = String::new();
    if let Some(error) = &test.error {
        line(&mut text, format_args!("{error}"));
    }
    test.differences.iter().for_each(|each| difference(&mut text, "", each));
    test.calls.iter().for_each(|each| call(&mut text, each));
    text
}

fn difference(text: &mut String, indent: &str, difference: &Difference) {
    let Difference { path, expected, actual, why, .. } = difference;
    let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    line(text, format_args!("{indent}{path}: expected {}, got {}", show(expected), show(actual)));
    if let Some(why) = why {
        line(text, format_args!("{indent}  {why}"));
    }
}

fn call(text: &mut String, call: &CallDifference) {
    let CallDifference { kind, protocol, destination, summary, nearest, differences, .. } = call;
    line(text, format_args!("{} call to {destination} ({protocol}): {summary}", kind.as_str()));
    if let Some(nearest) = nearest {
        line(text, format_args!("  nearest recorded call: {nearest}"));
    }
    differences.iter().for_each(|each| difference(text, "  ", each));
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").expect("writing to a String cannot fail");
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn between(started: u64, ended: u64) -> Duration {
    Duration::from_nanos(ended.saturating_sub(started))
}
