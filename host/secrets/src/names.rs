//! Is what goes by this name a secret? By its words: `X-Api-Key`, `apiKey` and `API_KEY` are one name.

/// How the value beside a name is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// All of it is the secret.
    Whole,
    /// Digits only: `cvv`, `pin`. Other values of that name are something else.
    Digits,
    /// `Bearer TOKEN`
    Credentials,
    /// `name=value; name=value`
    Cookies,
    /// `name=value; attribute; attribute`
    SetCookie,
}

/// The last word of a secret's name.
const LAST: [&str; 13] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "jwt",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "authtoken",
];
/// Its last two words.
const LAST_TWO: [[&str; 2]; 14] = [
    ["api", "key"],
    ["access", "key"],
    ["secret", "key"],
    ["private", "key"],
    ["auth", "key"],
    ["signing", "key"],
    ["encryption", "key"],
    ["account", "key"],
    ["subscription", "key"],
    ["master", "key"],
    ["shared", "key"],
    ["password", "hash"],
    ["password", "digest"],
    ["auth", "signature"],
];
const DIGITS: [&str; 6] = ["cvv", "cvc", "cvv2", "pin", "otp", "ssn"];
/// `next_page_token` says where to read on, `max_token` how many, `has_password` whether.
const HARMLESS: [&str; 20] = [
    "next",
    "prev",
    "previous",
    "page",
    "continuation",
    "sync",
    "start",
    "resume",
    "skip",
    "max",
    "min",
    "num",
    "is",
    "has",
    "needs",
    "requires",
    "forgot",
    "show",
    "hide",
    "invalid",
];
/// What comes behind the word that tells.
const BEHIND: [&str; 6] = ["confirmation", "confirm", "again", "repeat", "value", "plaintext"];

/// What a name says of the value beside it; none: nothing.
pub(crate) fn named(name: &str) -> Option<Named> {
    if name.len() > 64 || !may_tell(name) {
        return None;
    }
    let mut words = words(name);
    while words.len() > 1 && words.last().is_some_and(|last| BEHIND.contains(&last.as_str())) {
        words.pop();
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["authorization"] | ["proxy", "authorization"] => return Some(Named::Credentials),
        ["cookie"] => return Some(Named::Cookies),
        ["set", "cookie"] => return Some(Named::SetCookie),
        _ => {}
    }
    if words.iter().any(|word| HARMLESS.contains(word)) {
        return None;
    }
    let last = *words.last()?;
    if LAST.contains(&last) || words.last_chunk().is_some_and(|two| LAST_TWO.contains(two)) {
        return Some(Named::Whole);
    }
    (DIGITS.contains(&last) || words.ends_with(&["security", "code"])).then_some(Named::Digits)
}

/// False: its words need not be looked at. Nearly all names have nothing in them that every name that tells has.
fn may_tell(name: &str) -> bool {
    let name = name.as_bytes();
    let has =
        |at: usize, part: &[u8]| name.get(at..at + part.len()).is_some_and(|here| here.eq_ignore_ascii_case(part));
    name.iter().enumerate().any(|(at, letter)| match letter.to_ascii_lowercase() {
        b'a' => has(at, b"auth"),
        b'c' => has(at, b"cookie") || has(at, b"code") || has(at, b"cv"),
        b'j' => has(at, b"jwt"),
        b'k' => has(at, b"key"),
        b'o' => has(at, b"otp"),
        b'p' => has(at, b"pass") || has(at, b"pwd") || has(at, b"pin"),
        b's' => has(at, b"secret") || has(at, b"ssn"),
        b't' => has(at, b"token"),
        // Other alphabets have letters whose small ones are ours.
        other => !other.is_ascii(),
    })
}

/// Cookies that say who somebody is.
pub(crate) fn is_session(cookie: &str) -> bool {
    const TELLING: [&str; 9] = ["sess", "auth", "token", "jwt", "csrf", "xsrf", "remember", "sso", "secret"];
    let name = cookie.to_ascii_lowercase();
    name == "sid" || name.ends_with("sid") || TELLING.iter().any(|word| name.contains(word))
}

/// For comparing names whatever their case and what stands between their words.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// `X-Api-Key`, `apiKey`, `API_KEY`: x? api key. A number at the end of a word is no part of it, except in `cvv2`.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = at.checked_sub(1).map(|before| chars[before]);
        let after = chars.get(at + 1);
        let begins = c.is_uppercase()
            && (before.is_some_and(char::is_lowercase) || after.is_some_and(|after| after.is_lowercase()));
        if begins {
            words.push(String::new());
        }
        words.last_mut().expect("there is always one").extend(c.to_lowercase());
    }
    let trimmed = |word: String| {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        if DIGITS.contains(&word.as_str()) { word } else { letters.to_owned() }
    };
    words.into_iter().map(trimmed).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets() {
        for name in [
            "password",
            "Password",
            "PASSWORD",
            "newPassword",
            "password_confirmation",
            "user[password]",
            "password2",
            "db_passwd",
            "X-Api-Key",
            "apiKey",
            "apikey",
            "API_KEY",
            "access_token",
            "refreshToken",
            "client_secret",
            "AWSSecretKey",
            "private_key",
            "X-Amz-Security-Token",
            "X-CSRF-Token",
            "jwt",
            "passphrase",
            "Ocp-Apim-Subscription-Key",
            "x-auth-token",
            "password_hash",
        ] {
            assert_eq!(named(name), Some(Named::Whole), "{name}");
        }
        assert_eq!(named("Authorization"), Some(Named::Credentials));
        assert_eq!(named("proxy-authorization"), Some(Named::Credentials));
        assert_eq!(named("cookie"), Some(Named::Cookies));
        assert_eq!(named("Set-Cookie"), Some(Named::SetCookie));
        assert_eq!(named("cvv2"), Some(Named::Digits));
    }

    #[test]
    fn what_tells_is_in_every_name_that_is_one() {
        let known = LAST.iter().chain(&DIGITS).chain(["authorization", "cookie"].iter());
        known.for_each(|word| assert!(may_tell(word), "{word}"));
        LAST_TWO.iter().for_each(|words| assert!(may_tell(&words.join("_")), "{words:?}"));
        assert!(may_tell("securityCode"));
        assert!(!may_tell("created_at"));
    }

    #[test]
    fn no_secrets() {
        for name in [
            "token_type",
            "tokenType",
            "expires_in",
            "next_page_token",
            "nextToken",
            "pageToken",
            "continuation-token",
            "max_tokens",
            "tokens",
            "key",
            "primary_key",
            "public_key",
            "keyboard",
            "secretary",
            "secrets_enabled",
            "has_password",
            "is_secret",
            "forgot_password",
            "etag",
            "id",
            "session_count",
            "author",
            "authorization_url",
            "grant_type",
            "monkey",
            "cookie_consent",
            "x-request-id",
            "idempotency-key",
            "password_changed_at",
            "access_key_id",
            "pinned",
            "",
        ] {
            assert_eq!(named(name), None, "{name}");
        }
    }
}
