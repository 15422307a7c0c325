//! What differs on every run, and is not compared.

use std::{borrow::Cow, sync::Arc};

use regex::Regex;

use crate::{Hash, Path, Segment, Value, hash::hash_node, node::Node, path::Pattern};

/// Rules about values that mean nothing: when they happened, which number they got.
///
/// A rule is a place and the values it is about. Places are written as Keploy writes them:
///
/// | pattern | covers |
/// |---|---|
/// | `header.Date` | that entry; below `header` and `trailer` in any spelling: `header.date` |
/// | `body.data` | that entry and all that is in it; a body that is JSON text is part of the tree |
/// | `body.items.id` | `id` in every element: arrays need no mention |
/// | `body.items[0].id`, `body.items.0.id` | `id` in one element |
/// | `body.*.id` | `id` in whatever stands there |
/// | `body`, `body.*` | the whole body |
/// | `*` | everything |
///
/// Without regular expressions, any value there is noise; with some, those of which one finds a match (`*` finds one
/// everywhere). Noise is the value, never its presence: an entry that is missing or additional is a difference. Where
/// a pattern with regular expressions covers a collection, each text, number and boolean in it is tested by itself.
#[derive(Clone, Debug, Default)]
pub struct Noise {
    rules: Vec<Arc<Rule>>,
}

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    what: What,
}

#[derive(Debug)]
enum What {
    /// The values; none: any value.
    Values(Vec<Regex>),
    /// The order of a list's elements.
    Order,
}

/// A noise rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the noise rule for {pattern} has a broken regular expression: {regex}: {reason}")]
pub struct BadRule {
    pub pattern: String,
    pub regex: String,
    pub reason: String,
}

impl BadRule {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "an empty list, or \"*\", ignores any value"
    }
}

impl Noise {
    /// # Errors
    /// The first regular expression that is none.
    pub fn new(rules: impl IntoIterator<Item = (String, Vec<String>)>) -> Result<Self, BadRule> {
        let rules = rules.into_iter().map(|(pattern, values)| Rule::new(&pattern, &values).map(Arc::new));
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// Any value at these places.
    pub fn of_places(patterns: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let rule = |pattern: &str| Arc::new(Rule { pattern: Pattern::new(pattern), what: What::Values(Vec::new()) });
        Self { rules: patterns.into_iter().map(|pattern| rule(pattern.as_ref())).collect() }
    }

    /// Lists whose elements may stand in any order: equal when each is there as often as in the other.
    pub fn unordered(patterns: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let rule = |pattern: &str| Arc::new(Rule { pattern: Pattern::new(pattern), what: What::Order });
        Self { rules: patterns.into_iter().map(|pattern| rule(pattern.as_ref())).collect() }
    }

    /// What is noise by either.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        Self { rules: self.rules.iter().chain(&other.rules).cloned().collect() }
    }

    /// Without the rules about the order of lists.
    pub(crate) fn of_values(&self) -> Self {
        let is_of_values = |rule: &&Arc<Rule>| matches!(rule.what, What::Values(_));
        Self { rules: self.rules.iter().filter(is_of_values).cloned().collect() }
    }

