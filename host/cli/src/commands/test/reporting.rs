//! Verdicts as a report, and the report as one screen.
use std::path::Path;

use document::Value;
use replay::{CallChange, CallVerdict, Outcome as Sent, Replay, TestVerdict};
use store::{CallDifference, CallKind, Difference, RunReport, SetReport, Status, TestReport};

use crate::{replaying::Replayed, style, words};

/// Failed tests that are shown in full; the report has them all.
const SHOWN: usize = 10;
/// Lines for each.
const LINES: usize = 8;
/// Differences of one call that are shown.
const CALL_LINES: usize = 3;

/// By which clock the application lived.
pub(crate) enum Clock {
    Real,
    /// All but these processes.
    Recorded {
        but: Vec<String>,
    },
}

pub(crate) fn of_set(replayed: Replayed, clock: Clock) -> SetReport {
    let Replayed { replay, sent, verdicts, error, started, ended, .. } = replayed;
    let by_matcher = replay.by_matcher(&verdicts);
    let tests: Vec<TestReport> =
        verdicts.into_iter().enumerate().map(|(n, verdict)| of_test(&replay, sent.get(n), n, verdict)).collect();
    let passed = error.is_none() && tests.iter().all(|test| test.status == Status::Passed);
    SetReport {
        set: replay.name().to_owned(),
        status: if passed { Status::Passed } else { Status::Failed },
        error,
        started,
        ended,
        tests,
        calls: Vec::new(),
        by_matcher,
        at_recorded_time: matches!(clock, Clock::Recorded { .. }),
        at_real_time: match clock {
            Clock::Recorded { but } => but,
            Clock::Real => Vec::new(),
        },
    }
}

fn of_test(replay: &Replay, sent: Option<&Sent>, n: usize, verdict: TestVerdict) -> TestReport {
    let test = &replay.tests()[n];
    let status = if verdict.passed() { Status::Passed } else { Status::Failed };
    let mut compared: Vec<String> = test
        .responses
        .iter()
        .filter_map(|response| response.body.as_map())
        .flat_map(|map| map.iter().map(|(name, _)| name.to_owned()))
        .collect();
    compared.sort();
    compared.dedup();
    compared.push(format!("{} calls", verdict.made.len()));
    let error = verdict.error.clone().or_else(|| (!verdict.troubles.is_empty()).then(|| verdict.troubles.join("\n")));
    TestReport {
        flaky: replay.flaky(&verdict.test).to_vec(),
        name: verdict.test,
        kind: test.kind.clone(),
        status,
        started: sent.map_or(0, |sent| sent.started),
        ended: sent.map_or(0, |sent| sent.ended),
        path: test.source.file.display().to_string(),
        compared,
        may_differ: replay.may_differ(test),
        made: verdict.made,
        differences: verdict.differences.iter().map(Difference::from).collect(),
        calls: verdict.calls.into_iter().map(call).collect(),
        error,
        request: test.request.clone(),
        response: match verdict.responses.len() {
            1 => verdict.responses.into_iter().next().unwrap_or_default(),
            _ => Value::Array(verdict.responses),
        },
    }
}

fn call(verdict: CallVerdict) -> CallDifference {
    let mut summary = verdict.summary;
    if !verdict.shared_with.is_empty() {
        summary += &format!(" (recorded while these were in flight, too: {})", verdict.shared_with.join(", "));
    }
    CallDifference {
        kind: match verdict.change {
            CallChange::Missing => CallKind::Missing,
            CallChange::Changed => CallKind::Changed,
            CallChange::Additional => CallKind::Additional,
        },
        protocol: verdict.protocol,
        destination: verdict.destination,
        summary,
        nearest: verdict.mock,
        differences: verdict.differences.iter().map(Difference::from).collect(),
        request: verdict.request,
    }
}

