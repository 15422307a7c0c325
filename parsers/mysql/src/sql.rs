//! As much of SQL as is needed to name a statement, and to know what it does to the session. Nothing here decides
//! what matches.
use keploy_sdk::Value;

/// Words and signs, without comments. Quoted names lose their quotes, strings keep theirs.
pub struct Tokens<'a> {
    rest: &'a str,
}

pub fn tokens(sql: &str) -> Tokens<'_> {
    Tokens { rest: sql }
}

/// ROLLBACK of the whole transaction.
pub fn gives_up(sql: &str) -> bool {
    let mut words = tokens(sql).map(str::to_ascii_uppercase);
    words.next().as_deref() == Some("ROLLBACK") && words.all(|word| matches!(word.as_str(), "WORK" | ";"))
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            self.rest = self.rest.trim_start();
            if let Some(comment) = self.rest.strip_prefix("/*") {
                // What is in `/*! */` is executed.
                let is_code = comment.starts_with('!') || comment.starts_with("M!");
                self.rest = if is_code {
                    comment.trim_start_matches(['M', '!']).trim_start_matches(|c: char| c.is_ascii_digit())
                } else {
                    comment.split_once("*/").map_or("", |(_, behind)| behind)
                };
            } else if self.rest.starts_with('#') || self.rest.starts_with("-- ") || self.rest.starts_with("--\n") {
                self.rest = self.rest.split_once('\n').map_or("", |(_, behind)| behind);
            } else if let Some(behind) = self.rest.strip_prefix("*/") {
                self.rest = behind;
            } else {
                break;
            }
        }
        let first = self.rest.chars().next()?;
        let length = match first {
            '\'' | '"' => quoted(self.rest, first),
            '`' => {
                let length = quoted(self.rest, first);
                let (name, rest) = self.rest.split_at(length);
                self.rest = rest;
                return Some(name.trim_matches('`'));
            }
            c if is_word(c) => self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len()),
            c => c.len_utf8(),
        };
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(token)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '@')
}

/// Up to behind the closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// The first word, in capitals.
pub fn verb(sql: &str) -> String {
    let word = tokens(sql).find(|token| *token != "(");
    word.map(str::to_ascii_uppercase).unwrap_or_default()
}

/// The first table that a statement names.
pub fn table(sql: &str) -> Option<String> {
    let mut words = tokens(sql);
    let verb = words.find(|token| *token != "(")?.to_ascii_uppercase();
    let before: &[&str] = match verb.as_str() {
        "SELECT" | "DELETE" | "WITH" => &["FROM"],
        "INSERT" | "REPLACE" | "LOAD" => &["INTO"],
        "CREATE" | "DROP" | "ALTER" | "TRUNCATE" | "RENAME" => &["TABLE", "INDEX", "VIEW", "PROCEDURE", "DATABASE"],
        "UPDATE" | "CALL" | "DESCRIBE" | "DESC" => &[],
        _ => return None,
    };
    if !before.is_empty() {
        words.find(|word| before.iter().any(|known| word.eq_ignore_ascii_case(known)))?;
    }
    const FILLERS: [&str; 9] = ["IF", "NOT", "EXISTS", "IGNORE", "LOW_PRIORITY", "ONLY", "(", "SELECT", "TABLE"];
    let mut name = words.find(|word| !FILLERS.iter().any(|filler| word.eq_ignore_ascii_case(filler)))?;
    // `schema.table`
    while let (Some("."), Some(behind)) = (words.next(), words.next()) {
        name = behind;
    }
    Some(name.to_owned())
}

