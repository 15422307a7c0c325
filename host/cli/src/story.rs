//! The story of one test: what the last run says, with what the recording knows.
use document::Value;
use plugins::{Plugin, Registry};
use serde::Serialize;
use store::{CallDifference, CallKind, Difference, MayDiffer, Mock, SetReport, Status, TestCase, TestReport, TestSet};

use crate::words;

#[derive(Serialize)]
pub(crate) struct Story {
    pub test: String,
    pub set: String,
    pub run: String,
    pub status: Status,
    pub file: String,
    pub error: Option<String>,
    pub request: String,
    /// RFC 3339, as all times here.
    pub recorded_at: String,
    pub ran_at: String,
    /// The application's clock: `recorded` or `real`.
    pub clock: &'static str,
    /// Processes that had another one.
    pub at_real_time: Vec<String>,
    /// In recorded order; what was not recorded comes last.
    pub calls: Vec<Call>,
    pub expected: String,
    pub answered: String,
    pub differences: Vec<Difference>,
    pub may_differ: Vec<Allowed>,
    /// How it came out otherwise while learning, though nothing had changed.
    pub flaky: Vec<String>,
}

#[derive(Serialize)]
pub(crate) struct Call {
    pub mock: Option<String>,
    pub what: What,
    pub protocol: String,
    pub summary: String,
    pub destination: String,
    /// How it is known that it is this test's.
    pub evidence: String,
    pub answer: String,
    pub differences: Vec<Difference>,
    pub may_differ: Vec<Allowed>,
}

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum What {
    AsRecorded,
    Changed,
    Missing,
    Additional,
}

/// A place at which another value is no difference, and how that is known.
#[derive(Serialize)]
pub(crate) struct Allowed {
    #[serde(flatten)]
    pub place: MayDiffer,
    pub evidence: String,
}

impl Story {
    pub fn of(run: &str, report: &SetReport, told: &TestReport, set: &TestSet, registry: &Registry) -> Option<Self> {
        let test = set.tests.iter().find(|test| test.name == told.name)?;
        let teller = Teller { set, registry, test };
        let responses: Vec<String> = test.responses.iter().map(|response| words::gist(&response.body)).collect();
        Some(Self {
            test: told.name.clone(),
            set: set.name.clone(),
            run: run.to_owned(),
            status: told.status,
            file: test.source.file.display().to_string(),
            error: told.error.clone(),
            request: teller.summary(&test.kind, &test.request),
            recorded_at: store::rfc3339(test.started),
            ran_at: store::rfc3339(told.started),
            clock: if report.at_recorded_time { "recorded" } else { "real" },
            at_real_time: report.at_real_time.clone(),
            calls: teller.calls(told),
            expected: responses.join(" | "),
            answered: match &told.response {
                Value::Null => "none".to_owned(),
                Value::Array(none) if none.is_empty() => "none".to_owned(),
                response => words::gist(response),
            },
            differences: told.differences.clone(),
            may_differ: told.may_differ.iter().map(|place| teller.allowed(place)).collect(),
            flaky: told.flaky.clone(),
        })
    }
}

struct Teller<'a> {
    set: &'a TestSet,
    registry: &'a Registry,
    test: &'a TestCase,
}

