//! As much of SQL as is needed to say what a text does to the connection and whom it asks.
//!
//! Nothing here changes what is written down: the text itself is the document.
mod tokens;

use keploy_sdk::Lifetime;
pub use tokens::Token;

/// Texts longer than this are looked at only up to here: they are bulk inserts.
const LOOK_AT: usize = 256 * 1024;

/// A text, and the statements in it.
#[derive(Debug)]
pub struct Sql {
    /// As it was sent, except that `<hidden>` stands for the passwords of new users.
    pub text: Vec<u8>,
    pub statements: Vec<Statement>,
}

/// What one statement does to the connection, and whom it asks.
#[derive(Debug, PartialEq)]
pub struct Statement {
    /// `SELECT`, `INSERT` …, in capitals; behind WITH, the verb of the statement itself.
    pub verb: String,
    /// The first table it names.
    pub table: Option<String>,
    pub effect: Effect,
    /// A driver or a pool asks this on its own, and any connection answers the same.
    pub is_housekeeping: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    None,
    Begin,
    /// COMMIT, ROLLBACK and their kin; `chain` begins the next transaction at once.
    End {
        commits: bool,
        chain: bool,
    },
    RollbackTo,
    Set {
        name: String,
        value: String,
        local: bool,
    },
    /// `None`: all of them.
    Reset(Option<String>),
    DiscardAll,
    Listen(String),
    /// `None`: all channels.
    Unlisten(Option<String>),
}

impl Sql {
    pub fn new(text: &[u8]) -> Self {
        let looked_at = String::from_utf8_lossy(text.get(..LOOK_AT).unwrap_or(text));
        let tokens: Vec<Token<'_>> = tokens::read(&looked_at).collect();
        let statements = tokens.split(|token| *token == Token::Symbol(';')).filter(|part| !part.is_empty());
        let statements: Vec<Statement> = statements.map(Statement::new).collect();
        let text = if statements.iter().any(|statement| matches!(statement.verb.as_str(), "CREATE" | "ALTER")) {
            without_passwords(&looked_at, &tokens).unwrap_or_else(|| text.to_vec())
        } else {
            text.to_vec()
        };
        Self { text, statements }
    }

    /// Whether a driver or a pool asks it on its own.
    pub fn lifetime(&self) -> Lifetime {
        // Nothing at all is a ping.
        if self.statements.iter().all(|statement| statement.is_housekeeping) {
            Lifetime::Session
        } else {
            Lifetime::Test
        }
    }
}

