//! How documents are compared: what their parser calls volatile, the user's noise, and the matchers of their class.
use std::collections::HashMap;

use document::{BadRule, DiffOptions, Difference, Hash, Noise, Value, diff};
use matcher::{Allowed, Bindings, Explained, Kind, Learning, Moment, Rules, Trial, explain_all};
use plugins::{Part, Plugin, Registry};
use store::{ClassMatchers, Matchers, Templated};

use crate::Settings;

/// All forms of a test set.
pub(crate) struct Forms {
    /// By protocol, and whether it is a request.
    noise: HashMap<(String, bool), Noise>,
    user: Noise,
    /// By protocol, class, and whether it is a request.
    ruled: HashMap<(String, String, bool), Ruled>,
    /// By test and which of its responses: where templates stand in it.
    templated: HashMap<(String, usize), Vec<String>>,
    /// The templates' values.
    named: Vec<String>,
    options: DiffOptions,
    learns: bool,
}

/// What may differ in the documents of one class.
struct Ruled {
    rules: Rules,
    /// The lists without an order.
    order: Noise,
    /// Those, and every value that has a rule: documents that may match have the same hash then.
    hidden: Noise,
}

/// One protocol's documents, one part of them.
pub(crate) struct Form<'a> {
    plugin: Option<&'a Plugin>,
    part: Part,
    noise: Noise,
}

/// What a comparison came to.
pub(crate) struct Compared {
    /// What differs, and nothing explains.
    pub differences: Vec<Difference>,
    pub explained: Vec<Explained>,
    /// What need not be as recorded: the noise, the lists without an order, and the places that were explained.
    pub hidden: Noise,
}

impl Forms {
    pub fn new(registry: &Registry, settings: &Settings, matchers: &Matchers) -> Result<Self, BadRule> {
        let user = Noise::new(settings.noise.clone())?;
        let mut noise = HashMap::new();
        for plugin in registry.iter() {
            let manifest = &plugin.manifest;
            for (paths, request) in [(&manifest.volatile_request, true), (&manifest.volatile_response, false)] {
                let volatile = Noise::new(paths.iter().map(|path| (path.clone(), Vec::new())))?;
                // The user's noise is about answers, as Keploy's is; what calls say is a mock's own `noise.req`.
                let all = if request { volatile } else { volatile.merged(&user) };
                noise.insert((manifest.protocol.clone(), request), all);
            }
        }
        let mut ruled = HashMap::new();
        for (classes, request) in [(&matchers.calls, true), (&matchers.tests, false)] {
            for class in classes {
                let (protocol, name) = class.of.split_once(' ').unwrap_or((&class.of, ""));
                ruled.insert((protocol.to_owned(), name.to_owned(), request), Ruled::new(class)?);
            }
        }
        let options = DiffOptions { ignore_ordering: settings.ignore_ordering };
        let (templated, named) = (HashMap::new(), Vec::new());
        Ok(Self { noise, user, ruled, templated, named, options, learns: settings.learns })
    }

    /// Values at these places have names, and are followed.
    pub fn follow(&mut self, named: Vec<String>, templated: &[Templated]) {
        self.named = named;
        for Templated { test, response, at } in templated {
            self.templated.entry((test.clone(), *response)).or_default().push(at.clone());
        }
    }

    /// Where templates stand in one of a test's responses.
    pub fn templated(&self, test: &str, response: usize) -> &[String] {
        if self.templated.is_empty() {
            return &[];
        }
        self.templated.get(&(test.to_owned(), response)).map_or(&[], Vec::as_slice)
    }

