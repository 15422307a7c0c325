//! Values that the application made up, then and now.
use std::collections::{HashMap, HashSet};

use document::{Map, Value};

use crate::text::{self, Sort};

/// Which recorded value stands for which live one. One for one: equal values stay equal, different ones stay different.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    to_live: HashMap<String, String>,
    to_recorded: HashMap<String, String>,
    /// Recorded values that were never seen: whatever the live one is, it is the one they stand for.
    stand_ins: HashSet<String>,
}

impl Bindings {
    /// Nothing is bound yet; each of `stand_ins` may be any value.
    pub fn with_stand_ins(stand_ins: impl IntoIterator<Item = String>) -> Self {
        Self { stand_ins: stand_ins.into_iter().collect(), ..Self::default() }
    }

    /// Are there recorded values that nobody knows?
    pub fn has_stand_ins(&self) -> bool {
        !self.stand_ins.is_empty()
    }

    /// The stand-in in a text: what is before it, it, and what is behind it.
    pub(crate) fn stand_in<'t>(&self, text: &'t str) -> Option<(&'t str, &'t str, &'t str)> {
        if self.stand_ins.is_empty() {
            return None;
        }
        let mut start = 0;
        text::parts(text).into_iter().find_map(|part| {
            let at = start;
            start += part.text.len();
            let (from, to) = tails(part.text).find(|(from, to)| self.stand_ins.contains(&part.text[*from..*to]))?;
            Some((&text[..at + from], &text[at + from..at + to], &text[at + to..]))
        })
    }

    /// Another document wherever this one has a stand-in; none where it has none.
    pub fn without_stand_ins(&self, recorded: &Value) -> Option<Value> {
        if self.stand_ins.is_empty() {
            return None;
        }
        let without = |text: &str| {
            let (mut other, mut rest) = (String::new(), text);
            while let Some((before, _, behind)) = self.stand_in(rest) {
                other.push_str(before);
                other.push_str("<any>");
                rest = behind;
            }
            (!other.is_empty()).then(|| other + rest)
        };
        let other = map_texts(recorded, &without);
        (other != *recorded).then_some(other)
    }

    pub fn is_empty(&self) -> bool {
        self.to_live.is_empty()
    }

    pub(crate) fn live(&self, recorded: &str) -> Option<&str> {
        self.to_live.get(recorded).map(String::as_str)
    }

    pub(crate) fn recorded(&self, live: &str) -> Option<&str> {
        self.to_recorded.get(live).map(String::as_str)
    }

    pub(crate) fn insert(&mut self, recorded: String, live: String) {
        self.to_recorded.insert(live.clone(), recorded.clone());
        self.to_live.insert(recorded, live);
    }

    /// As if these pairs had not been found.
    pub fn forget(&mut self, pairs: &[(String, String)]) {
        for (recorded, live) in pairs {
            self.to_live.remove(recorded);
            self.to_recorded.remove(live);
        }
    }

    /// What was recorded, with the live values in it: what is sent to the application.
    #[must_use]
    pub fn to_live(&self, recorded: &Value) -> Value {
        if self.is_empty() { recorded.clone() } else { rewrite(recorded, &self.to_live) }
    }

    /// What the application sent, with the recorded values in it: what is compared.
    #[must_use]
    pub fn to_recorded(&self, live: &Value) -> Value {
        if self.is_empty() { live.clone() } else { rewrite(live, &self.to_recorded) }
    }
}

fn rewrite(value: &Value, values: &HashMap<String, String>) -> Value {
    if let Value::Bytes(bytes) = value
        && let Some(other) = values.get(&hex(bytes)).and_then(|hex| unhex(hex))
    {
        return Value::Bytes(other);
    }
    match value {
        Value::Array(items) => Value::Array(items.iter().map(|item| rewrite(item, values)).collect()),
        Value::Map(map) => {
            let name = |name: &str| rewrite_text(name, values).unwrap_or_else(|| name.to_owned());
            let entries = map.iter().map(|(key, item)| (name(key), rewrite(item, values)));
            Map::from_entries(entries.collect()).map_or_else(|_| value.clone(), Value::Map)
        }
        other => map_texts(other, &|text| rewrite_text(text, values)),
    }
}

/// `of` gives the new text, where there is one; names of entries stay.
fn map_texts(value: &Value, of: &dyn Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::Text(text) => Value::Text(of(text).unwrap_or_else(|| text.clone())),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Bytes(of(text).map_or_else(|| bytes.clone(), String::into_bytes)),
            Err(_) => value.clone(),
        },
        Value::Array(items) => Value::Array(items.iter().map(|item| map_texts(item, of)).collect()),
        Value::Map(map) => {
            map.iter().map(|(name, item)| (name.to_owned(), map_texts(item, of))).collect::<Map>().into()
        }
        other => other.clone(),
    }
}

/// Where a value may be in a word: all of it, a token's signature, what was percent-encoded before, behind a separator.
fn tails(word: &str) -> impl Iterator<Item = (usize, usize)> {
    const MOST: usize = 8;
    let end = word.len();
    let signature = word.rfind('.').map(|at| at + 1);
    let encoded = word.is_char_boundary(2).then_some(2);
    let separators = word.match_indices(['_', '-']).map(|(at, _)| at + 1).take(MOST);
    [Some(0), signature, encoded].into_iter().flatten().chain(separators).map(move |from| (from, end))
}

/// None: nothing to rewrite.
fn rewrite_text(text: &str, values: &HashMap<String, String>) -> Option<String> {
    if let Some(other) = values.get(text) {
        return Some(other.clone());
    }
    let mut rewritten = String::new();
    let mut changed = false;
    let parts = text::parts(text);
    for (n, part) in parts.iter().enumerate() {
        let known = match part.sort {
            Sort::Between => None,
            _ => values.get(part.text).cloned().or_else(|| rewrite_word(part.text, values)),
        };
        // `%3A`: what was percent-encoded in front of it is no part of it.
        let known = known.or_else(|| {
            let after_percent =
                n > 0 && parts[n - 1].text.ends_with('%') && part.text.len() > 2 && part.text.is_ascii();
            let (code, rest) = after_percent.then(|| part.text.split_at(2))?;
            Some(format!("{code}{}", values.get(rest)?))
        });
        changed |= known.is_some();
        rewritten.push_str(known.as_deref().unwrap_or(part.text));
    }
    changed.then_some(rewritten)
}

/// `sess_3f2a...`, `item-<uuid>`: what stands behind a separator.
fn rewrite_word(word: &str, values: &HashMap<String, String>) -> Option<String> {
    let starts = word.char_indices().filter(|(_, c)| matches!(c, '_' | '-')).map(|(at, _)| at + 1);
    starts.take(8).find_map(|at| {
        let (prefix, rest) = word.split_at(at);
        Some(format!("{prefix}{}", values.get(rest)?))
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    format!("0x{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}
