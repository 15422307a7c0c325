//! The values in a document, as a set: what flows from a call's answer into a test's response.
use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
};

use document::Value;

/// More values than this in one document say nothing more.
const MOST: usize = 4096;

/// The words and numbers of a document, by their hashes, and how much each counts there: a response that shows a number as an
/// id counts more than one that has it in its date. That it has it twice says nothing: it made two calls, maybe.
#[derive(Default)]
pub struct Tokens(HashMap<u64, Token>);

struct Token {
    count: usize,
    /// Hardly met twice by chance.
    strong: bool,
    /// An id or a number that is not small: no word of a language (`GET`, `count`), and nothing that commands take as
    /// an argument of their own (`1`).
    named: bool,
    /// Without a digit.
    is_word: bool,
}

/// Texts of several words are values, too, up to so many bytes.
const LONGEST: usize = 64;

/// An answer of more values than this is a list or a row.
const FEW: usize = 3;

/// What a word counts that is a whole value in JSON text: data, where a part of one, or of a header, is as likely a length or
/// a date.
const WHOLE: usize = 2;

/// What a document has of another's tokens.
#[derive(Default)]
pub struct Shared {
    /// How many different ones.
    pub tokens: usize,
    /// How often they stand there, all in all.
    pub times: usize,
    pub strong: usize,
    pub named: usize,
}

impl Tokens {
    pub fn of<'a>(documents: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut tokens = Self::default();
        for document in documents {
            tokens.collect(document);
        }
        tokens
    }

    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What may be a word of the language that documents are in: nothing with a digit.
    pub fn words_of_language(&self) -> impl Iterator<Item = u64> {
        self.0.iter().filter(|(_, token)| token.is_word).map(|(word, _)| *word)
    }

    /// Those of three digits at the most.
    pub fn small_numbers(&self) -> impl Iterator<Item = u64> {
        self.0.iter().filter(|(_, token)| !token.is_word && !token.strong).map(|(word, _)| *word)
    }

    /// Ids: hardly met twice by chance, and with a digit.
    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.0.iter().filter(|(_, token)| token.strong && token.named).map(|(word, _)| *word)
    }

    pub fn has(&self, word: u64) -> bool {
        self.0.contains_key(&word)
    }

    pub fn forget(&mut self, words: &HashSet<u64>) {
        self.0.retain(|word, _| !words.contains(word));
    }

    /// A list or a row, not a single value.
    pub fn is_list(&self) -> bool {
        self.len() > FEW
    }

    /// What `with` has of these.
    pub fn shared(&self, with: &Self) -> Shared {
        // In a list, how often something stands there says how long the list is.
        let is_list = self.is_list();
        let common = self.0.iter().filter_map(|(hash, token)| Some((token, with.0.get(hash)?)));
        common.fold(Shared::default(), |shared, (own, token)| Shared {
            tokens: shared.tokens + 1,
            times: shared.times + if is_list { token.count.min(own.count) } else { token.count },
            strong: shared.strong + usize::from(token.strong),
            named: shared.named + usize::from(token.named),
        })
    }

    /// Those of `all` that are in every one of them say nothing of any.
    pub fn in_all<'a>(all: impl IntoIterator<Item = &'a Self>) -> HashSet<u64> {
        let mut all = all.into_iter();
        let Some(first) = all.next() else { return HashSet::new() };
        let mut words: HashSet<u64> = first.0.keys().copied().collect();
        for other in all {
            words.retain(|word| other.0.contains_key(word));
            if words.is_empty() {
                break;
            }
        }
        words
    }

    /// How many of these, but for `words`, `with` has; and how many not.
    pub fn fit(&self, with: &Self, words: &HashSet<u64>) -> (usize, usize) {
        let own = self.0.keys().filter(|word| !words.contains(word));
        own.fold((0, 0), |(shared, missing), word| match with.0.contains_key(word) {
            true => (shared + 1, missing),
            false => (shared, missing + 1),
        })
    }

    fn collect(&mut self, value: &Value) {
        match value {
            Value::Int(n) => self.add(&n.to_string(), 1),
            Value::Float(n) => self.add(&n.to_string(), 1),
            Value::Text(text) => self.words(text),
            Value::Bytes(bytes) => self.words(&String::from_utf8_lossy(bytes)),
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Value::Map(map) => map.iter().for_each(|(_, item)| self.collect(item)),
            Value::Null | Value::Bool(_) | Value::Blob(_) => {}
        }
    }

    /// A text is JSON, a key like `order:17`, a path: its words are what is between the punctuation.
    fn words(&mut self, text: &str) {
        let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == '.';
        let is_json = text.starts_with(['{', '[']);
        let mut at = 0;
        for word in text.split(|c| !is_word(c)) {
            let end = at + word.len();
            let counts = if is_json && is_whole(&text[..at], &text[end..]) { WHOLE } else { 1 };
            self.add(word.trim_matches(['.', '-']), counts);
            at = end + text[end..].chars().next().map_or(0, char::len_utf8);
        }
        // Of two lists that are alike, one may have an entry more, whose words the other has, too.
        let entries = if is_json { text.split('"').skip(1).step_by(2).collect() } else { vec![text] };
        let is_entry = |entry: &&str| entry.len() <= LONGEST && entry.contains(|c| !is_word(c));
        let counts = if is_json { WHOLE } else { 1 };
        entries.into_iter().filter(is_entry).for_each(|entry| self.add(entry, counts));
    }

    fn add(&mut self, word: &str, counts: usize) {
        if word.is_empty() || self.0.len() >= MOST {
            return;
        }
        // 705.00 and 705.0 are the same number.
        let number = if word.contains('.') { word.parse::<f64>().ok().map(|number| number.to_string()) } else { None };
        let word = number.as_deref().unwrap_or(word);
        let strong = word.len() >= 4;
        let has = |kind: fn(char) -> bool| word.chars().any(kind);
        let is_word = !has(char::is_numeric);
        let named = !is_word && (strong || has(char::is_alphabetic));
        let token = BuildHasherDefault::<DefaultHasher>::default().hash_one(word);
        let token = self.0.entry(token).or_insert(Token { count: 0, strong, named, is_word });
        token.count = token.count.max(counts);
    }
}

/// Is what stands between these a whole value of JSON?
fn is_whole(before: &str, after: &str) -> bool {
    before.trim_end().ends_with([':', ',', '[', '"']) && after.trim_start().starts_with([',', '}', ']', '"'])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HTTP's GET is not Redis's, and the 1 of INCRBY is nobody's.
    #[test]
    fn words_of_languages_and_small_numbers_name_nothing() {
        let tokens = |text: &str| Tokens::of([&Value::from(text)]);
        let shared = tokens("GET order:c1-1 1 count 1874").shared(&tokens(r#"{"GET":"c1-1","count":1,"id":1874}"#));
        assert_eq!((shared.tokens, shared.named), (5, 2), "c1-1 and 1874");
    }
}
