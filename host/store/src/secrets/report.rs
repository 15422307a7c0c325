//! What a replay says, without the secrets that it saw.
use ::secrets::find;
use document::{Map, Value};

use super::Secrets;
use crate::{CallDifference, Difference, SetReport, TestReport};

impl Secrets {
    /// The vault is not saved: what only a replay saw is no part of the recording.
    pub fn clean_report(&mut self, report: &mut SetReport) {
        // First what shows itself; then it is known wherever else it stands.
        let tests = report.tests.iter_mut();
        tests.for_each(|test| self.find_in_test(test));
        let hide = |text: &mut String| {
            if let Some(hidden) = self.vault.hidden(text) {
                *text = hidden;
            }
        };
        report.error.iter_mut().for_each(hide);
        report.calls.iter_mut().for_each(|call| texts_of_call(call).for_each(hide));
        for TestReport { request, response, differences, calls, flaky, error, .. } in &mut report.tests {
            self.vault.hide(request);
            self.vault.hide(response);
            error.iter_mut().chain(flaky).for_each(hide);
            differences.iter_mut().flat_map(texts).for_each(hide);
            calls.iter_mut().flat_map(texts_of_call).for_each(hide);
        }
    }

    fn find_in_test(&mut self, test: &mut TestReport) {
        let TestReport { name, request, response, differences, calls, .. } = test;
        find(request, &self.rules, &mut self.vault, name);
        find(response, &self.rules, &mut self.vault, name);
        let all = differences.iter_mut().chain(calls.iter_mut().flat_map(|call| &mut call.differences));
        for Difference { path, expected, actual, .. } in all {
            // What stands there is a secret by the name of the place.
            let place = path.trim_end_matches(|c: char| c == ']' || c.is_ascii_digit()).trim_end_matches('[');
            let place = place.rsplit('.').next().unwrap_or_default();
            for text in [expected, actual].into_iter().flatten() {
                let mut map = Value::Map(Map::new().with(place, text.as_str()));
                find(&mut map, &self.rules, &mut self.vault, name);
                if let Some(found) = map.get(place).and_then(Value::as_str) {
                    found.clone_into(text);
                }
            }
        }
    }
}

fn texts(difference: &mut Difference) -> impl Iterator<Item = &mut String> {
    let Difference { expected, actual, why, path, .. } = difference;
    [expected, actual, why].into_iter().flatten().chain([path])
}

fn texts_of_call(call: &mut CallDifference) -> impl Iterator<Item = &mut String> {
    std::iter::once(&mut call.summary).chain(call.differences.iter_mut().flat_map(texts))
}
