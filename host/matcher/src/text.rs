//! A text as words, numbers and times, and what is between them.
use std::sync::LazyLock;

use regex::Regex;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Between words: as it is.
    Between,
    Time,
    Jwt,
    /// A word or a number.
    Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part<'t> {
    pub sort: Sort,
    pub text: &'t str,
}

/// In this order: what begins at the same place is the first that fits.
static PARTS: LazyLock<Regex> = LazyLock::new(|| {
    const DATE: &str = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(?:Z|UTC|[+-]\d\d(?::?\d\d)?))?(?:\[[A-Za-z_/]+\])?)?";
    const HTTP_DATE: &str = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d[ -](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[ -]\d{4} \d\d:\d\d:\d\d (?:GMT|[+-]\d{4})";
    const JWT: &str = r"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*";
    const NUMBER: &str = r"\d+\.\d+";
    const WORD: &str = r"[\p{Alphabetic}\p{N}_-]+";
    let pattern = format!(r"(?P<time>\b(?:{DATE}|{HTTP_DATE})\b)|(?P<jwt>\b{JWT})|(?P<word>\b{NUMBER}\b|{WORD})");
    Regex::new(&pattern).expect("it is a constant")
});

/// The whole text, in order.
pub(crate) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut end = 0;
    for found in PARTS.captures_iter(text) {
        let whole = found.get(0).expect("there is a match");
        // A long word that only begins like a date is a word.
        let sort = match (found.name("time"), found.name("jwt")) {
            (Some(_), _) => Sort::Time,
            (_, Some(_)) => Sort::Jwt,
            _ => Sort::Word,
        };
        if whole.start() > end {
            parts.push(Part { sort: Sort::Between, text: &text[end..whole.start()] });
        }
        parts.push(Part { sort, text: whole.as_str() });
        end = whole.end();
    }
    if end < text.len() {
        parts.push(Part { sort: Sort::Between, text: &text[end..] });
    }
    parts
}

/// What looks made up in a recorded text and in a live one, and times, though they differ in more than that: in pairs, by
/// their order. None where one has more of it than the other.
pub fn made_up<'t>(recorded: &'t str, live: &'t str) -> Vec<(&'t str, &'t str)> {
    let of = |text: &'t str| -> Vec<&'t str> {
        let is_made_up = |part: &Part<'_>| match part.sort {
            Sort::Between => false,
            Sort::Time | Sort::Jwt => true,
            Sort::Word => is_uuid(part.text) || looks_random(part.text),
        };
        parts(text).into_iter().filter(is_made_up).map(|part| part.text).collect()
    };
    let (then, now) = (of(recorded), of(live));
    if then.len() == now.len() { then.into_iter().zip(now).collect() } else { Vec::new() }
}

pub(crate) fn is_uuid(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Hexadecimal digits, lower case or upper case throughout, and no numbers.
pub(crate) fn is_hex_in_one_case(a: &str, b: &str) -> bool {
    let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let upper = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    let mut both = a.bytes().chain(b.bytes());
    let is_number = |word: &str| !word.starts_with('0') && word.bytes().all(|byte| byte.is_ascii_digit());
    (both.clone().all(lower) || both.all(upper)) && !(is_number(a) && is_number(b))
}

/// Hardly a word of a language: long, of letters and digits, or of letters whose case goes up and down.
pub(crate) fn looks_random(word: &str) -> bool {
    let has = |kind: fn(&char) -> bool| word.chars().any(|c| kind(&c));
    let letters: Vec<char> = word.chars().filter(|c| c.is_alphabetic()).collect();
    let turns = letters.windows(2).filter(|pair| pair[0].is_lowercase() != pair[1].is_lowercase()).count();
    let [small, capital, digit, _] = alphabet(word);
    // A long one may have few turns by chance, but hardly none of the other kinds of signs, nor so many vowels as a word.
    let has_few_vowels =
        || letters.iter().filter(|letter| "aeiouyAEIOUY".contains(**letter)).count() * 5 <= letters.len();
    let is_long = word.len() >= 12 && (digit || small && capital && (turns >= 2 || has_few_vowels()));
    word.len() >= 8
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-+/=".contains(c))
        && (has(char::is_ascii_digit) && !letters.is_empty() || turns * 4 >= letters.len() && turns >= 3 || is_long)
}

/// Of two codes of one case one may lack digits by chance, as one base32 code of 26 signs in two hundred does, and be letters
/// only: as long as the other, with hardly more vowels than are drawn, and without letters of the other case.
pub(crate) fn look_random(one: &str, other: &str) -> bool {
    const LONG: usize = 20;
    let lacks_digits = |random: &str, word: &str| {
        let [small, capital, ..] = alphabet(random);
        let is_of_its_letters = |byte: u8| if capital { byte.is_ascii_uppercase() } else { byte.is_ascii_lowercase() };
        let vowels = word.bytes().filter(|byte| b"aeiouyAEIOUY".contains(byte)).count();
        let is_long = word.len() >= LONG && word.len() == random.len();
        is_long && small != capital && word.bytes().all(is_of_its_letters) && vowels * 5 <= word.len() * 2
    };
    match (looks_random(one), looks_random(other)) {
        (true, true) => true,
        (true, false) => lacks_digits(one, other),
        (false, true) => lacks_digits(other, one),
        (false, false) => false,
    }
}

/// By chance a random word lacks one kind of signs that another has. One of both cases that has no digit and one of digits
/// that has no capital may still be drawn from the same; small letters are never drawn where there are capitals only.
pub(crate) fn is_one_alphabet(recorded: &str, live: &str) -> bool {
    let (then, now) = (alphabet(recorded), alphabet(live));
    let only =
        |some: [bool; 4], other: [bool; 4]| some.iter().zip(other).filter(|(some, other)| **some && !other).count();
    let (lost, new) = (only(then, now), only(now, then));
    let has_both_cases = |[small, capital, ..]: [bool; 4]| small && capital;
    lost + new <= 1 || lost == 1 && new == 1 && then[3] == now[3] && (has_both_cases(then) || has_both_cases(now))
}

/// Which of small letters, capitals, digits and others it is made of.
fn alphabet(word: &str) -> [bool; 4] {
    let mut used = [false; 4];
    for byte in word.bytes() {
        used[match byte {
            b'a'..=b'z' => 0,
            b'A'..=b'Z' => 1,
            b'0'..=b'9' => 2,
            _ => 3,
        }] = true;
    }
    used
}
