//! Which placeholder stands for which value.
use std::{
    collections::{HashMap, HashSet},
    sync::{LazyLock, OnceLock},
};

use aho_corasick::{AhoCorasick, MatchKind};
use document::{Map, Value};
use regex::Regex;

use crate::{Shape, spelling::Spelling};

/// What every placeholder begins with.
pub const PREFIX: &str = "keploy-secret-";

/// Keploy's own placeholders: `{{string .secret.NAME }}`.
static TEMPLATE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{\s*(?:string\s+)?\.secret\.([A-Za-z0-9_]+)\s*\}\}").expect("it is a constant"));

/// One secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The placeholder.
    pub name: String,
    /// None: nobody has told us.
    pub value: Option<String>,
    pub shape: Shape,
    /// Where it was first seen, for people.
    pub at: String,
}

impl Entry {
    /// The value, or what stands in for it.
    fn shown(&self) -> String {
        self.value.clone().unwrap_or_else(|| self.shape.stand_in(&self.name))
    }

    /// `cookie-session` of `keploy-secret-cookie-session-1`.
    fn label(&self) -> &str {
        let name = self.name.strip_prefix(PREFIX).unwrap_or(&self.name);
        name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-')
    }
}

/// The secrets of a test set.
#[derive(Clone, Debug, Default)]
pub struct Vault {
    /// In the order in which they appeared.
    entries: Vec<Entry>,
    names: HashSet<String>,
    /// Of those that are replaced wherever they stand.
    by_value: HashMap<String, usize>,
    /// By label, value, and whether it is a number.
    by_label: HashMap<(String, String, bool), usize>,
    numbers: HashMap<String, u32>,
    hiding: OnceLock<Search>,
    restoring: OnceLock<Search>,
}

/// Many texts, looked for at once, and what each is replaced by.
#[derive(Clone, Debug)]
struct Search {
    automaton: AhoCorasick,
    found: Vec<(String, String)>,
}

impl Vault {
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut vault = Self::default();
        entries.into_iter().for_each(|entry| vault.add(entry));
        vault
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What stands for values that nobody has told us.
    pub fn stand_ins(&self) -> impl Iterator<Item = String> {
        self.entries.iter().filter(|entry| entry.value.is_none()).map(Entry::shown)
    }

    /// The placeholder of a value, a new one where it has none. `shape`: none: what the value says.
    pub(crate) fn place(&mut self, label: &str, value: &str, shape: Option<Shape>, at: &str) -> String {
        let is_number = shape == Some(Shape::Number);
        let key = (label.to_owned(), value.to_owned(), is_number);
        let known = if is_number { None } else { self.by_value.get(value) };
        if let Some(known) = known.or_else(|| self.by_label.get(&key)) {
            return self.entries[*known].name.clone();
        }
        let name = loop {
            let number = self.numbers.entry(label.to_owned()).or_default();
            *number += 1;
            let name = format!("{PREFIX}{label}-{number}");
            if !self.names.contains(&name) {
                break name;
            }
        };
        let shape = shape.unwrap_or_else(|| Shape::of(value));
        self.add(Entry { name: name.clone(), value: Some(value.to_owned()), shape, at: at.to_owned() });
        name
    }

    fn add(&mut self, entry: Entry) {
        let at = self.entries.len();
        if !self.names.insert(entry.name.clone()) {
            return;
        }
        let shown = entry.shown();
        let is_number = entry.shape == Shape::Number;
        if is_telling(&shown) && !is_number {
            self.by_value.entry(shown.clone()).or_insert(at);
        }
        self.by_label.entry((entry.label().to_owned(), shown, is_number)).or_insert(at);
        self.entries.push(entry);
        (self.hiding, self.restoring) = (OnceLock::new(), OnceLock::new());
    }

