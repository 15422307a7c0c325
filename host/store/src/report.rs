//! What a replay found: in memory, and as Keploy's YAML report, JSON and JUnit.
//!
//! The YAML report has Keploy's keys where they mean the same, and ours beside them: what was compared, every
//! difference, the calls that the application made, and those that it made otherwise than when it was recorded.
//!
//! Two replays of one recording write the same bytes, but for the values of `started`, `completed`, `created_at` and
//! `time_taken`: where a value may differ, the recorded one is shown; calls stand in recorded order.
mod json;
mod junit;
mod read;
mod yaml;

use std::{collections::BTreeMap, path::Path};

use document::Value;
use serde::Serialize;

use crate::{Error, Project, RunDir, Timestamp};

/// How a test, a test set or a run ended. In files: `PASSED`, `FAILED`, ...
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    #[default]
    Passed,
    Failed,
    /// Not run, because the user said so.
    Ignored,
}

impl Status {
    /// As it stands in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Ignored => "IGNORED",
        }
    }
}

/// One replay: everything that `keploy test` did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RunReport {
    /// `test-run-N`.
    pub name: String,
    /// Passed only when tests ran and all of them passed.
    pub status: Status,
    /// How the application was started.
    pub command: String,
    pub started: Timestamp,
    pub ended: Timestamp,
    pub sets: Vec<SetReport>,
    /// What `--prove` found; for machines only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prove: Option<Proof>,
}

/// What could be otherwise in a recording, and no test would notice.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Proof {
    /// Values that were broken, one at a time.
    pub broken: usize,
    /// Those that no test noticed.
    pub blind: Vec<BlindSpot>,
    /// Values of answers that there were no replays left for.
    pub unproved: usize,
    pub replays: usize,
}

/// A value that nobody looks at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BlindSpot {
    pub set: String,
    pub test: String,
    /// Whose answer it is in; none: it is in what the test expects.
    pub mock: Option<String>,
    pub field: String,
}

impl Proof {
    /// Of several test sets.
    pub fn add(&mut self, other: Self) {
        self.broken += other.broken;
        self.blind.extend(other.blind);
        self.unproved += other.unproved;
        self.replays += other.replays;
    }
}

/// One test set of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SetReport {
    /// `test-set-N`.
    pub set: String,
    pub status: Status,
    /// Why the set as a whole failed: the application died, never listened, ...
    pub error: Option<String>,
    pub started: Timestamp,
    pub ended: Timestamp,
    pub tests: Vec<TestReport>,
    /// Calls that belong to no test: start-up, background jobs. They fail nothing.
    pub calls: Vec<CallDifference>,
    /// Values that need not be the recorded ones, only of a kind: how many, by kind.
    pub by_matcher: BTreeMap<String, usize>,
    /// The application lived at the recorded time; not: at the machine's.
    pub at_recorded_time: bool,
    /// Who had another clock, though it should not have.
    pub at_real_time: Vec<String>,
}

/// One test of a set.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TestReport {
    pub name: String,
    /// The protocol, e.g. `Http`.
    pub kind: String,
    pub status: Status,
    pub started: Timestamp,
    pub ended: Timestamp,
    /// The test's file.
    pub path: String,
    /// What the verdict covers, e.g. `status`, `9 headers`, `body (JSON)`, `3 calls`.
    pub compared: Vec<String>,
    /// Where another value than the recorded one is no difference.
    pub may_differ: Vec<MayDiffer>,
    /// The mocks that answered it, in recorded order.
    pub made: Vec<String>,
    pub differences: Vec<Difference>,
    pub calls: Vec<CallDifference>,
    /// How it came out otherwise while it was learned from, though nothing had changed: its verdict may be chance.
    pub flaky: Vec<String>,
    /// Why there is nothing to compare: no answer in time, connection refused, ...
    pub error: Option<String>,
    #[serde(serialize_with = "json::serialize")]
    pub request: Value,
    /// What came back, with the recorded values where others are allowed; null when nothing did.
    #[serde(serialize_with = "json::serialize")]
    pub response: Value,
}

/// A place at which another value is no difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MayDiffer {
    pub at: String,
    /// Who says so: the parser, `keploy.yml`, the test, `matchers.yaml`.
    pub by: String,
    /// Of what kind it has to be, for `matchers.yaml`; none: any value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    Missing,
    Added,
    Changed,
    /// A value of another kind, e.g. `"1"` for `1`.
    Type,
}

