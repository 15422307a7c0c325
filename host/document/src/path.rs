//! Places in a document, and patterns of places.

use std::fmt;

/// One step down a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    Name(String),
    /// From 0.
    Index(usize),
}

/// A place in a document, shown as `body.items[0].id`; the top is shown as nothing. A JSON text is a part of the tree:
/// its entries follow the name of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(pub Vec<Segment>);

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(n) => write!(f, "[{n}]")?,
                Segment::Name(name) => {
                    f.write_str(if index > 0 { "." } else { "" })?;
                    f.write_str(if name.is_empty() { "\"\"" } else { name })?;
                }
            }
        }
        Ok(())
    }
}

/// Below these, names are compared without regard to case, as on the wire.
const CASELESS: [&str; 2] = ["header", "trailer"];

/// Which places a rule is about: `header.Date`, `body.items.id`, `body.items[0]`, `body.*.id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    steps: Vec<Step>,
    is_caseless: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Any,
    Name(String),
    Index(usize),
}

impl Pattern {
    /// Every text is a pattern. A `*` at the end says what its absence says, since a pattern covers all that is below;
    /// so `body.*` and `body` are the same, and `*` is everything.
    pub(crate) fn new(text: &str) -> Self {
        let mut steps: Vec<Step> = text.split('.').filter(|part| !part.is_empty()).flat_map(Step::parse).collect();
        while steps.last() == Some(&Step::Any) {
            steps.pop();
        }
        let is_caseless = matches!(steps.first(), Some(Step::Name(name)) if CASELESS.contains(&name.as_str()));
        Self { steps, is_caseless }
    }

    /// Does it cover the place at which `done` of its steps were taken?
    pub(crate) fn is_complete(&self, done: usize) -> bool {
        done >= self.steps.len()
    }

    /// How many steps may have been taken after going down to the entry `name`. A name with points in it is also as
    /// many steps as it has parts: a path that we showed is a pattern for its place.
    pub(crate) fn after_entry(&self, done: usize, name: &str) -> impl Iterator<Item = usize> + use<> {
        let any = matches!(self.steps.get(done), Some(Step::Any)).then_some(done + 1);
        let parts = name.split('.').filter(|part| !part.is_empty());
        let mut count = 0;
        let named = parts.clone().all(|part| {
            let step = self.steps.get(done + count);
            count += 1;
            step.is_some_and(|step| self.is_named(step, part))
        });
        let named = (named && count > 0).then_some(done + count).filter(|named| any != Some(*named));
        any.into_iter().chain(named)
    }

    /// The same, into the element `index` of an array. Arrays are transparent: no step has to be taken.
    pub(crate) fn after_element(&self, done: usize, index: usize) -> impl Iterator<Item = usize> + use<> {
        let taken = match self.steps.get(done) {
            Some(Step::Any) => true,
            Some(Step::Index(wanted)) => *wanted == index,
            Some(Step::Name(name)) => name.parse() == Ok(index),
            None => false,
        };
        [done].into_iter().chain(taken.then_some(done + 1))
    }

    fn is_named(&self, step: &Step, name: &str) -> bool {
        match step {
            Step::Any => true,
            Step::Name(wanted) if self.is_caseless => wanted.eq_ignore_ascii_case(name),
            Step::Name(wanted) => wanted == name,
            Step::Index(_) => false,
        }
    }
}

impl Step {
    /// `items[0][1]` is three steps; brackets around anything but a number belong to the name.
    fn parse(part: &str) -> Vec<Self> {
        let mut indices = Vec::new();
        let mut name = part;
        while let Some((before, index)) = name.strip_suffix(']').and_then(|inner| inner.rsplit_once('['))
            && let Ok(index) = index.parse()
        {
            indices.push(Self::Index(index));
            name = before;
        }
        let named = match name {
            "" => None,
            "*" => Some(Self::Any),
            _ => Some(Self::Name(name.to_owned())),
        };
        named.into_iter().chain(indices.into_iter().rev()).collect()
    }
}
