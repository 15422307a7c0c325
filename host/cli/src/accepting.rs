//! Taking what a run has seen into the recording: for `accept` and `normalize`.
use std::collections::HashSet;

use document::{Noise, Value};
use matcher::Rule;
use plugins::{Part, Registry};
use store::{
    CallDifference, CallEdits, CallKind, Matchers, Mock, Project, RunDir, SetReport, Status, TestCase, TestReport,
    TestSet,
};

use crate::{
    exit::{Code, Failure},
    words,
};

/// What of a test is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// What it answered, and the calls it made.
    All,
    Answers,
}

/// What was taken of one test, and what was not, in words.
#[derive(Default)]
pub(crate) struct Accepted {
    pub taken: Vec<String>,
    pub left: Vec<String>,
}

/// The edits of one test set, until they are written.
pub(crate) struct Accepting<'a> {
    project: &'a Project,
    registry: &'a Registry,
    set: &'a TestSet,
    calls: CallEdits,
    /// What was known of it as it was: which tests are flaky, what may differ in calls of which class.
    matchers: Matchers,
    /// Test and what its responses become.
    responses: Vec<(&'a TestCase, Vec<Value>)>,
}

/// The failed tests among those that are wanted (`TEST` or `SET/TEST`; all when none is), set by set.
pub(crate) fn failed<'r>(
    reports: &'r [SetReport],
    wanted: &[String],
    run: &RunDir,
) -> Result<Vec<(&'r SetReport, Vec<&'r TestReport>)>, Failure> {
    let is = |report: &SetReport, test: &TestReport, wanted: &String| match wanted.split_once('/') {
        Some((set, name)) => report.set == set && test.name == name,
        None => test.name == *wanted,
    };
    for name in wanted {
        let known = reports.iter().any(|report| report.tests.iter().any(|test| is(report, test, name)));
        if !known {
            let words = format!("there is no test {name} in {}\nhint: `keploy report` names them", run.name);
            return Err(Failure::words(Code::Usage, words));
        }
    }
    let is_wanted = |report: &SetReport, test: &TestReport| {
        test.status == Status::Failed && (wanted.is_empty() || wanted.iter().any(|name| is(report, test, name)))
    };
    let of_set = |report: &'r SetReport| {
        let tests: Vec<&TestReport> = report.tests.iter().filter(|test| is_wanted(report, test)).collect();
        (report, tests)
    };
    Ok(reports.iter().map(of_set).filter(|(_, tests)| !tests.is_empty()).collect())
}

impl<'a> Accepting<'a> {
    /// Of a set as it is now.
    ///
    /// # Errors
    /// When one of its files was changed after the run.
    pub fn new(project: &'a Project, registry: &'a Registry, set: &'a TestSet, run: &RunDir) -> Result<Self, Failure> {
        let reported = run.reports()?.iter().filter_map(|file| modified(file)).min();
        let files = set.tests.iter().map(|test| &test.source).chain(set.mocks.iter().map(|mock| &mock.source));
        let files: HashSet<_> = files.map(|source| &source.file).collect();
        if let Some(file) = files.into_iter().find(|file| modified(file) > reported) {
            let words = format!(
                "{} was changed after {}\nhint: run `keploy test` again, then accept what it finds",
                file.display(),
                run.name
            );
            return Err(Failure::words(Code::Usage, words));
        }
        let matchers = set.matchers.clone().unwrap_or_default();
        Ok(Self { project, registry, set, calls: CallEdits::default(), matchers, responses: Vec::new() })
    }

    /// Notes what a failed test becomes.
    pub fn take(&mut self, told: &TestReport, take: Take) -> Accepted {
        let mut accepted = Accepted::default();
        let Some(test) = self.set.tests.iter().find(|test| test.name == told.name) else {
            accepted.left.push("it is not in the recording any more".to_owned());
            return accepted;
        };
        if let Some(error) = &told.error {
            accepted
                .left
                .push(format!("it has no answer to take: {}", words::short(error.lines().next().unwrap_or_default())));
            return accepted;
        }
        let (missed, missing): (Vec<_>, Vec<_>) = told.calls.iter().partition(|call| call.kind != CallKind::Missing);
        match take {
            Take::All if missed.is_empty() => missing.iter().for_each(|call| self.take_away(test, call, &mut accepted)),
            Take::All => missed.iter().for_each(|call| self.take_request(call, &mut accepted)),
            Take::Answers if told.calls.is_empty() => {}
            Take::Answers => {
                let calls = words::count(told.calls.len(), "call");
                accepted.left.push(format!("{calls} changed: `keploy accept` takes calls"));
            }
        }
        if missed.is_empty() {
            self.take_answer(test, told, &mut accepted);
        } else if take == Take::All && (!told.differences.is_empty() || !missing.is_empty()) {
            accepted
                .left
                .push("what else changed may come of calls that were not answered: run `keploy test` again".to_owned());
        }
        if !accepted.taken.is_empty() {
            // Whether what it does from now on is chance, is to be learned.
            self.matchers.flaky.retain(|flaky| flaky.test != told.name);
        }
        accepted
    }