    /// The places in `value` that are not compared.
    pub fn covered(&self, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        find_covered(&self.open(value), &mut Path::default(), &mut found);
        found
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// `value` with the text `<noise>` in place of what is noise, and JSON texts in their shortest spelling.
    #[must_use]
    pub fn strip(&self, value: &Value) -> Value {
        if self.is_empty() { value.clone() } else { self.open(value).to_value() }
    }

    /// The [`hash`](crate::hash) of what [`strip`](Self::strip) leaves, without the detour.
    pub fn hash(&self, value: &Value) -> Hash {
        hash_node(&self.open(value))
    }

    pub(crate) fn open<'a>(&self, value: &'a Value) -> Node<'a> {
        let mut node = Node::open(value);
        if !self.is_empty() {
            self.hide(&mut node, (0..self.rules.len()).map(|rule| State { rule, done: 0 }).collect(), &[]);
        }
        node
    }

    /// Hides what is noise in `node`. `states` are the rules that may still apply here or below, `covering` those, with
    /// regular expressions, that apply already.
    fn hide(&self, node: &mut Node<'_>, mut states: Vec<State>, covering: &[usize]) {
        states.sort_unstable();
        states.dedup();
        let (complete, states): (Vec<_>, Vec<_>) =
            states.into_iter().partition(|state| self.rules[state.rule].pattern.is_complete(state.done));
        if complete.iter().any(|state| self.rules[state.rule].hides_all()) {
            return node.hide();
        }
        let (orders, values): (Vec<usize>, Vec<usize>) =
            complete.iter().map(|state| state.rule).partition(|rule| matches!(self.rules[*rule].what, What::Order));
        let covering: Vec<usize> = covering.iter().copied().chain(values).collect();
        if !(states.is_empty() && covering.is_empty()) {
            self.hide_below(node, &states, &covering);
        }
        if !orders.is_empty() {
            node.sort();
        }
    }

    fn hide_below(&self, node: &mut Node<'_>, states: &[State], covering: &[usize]) {
        match node {
            Node::Json(json) => self.hide(json, states.to_vec(), covering),
            Node::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.hide(item, self.below(states, |pattern, done| pattern.after_element(done, index)), covering);
                }
            }
            Node::Map(entries) => {
                for (name, entry) in entries {
                    self.hide(entry, self.below(states, |pattern, done| pattern.after_entry(done, name)), covering);
                }
            }
            leaf => {
                let matches = |text: &str| covering.iter().any(|&rule| self.rules[rule].matches(text));
                if spelling(leaf).is_some_and(|text| matches(&text)) {
                    leaf.hide();
                }
            }
        }
    }

    fn below<I: Iterator<Item = usize>>(&self, states: &[State], after: impl Fn(&Pattern, usize) -> I) -> Vec<State> {
        let step = |state: &State| {
            let rule = state.rule;
            after(&self.rules[rule].pattern, state.done).map(move |done| State { rule, done })
        };
        states.iter().flat_map(step).collect()
    }
}

fn find_covered(node: &Node<'_>, path: &mut Path, found: &mut Vec<String>) {
    let mut below = |segment, node: &Node<'_>| {
        path.0.push(segment);
        find_covered(node, path, found);
        path.0.pop();
    };
    match node {
        Node::Noise(_) => found.push(path.to_string()),
        Node::Json(json) => find_covered(json, path, found),
        Node::Map(entries) => entries.iter().for_each(|(name, node)| below(Segment::Name(name.to_string()), node)),
        Node::Array(items) => items.iter().enumerate().for_each(|(index, node)| below(Segment::Index(index), node)),
        _ => {}
    }
}

/// How many steps of a rule's pattern led here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    rule: usize,
    done: usize,
}

impl Rule {
    fn new(pattern: &str, values: &[String]) -> Result<Self, BadRule> {
        let any = values.iter().any(|value| value == "*" || value == ".*");
        let compile = |regex: &String| {
            Regex::new(regex).map_err(|error| BadRule {
                pattern: pattern.to_owned(),
                regex: regex.clone(),
                reason: reason(&error),
            })
        };
        let values = if any { Vec::new() } else { values.iter().map(compile).collect::<Result<_, _>>()? };
        Ok(Self { pattern: Pattern::new(pattern), what: What::Values(values) })
    }

    fn hides_all(&self) -> bool {
        matches!(&self.what, What::Values(values) if values.is_empty())
    }

    fn matches(&self, text: &str) -> bool {
        matches!(&self.what, What::Values(values) if values.iter().any(|value| value.is_match(text)))
    }
}

/// The last line says what is wrong; those above draw it.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// What regular expressions look at.
fn spelling<'n>(leaf: &'n Node<'_>) -> Option<Cow<'n, str>> {
    Some(match leaf {
        Node::Text(text) => (&**text).into(),
        Node::Bool(b) => b.to_string().into(),
        Node::Int(n) => n.to_string().into(),
        Node::Float(f) => f.get().to_string().into(),
        Node::Number(digits) => match crate::json::number_value(digits) {
            Value::Float(f) => f.to_string().into(),
            _ => (&**digits).into(),
        },
        _ => return None,
    })
}
