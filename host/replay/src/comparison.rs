//! What the application answered, against what it answered when it was recorded.
use document::{DiffOptions, Difference, DifferenceKind, Noise, Value, adopt};
use matcher::{Bindings, Explained, Moment, Trial};
use plugins::Part;
use store::TestCase;

use crate::{
    answers::Shared,
    forms::{Compared, Form},
    lesson::{self, Otherwise},
};

/// What a comparison came to.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// What nothing explains.
    pub differences: Vec<Difference>,
    /// What was answered, with the recorded values where others are allowed: the same on every run.
    pub adopted: Vec<Value>,
    /// What stands for what, since this answer.
    pub(crate) bound: Vec<(String, String)>,
    /// When it was answered.
    pub(crate) moment: Moment,
}

/// How one test's responses are compared.
pub(crate) struct Comparing<'a> {
    shared: &'a Shared,
    test: &'a TestCase,
    form: Form<'a>,
    noise: Noise,
    /// The recorded responses, canonical.
    expected: Vec<Value>,
}

impl<'a> Comparing<'a> {
    pub fn new(shared: &'a Shared, test: &'a TestCase) -> Self {
        let form = shared.forms.of(&shared.registry, &test.kind, Part::Response);
        let noise = match Noise::new(test.noise.clone()) {
            Ok(own) => form.noise().merged(&own),
            Err(error) => {
                tracing::warn!(test = %test.name, %error, "the test's noise is not used");
                form.noise().clone()
            }
        };
        let expected = test.responses.iter().map(|response| form.canonical(&response.body)).collect();
        Self { shared, test, form, noise, expected }
    }

    /// The recorded responses, canonical.
    pub fn expected(&self) -> &[Value] {
        &self.expected
    }

    /// With the recorded responses; `live` has recorded values in the place of those that are bound already. `moment`: when it
    /// was answered.
    pub fn compare(&self, live: &[Value], moment: Moment, bindings: &Bindings) -> (Comparison, Vec<Explained>) {
        if self.is_as_recorded(live) {
            let adopted = live.to_vec();
            return (Comparison { adopted, moment, ..Comparison::default() }, Vec::new());
        }
        let actual: Vec<Value> = live.iter().map(|response| self.canonical(response)).collect();
        let mut trial = Trial::new(bindings);
        let (found, all) = self.differences(&self.expected, &actual, moment, &mut trial);
        let adopted = live.iter().enumerate().map(|(n, live)| match (self.test.responses.get(n), found.get(n)) {
            // The same but for what may differ: spelling and all.
            (Some(recorded), Some(found)) if found.differences.is_empty() => recorded.body.clone(),
            (Some(recorded), Some(found)) => adopt(&recorded.body, live, &found.hidden),
            _ => live.clone(),
        });
        let adopted = adopted.collect();
        let explained = found.into_iter().flat_map(|found| found.explained).collect();
        let bound = trial.into_new();
        (Comparison { differences: all, adopted, bound, moment }, explained)
    }

    /// What is the same has the same canonical form.
    fn is_as_recorded(&self, live: &[Value]) -> bool {
        live.iter().eq(self.test.responses.iter().map(|response| &response.body))
    }

    /// The numbers and texts that are not as recorded, whatever may explain them.
    pub fn otherwise(&self, live: &[Value]) -> Otherwise {
        let pairs = self.expected.iter().zip(live);
        let differences = pairs.flat_map(|(expected, live)| {
            document::diff(expected, &self.canonical(live), &self.noise, DiffOptions::default())
        });
        let plain = |value: &Option<Value>| value.as_ref().and_then(lesson::plain);
        differences.filter_map(|found| Some((plain(&found.expected)?, plain(&found.actual)?))).collect()
    }

    /// Of canonical documents: of each pair, and all, with their places in the exchange.
    pub fn differences(
        &self,
        expected: &[Value],
        actual: &[Value],
        moment: Moment,
        trial: &mut Trial<'_>,
    ) -> (Vec<Compared>, Vec<Difference>) {
        let alone = expected.len() == 1 && actual.len() == 1;
        let place = |n: usize, path: &str| match (alone, path.is_empty()) {
            (true, _) => path.to_owned(),
            (false, true) => format!("responses[{n}]"),
            (false, false) => format!("responses[{n}].{path}"),
        };
        let class = (self.test.kind.as_str(), self.test.class.as_str());
        let forms = &self.shared.forms;
        let pairs = expected.iter().zip(actual);
        let compare = |(n, pair)| {
            let hidden = (&self.noise, forms.templated(&self.test.name, n));
            forms.compare_responses(class, hidden, pair, moment, trial)
        };
        let found: Vec<Compared> = pairs.enumerate().map(compare).collect();
        let placed = |(n, found): (usize, &Compared)| -> Vec<Difference> {
            let placed = |found: &Difference| Difference { path: place(n, &found.path), ..found.clone() };
            found.differences.iter().map(placed).collect()
        };
        let mut all: Vec<Difference> = found.iter().enumerate().flat_map(placed).collect();
        for n in found.len()..expected.len().max(actual.len()) {
            let (expected, actual) = (expected.get(n).cloned(), actual.get(n).cloned());
            let kind = if actual.is_none() { DifferenceKind::Missing } else { DifferenceKind::Added };
            all.push(Difference { path: place(n, ""), kind, expected, actual, why: None });
        }
        (found, all)
    }

    pub fn canonical(&self, document: &Value) -> Value {
        self.form.canonical(document)
    }
}