    /// Names that the documents have as they are: never given to a secret. For documents whose vault is lost.
    pub fn reserve(&mut self, text: &str) {
        static NAME: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(&format!("{PREFIX}[a-z0-9-]*[0-9]")).expect("it is a constant"));
        self.names.extend(NAME.find_iter(text).map(|name| name.as_str().to_owned()));
    }

    /// Puts placeholders wherever a known value stands, names of entries included. Values that tell too little (`1234`) are
    /// left: they stand for other things, too.
    pub fn hide(&self, document: &mut Value) {
        if !self.by_value.is_empty() {
            rewrite(document, &|text| self.hidden(text), &|_| None);
        }
    }

    /// A text with placeholders in it; none: it has no secret.
    pub fn hidden(&self, text: &str) -> Option<String> {
        if self.by_value.is_empty() {
            return None;
        }
        let search = self.hiding.get_or_init(|| {
            let first = |value: &str, at: usize| self.by_value.get(value) == Some(&at);
            let values = self.entries.iter().enumerate().map(|(at, entry)| (at, entry.shown(), &entry.name));
            let values = values.filter(|(at, value, _)| first(value, *at));
            let mut pairs: Vec<_> = values.flat_map(|(_, value, name)| spellings(&value, name)).collect();
            pairs.retain(|(value, _)| is_telling(value));
            // Of two with one spelling, the one that is spelled so itself.
            pairs.sort_by_key(|(value, _)| !self.by_value.contains_key(value));
            let mut seen = HashSet::new();
            pairs.retain(|(value, _)| seen.insert(value.clone()));
            // In a placeholder there is no secret, whatever its name.
            let marked = |entry: &Entry| Spelling::ALL.map(|spelling| format!("{}{}", entry.name, spelling.mark()));
            let own = self.entries.iter().flat_map(marked).filter(|name| !seen.contains(name));
            pairs.extend(own.map(|name| (name.clone(), name)).collect::<Vec<_>>());
            Search::new(pairs)
        });
        search.replace(text, |before, value, after| {
            if value.starts_with(PREFIX) {
                return true;
            }
            let alone = |byte: Option<u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
            let long = value.len() >= LONG;
            (long || alone(before)) && (alone(after) || long && !after.is_some_and(|byte| byte.is_ascii_digit()))
        })
    }

    /// Puts the values, or what stands in for them, where placeholders are; Keploy's, too.
    pub fn restore(&self, document: &mut Value) {
        let number = |text: &str| -> Option<Value> {
            if !text.starts_with(PREFIX) {
                return None;
            }
            let entry = self.entries.iter().find(|entry| entry.name == text && entry.shape == Shape::Number)?;
            entry.shown().parse().ok().map(Value::Int)
        };
        rewrite(document, &|text| self.restored(text), &number);
    }

    fn restored(&self, text: &str) -> Option<String> {
        let own = text.contains(PREFIX).then(|| {
            let search = self.restoring.get_or_init(|| {
                Search::new(self.entries.iter().flat_map(|entry| {
                    let shown = entry.shown();
                    let pairs = spellings(&shown, &entry.name).into_iter().map(|(value, name)| (name, value));
                    let number = (format!("\"{}\"", entry.name), shown.clone());
                    pairs.chain((entry.shape == Shape::Number).then_some(number)).collect::<Vec<_>>()
                }))
            });
            search.replace(text, |_, _, after| !after.is_some_and(|byte| byte.is_ascii_digit()))
        });
        let own = own.flatten();
        let text = own.as_deref().unwrap_or(text);
        if !text.contains(".secret.") {
            return own;
        }
        let value = |captures: &regex::Captures<'_>| {
            let known = self.entries.iter().find(|entry| entry.name == captures[1]);
            known.map_or_else(|| format!("{PREFIX}{}", crate::text::label(&captures[1])), Entry::shown)
        };
        Some(TEMPLATE.replace_all(text, value).into_owned())
    }
}

/// From this length on a value is found inside of words, too.
const LONG: usize = 20;

/// Is it unlikely that this text stands for something else? A password may be a word of the language.
fn is_telling(value: &str) -> bool {
    let has = |kind: fn(char) -> bool| value.chars().any(kind);
    let kinds = [has(char::is_lowercase), has(char::is_uppercase), has(|c| c.is_ascii_digit())];
    let kinds = kinds.into_iter().filter(|has| *has).count() + usize::from(has(|c| c.is_ascii_punctuation()));
    value.len() >= 12 || value.len() >= 6 && kinds >= 2
}

/// Each spelling of a value, and the placeholder for it.
fn spellings(value: &str, name: &str) -> [(String, String); 4] {
    Spelling::ALL.map(|spelling| (spelling.write(value).into_owned(), format!("{name}{}", spelling.mark())))
}

impl Search {
    fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let found: Vec<(String, String)> = pairs.into_iter().collect();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(found.iter().map(|(value, _)| value))
            .expect("it fails beyond 2 GiB of patterns only, and documents are kept below that");
        Self { automaton, found }
    }

    /// `fits`: may it be replaced between these two bytes?
    fn replace(&self, text: &str, fits: impl Fn(Option<u8>, &str, Option<u8>) -> bool) -> Option<String> {
        let mut replaced = String::new();
        let mut end = 0;
        for found in self.automaton.find_iter(text) {
            let (value, by) = &self.found[found.pattern()];
            let before = found.start().checked_sub(1).map(|at| text.as_bytes()[at]);
            let after = text.as_bytes().get(found.end()).copied();
            if fits(before, value, after) {
                replaced.push_str(&text[end..found.start()]);
                replaced.push_str(by);
                end = found.end();
            }
        }
        if end == 0 {
            return None;
        }
        replaced.push_str(&text[end..]);
        Some(replaced)
    }
}

/// `whole` replaces texts by something that is no text.
fn rewrite(value: &mut Value, text: &dyn Fn(&str) -> Option<String>, whole: &dyn Fn(&str) -> Option<Value>) {
    match value {
        Value::Text(old) => {
            if let Some(new) = whole(old) {
                *value = new;
            } else if let Some(new) = text(old) {
                *old = new;
            }
        }
        Value::Bytes(bytes) => {
            if let Some(new) = std::str::from_utf8(bytes).ok().and_then(text) {
                *bytes = new.into_bytes();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, text, whole)),
        Value::Map(map) => {
            map.iter_mut().for_each(|(_, item)| rewrite(item, text, whole));
            if map.iter().any(|(name, _)| text(name).is_some()) {
                let entries =
                    map.iter().map(|(name, item)| (text(name).unwrap_or_else(|| name.to_owned()), item.clone()));
                // Two names that became one stay as they were: an entry must not be lost.
                if let Ok(renamed) = Map::from_entries(entries.collect()) {
                    *map = renamed;
                }
            }
        }
        _ => {}
    }
}