    fn take_answer(&mut self, test: &'a TestCase, told: &TestReport, accepted: &mut Accepted) {
        if told.differences.is_empty() {
            return;
        }
        let responses = match (&told.response, test.responses.len()) {
            // A list are the answers of a test that has several, or that got none.
            (response, 1) if !matches!(response, Value::Array(_)) => vec![response.clone()],
            (Value::Array(responses), n) if responses.len() == n => responses.clone(),
            _ => {
                accepted.left.push("it answered another number of times: `keploy rerecord` takes that".to_owned());
                return;
            }
        };
        accepted.taken.push(format!("{} of the answer", words::count(told.differences.len(), "value")));
        self.responses.push((test, responses));
    }

    /// A call that was made otherwise, and is to be answered as it was.
    fn take_request(&mut self, call: &CallDifference, accepted: &mut Accepted) {
        let what = format!("{} {} to {}", call.protocol, words::short(&call.summary), call.destination);
        let Some(mock) = call.nearest.as_ref().filter(|_| call.kind == CallKind::Changed) else {
            accepted.left.push(format!("{what} has no recorded answer: `keploy rerecord` gets one"));
            return;
        };
        let facts = self.registry.get(&call.protocol).and_then(|plugin| plugin.classify(&call.request).ok());
        let class = facts.map_or_else(String::new, |facts| facts.class);
        self.calls.requests.insert(mock.clone(), (call.request.clone(), class));
        accepted.taken.push(format!("{mock} asks {what}"));
    }

    /// What may differ in calls of the class that a mock had, and is in it still, may differ in those of its new class.
    fn carry_matchers(&mut self) {
        for mock in &self.set.mocks {
            let Some((request, class)) = self.calls.requests.get(&mock.name) else { continue };
            if *class == mock.class {
                continue;
            }
            let plugin = self.registry.get(&mock.kind);
            let canonical = plugin.and_then(|plugin| plugin.canonical(Part::Request, request).ok());
            let request = canonical.as_ref().unwrap_or(request);
            let is_there = |at: &str| !Noise::of_places([at]).covered(request).is_empty();
            // What is inside of a token is no place of the document.
            let is_within = |rule: &Rule| {
                let tokens = [".header.", ".payload."].iter().filter_map(|inside| rule.at.split_once(inside));
                tokens.map(|(token, _)| token).any(is_there)
            };
            let [from, to] = [&mock.class, class].map(|class| format!("{} {class}", mock.kind));
            self.matchers.carry(&from, &to, &|rule| is_there(&rule.at) || is_within(rule));
        }
    }

    /// A class that no call is of any more has no rules.
    fn drop_matchers(&mut self) {
        let classes = |mocks: &dyn Fn(&Mock) -> Option<String>| -> HashSet<String> {
            self.set.mocks.iter().filter_map(|mock| Some(format!("{} {}", mock.kind, mocks(mock)?))).collect()
        };
        let before = classes(&|mock| Some(mock.class.clone()));
        let after = classes(&|mock| match self.calls.requests.get(&mock.name) {
            _ if self.calls.removed.contains(&mock.name) => None,
            Some((_, class)) => Some(class.clone()),
            None => Some(mock.class.clone()),
        });
        self.matchers.calls.retain(|class| after.contains(&class.of) || !before.contains(&class.of));
    }

    /// A call that is not made any more. Of one that may be another test's only the tie goes.
    fn take_away(&mut self, test: &TestCase, call: &CallDifference, accepted: &mut Accepted) {
        let Some(mock) = &call.nearest else { return };
        self.calls.unmapped.insert((test.name.clone(), mock.clone()));
        let tie = |test: &String| self.calls.unmapped.contains(&(test.clone(), mock.clone()));
        let mut makers = self.set.mappings.iter().filter(|mapping| mapping.mocks.iter().any(|of| of.name == *mock));
        if makers.all(|mapping| tie(&mapping.test)) {
            self.calls.removed.insert(mock.clone());
        }
        accepted.taken.push(format!("{mock} is not asked any more"));
    }

    /// Writes it all. Mocks that could not be changed are given back.
    pub fn write(mut self) -> Result<Vec<String>, Failure> {
        for (test, responses) in std::mem::take(&mut self.responses) {
            self.project.edit_responses(&self.set.name, test, responses)?;
        }
        let left = self.project.edit_calls(&self.set.name, &self.calls)?;
        left.iter().for_each(|mock| drop(self.calls.requests.remove(mock)));
        self.carry_matchers();
        self.drop_matchers();
        if self.set.matchers.as_ref().is_some_and(|matchers| *matchers != self.matchers) {
            self.project.edit_matchers(&self.set.name, &self.matchers)?;
        }
        Ok(left)
    }
}

fn modified(file: &std::path::Path) -> Option<std::time::SystemTime> {
    fs_err::metadata(file).ok()?.modified().ok()
}
