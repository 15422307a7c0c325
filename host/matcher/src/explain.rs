//! Why a difference is none.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use document::{DiffOptions, Difference, DifferenceKind, Noise, Value, diff};

use crate::{
    Bindings, Kind, Moment,
    bindings::hex,
    rules::place,
    text::{self, Part, Sort},
};

/// Which kinds of differences are allowed where.
pub trait Allowed {
    /// `place`: a path without the indices of lists of objects.
    fn allows(&self, place: &str, kind: &Kind) -> bool;
}

/// Everything that has a kind is allowed, everywhere: while the code is known to be the same.
pub enum Learning {
    /// What the application asks: another number is another question, unless it is a fraction or a time.
    Requests,
    Responses,
}

impl Allowed for Learning {
    fn allows(&self, _: &str, kind: &Kind) -> bool {
        match (self, kind) {
            (Self::Requests, Kind::Near(_)) => false,
            // Further apart, it is not the rounding.
            (Self::Responses, Kind::Near(apart)) => *apart <= 2,
            (Self::Requests, Kind::Number { fraction, .. }) => *fraction,
            _ => true,
        }
    }
}

/// What explained a difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Explained {
    /// A path without the indices of lists of objects.
    pub place: String,
    pub kind: Kind,
    /// The number that was seen; empty for other kinds.
    pub seen: String,
}

/// Bindings that count only if everything is explained.
pub struct Trial<'b> {
    /// None: nothing is followed.
    known: Option<&'b Bindings>,
    /// Whose stand-ins may be any value.
    stand_ins: Option<&'b Bindings>,
    new: Vec<(String, String)>,
}

impl<'b> Trial<'b> {
    pub fn new(known: &'b Bindings) -> Self {
        Self { known: Some(known), stand_ins: Some(known), new: Vec::new() }
    }

    /// Follows nothing: for what comes round, with other values each time.
    pub fn free() -> Self {
        Self { known: None, stand_ins: None, new: Vec::new() }
    }

    /// The same, where some recorded values were never seen.
    pub fn free_of(known: &'b Bindings) -> Self {
        Self { stand_ins: Some(known), ..Self::free() }
    }

    /// The new ones, for [`Bindings::accept`].
    pub fn into_new(self) -> Vec<(String, String)> {
        self.new
    }

    fn stand_in<'t>(&self, text: &'t str) -> Option<(&'t str, &'t str, &'t str)> {
        self.stand_ins?.stand_in(text)
    }

    /// From now on, the recorded value stands for the live one.
    pub(crate) fn bind(&mut self, recorded: &str, live: &str) -> Result<(), String> {
        let Some(known) = self.known else { return Ok(()) };
        let new =
            |value: fn(&(String, String)) -> &String, wanted: &str| self.new.iter().find(|pair| value(pair) == wanted);
        let bound = known.live(recorded).or_else(|| new(|pair| &pair.0, recorded).map(|pair| pair.1.as_str()));
        if let Some(bound) = bound {
            return if bound == live { Ok(()) } else { Err(format!("not the value it was before, {}", short(bound))) };
        }
        let other = known.recorded(live).or_else(|| new(|pair| &pair.1, live).map(|pair| pair.0.as_str()));
        // What the application said was rewritten already: a recorded value is one that another stands for.
        let other = other.or_else(|| known.live(live).map(|_| live));
        if let Some(other) = other {
            return Err(format!("the same value as where {} was recorded", short(other)));
        }
        self.new.push((recorded.to_owned(), live.to_owned()));
        Ok(())
    }
}

impl Bindings {
    /// Adds what a trial found.
    pub fn accept(&mut self, new: Vec<(String, String)>) {
        for (recorded, live) in new {
            self.insert(recorded, live);
        }
    }
}

