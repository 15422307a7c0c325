//! The YAML report, read back.
use std::{collections::BTreeMap, path::Path};

use document::{Value, yaml};
use fs_err as fs;

use super::{CallDifference, CallKind, Difference, DifferenceKind, MayDiffer, SetReport, Status, TestReport};
use crate::{
    Error,
    envelope::{Complaint, Fields},
};

pub(super) fn read(path: &Path) -> Result<SetReport, Error> {
    let text = fs::read_to_string(path)?;
    let complain = |line, message: String, hint: String| Error::Document { file: path.to_owned(), line, message, hint };
    let value = yaml::parse_one(&text).map_err(|error| {
        complain(error.line, error.message, "run `keploy test` again: reports are not for editing".to_owned())
    })?;
    report(value).map_err(|Complaint { path, message, hint }| complain(yaml::find_line(&text, 1, &path), message, hint))
}

fn report(document: Value) -> Result<SetReport, Complaint> {
    let Value::Map(map) = document else {
        return Err(Complaint::new(&[], "this is no report", "run `keploy test` again"));
    };
    let mut top = Fields::top(map);
    let set = top.text("test_set")?.ok_or_else(|| top.missing("test_set", "this is a report of another keploy"))?;
    Ok(SetReport {
        set,
        status: status(&mut top)?,
        error: top.text("failure_reason")?,
        at_recorded_time: top.text("clock")?.as_deref() == Some("recorded"),
        at_real_time: top.texts("at_real_time")?,
        by_matcher: by_matcher(&mut top)?,
        tests: top.list("tests")?.into_iter().map(test).collect::<Result<_, _>>()?,
        calls: top.list("calls_outside_tests")?.into_iter().map(call).collect::<Result<_, _>>()?,
        ..SetReport::default()
    })
}

fn by_matcher(top: &mut Fields) -> Result<BTreeMap<String, usize>, Complaint> {
    let Some(Value::Map(kinds)) = top.take("by_matcher") else { return Ok(BTreeMap::new()) };
    let count = |(kind, n): (&str, &Value)| match n {
        Value::Int(n) => usize::try_from(*n).ok().map(|n| (kind.to_owned(), n)),
        _ => None,
    };
    let counts: Option<_> = kinds.iter().map(count).collect();
    counts.ok_or_else(|| {
        top.complaint("by_matcher", "`by_matcher` has what is no number".to_owned(), "run `keploy test` again")
    })
}

fn test(mut entry: Fields) -> Result<TestReport, Complaint> {
    /// The report has seconds.
    const SECOND: u64 = 1_000_000_000;
    let mut result = entry.fields("result")?;
    let name = entry.text("test_case_id")?.ok_or_else(|| entry.missing("test_case_id", "it is the test's name"))?;
    Ok(TestReport {
        name,
        kind: entry.text("kind")?.unwrap_or_default(),
        status: status(&mut entry)?,
        started: entry.number::<u64>("started")?.unwrap_or_default() * SECOND,
        ended: entry.number::<u64>("completed")?.unwrap_or_default() * SECOND,
        path: entry.text("test_case_path")?.unwrap_or_default(),
        compared: result.texts("compared")?,
        may_differ: result.list("may_differ")?.into_iter().map(may_differ).collect::<Result<_, _>>()?,
        made: result.texts("made")?,
        differences: differences(&mut result)?,
        calls: result.list("calls")?.into_iter().map(call).collect::<Result<_, _>>()?,
        flaky: result.texts("flaky")?,
        error: result.text("error")?,
        request: entry.take("req").unwrap_or_default(),
        response: entry.take("resp").unwrap_or_default(),
    })
}

fn status(entry: &mut Fields) -> Result<Status, Complaint> {
    match entry.text("status")?.as_deref() {
        Some("PASSED") => Ok(Status::Passed),
        Some("FAILED") => Ok(Status::Failed),
        Some("IGNORED") => Ok(Status::Ignored),
        other => {
            let message = format!("`status` is {}", other.unwrap_or("missing"));
            Err(entry.complaint("status", message, "it is PASSED, FAILED or IGNORED"))
        }
    }
}

fn may_differ(mut entry: Fields) -> Result<MayDiffer, Complaint> {
    let (at, by) = (entry.text("at")?.unwrap_or_default(), entry.text("by")?.unwrap_or_default());
    Ok(MayDiffer { at, by, is: entry.text("is")? })
}

fn differences(entry: &mut Fields) -> Result<Vec<Difference>, Complaint> {
    entry.list("differences")?.into_iter().map(difference).collect()
}

fn difference(mut entry: Fields) -> Result<Difference, Complaint> {
    let kind = match entry.text("kind")?.as_deref() {
        Some("missing") => DifferenceKind::Missing,
        Some("added") => DifferenceKind::Added,
        Some("changed") => DifferenceKind::Changed,
        Some("type") => DifferenceKind::Type,
        other => {
            let message = format!("`kind` is {}", other.unwrap_or("missing"));
            return Err(entry.complaint("kind", message, "it is missing, added, changed or type"));
        }
    };
    Ok(Difference {
        path: entry.text("path")?.unwrap_or_default(),
        kind,
        expected: entry.text("expected")?,
        actual: entry.text("actual")?,
        why: entry.text("why")?,
    })
}

fn call(mut entry: Fields) -> Result<CallDifference, Complaint> {
    let kind = match entry.text("kind")?.as_deref() {
        Some("missing") => CallKind::Missing,
        Some("changed") => CallKind::Changed,
        Some("additional") => CallKind::Additional,
        other => {
            let message = format!("`kind` is {}", other.unwrap_or("missing"));
            return Err(entry.complaint("kind", message, "it is missing, changed or additional"));
        }
    };
    Ok(CallDifference {
        kind,
        protocol: entry.text("protocol")?.unwrap_or_default(),
        destination: entry.text("destination")?.unwrap_or_default(),
        summary: entry.text("summary")?.unwrap_or_default(),
        nearest: entry.text("nearest")?,
        differences: differences(&mut entry)?,
        request: entry.take("request").unwrap_or_default(),
    })
}
