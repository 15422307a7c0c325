//! Passwords are not written down. What stands for them is the same when recording and when mocking, so any password
//! is accepted by a mock.
use keploy_sdk::Value;

/// What a password is written as.
pub const HIDDEN: &str = "<hidden>";

/// The words of a command with every password replaced.
pub fn hide(mut words: Vec<Value>) -> Vec<Value> {
    for at in places(&words) {
        if let Some(word) = words.get_mut(at) {
            *word = HIDDEN.into();
        }
    }
    words
}

pub fn any(words: &[Value]) -> bool {
    !places(words).is_empty()
}

/// Where the passwords are.
fn places(words: &[Value]) -> Vec<usize> {
    let is =
        |at: usize, wanted: &str| words.get(at).and_then(Value::as_str).is_some_and(|w| w.eq_ignore_ascii_case(wanted));
    let behind = |option: &'static str, distance: usize| {
        (0..words.len()).filter(move |at| is(*at, option)).map(move |at| at + distance).filter(|at| *at < words.len())
    };
    let Some(name) = words.first().and_then(Value::as_str) else { return Vec::new() };
    match name.to_ascii_uppercase().as_str() {
        "AUTH" if words.len() > 1 => vec![words.len() - 1],
        "HELLO" => behind("AUTH", 2).collect(),
        "MIGRATE" => behind("AUTH", 1).chain(behind("AUTH2", 2)).collect(),
        "CONFIG" if is(1, "SET") => ["requirepass", "masterauth", "tls-key-file-pass", "tls-client-key-file-pass"]
            .iter()
            .flat_map(|option| behind(option, 1))
            .collect(),
        "ACL" if is(1, "SETUSER") => (3..words.len()).filter(|at| is_password_rule(&words[*at])).collect(),
        _ => Vec::new(),
    }
}

/// `>password`, `<password`, `#hash`, `!hash`.
fn is_password_rule(rule: &Value) -> bool {
    rule.as_raw().is_some_and(|rule| matches!(rule.first(), Some(b'>' | b'<' | b'#' | b'!')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, shown: &str) {
        let words: Vec<Value> = line.split(' ').map(Value::from).collect();
        let hidden: Vec<String> = hide(words).iter().map(|word| word.as_str().unwrap_or_default().to_owned()).collect();
        assert_eq!(hidden.join(" "), shown);
    }

    #[test]
    fn passwords_are_hidden_and_nothing_else() {
        check("AUTH secret", "AUTH <hidden>");
        check("auth default secret", "auth default <hidden>");
        check("HELLO 3 AUTH me secret SETNAME x", "HELLO 3 AUTH me <hidden> SETNAME x");
        check("HELLO 3", "HELLO 3");
        check("CONFIG SET maxmemory 1 requirepass secret", "CONFIG SET maxmemory 1 requirepass <hidden>");
        check("MIGRATE h 1 k 0 5 AUTH2 me secret KEYS a", "MIGRATE h 1 k 0 5 AUTH2 me <hidden> KEYS a");
        check("ACL SETUSER me on >secret ~*", "ACL SETUSER me on <hidden> ~*");
        check("SET auth secret", "SET auth secret");
    }
}