/// Names, and what they are set to.
pub type Settings = Vec<(&'static str, Option<Value>)>;

/// Settings that change what statements answer, and what a statement sets them to; none: back to what it was.
pub fn settings(sql: &str) -> Settings {
    let mut words = tokens(sql);
    let verb = words.next().unwrap_or_default();
    if verb.eq_ignore_ascii_case("use") {
        return words.next().map(|name| ("database", Some(name.into()))).into_iter().collect();
    }
    if !verb.eq_ignore_ascii_case("set") {
        return Vec::new();
    }
    let words: Vec<&str> = words.collect();
    if let [role, name] = words.as_slice()
        && role.eq_ignore_ascii_case("role")
    {
        let value = Some((*name).into()).filter(|_| !name.eq_ignore_ascii_case("default"));
        return vec![("role", value)];
    }
    let is_time_zone = |word: &str| {
        let word = word.trim_start_matches('@');
        word.eq_ignore_ascii_case("time_zone")
    };
    let Some(at) = words.iter().position(|word| is_time_zone(word)) else { return Vec::new() };
    if words[..at].iter().any(|word| word.trim_start_matches('@').eq_ignore_ascii_case("global")) {
        return Vec::new();
    }
    let value = words[at + 1..].iter().find(|word| !matches!(**word, ":" | "="));
    let value =
        value.map(|value| value.trim_matches(['\'', '"'])).filter(|value| !value.eq_ignore_ascii_case("default"));
    vec![("time_zone", value.map(Value::from))]
}

/// What drivers and pools ask on their own, as often as they like.
pub fn is_upkeep(sql: &str) -> bool {
    let mut words = tokens(sql);
    let first = words.next().unwrap_or_default().to_ascii_uppercase();
    match first.as_str() {
        "SET" | "SHOW" | "USE" | "KILL" | "DESCRIBE" | "DESC" => true,
        "SELECT" => is_about_the_server(sql),
        _ => false,
    }
}

/// A SELECT that reads no table but the server's own.
fn is_about_the_server(sql: &str) -> bool {
    const ABOUT: [&str; 6] = ["VERSION", "DATABASE", "SCHEMA", "CONNECTION_ID", "USER", "CURRENT_USER"];
    const OWN: [&str; 4] = ["INFORMATION_SCHEMA", "PERFORMANCE_SCHEMA", "MYSQL", "SYS"];
    let words: Vec<&str> = tokens(sql).skip(1).collect();
    let is = |word: &str, names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(word));
    let mut froms = words.windows(2).filter(|pair| is(pair[0], &["FROM", "JOIN"])).map(|pair| pair[1]).peekable();
    if froms.peek().is_some() {
        return froms.all(|table| is(table, &OWN));
    }
    match words.first() {
        Some(first) if first.starts_with("@@") => true,
        Some(first) if is(first, &ABOUT) => words.get(1) == Some(&"("),
        Some(first) => words.len() <= 2 && first.bytes().all(|byte| byte.is_ascii_digit()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_named_by_verb_and_table() {
        let check = |sql, of, name: Option<&str>| {
            assert_eq!((verb(sql).as_str(), table(sql).as_deref()), (of, name), "{sql}");
        };
        check("select * from orders where id = ?", "SELECT", Some("orders"));
        check("/* a comment */ SELECT a FROM `shop`.`order lines` l", "SELECT", Some("order lines"));
        check("INSERT IGNORE INTO t (a) VALUES (1)", "INSERT", Some("t"));
        check("UPDATE `t` SET a = 1", "UPDATE", Some("t"));
        check("CREATE TABLE IF NOT EXISTS t (id int)", "CREATE", Some("t"));
        check("(SELECT 1) UNION (SELECT 2)", "SELECT", None);
        check("-- first\nBEGIN", "BEGIN", None);
        check("", "", None);
    }

    #[test]
    fn what_drivers_ask_is_upkeep() {
        for sql in [
            "SET NAMES utf8mb4",
            "/* mysql-connector-j */SELECT @@session.auto_increment_increment AS a, @@x AS b",
            "SELECT VERSION()",
            "select 1",
            "/* ping */ SELECT 1",
            "SHOW WARNINGS",
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
            "SELECT DATABASE()",
        ] {
            assert!(is_upkeep(sql), "{sql}");
        }
        for sql in ["SELECT 1 FROM t", "SELECT a, b", "BEGIN", "COMMIT", "SELECT NOW()", "SELECT 'x'", "SELECT 1 + a"] {
            assert!(!is_upkeep(sql), "{sql}");
        }
    }

    #[test]
    fn settings_that_change_answers_are_followed() {
        let set = |value: &str| Some(Value::from(value));
        assert_eq!(settings("USE `shop`"), [("database", set("shop"))]);
        assert_eq!(settings("SET time_zone = '+02:00'"), [("time_zone", set("+02:00"))]);
        assert_eq!(settings("set @@session.time_zone='UTC'"), [("time_zone", set("UTC"))]);
        assert_eq!(settings("SET time_zone = DEFAULT"), [("time_zone", None)]);
        assert_eq!(settings("SET ROLE auditor"), [("role", set("auditor"))]);
        assert_eq!(settings("SET GLOBAL time_zone = 'UTC'"), []);
        assert_eq!(settings("SELECT 1"), []);
    }
}
