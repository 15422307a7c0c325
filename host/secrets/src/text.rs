//! Where in a text the secrets are.
use std::{ops::Range, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regex::{Regex, RegexSet};

use crate::{
    PREFIX, Rules, Shape,
    names::{Named, is_session},
    shape::luhn,
    spelling::Spelling,
};

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub range: Range<usize>,
    /// What kind of secret it is, in words: the middle of its placeholder.
    pub label: String,
    pub spelling: Spelling,
    /// None: what its value says.
    pub shape: Option<Shape>,
    /// A password that is in it, encoded.
    pub inside: Option<String>,
}

impl Span {
    fn new(range: Range<usize>, label: &str) -> Self {
        Self { range, label: label.to_owned(), spelling: Spelling::Plain, shape: None, inside: None }
    }

    fn spelled(self, spelling: Spelling) -> Self {
        Self { spelling, ..self }
    }

    fn shaped(self, shape: Shape) -> Self {
        Self { shape: Some(shape), ..self }
    }
}

/// Secrets by their shape: what they are called, and the pattern; where it has a group, that is the secret.
const SHAPES: [(&str, &str); 15] = [
    (JWT, r"\beyJ[A-Za-z0-9_-]{5,}\.eyJ[A-Za-z0-9_-]{5,}\.([A-Za-z0-9_-]{16,})"),
    ("private-key", r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.{40,}?-----END [A-Z ]*PRIVATE KEY-----"),
    ("aws-access-key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    ("github-token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"),
    ("gitlab-token", r"\bgl(?:pat|dt|rt|cbt)-[A-Za-z0-9_-]{20,}"),
    ("stripe-key", r"\b(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{20,})"),
    ("slack-token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}"),
    ("slack-webhook", r"\bhooks\.slack\.com/services/([A-Za-z0-9/_-]{20,})"),
    ("google-key", r"\bAIza[A-Za-z0-9_-]{35}\b|\bya29\.[A-Za-z0-9_-]{20,}"),
    ("api-key", r"\bsk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]*[A-Za-z0-9]{20}[A-Za-z0-9_-]*"),
    ("sendgrid-key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("npm-token", r"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    ("bearer-token", r"\b[Bb]earer\s+([A-Za-z0-9._~+/-]{20,}=*)"),
    ("url-password", r#"\b[a-z][a-z0-9+.-]*://[^\s/?#:@"']*:([^\s/?#@"']+)@"#),
    (CARD, r"\b[3-6]\d{3}(?:[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}|[ -]?\d{6}[ -]?\d{5})\b"),
];
const JWT: &str = "jwt";
const CARD: &str = "card-number";

static ANY: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(SHAPES.map(|(_, pattern)| ascii(pattern))).expect("they are constants"));
static EACH: LazyLock<[Regex; 15]> =
    LazyLock::new(|| SHAPES.map(|(_, pattern)| Regex::new(&ascii(pattern)).expect("it is a constant")));

/// With boundaries of ASCII words, which are found many times faster.
fn ascii(pattern: &str) -> String {
    pattern.replace(r"\b", r"(?-u:\b)")
}

/// `"name": "value"`, `"name": 123`
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#""((?:[^"\\]|\\.){1,64})"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|(\d{3,19})\b)"#).expect("it is a constant")
});
/// The same, in a text in JSON.
static INNER_PAIR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\\"([^"\\]{1,64})\\"\s*:\s*\\"([^"\\]*)\\""#).expect("it is a constant"));
/// Forms and queries.
static FIELD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?:^|[?&])([\w.\[\]%-]{1,64})=([^&\s"'<>#;]+)"#).expect("it is a constant"));
/// `password = 'hunter2'`, in SQL and in configurations.
static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\b(\w{1,64})"?\s*=\s*'([^']+)'"#).expect("it is a constant"));
/// A line of a message that nobody has taken apart.
static LINE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^([A-Za-z][A-Za-z0-9-]{1,63}):[ \t]*([^\r\n]+)").expect("it is a constant"));

/// The secrets in a text, from left to right, none in another.
pub(crate) fn spans(text: &str, rules: &Rules) -> Vec<Span> {
    let mut found = by_shape(text, rules);
    if text.contains('"') {
        pairs(text, rules, &mut found);
    }
    if text.contains('=') {
        fields(text, rules, &mut found);
    }
    if text.contains(": ") && text.contains('\n') {
        for line in LINE.captures_iter(text) {
            let (name, value) = (&line[1], line.get(2).expect("every match has it"));
            beside(name, value.as_str(), rules)
                .into_iter()
                .for_each(|span| add(&mut found, moved(span, value.start())));
        }
    }
    found.sort_by_key(|span| span.range.start);
    found
}

/// The secrets in a value that stands beside a name.
pub(crate) fn beside(name: &str, value: &str, rules: &Rules) -> Vec<Span> {
    let mut found = Vec::new();
    let label = label(name);
    match rules.named(name) {
        None => return spans(value, rules),
        // Only what people type has spaces.
        Some(Named::Whole) if value.contains(' ') && !label.contains("pass") && !label.contains("pwd") => {}
        Some(Named::Whole) if is_secret(value, rules) => found.push(Span::new(0..value.len(), &label)),
        Some(Named::Digits)
            if (3..=11).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit() || b == b'-') =>
        {
            found.push(Span::new(0..value.len(), &label));
        }
        Some(Named::Credentials) => found.extend(credentials(value, &label, rules)),
        Some(Named::Cookies) => found.extend(cookies(value, value.len(), rules)),
        Some(Named::SetCookie) => found.extend(cookies(value, value.find(';').unwrap_or(value.len()), rules)),
        Some(_) => {}
    }
    let named = std::mem::replace(&mut found, by_shape(value, rules));
    named.into_iter().for_each(|span| add(&mut found, span));
    found.sort_by_key(|span| span.range.start);
    found
}

/// A number that is one: of a card, or by its name.
pub(crate) fn is_secret_number(name: &str, digits: &str, rules: &Rules) -> Option<String> {
    let short = (3..=12).contains(&digits.len());
    match rules.named(name) {
        _ if is_card(digits) => Some(CARD.to_owned()),
        Some(Named::Digits) if short => Some(label(name)),
        // A `token` that is a number is a count.
        Some(Named::Whole) if short && name.to_ascii_lowercase().contains('p') => Some(label(name)),
        _ => None,
    }
}

/// `Bearer`, `X-Api-Key` as they stand in a placeholder.
pub(crate) fn label(name: &str) -> String {
    const LONGEST: usize = 32;
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut label = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    label.truncate(LONGEST);
    label.truncate(label.trim_end_matches('-').len());
    if label.is_empty() { "value".to_owned() } else { label }
}

fn by_shape(text: &str, rules: &Rules) -> Vec<Span> {
    let mut found = Vec::new();
    for which in ANY.matches(text) {
        let label = SHAPES[which].0;
        for captures in EACH[which].captures_iter(text) {
            let secret = captures.get(1).or_else(|| captures.get(0)).expect("there is a match");
            let span = Span::new(secret.range(), label);
            let span = match label {
                CARD if !is_card(secret.as_str()) => continue,
                CARD if is_json_number(text, &span.range) => span.shaped(Shape::Number),
                CARD if secret.len() <= 16 => span.shaped(Shape::Card(secret.len())),
                _ => span,
            };
            if is_secret(secret.as_str(), rules) {
                add(&mut found, span);
            }
        }
    }
    for pattern in &rules.patterns {
        for captures in pattern.captures_iter(text) {
            let secret = captures.get(1).or_else(|| captures.get(0)).expect("there is a match");
            if !secret.is_empty() && is_secret(secret.as_str(), rules) {
                add(&mut found, Span::new(secret.range(), "pattern"));
            }
        }
    }
    found
}

fn pairs(text: &str, rules: &Rules, found: &mut Vec<Span>) {
    for pair in PAIR.captures_iter(text) {
        let name = &pair[1];
        if let Some(digits) = pair.get(3) {
            if let Some(label) = is_secret_number(name, digits.as_str(), rules) {
                add(found, Span::new(digits.range(), &label).shaped(Shape::Number));
            }
        } else if let Some(value) = pair.get(2)
            && rules.named(name).is_some()
        {
            beside(name, value.as_str(), rules)
                .into_iter()
                .for_each(|span| add(found, moved(span, value.start()).spelled(Spelling::Json)));
        }
    }
    for pair in INNER_PAIR.captures_iter(text) {
        let value = pair.get(2).expect("every match has it");
        if rules.named(&pair[1]).is_some() {
            beside(&pair[1], value.as_str(), rules).into_iter().for_each(|span| add(found, moved(span, value.start())));
        }
    }
}

fn fields(text: &str, rules: &Rules, found: &mut Vec<Span>) {
    for (fields, spelling) in [(&*FIELD, Spelling::Url), (&*QUOTED, Spelling::Plain)] {
        for field in fields.captures_iter(text) {
            let value = field.get(2).expect("every match has it");
            if matches!(rules.named(&field[1]), Some(Named::Whole | Named::Digits)) {
                let inside = beside(&field[1], value.as_str(), rules);
                inside.into_iter().for_each(|span| add(found, moved(span, value.start()).spelled(spelling)));
            }
        }
    }
}

fn credentials(value: &str, label: &str, rules: &Rules) -> Option<Span> {
    let is_scheme =
        |word: &str| word.len() < 32 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let (scheme, start) = match value.split_once(' ') {
        Some((scheme, _)) if is_scheme(scheme) => (scheme, scheme.len() + 1),
        _ => ("", 0),
    };
    let secret = value.get(start..)?.trim();
    let start = value.len() - value.get(start..)?.trim_start().len();
    let is_only_a_scheme =
        scheme.is_empty() && ["basic", "bearer", "digest", "negotiate"].contains(&&*value.to_lowercase());
    if !is_secret(secret, rules) || is_only_a_scheme {
        return None;
    }
    let span = Span::new(start..start + secret.len(), label);
    if !scheme.eq_ignore_ascii_case("basic") {
        return Some(span);
    }
    let pair = STANDARD.decode(secret).ok().and_then(|pair| String::from_utf8(pair).ok());
    let inside = pair.and_then(|pair| Some(pair.split_once(':')?.1.to_owned()));
    Some(Span { inside: inside.filter(|password| is_secret(password, rules)), ..span.shaped(Shape::Basic) })
}

/// Those cookies that say who somebody is; `theme=dark` stays, which decides what is answered.
fn cookies(value: &str, end: usize, rules: &Rules) -> Vec<Span> {
    const TELLING: usize = 16;
    let mut found = Vec::new();
    let mut start = 0;
    for cookie in value[..end].split(';') {
        if let Some((name, secret)) = cookie.split_once('=') {
            let at = start + name.len() + 1;
            let tells = is_session(name) || secret.len() >= TELLING || rules.named(name.trim()).is_some();
            if tells && is_secret(secret, rules) {
                let quoted = secret.len() > 2 && secret.starts_with('"') && secret.ends_with('"');
                let range = if quoted { at + 1..at + secret.len() - 1 } else { at..at + secret.len() };
                found.push(Span::new(range, &format!("cookie-{}", label(name))));
            }
        }
        start += cookie.len() + 1;
    }
    found
}

/// A value, and not a word that says that there is one, or none, or that one belongs there.
fn is_secret(value: &str, rules: &Rules) -> bool {
    const WORDS: [&str; 12] = [
        "true",
        "false",
        "null",
        "none",
        "nil",
        "undefined",
        "bearer",
        "basic",
        "deleted",
        "access_token",
        "refresh_token",
        "password",
    ];
    const STARTS: [&str; 8] = ["$", "?", "%s", "%(", "{", "<", "[", "*"];
    const SENTENCE: [&str; 9] =
        [" is ", " be ", " must ", " not ", " should ", " least ", " has ", " required", " invalid"];
    let word = value.trim();
    let is_sentence = word.contains(' ')
        && (word.ends_with(['.', '!', '?']) || SENTENCE.iter().any(|part| word.to_lowercase().contains(part)));
    let says_nothing = word.is_empty()
        || WORDS.contains(&word.to_lowercase().as_str())
        || STARTS.iter().any(|start| word.starts_with(start) && !word.starts_with("$2"))
        || word.starts_with(':') && word.len() < 32
        || word.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '•' | '.' | '-'));
    let is_placeholder = word.contains(PREFIX) || word.contains(".secret.");
    !(says_nothing || is_placeholder || is_sentence || rules.allows(word))
}