/// Explains each of `differences`, and gives back those that nothing explains.
pub fn explain_all(
    differences: Vec<Difference>,
    allowed: &dyn Allowed,
    moment: Moment,
    trial: &mut Trial<'_>,
) -> (Vec<Explained>, Vec<Difference>) {
    let (mut explained, mut left) = (Vec::new(), Vec::new());
    for difference in differences {
        match explain(&difference, allowed, moment, trial) {
            Ok(found) => explained.extend(found),
            Err(why) => left.push(Difference { why, ..difference }),
        }
    }
    (explained, left)
}

/// What explains a difference.
///
/// # Errors
/// Nothing does; why, where it comes near to what is allowed.
pub fn explain(
    difference: &Difference,
    allowed: &dyn Allowed,
    moment: Moment,
    trial: &mut Trial<'_>,
) -> Result<Vec<Explained>, Option<String>> {
    let (Some(recorded), Some(live)) = (&difference.expected, &difference.actual) else { return Err(None) };
    let mut search = Search { place: place(&difference.path), allowed, moment, trial, found: Vec::new() };
    search.values(recorded, live)?;
    Ok(search.found)
}

struct Search<'a, 'b> {
    place: String,
    allowed: &'a dyn Allowed,
    moment: Moment,
    trial: &'a mut Trial<'b>,
    found: Vec<Explained>,
}

impl Search<'_, '_> {
    fn values(&mut self, recorded: &Value, live: &Value) -> Result<(), Option<String>> {
        match (recorded, live) {
            (Value::Text(recorded), Value::Text(live)) => self.texts(recorded, live),
            (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
                self.numbers(number(recorded), number(live))
            }
            (Value::Bytes(recorded), Value::Bytes(live)) if recorded.len() == live.len() && recorded.len() >= 8 => {
                self.follow(Kind::Bytes, &hex(recorded), &hex(live))
            }
            _ => Err(None),
        }
    }

