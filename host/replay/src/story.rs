//! What a verdict covers: what of a test's answers need not be as recorded, and who says so.
use std::collections::{BTreeMap, HashMap};

use document::{Noise, Value};
use matcher::{Kind, Rule};
use plugins::Part;
use store::{ClassMatchers, MayDiffer, TestCase};

use crate::{Replay, TestVerdict, pool::Claimer};

impl Replay {
    /// Places in the test's recorded responses at which another value is no difference: in the order of who says so.
    pub fn may_differ(&self, test: &TestCase) -> Vec<MayDiffer> {
        let form = self.shared.forms.of(&self.shared.registry, &test.kind, Part::Response);
        let responses: Vec<_> = test.responses.iter().map(|response| form.canonical(&response.body)).collect();
        let covered = |noise: &Noise| -> Vec<String> {
            let mut places: Vec<String> = responses.iter().flat_map(|response| noise.covered(response)).collect();
            places.sort();
            places.dedup();
            places
        };
        let plugin = self.shared.registry.get(&test.kind);
        let volatile = plugin.map_or_else(Vec::new, |plugin| plugin.manifest.volatile_response.clone());
        let rules = |rules: &[(String, Vec<String>)]| Noise::new(rules.iter().cloned()).unwrap_or_default();
        let mut all = Vec::new();
        for (noise, by) in [
            (Noise::of_places(volatile), format!("the {} parser", test.kind)),
            (rules(&self.settings.noise), "keploy.yml".to_owned()),
            (rules(&test.noise), "the test".to_owned()),
        ] {
            let place = |at| MayDiffer { at, by: by.clone(), is: None };
            all.extend(covered(&noise).into_iter().map(place));
        }
        let of = format!("{} {}", test.kind, test.class);
        let classes = self.set.matchers.iter().flat_map(|matchers| &matchers.tests);
        let rules: Vec<_> = classes.filter(|class| class.of == of).flat_map(|class| &class.rules).collect();
        let is_there = |at: &str| !covered(&Noise::of_places([at])).is_empty();
        // What is inside of a token is no place of the document.
        let tokens: Vec<&str> =
            rules.iter().filter(|rule| rule.kinds.contains(&Kind::Jwt)).map(|rule| rule.at.as_str()).collect();
        let in_token = |at: &str| {
            let token = tokens.iter().find(|token| at.strip_prefix(**token).is_some_and(|rest| rest.starts_with('.')));
            token.is_some_and(|token| is_there(token))
        };
        for rule in rules.iter().filter(|rule| is_there(&rule.at) || in_token(&rule.at)) {
            let kinds: Vec<String> = rule.kinds.iter().map(ToString::to_string).collect();
            let (at, by) = (rule.at.clone(), "matchers.yaml".to_owned());
            all.push(MayDiffer { at, by, is: Some(kinds.join(" | ")) });
        }
        all
    }

    /// How the test came out otherwise while it was learned from, though nothing had changed.
    pub fn flaky(&self, test: &str) -> &[String] {
        let mut flaky = self.set.matchers.iter().flat_map(|matchers| &matchers.flaky);
        flaky.find(|flaky| flaky.test == test).map_or(&[], |flaky| &flaky.what)
    }

    /// What was compared by kind only: so many recorded values of the tests that were answered, and of the calls that they
    /// made. It depends on the recording, not on what happened to differ this time.
    pub fn by_matcher(&self, verdicts: &[TestVerdict]) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        let Some(matchers) = &self.set.matchers else { return counts };
        let (of_tests, of_calls) = (Counter::by_class(&matchers.tests), Counter::by_class(&matchers.calls));
        for (test, _) in self.tests().iter().zip(verdicts).filter(|(_, verdict)| verdict.ran && verdict.error.is_none())
        {
            let Some(counter) = of_tests.get(&*format!("{} {}", test.kind, test.class)) else { continue };
            let form = self.shared.forms.of(&self.shared.registry, &test.kind, Part::Response);
            test.responses.iter().for_each(|response| counter.count(&form.canonical(&response.body), &mut counts));
        }
        let pool = self.shared.pool();
        let made = pool.calls.iter().filter(|call| matches!(call.claimed_by, Some(Claimer::Test(_))));
        for call in made {
            if let Some(counter) = of_calls.get(&*format!("{} {}", call.mock.kind, call.mock.class)) {
                counter.count(&call.request, &mut counts);
            }
        }
        counts
    }
}

/// Counts the values that the rules of one class are about.
struct Counter(Vec<(String, Noise)>);

impl Counter {
    fn by_class(classes: &[ClassMatchers]) -> HashMap<&str, Self> {
        classes.iter().map(|class| (&*class.of, Self(class.rules.iter().map(Self::of_rule).collect()))).collect()
    }

    /// Without its bounds a kind is a word.
    fn of_rule(rule: &Rule) -> (String, Noise) {
        let word = |kind: &Kind| kind.to_string().split(' ').next().unwrap_or_default().to_owned();
        let words: Vec<String> = rule.kinds.iter().map(word).collect();
        (words.join("|"), Noise::of_places([&rule.at]))
    }

    fn count(&self, document: &Value, counts: &mut BTreeMap<String, usize>) {
        for (kind, places) in &self.0 {
            let n = places.covered(document).len();
            if n > 0 {
                *counts.entry(kind.clone()).or_default() += n;
            }
        }
    }
}
