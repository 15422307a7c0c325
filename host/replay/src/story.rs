//! What a verdict covers: what of a test's answers need not be as recorded, and who says so.
use document::Noise;
use matcher::Kind;
use plugins::Part;
use store::{MayDiffer, TestCase};

use crate::Replay;

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
}