/// One screen: what failed and where, then the counts.
pub(crate) fn print(report: &RunReport, directory: &Path) {
    let mut left = SHOWN;
    for set in &report.sets {
        let failed: Vec<&TestReport> = set.tests.iter().filter(|test| test.status == Status::Failed).collect();
        if let Some(error) = &set.error {
            style::error(&anyhow::anyhow!("{}: {error}", set.set));
        } else {
            for test in failed.iter().take(left) {
                print_test(test, &set.set);
            }
            left = left.saturating_sub(failed.len());
        }
        let passed = set.tests.iter().filter(|test| test.status == Status::Passed && !test.flaky.is_empty());
        for test in passed.take(SHOWN) {
            eprintln!("{} {} {}", style::green("PASS"), style::bold(&test.name), style::dim(&set.set));
            eprintln!("    {}", flaky(&test.flaky));
        }
    }
    for set in &report.sets {
        let (passed, failed) = (set.count(Status::Passed), set.count(Status::Failed));
        let word = if set.status == Status::Passed { style::green("PASSED") } else { style::red("FAILED") };
        let time = (set.ended.saturating_sub(set.started)) / 1_000_000;
        eprintln!(
            "{word} {}: {passed} passed, {failed} failed, {} in all{}, {time} ms",
            style::bold(&set.set),
            set.tests.len(),
            flaky_ones(set),
        );
        if let Some(line) = not_literally(set) {
            eprintln!("{}", style::dim(line));
        }
    }
    eprintln!("{}", style::dim(format_args!("report: {}", directory.display())));
}

/// `, 1 of them flaky`
fn flaky_ones(set: &SetReport) -> String {
    match set.tests.iter().filter(|test| !test.flaky.is_empty()).count() {
        0 => String::new(),
        n => format!(", {n} of them flaky"),
    }
}

/// That its verdict may be chance, and why.
fn flaky(how: &[String]) -> String {
    let more = if how.len() > 1 { format!(", and {} more", how.len() - 1) } else { String::new() };
    let first = how.first().map_or("", String::as_str);
    format!("flaky: came out otherwise while learning, though nothing had changed: {}{more}", words::short(first))
}

/// What the verdicts do not rest on equality for: `412 values by matcher: 200 uuid, 120 time; 31 not compared`.
fn not_literally(set: &SetReport) -> Option<String> {
    let mut kinds: Vec<_> = set.by_matcher.iter().collect();
    kinds.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let all: usize = kinds.iter().map(|(_, n)| **n).sum();
    let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let matched = (all > 0).then(|| format!("{} by matcher: {}", words::count(all, "value"), kinds.join(", ")));
    let ignored = set.ignored();
    let ignored = (ignored > 0).then(|| format!("{} not compared", words::count(ignored, "value")));
    let parts: Vec<String> = matched.into_iter().chain(ignored).collect();
    (!parts.is_empty()).then(|| format!("  {}", parts.join("; ")))
}

/// A call that is not as recorded, and in what.
fn call_lines(call: &CallDifference) -> Vec<String> {
    let nearest = match (&call.nearest, call.kind) {
        (Some(mock), CallKind::Missing) => format!(" ({mock})"),
        (Some(mock), _) => format!(" (nearest: {mock})"),
        (None, _) => String::new(),
    };
    let kind = call.kind.as_str().to_lowercase();
    let mut lines = vec![format!("call {kind}: {} {} to {}{nearest}", call.protocol, call.summary, call.destination)];
    let differences = call.differences.iter().take(CALL_LINES);
    lines.extend(differences.map(|difference| format!("    {}", words::difference(difference))));
    if call.differences.len() > CALL_LINES {
        lines.push(format!("    ... and {} more", call.differences.len() - CALL_LINES));
    }
    lines
}

fn print_test(test: &TestReport, set: &str) {
    eprintln!("{} {} {}", style::red("FAIL"), style::bold(&test.name), style::dim(set));
    let mut lines = Vec::new();
    if !test.flaky.is_empty() {
        lines.push(flaky(&test.flaky));
    }
    lines.extend(test.error.iter().map(|error| error.replace('\n', "; ")));
    // A call that was made otherwise is why the answer is another one; what was not made follows from it.
    let (missing, made): (Vec<_>, Vec<_>) = test.calls.iter().partition(|call| call.kind == CallKind::Missing);
    made.into_iter().for_each(|call| lines.extend(call_lines(call)));
    lines.extend(test.differences.iter().map(words::difference));
    missing.into_iter().for_each(|call| lines.extend(call_lines(call)));
    let more = lines.len().saturating_sub(LINES);
    for line in lines.iter().take(LINES) {
        eprintln!("    {line}");
    }
    if more > 0 {
        eprintln!("    {}", style::dim(format_args!("... and {more} more: see the report")));
    }
}