impl Teller<'_> {
    fn calls(&self, told: &TestReport) -> Vec<Call> {
        let different =
            |mock: &Mock| told.calls.iter().find(|call| call.nearest.as_ref() == Some(&mock.name) && is_of_test(call));
        let of_mock = |mock: &Mock| match different(mock) {
            Some(call) => Some(self.different(call, Some(mock))),
            None if told.made.contains(&mock.name) => Some(self.as_recorded(mock)),
            None => None,
        };
        let mut calls: Vec<Call> = self.set.mocks.iter().filter_map(of_mock).collect();
        let known: Vec<String> = calls.iter().filter_map(|call| call.mock.clone()).collect();
        let is_left = |call: &&CallDifference| {
            !is_of_test(call) || call.nearest.as_ref().is_none_or(|mock| !known.contains(mock))
        };
        calls.extend(told.calls.iter().filter(is_left).map(|call| self.different(call, None)));
        calls
    }

    fn as_recorded(&self, mock: &Mock) -> Call {
        Call {
            mock: Some(mock.name.clone()),
            what: What::AsRecorded,
            protocol: mock.kind.clone(),
            summary: words::short(&self.summary(&mock.kind, &mock.request)),
            destination: mock.destination.clone(),
            evidence: self.evidence(&mock.name),
            answer: answer(mock),
            differences: Vec::new(),
            may_differ: self.rules_of(mock),
        }
    }

    fn different(&self, call: &CallDifference, mock: Option<&Mock>) -> Call {
        Call {
            mock: call.nearest.clone(),
            what: match call.kind {
                CallKind::Missing => What::Missing,
                CallKind::Changed => What::Changed,
                CallKind::Additional => What::Additional,
            },
            protocol: call.protocol.clone(),
            summary: words::short(&call.summary),
            destination: call.destination.clone(),
            evidence: mock.map_or_else(String::new, |mock| self.evidence(&mock.name)),
            answer: mock.map_or_else(String::new, answer),
            differences: call.differences.clone(),
            may_differ: mock.map_or_else(Vec::new, |mock| self.rules_of(mock)),
        }
    }

    fn evidence(&self, mock: &str) -> String {
        let mine = self.set.mappings.iter().filter(|mapping| mapping.test == self.test.name);
        let mapped = mine.flat_map(|mapping| &mapping.mocks).find(|mapped| mapped.name == mock);
        let evidence = match mapped.map(|mapped| mapped.evidence.as_str()) {
            Some("thread") => "made by the thread that had this test's request",
            Some("trace") => "it carries this test's trace id",
            Some("window") => "no other test was in flight",
            Some("value") => "its values are this test's",
            Some("candidate") => "others were in flight; it fits this test best",
            Some("replay") => "settled by replays",
            Some("answer") => "settled by replays: this test's answer shows what it was answered",
            Some("") => "mappings.yaml says so",
            Some(other) => other,
            None => "shared with tests that were in flight, too",
        };
        evidence.to_owned()
    }

    /// What may differ in such a call.
    fn rules_of(&self, mock: &Mock) -> Vec<Allowed> {
        let of = format!("{} {}", mock.kind, mock.class);
        let classes = self.set.matchers.iter().flat_map(|matchers| &matchers.calls).filter(|class| class.of == of);
        let rule = |rule: &matcher::Rule| {
            let kinds: Vec<String> = rule.kinds.iter().map(ToString::to_string).collect();
            let (by, is) = ("matchers.yaml".to_owned(), Some(kinds.join(" | ")));
            Allowed { place: MayDiffer { at: rule.at.clone(), by, is }, evidence: rule.evidence.clone() }
        };
        let learned = classes.flat_map(|class| class.rules.iter().map(rule));
        let own = mock.noise.iter().map(|at| Allowed {
            place: MayDiffer { at: at.clone(), by: "the mock".to_owned(), is: None },
            evidence: String::new(),
        });
        learned.chain(own).collect()
    }

    fn allowed(&self, place: &MayDiffer) -> Allowed {
        let of = format!("{} {}", self.test.kind, self.test.class);
        let classes = self.set.matchers.iter().flat_map(|matchers| &matchers.tests).filter(|class| class.of == of);
        let rule = classes.flat_map(|class| &class.rules).find(|rule| rule.at == place.at);
        let rule = rule.filter(|_| place.is.is_some());
        Allowed { place: place.clone(), evidence: rule.map_or_else(String::new, |rule| rule.evidence.clone()) }
    }

    /// The parser's line about a request.
    fn summary(&self, kind: &str, request: &document::Value) -> String {
        let classify = |plugin: &Plugin| plugin.classify(request).ok().map(|facts| facts.summary);
        let summary = self.registry.get(kind).and_then(|plugin| classify(plugin));
        summary.filter(|summary| !summary.is_empty()).unwrap_or_else(|| words::gist(request))
    }
}

/// What was only near to a mock is no story of that mock.
fn is_of_test(call: &CallDifference) -> bool {
    call.kind != CallKind::Additional
}

fn answer(mock: &Mock) -> String {
    match (&mock.unreachable, mock.responses.as_slice()) {
        (Some(how), _) => how.clone(),
        (None, []) => "nothing".to_owned(),
        (None, [first, rest @ ..]) => {
            let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
            format!("{}{more}", words::gist(&first.body))
        }
    }
}
