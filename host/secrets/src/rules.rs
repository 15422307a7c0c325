//! What is taken for a secret: what is known in general, and what the user adds and allows.
use regex::Regex;

use crate::names::{self, Named};

/// The user's part, as in keploy.yml's `record.secrets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub enabled: bool,
    /// Names of headers whose values are secrets, beside those that are known.
    pub headers: Vec<String>,
    /// Names of fields, in bodies, forms, queries and documents.
    pub fields: Vec<String>,
    /// Regular expressions of values; where one has a group, that is the secret.
    pub patterns: Vec<String>,
    /// What is no secret: names, and regular expressions of whole values.
    pub allow: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, headers: Vec::new(), fields: Vec::new(), patterns: Vec::new(), allow: Vec::new() }
    }
}

/// A pattern that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record.secrets: `{pattern}` is no regular expression: {reason}\nhint: {}", Self::HINT)]
pub struct BadPattern {
    pub pattern: String,
    pub reason: String,
}

impl BadPattern {
    const HINT: &str =
        "`patterns` are searched in values, e.g. `acme_[0-9a-f]{32}`; in YAML, put them in single quotes";
}

/// Says what is a secret.
#[derive(Clone, Debug)]
pub struct Rules {
    enabled: bool,
    /// As [`names::plain`] has them.
    names: Vec<String>,
    pub(crate) patterns: Vec<Regex>,
    allowed_names: Vec<String>,
    allowed_values: Vec<Regex>,
}

impl Default for Rules {
    fn default() -> Self {
        let (names, patterns, allowed_names, allowed_values) = Default::default();
        Self { enabled: true, names, patterns, allowed_names, allowed_values }
    }
}

impl Rules {
    /// # Errors
    /// When a pattern is no regular expression.
    pub fn new(settings: &Settings) -> Result<Self, BadPattern> {
        let compile = |pattern: &str, source: &str| {
            let bad = |error: regex::Error| BadPattern { pattern: source.to_owned(), reason: last_line(&error) };
            Regex::new(pattern).map_err(bad)
        };
        let plain = |names: &[String]| names.iter().map(|name| names::plain(name)).collect::<Vec<_>>();
        let patterns = settings.patterns.iter().map(|source| compile(source, source));
        let values = settings.allow.iter().map(|source| compile(&format!("^(?:{source})$"), source));
        Ok(Self {
            enabled: settings.enabled,
            names: plain(&[settings.headers.clone(), settings.fields.clone()].concat()),
            patterns: patterns.collect::<Result<_, _>>()?,
            allowed_names: plain(&settings.allow),
            allowed_values: values.collect::<Result<_, _>>()?,
        })
    }

    /// Is anything looked for?
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    pub(crate) fn named(&self, name: &str) -> Option<Named> {
        if self.names.is_empty() && self.allowed_names.is_empty() {
            return names::named(name);
        }
        let plain = names::plain(name);
        if self.allowed_names.contains(&plain) {
            return None;
        }
        names::named(name).or_else(|| self.names.contains(&plain).then_some(Named::Whole))
    }

    pub(crate) fn allows(&self, value: &str) -> bool {
        self.allowed_values.iter().any(|allowed| allowed.is_match(value))
    }
}

/// regex shows the pattern first, over several lines, and then what is wrong.
fn last_line(error: &regex::Error) -> String {
    error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