    fn texts(&mut self, recorded: &str, live: &str) -> Result<(), Option<String>> {
        let explained = self.by_parts(recorded, live);
        if explained.is_err()
            && let Some((before, stand_in, behind)) = self.trial.stand_in(recorded)
            && let Some(seen) = live.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind))
        {
            return self.stood_in(stand_in, seen);
        }
        explained
    }

    fn by_parts(&mut self, recorded: &str, live: &str) -> Result<(), Option<String>> {
        let (then, now) = (text::parts(recorded), text::parts(live));
        let alike = |(then, now): (&Part<'_>, &Part<'_>)| {
            (then.sort == Sort::Between) == (now.sort == Sort::Between)
                && (then.sort != Sort::Between || then.text == now.text)
        };
        if then.len() == now.len() && then.iter().zip(&now).all(alike) {
            for (then, now) in then.iter().zip(&now).filter(|(then, now)| then.text != now.text) {
                self.parts(*then, *now)?;
            }
            return Ok(());
        }
        // Base 64 has signs that stand between words, too.
        let (then, now) = middles(recorded, live);
        if text::look_random(then, now) && then.len().abs_diff(now.len()) <= 4 {
            return self.follow(Kind::Token, then, now);
        }
        Err(None)
    }

    fn parts(&mut self, recorded: Part<'_>, live: Part<'_>) -> Result<(), Option<String>> {
        if recorded.sort != Sort::Jwt
            && let Some((before, stand_in, "")) = self.trial.stand_in(recorded.text)
        {
            let seen = live.text.strip_prefix(before).ok_or(None)?;
            return self.stood_in(stand_in, seen);
        }
        match (recorded.sort, live.sort) {
            (Sort::Time, Sort::Time) => {
                self.is_allowed(&Kind::Time)?;
                self.moment.explains_texts(recorded.text, live.text).map_err(Some)?;
                self.note(Kind::Time);
                Ok(())
            }
            (Sort::Time, _) if self.allowed.allows(&self.place, &Kind::Time) => Err(Some("no time".to_owned())),
            (Sort::Jwt, Sort::Jwt) => self.tokens(recorded.text, live.text),
            (Sort::Word, Sort::Word) => self.words(recorded.text, live.text),
            _ => Err(None),
        }
    }

    fn words(&mut self, recorded: &str, live: &str) -> Result<(), Option<String>> {
        let same_length = recorded.len() == live.len();
        if text::is_uuid(recorded) && text::is_uuid(live) {
            if recorded[14..15] != live[14..15] {
                return Err(Some("a uuid of another version".to_owned()));
            }
            return self.follow(Kind::Uuid, recorded, live);
        }
        let is_number = |word: &str| {
            word.len() < 20
                && word.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                && !(same_length && is_padded(word))
        };
        if let (Ok(then), Ok(now)) = (recorded.parse::<f64>(), live.parse::<f64>())
            && is_number(recorded)
            && is_number(live)
            && let Ok(()) = self.numbers(then, now)
        {
            return Ok(());
        }
        if same_length && recorded.len() >= 8 && text::is_hex_in_one_case(recorded, live) {
            let seconds = |word: &str| u64::from_str_radix(&word[..8], 16).map_or(0.0, |seconds| seconds as f64);
            let is_object_id = recorded.len() == 24 && self.moment.explains_numbers(seconds(recorded), seconds(live));
            return self.follow(if is_object_id { Kind::ObjectId } else { Kind::Hex }, recorded, live);
        }
        // Behind what both begin with, as in `sess_3f2a...`.
        let common = recorded.bytes().zip(live.bytes()).take_while(|(a, b)| a == b).count();
        if let Some(at) = recorded.as_bytes()[..common].iter().rposition(|byte| matches!(byte, b'_' | b'-'))
            && recorded.is_char_boundary(at + 1)
        {
            let (then, now) = (&recorded[at + 1..], &live[at + 1..]);
            let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
            return if is_number(then) && is_number(now) { Err(None) } else { self.words(then, now) };
        }
        if text::look_random(recorded, live)
            && recorded.len().abs_diff(live.len()) <= 2
            && text::is_one_alphabet(recorded, live)
        {
            return self.follow(Kind::Token, recorded, live);
        }
        Err(None)
    }

    fn numbers(&mut self, recorded: f64, live: f64) -> Result<(), Option<String>> {
        if self.moment.explains_numbers(recorded, live) && self.allowed.allows(&self.place, &Kind::Time) {
            self.note(Kind::Time);
            return Ok(());
        }
        let fraction = recorded.fract() != 0.0 || live.fract() != 0.0;
        // What is left of a time is less when the clock is later.
        let (plain, by_the_clock) = ((recorded - live).abs(), (recorded - live - self.moment.drift()).abs().round());
        let apart = plain.min(by_the_clock);
        if !fraction && self.allowed.allows(&self.place, &Kind::Near(apart as u64)) {
            // Of a second that had just begun, and a little more.
            let kind = Kind::Near(2 * apart as u64 + 1);
            // What goes with the clock is another value each time, though two replays may take equally long.
            let at = if plain > apart { self.moment.live } else { 0 };
            self.found.push(Explained { place: self.place.clone(), kind, seen: format!("{live} at {at}") });
            return Ok(());
        }
        let kind = Kind::Number { bound: bound(recorded, live), negative: recorded < 0.0 || live < 0.0, fraction };
        // How far it goes says the one that is seen, not the one that was recorded.
        let seen = Kind::Number { bound: live.abs().ceil() as u64, negative: live < 0.0, fraction };
        if !self.allowed.allows(&self.place, &seen) {
            return Err(None);
        }
        self.found.push(Explained { place: self.place.clone(), kind, seen: live.to_string() });
        Ok(())
    }

    /// JSON Web Tokens: the header and the claims one by one.
    fn tokens(&mut self, recorded: &str, live: &str) -> Result<(), Option<String>> {
        let is_stand_in = self.trial.stand_in(recorded).is_some();
        if !is_stand_in {
            self.is_allowed(&Kind::Jwt)?;
        }
        let outside = self.place.clone();
        for (name, then, now) in [("header", 0, 0), ("payload", 1, 1)] {
            let (then, now) = (opened(recorded, then), opened(live, now));
            for difference in diff(&then, &now, &Noise::default(), DiffOptions::default()) {
                let inside =
                    if difference.path.is_empty() { String::new() } else { format!(".{}", place(&difference.path)) };
                self.place = format!("{outside}.{name}{inside}");
                let claim = || format!("{name}{inside} of the token");
                let result = match (&difference.expected, &difference.actual) {
                    (Some(then), Some(now)) => self.values(then, now),
                    _ => Err(None),
                };
                result.map_err(|reason| {
                    let what = match difference.kind {
                        DifferenceKind::Missing => "is missing".to_owned(),
                        DifferenceKind::Added => "is new".to_owned(),
                        _ => reason.unwrap_or_else(|| "differs".to_owned()),
                    };
                    Some(format!("{}: {what}", claim()))
                })?;
            }
        }
        self.place = outside;
        self.trial.bind(recorded, live).map_err(Some)?;
        if !is_stand_in {
            self.note(Kind::Jwt);
        }
        Ok(())
    }

    /// A value that was never seen may be any; from now on it is this one. No rule is needed, or learned.
    fn stood_in(&mut self, stand_in: &str, live: &str) -> Result<(), Option<String>> {
        if live.is_empty() {
            return Err(Some("nothing where a secret was".to_owned()));
        }
        // `test` is the key of many a service, in CI.
        let is_short = live.len() < 12 && !text::looks_random(live);
        if is_short { Ok(()) } else { self.trial.bind(stand_in, live).map_err(Some) }
    }

    fn follow(&mut self, kind: Kind, recorded: &str, live: &str) -> Result<(), Option<String>> {
        self.is_allowed(&kind)?;
        self.trial.bind(recorded, live).map_err(Some)?;
        self.note(kind);
        Ok(())
    }

    fn is_allowed(&self, kind: &Kind) -> Result<(), Option<String>> {
        if self.allowed.allows(&self.place, kind) { Ok(()) } else { Err(None) }
    }

    fn note(&mut self, kind: Kind) {
        self.found.push(Explained { place: self.place.clone(), kind, seen: String::new() });
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Int(n) => *n as f64,
        Value::Float(f) => *f,
        _ => f64::NAN,
    }
}