/// One place in which a response, or a call, is not as recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// `body.items[0].id`; empty for the whole document.
    pub path: String,
    pub kind: DifferenceKind,
    /// None when it was added.
    pub expected: Option<String>,
    /// None when it is missing.
    pub actual: Option<String>,
    /// Where a matcher nearly allowed it: why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl From<&document::Difference> for Difference {
    fn from(difference: &document::Difference) -> Self {
        let kind = match difference.kind {
            document::DifferenceKind::Missing => DifferenceKind::Missing,
            document::DifferenceKind::Added => DifferenceKind::Added,
            document::DifferenceKind::Changed => DifferenceKind::Changed,
            document::DifferenceKind::TypeChanged => DifferenceKind::Type,
        };
        let show = |value: &Option<Value>| match value {
            // As it is, unless the quotes are the difference.
            Some(Value::Text(text)) if kind != DifferenceKind::Type => Some(text.clone()),
            Some(value) => Some(json::of(value).to_string()),
            None => None,
        };
        Self {
            path: difference.path.clone(),
            kind,
            expected: show(&difference.expected),
            actual: show(&difference.actual),
            why: difference.why.clone(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallKind {
    /// Recorded, and not made.
    Missing,
    /// Made, but not as recorded.
    Changed,
    /// Made, and not recorded.
    Additional,
}

impl CallKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Additional => "additional",
        }
    }
}

/// A call that the application made otherwise than when it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallDifference {
    pub kind: CallKind,
    pub protocol: String,
    /// `host:port`.
    pub destination: String,
    /// One line, e.g. `GET /rates?day=2`.
    pub summary: String,
    /// The name of the recorded call that is most like it.
    pub nearest: Option<String>,
    /// What it has otherwise than that one.
    pub differences: Vec<Difference>,
    /// What was asked, with the recorded values where others are allowed; null when nothing was.
    #[serde(serialize_with = "json::serialize")]
    pub request: Value,
}

impl SetReport {
    pub fn count(&self, status: Status) -> usize {
        self.tests.iter().filter(|test| test.status == status).count()
    }

    /// Values of answers that are not compared at all: the parser, `keploy.yml` or the test says so.
    pub fn ignored(&self) -> usize {
        let answered = self.tests.iter().filter(|test| test.error.is_none());
        answered.flat_map(|test| &test.may_differ).filter(|place| place.is.is_none()).count()
    }
}

impl RunReport {
    /// For machines: everything, in one object.
    ///
    /// # Errors
    /// Never in practice; serde's interface has one.
    pub fn to_json(&self) -> Result<String, Error> {
        let report = |error: serde_json::Error| Error::Report { format: "JSON", reason: error.to_string() };
        serde_json::to_string_pretty(self).map_err(report)
    }

    /// One `<testsuite>` a test set.
    ///
    /// # Errors
    /// When XML cannot say it.
    pub fn to_junit(&self) -> Result<String, Error> {
        junit::write(self)
    }

    /// Keploy's report of one of the sets.
    pub fn set_to_yaml(&self, set: &SetReport) -> String {
        yaml::write(self, set)
    }
}

impl RunDir {
    /// Reads what [`RunDir::write`] wrote, set by set.
    ///
    /// # Errors
    /// When a report cannot be read, or is none of ours.
    pub fn read(&self) -> Result<Vec<SetReport>, Error> {
        self.reports()?.iter().map(|path| read::read(path)).collect()
    }

    /// Writes `test-set-N-report.yaml` for every set.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, report: &RunReport) -> Result<(), Error> {
        for set in &report.sets {
            self.files.replace(&self.report(&set.set), |file| file.write_all(report.set_to_yaml(set).as_bytes()))?;
        }
        Ok(())
    }
}

impl Project {
    /// Writes a file that the user asked for by name (a JUnit report), owned as all the others.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_file(&self, path: &Path, text: &str) -> Result<(), Error> {
        if let Some(parent) = path.parent() {
            self.files.create_dir_all(parent)?;
        }
        Ok(self.files.replace(path, |file| file.write_all(text.as_bytes()))?)
    }
}