    pub fn of<'a>(&self, registry: &'a Registry, protocol: &str, part: Part) -> Form<'a> {
        let request = matches!(part, Part::Request);
        let noise = self.noise.get(&(protocol.to_owned(), request)).unwrap_or(&self.user).clone();
        Form { plugin: registry.get(protocol).map(|plugin| &**plugin), part, noise }
    }

    /// Calls of a class are found whatever stands at these places; what is found is compared.
    pub fn hide(&mut self, protocol: &str, class: &str, places: &[String]) -> Result<(), BadRule> {
        let noise = Noise::new(places.iter().map(|place| (place.clone(), Vec::new())))?;
        let ruled = self.ruled.entry((protocol.to_owned(), class.to_owned(), true));
        let ruled = ruled.or_insert_with(Ruled::none);
        ruled.hidden = ruled.hidden.merged(&noise);
        Ok(())
    }

    /// Equal for requests that may be the same call.
    pub fn hash(&self, protocol: &str, class: &str, request: &Value) -> Hash {
        match self.ruled(protocol, class, true) {
            Some(ruled) => ruled.hidden.hash(request),
            None => document::hash(request),
        }
    }

    /// What a request has otherwise than the recorded one; both in the form that is compared.
    pub fn compare_requests(
        &self,
        (protocol, class): (&str, &str),
        (recorded, live): (&Value, &Value),
        moment: Moment,
        trial: &mut Trial<'_>,
    ) -> Compared {
        let learning = Learning::Requests;
        let ruled = (self.ruled(protocol, class, true), &learning);
        self.compare(ruled, (&Noise::default(), &[]), (recorded, live), moment, trial)
    }

    /// Of texts that differ in more than may differ in them, e.g. in a key's name beside an id: which live values stand for
    /// recorded ones, by the rules that there are and what is `known` already.
    pub fn guess(
        &self,
        (protocol, class): (&str, &str),
        differences: &[Difference],
        moment: Moment,
        known: &Bindings,
    ) -> Bindings {
        let mut guessed = Bindings::default();
        let Some(Ruled { rules, .. }) = self.ruled(protocol, class, true) else { return guessed };
        for difference in differences {
            let (Some(Value::Text(recorded)), Some(Value::Text(live))) = (&difference.expected, &difference.actual)
            else {
                continue;
            };
            for (recorded, live) in matcher::made_up(recorded, live) {
                let (expected, actual) = (Some(recorded.into()), Some(live.into()));
                let alone = Difference { expected, actual, ..difference.clone() };
                // What the rules do not allow stays as it is.
                if recorded != live && matcher::explain(&alone, rules, moment, &mut Trial::new(known)).is_ok() {
                    guessed.accept(vec![(recorded.to_owned(), live.to_owned())]);
                }
            }
        }
        guessed
    }

    /// What a response has otherwise than the recorded one; both canonical. `noise` hides what is not compared, templates stand
    /// at `templated`.
    pub fn compare_responses(
        &self,
        (protocol, class): (&str, &str),
        (noise, templated): (&Noise, &[String]),
        (recorded, live): (&Value, &Value),
        moment: Moment,
        trial: &mut Trial<'_>,
    ) -> Compared {
        let ruled = (self.ruled(protocol, class, false), &Learning::Responses);
        self.compare(ruled, (noise, templated), (recorded, live), moment, trial)
    }

    fn compare(
        &self,
        (ruled, learning): (Option<&Ruled>, &Learning),
        (noise, templated): (&Noise, &[String]),
        (recorded, live): (&Value, &Value),
        moment: Moment,
        trial: &mut Trial<'_>,
    ) -> Compared {
        let mut noise = ruled.map_or_else(|| noise.clone(), |ruled| noise.merged(&ruled.order));
        let mut explained = Vec::new();
        if self.learns {
            let lists = document::reordered(recorded, live, &noise);
            let places = lists.iter().map(|path| matcher::place(path));
            let kind = || Kind::AnyOrder;
            explained.extend(places.map(|place| Explained { place, kind: kind(), seen: String::new() }));
            noise = noise.merged(&Noise::unordered(&lists));
        }
        let differences = diff(recorded, live, &noise, self.options);
        if differences.is_empty() {
            return Compared { differences, explained, hidden: noise };
        }
        let places: Vec<String> = differences.iter().map(|difference| difference.path.clone()).collect();
        let none = Rules::default();
        let rules = ruled.map_or(&none, |ruled| &ruled.rules);
        let allowed: &dyn Allowed = if self.learns { learning } else { rules };
        // First what has a name: a rule may allow another value, and would not follow it.
        let is_named = |difference: &Difference| templated.iter().any(|at| at.eq_ignore_ascii_case(&difference.path));
        let (with_names, differences): (Vec<_>, Vec<_>) = differences.into_iter().partition(is_named);
        let mut unlike = Vec::new();
        for difference in with_names {
            if let Err(why) = matcher::follow(&difference, &self.named, trial) {
                unlike.push(Difference { why, ..difference });
            }
        }
        let (found, mut differences) = explain_all(differences, allowed, moment, trial);
        differences.extend(unlike);
        explained.extend(found);
        if !self.learns {
            differences.iter_mut().for_each(|difference| say_what_could_be_learned(difference, moment));
        }
        let is_explained = |place: &String| differences.iter().all(|left| left.path != *place);
        let hidden = Noise::of_places(places.into_iter().filter(is_explained)).merged(&noise);
        Compared { differences, explained, hidden }
    }

    fn ruled(&self, protocol: &str, class: &str, request: bool) -> Option<&Ruled> {
        if self.ruled.is_empty() {
            return None;
        }
        self.ruled.get(&(protocol.to_owned(), class.to_owned(), request))
    }
}

impl Ruled {
    fn none() -> Self {
        Self { rules: Rules::default(), order: Noise::default(), hidden: Noise::default() }
    }

    fn new(class: &ClassMatchers) -> Result<Self, BadRule> {
        let mut rules = Rules::default();
        for rule in &class.rules {
            rule.kinds.iter().for_each(|kind| rules.add(&rule.at, kind.clone()));
        }
        let order = Noise::unordered(rules.unordered());
        let typed = Noise::new(rules.typed().map(|place| (place.to_owned(), Vec::new())))?;
        let hidden = typed.merged(&order);
        Ok(Self { rules, order, hidden })
    }
}

/// Nothing is learned while verdicts are given.
fn say_what_could_be_learned(difference: &mut Difference, moment: Moment) {
    if difference.why.is_some() {
        return;
    }
    if let Ok(found) = matcher::explain(difference, &Learning::Responses, moment, &mut Trial::free())
        && found.iter().all(|found| found.kind.is_fresh_by_nature())
        && let Some(first) = found.first()
    {
        difference.why = Some(format!("no rule says that a {} may differ here: `keploy learn` would", first.kind));
    }
}

impl Form<'_> {
    /// The parser's canonical form. A parser that fails at it leaves the document as it is: then it is compared so.
    pub fn canonical(&self, document: &Value) -> Value {
        let canonical = self.plugin.map(|plugin| plugin.canonical(self.part, document));
        match canonical {
            Some(Ok(canonical)) => canonical,
            Some(Err(failure)) => {
                tracing::warn!(%failure, "a document is compared as it is");
                document.clone()
            }
            None => document.clone(),
        }
    }
    pub fn noise(&self) -> &Noise {
        &self.noise
    }
    /// Canonical, and without what differs on every run.
    pub fn strip(&self, document: &Value) -> Value {
        self.noise.strip(&self.canonical(document))
    }
}

#[cfg(test)]
impl Forms {
    /// Everything is compared as it is.
    pub fn plain() -> Self {
        let (noise, user, ruled) = (HashMap::new(), Noise::default(), HashMap::new());
        let (templated, named) = (HashMap::new(), Vec::new());
        Self { noise, user, ruled, templated, named, options: DiffOptions::default(), learns: false }
    }
}