/// Digits that begin with 0: no number, but hexadecimal digits without a letter among them.
fn is_padded(word: &str) -> bool {
    word.len() >= 8 && word.starts_with('0') && !word.contains('.')
}

/// Ten times what was seen, and at least a thousand: a machine under load takes that much longer.
fn bound(recorded: f64, live: f64) -> u64 {
    let most = recorded.abs().max(live.abs()).max(1.0);
    let power = most.log10().ceil() as u32 + 1;
    10_u64.saturating_pow(power.clamp(3, 19))
}

fn opened(token: &str, part: usize) -> Value {
    let part = token.split('.').nth(part).unwrap_or_default();
    let json = URL_SAFE_NO_PAD.decode(part).ok().and_then(|json| String::from_utf8(json).ok());
    Value::Text(json.unwrap_or_else(|| part.to_owned()))
}

/// What is between what both begin and end with, as far as base 64 goes.
fn middles<'t>(recorded: &'t str, live: &'t str) -> (&'t str, &'t str) {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+/=".contains(&byte);
    let (a, b) = (recorded.as_bytes(), live.as_bytes());
    let mut start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    while start > 0 && is_sign(a[start - 1]) && a[start - 1] != b'=' {
        start -= 1;
    }
    let mut end = a[start..].iter().rev().zip(b[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    while end > 0 && is_sign(a[a.len() - end]) {
        end -= 1;
    }
    let between = |text: &'t str| text.get(start..text.len() - end).unwrap_or_default();
    (between(recorded), between(live))
}

fn short(value: &str) -> String {
    match value.char_indices().nth(40) {
        Some((at, _)) => format!("{}...", &value[..at]),
        None => value.to_owned(),
    }
}
