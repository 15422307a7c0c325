//! Which differences are allowed in the documents of one class.
use std::collections::BTreeMap;

use crate::{Allowed, Explained, Kind};

/// One of them, as a person reads and edits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub at: String,
    pub kinds: Vec<Kind>,
    pub evidence: String,
}

/// The rules for the documents of one class, by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(BTreeMap<String, Vec<Kind>>);

/// A path as rules have it: `body.items[3].id` is `body.items.id`, since what holds for one object of a list holds for all;
/// `args[1]` stays: positions have meanings.
pub fn place(path: &str) -> String {
    let mut place = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        place.push_str(before);
        match after.split_once(']') {
            Some((index, behind)) if index.bytes().all(|byte| byte.is_ascii_digit()) => {
                if !behind.starts_with('.') {
                    place.push_str(&format!("[{index}]"));
                }
                rest = behind;
            }
            _ => {
                place.push('[');
                rest = after;
            }
        }
    }
    place.push_str(rest);
    place
}

impl Rules {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a kind to a place; kinds that have one in common become that one.
    pub fn add(&mut self, place: &str, kind: Kind) {
        let kinds = self.0.entry(place.to_owned()).or_default();
        match kinds.iter_mut().find_map(|known| known.joined(&kind).map(|joined| (known, joined))) {
            Some((known, joined)) => *known = joined,
            None => kinds.push(kind),
        }
        kinds.sort();
        kinds.dedup();
    }

    pub fn add_all(&mut self, found: &[Explained]) {
        found.iter().for_each(|Explained { place, kind, .. }| self.add(place, kind.clone()));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Kind])> {
        self.0.iter().map(|(place, kinds)| (place.as_str(), kinds.as_slice()))
    }

    /// The lists whose elements may stand in any order.
    pub fn unordered(&self) -> impl Iterator<Item = &str> {
        self.iter().filter(|(_, kinds)| kinds.contains(&Kind::AnyOrder)).map(|(place, _)| place)
    }

    /// The places where values may differ. What is inside of a token is not a place of its document.
    pub fn typed(&self) -> impl Iterator<Item = &str> {
        let is_value = |kinds: &[Kind]| kinds.iter().any(|kind| *kind != Kind::AnyOrder);
        self.iter().filter(move |(_, kinds)| is_value(kinds)).map(|(place, _)| place)
    }
}

impl Allowed for Rules {
    fn allows(&self, place: &str, kind: &Kind) -> bool {
        self.0.get(place).is_some_and(|kinds| kinds.iter().any(|known| known.allows(kind)))
    }
}
