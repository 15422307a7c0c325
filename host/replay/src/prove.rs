//! Blind spots: what of a recording could be otherwise, and no test would notice.
//!
//! What is expected of an answer can be broken without running anything: the answer is there. What a mock answers has to be
//! broken while the application runs; since tests have verdicts of their own, one answer of each test can be broken in one
//! replay.
use document::{Noise, Path, Value, variations};
use matcher::Trial;
use plugins::Part;
use store::{BlindSpot, Mock, TestCase};

use crate::{Outcome, Replay, TestVerdict, comparison::Comparing, replay::is_used_up};

/// So many values of one document are broken.
const MOST: usize = 200;

/// A mock's answer with one value changed.
#[derive(Clone, Debug)]
pub struct Break {
    pub test: String,
    pub mock: String,
    /// Which of its responses.
    response: usize,
    pub field: String,
    body: Value,
}

impl Break {
    /// Into the mock that it is of.
    pub fn apply(&self, mock: &mut Mock) {
        if let Some(response) = mock.responses.get_mut(self.response) {
            response.body = self.body.clone();
        }
    }
}

impl Replay {
    /// Breaks every value that tests which passed expect, one at a time, and compares again: how many, and which of them
    /// nobody noticed. What parsers call volatile is not counted.
    pub fn break_expectations(&self, outcomes: &[Outcome], verdicts: &[TestVerdict]) -> (usize, Vec<BlindSpot>) {
        let (mut broken, mut blind) = (0, Vec::new());
        let all = self.tests().iter().zip(outcomes).zip(verdicts);
        for ((test, outcome), _) in all.filter(|(_, verdict)| verdict.passed()) {
            let Ok(live) = &outcome.answered else { continue };
            let mut bindings = self.shared.pool().bindings.clone();
            bindings.forget(&outcome.compared.bound);
            let comparing = Comparing::new(&self.shared, test);
            let live: Vec<Value> =
                live.iter().map(|response| comparing.canonical(&bindings.to_recorded(response))).collect();
            let expected = comparing.expected();
            for (n, response) in expected.iter().enumerate() {
                for (path, changed) in self.countable(&test.kind, response) {
                    let mut other = expected.to_vec();
                    other[n] = changed;
                    broken += 1;
                    let mut trial = Trial::new(&bindings);
                    let (_, differences) = comparing.differences(&other, &live, outcome.compared.moment, &mut trial);
                    if differences.is_empty() {
                        blind.push(self.spot(test, None, &path));
                    }
                }
            }
        }
        (broken, blind)
    }

    /// Of each test that passed, what of its mocks' answers can be broken: a value of each mock first, then another of each.
    pub fn breaks(&self, verdicts: &[TestVerdict]) -> Vec<Vec<Break>> {
        let pool = self.shared.pool();
        let of_test = |verdict: &TestVerdict| {
            let made = pool.calls.iter().map(|call| &call.mock).filter(|mock| verdict.made.contains(&mock.name));
            let mut ranked: Vec<(usize, Break)> = made
                .filter(|mock| is_used_up(mock))
                .flat_map(|mock| self.breaks_of(&verdict.test, mock).into_iter().enumerate())
                .collect();
            ranked.sort_by_key(|(rank, _)| *rank);
            ranked.into_iter().map(|(_, broken)| broken).collect()
        };
        verdicts
            .iter()
            .filter(|verdict| verdict.passed())
            .map(of_test)
            .filter(|breaks: &Vec<_>| !breaks.is_empty())
            .collect()
    }

    fn breaks_of(&self, test: &str, mock: &Mock) -> Vec<Break> {
        let of_response = |(response, body): (usize, &Value)| {
            let broken = self.countable(&mock.kind, body).into_iter();
            let field = move |(path, body): (Path, Value)| Break {
                test: test.to_owned(),
                mock: mock.name.clone(),
                response,
                field: path.to_string(),
                body,
            };
            broken.map(field).collect::<Vec<_>>()
        };
        let bodies = mock.responses.iter().map(|response| &response.body).enumerate();
        let mut all: Vec<Break> = bodies.flat_map(of_response).collect();
        // What is told beside the content matters least.
        all.sort_by_key(|broken| broken.field.starts_with("header"));
        all
    }

    /// The variations of a response that are another response: not of what is volatile, or follows from the rest.
    fn countable(&self, kind: &str, response: &Value) -> Vec<(Path, Value)> {
        let form = self.shared.forms.of(&self.shared.registry, kind, Part::Response);
        let plugin = self.shared.registry.get(kind);
        let volatile = plugin.map_or_else(Vec::new, |plugin| plugin.manifest.volatile_response.clone());
        let volatile = Noise::of_places(volatile);
        let canonical = |response: &Value| volatile.hash(&form.canonical(response));
        let as_it_is = canonical(response);
        let mut all = variations(response, MOST);
        all.retain(|(_, other)| canonical(other) != as_it_is);
        all
    }

    fn spot(&self, test: &TestCase, mock: Option<String>, path: &Path) -> BlindSpot {
        BlindSpot { set: self.set.name.clone(), test: test.name.clone(), mock, field: path.to_string() }
    }
}