fn is_card(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let starts = |range: Range<u32>, length: usize| digits[..length].parse().is_ok_and(|n| range.contains(&n));
    let is_issued = match digits.len() {
        16 => {
            starts(4..5, 1)
                || starts(51..56, 2)
                || starts(2221..2721, 4)
                || starts(65..66, 2)
                || starts(6011..6012, 4)
                || starts(3528..3590, 4)
        }
        15 => starts(34..35, 2) || starts(37..38, 2),
        _ => false,
    };
    is_issued && luhn(&digits) && digits.bytes().skip(1).any(|byte| byte != b'0')
}

/// Between what stands around numbers in JSON.
fn is_json_number(text: &str, range: &Range<usize>) -> bool {
    let before = text[..range.start].trim_end().bytes().last();
    let after = text[range.end..].trim_start().bytes().next();
    text.trim_start().starts_with(['{', '['])
        && matches!(before, Some(b':' | b',' | b'['))
        && matches!(after, Some(b',' | b'}' | b']'))
        && text[range.clone()].bytes().all(|byte| byte.is_ascii_digit())
}

fn moved(span: Span, by: usize) -> Span {
    Span { range: span.range.start + by..span.range.end + by, ..span }
}

/// What was found first stays, unless it is only a part: but of a JSON Web Token the rest is worth reading.
fn add(found: &mut Vec<Span>, span: Span) {
    let overlap = |other: &Span| other.range.start < span.range.end && span.range.start < other.range.end;
    let is_part = |other: &Span| other.label != JWT && other.range.len() < span.range.len();
    if span.range.is_empty() || found.iter().any(|other| overlap(other) && !is_part(other)) {
        return;
    }
    found.retain(|other| !overlap(other));
    found.push(span);
}