/// The text with every literal behind PASSWORD replaced; none when there is none. Recording and mocking do the same,
/// so the document is found again whatever the password is.
fn without_passwords(text: &str, tokens: &[Token<'_>]) -> Option<Vec<u8>> {
    let mut hidden = String::new();
    let mut from = 0;
    for pair in tokens.windows(2) {
        if let [Token::Word(word), Token::Literal(password)] = pair
            && word.eq_ignore_ascii_case("password")
        {
            // A token's content is a part of the text.
            let at = password.as_ptr().addr() - text.as_ptr().addr();
            hidden.push_str(text.get(from..at)?);
            hidden.push_str("<hidden>");
            from = at + password.len();
        }
    }
    (from > 0).then(|| (hidden + text.get(from..).unwrap_or_default()).into_bytes())
}

impl Statement {
    fn new(tokens: &[Token<'_>]) -> Self {
        let verb = verb(tokens);
        let tables = tables(tokens);
        let effect = effect(&verb, tokens);
        let is_housekeeping = is_housekeeping(&verb, &effect, &tables, tokens);
        Self { verb, table: tables.into_iter().next(), effect, is_housekeeping }
    }
}

fn verb(tokens: &[Token<'_>]) -> String {
    let first = tokens.iter().find_map(Token::keyword).unwrap_or_default();
    if first != "WITH" {
        return first;
    }
    let mut depth = 0_usize;
    for token in tokens {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth = depth.saturating_sub(1),
            _ if depth == 0 => match token.keyword().as_deref() {
                Some(verb @ ("SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "VALUES")) => {
                    return verb.to_owned();
                }
                _ => {}
            },
            _ => {}
        }
    }
    first
}

/// What follows FROM, JOIN, INTO, UPDATE, TABLE and COPY, where it is a name and not a subquery, a function or a
/// common table expression of this statement.
fn tables(tokens: &[Token<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let is_update = |keyword: &str| keyword == "UPDATE" && at == 1;
        let opens = match token.keyword().as_deref() {
            Some("FROM" | "JOIN" | "INTO" | "TABLE" | "COPY" | "USING") => true,
            Some(keyword) => {
                is_update(keyword) || (keyword == "UPDATE" && tokens.get(at - 2) == Some(&Token::Symbol('(')))
            }
            None => false,
        };
        if !opens {
            continue;
        }
        loop {
            while tokens.get(at).and_then(Token::keyword).is_some_and(|word| {
                matches!(word.as_str(), "ONLY" | "LATERAL" | "IF" | "NOT" | "EXISTS" | "CONCURRENTLY" | "DISTINCT")
            }) {
                at += 1;
            }
            let Some((name, behind)) = name(tokens, at) else { break };
            at = behind;
            if tokens.get(at) != Some(&Token::Symbol('(')) || token.keyword().as_deref() != Some("FROM") {
                found.push(name);
            }
            // `FROM a AS x, b`
            let mut next = at;
            while matches!(tokens.get(next), Some(Token::Word(_) | Token::Quoted(_))) && next < at + 2 {
                next += 1;
            }
            if tokens.get(next) != Some(&Token::Symbol(',')) || token.keyword().as_deref() != Some("FROM") {
                break;
            }
            at = next + 1;
        }
    }
    let own = expressions(tokens);
    found.retain(|name| !own.contains(name));
    found
}

/// `a.b`, as one word.
fn name(tokens: &[Token<'_>], mut at: usize) -> Option<(String, usize)> {
    let mut name = tokens.get(at)?.identifier()?;
    at += 1;
    while let (Some(Token::Symbol('.')), Some(part)) = (tokens.get(at), tokens.get(at + 1).and_then(Token::identifier))
    {
        name = format!("{name}.{part}");
        at += 2;
    }
    Some((name, at))
}

/// The names that WITH gives: `name AS (` and `name(column, …) AS (`.
fn expressions(tokens: &[Token<'_>]) -> Vec<String> {
    if tokens.iter().all(|token| token.keyword().as_deref() != Some("WITH")) {
        return Vec::new();
    }
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(name) = token.identifier() else { continue };
        let mut next = at + 1;
        if tokens.get(next) == Some(&Token::Symbol('(')) {
            while tokens.get(next).is_some_and(|token| *token != Token::Symbol(')')) {
                next += 1;
            }
            next += 1;
        }
        if tokens.get(next).and_then(Token::keyword).as_deref() == Some("AS") {
            names.push(name);
        }
    }
    names
}

fn effect(verb: &str, tokens: &[Token<'_>]) -> Effect {
    let words: Vec<String> = tokens.iter().take(8).map(|token| token.keyword().unwrap_or_default()).collect();
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let identifier = |at: usize| tokens.get(at).and_then(Token::identifier);
    let chain = tokens.iter().any(|token| token.keyword().as_deref() == Some("CHAIN"))
        && tokens.iter().all(|token| token.keyword().as_deref() != Some("NO"));
    match (verb, word(1)) {
        ("BEGIN", _) | ("START", "TRANSACTION") => Effect::Begin,
        ("COMMIT" | "ROLLBACK", "PREPARED") => Effect::None,
        ("COMMIT" | "END", _) => Effect::End { commits: true, chain },
        ("PREPARE", "TRANSACTION") => Effect::End { commits: true, chain: false },
        ("ROLLBACK", _) if words.iter().any(|word| word == "TO") => Effect::RollbackTo,
        ("ROLLBACK" | "ABORT", _) => Effect::End { commits: false, chain },
        ("SET", _) => set(tokens),
        ("RESET", "ALL") => Effect::Reset(None),
        ("RESET", _) => Effect::Reset(setting(tokens, 1).map(|(name, _)| name)),
        ("DISCARD", "ALL") => Effect::DiscardAll,
        ("LISTEN", _) => identifier(1).map_or(Effect::None, Effect::Listen),
        ("UNLISTEN", _) => Effect::Unlisten(identifier(1)),
        ("SELECT", _) => set_config(tokens),
        _ => Effect::None,
    }
}

/// `SET [SESSION | LOCAL] name {TO | =} value`, and the spellings that have words of their own.
fn set(tokens: &[Token<'_>]) -> Effect {
    let mut at = 1;
    let mut local = false;
    match tokens.get(at).and_then(Token::keyword).as_deref() {
        Some("LOCAL") => {
            local = true;
            at += 1;
        }
        Some("SESSION") if tokens.get(at + 1).and_then(Token::keyword).as_deref() != Some("AUTHORIZATION") => at += 1,
        _ => {}
    }
    let Some((name, mut at)) = setting(tokens, at) else { return Effect::None };
    if matches!(name.as_str(), "transaction" | "characteristics" | "constraints") {
        return Effect::None;
    }
    if tokens.get(at).is_some_and(|token| *token == Token::Symbol('=') || token.keyword().as_deref() == Some("TO")) {
        at += 1;
    }
    let value: Vec<&str> = tokens.get(at..).unwrap_or_default().iter().map(Token::content).collect();
    match value.as_slice() {
        [default] if default.eq_ignore_ascii_case("default") => Effect::Reset(Some(name)),
        value => Effect::Set { name, value: value.join(" ").replace(" ,", ","), local },
    }
}

/// The name of a setting in small letters, and what is behind it.
fn setting(tokens: &[Token<'_>], at: usize) -> Option<(String, usize)> {
    let (first, behind) = name(tokens, at)?;
    let first = first.to_ascii_lowercase();
    let second = tokens.get(behind).and_then(Token::keyword);
    Some(match (first.as_str(), second.as_deref()) {
        ("time", Some("ZONE")) => ("timezone".into(), behind + 1),
        ("session", Some("AUTHORIZATION")) => ("session_authorization".into(), behind + 1),
        ("names", _) => ("client_encoding".into(), behind),
        _ => (first, behind),
    })
}

/// `SELECT set_config('name', 'value', false)`, with literals: what a parameter says is in the document anyway.
fn set_config(tokens: &[Token<'_>]) -> Effect {
    let at = tokens.iter().position(|token| token.keyword().as_deref() == Some("SET_CONFIG"));
    match at.and_then(|at| tokens.get(at + 1..at + 7)) {
        Some([Token::Symbol('('), Token::Literal(name), _, Token::Literal(value), _, local]) => {
            let local = local.content().to_ascii_lowercase().starts_with('t');
            Effect::Set { name: name.to_ascii_lowercase(), value: (*value).to_owned(), local }
        }
        _ => Effect::None,
    }
}

fn is_housekeeping(verb: &str, effect: &Effect, tables: &[String], tokens: &[Token<'_>]) -> bool {
    match verb {
        "SET" => !matches!(effect, Effect::Set { local: true, .. }),
        "" | "SHOW" | "RESET" | "DISCARD" | "DEALLOCATE" | "LISTEN" | "UNLISTEN" => true,
        "CLOSE" => tokens.get(1).and_then(Token::keyword).as_deref() == Some("ALL"),
        "SELECT" | "VALUES" => tables.iter().all(|table| is_catalogue(table)) && asks_little(tables, tokens),
        _ => false,
    }
}

/// Asks the catalogues, or calls no function that could answer differently tomorrow.
fn asks_little(tables: &[String], tokens: &[Token<'_>]) -> bool {
    let locks = tokens.windows(2).any(|pair| {
        pair.first().and_then(Token::keyword).as_deref() == Some("FOR")
            && matches!(pair.get(1).and_then(Token::keyword).as_deref(), Some("UPDATE" | "SHARE"))
    });
    if !tables.is_empty() {
        return !locks;
    }
    tokens.iter().enumerate().all(|(at, token)| match token {
        Token::Parameter => false,
        Token::Word(word) if tokens.get(at + 1) == Some(&Token::Symbol('(')) => {
            STEADY.iter().any(|steady| steady.eq_ignore_ascii_case(word))
        }
        Token::Word(word) => !is_clock(word),
        _ => true,
    })
}

/// Functions that answer the same whenever they are asked, and words that are not functions although a bracket follows.
const STEADY: [&str; 17] = [
    "version",
    "current_schema",
    "current_schemas",
    "current_database",
    "current_setting",
    "set_config",
    "pg_backend_pid",
    "pg_is_in_recovery",
    "pg_advisory_unlock_all",
    "oid",
    "regtype",
    "cast",
    "select",
    "as",
    "varchar",
    "char",
    "numeric",
];

fn is_clock(word: &str) -> bool {
    ["current_timestamp", "current_time", "current_date", "localtime", "localtimestamp"]
        .iter()
        .any(|clock| clock.eq_ignore_ascii_case(word))
}

fn is_catalogue(table: &str) -> bool {
    let table = table.to_ascii_lowercase();
    // An unqualified `pg_…` is found in pg_catalog first.
    table.starts_with("pg_") || table.starts_with("information_schema.")
}

#[cfg(test)]
mod tests;
