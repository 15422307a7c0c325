//! As much of SQL as is needed to say what a text does to the connection and whom it asks.
//!
//! Nothing here changes what is written down: the text itself is the document.
mod canonical;
mod effect;
mod tables;
mod tokens;

pub use canonical::canonical;
pub use effect::Effect;
use keploy_sdk::Lifetime;
use tables::tables;
pub use tokens::Token;

/// Texts longer than this are looked at only up to here: they are bulk inserts.
const LOOK_AT: usize = 64 * 1024;

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

impl Sql {
    /// How the server ends a statement of a driver's or pool's that returns nothing and asks nothing.
    pub fn tidies_up(&self) -> Option<&'static str> {
        let [statement] = &self.statements[..] else { return None };
        if !statement.is_housekeeping {
            return None;
        }
        let all = self.text.windows(3).any(|word| word.eq_ignore_ascii_case(b"all"));
        match statement.verb.as_str() {
            "DEALLOCATE" => Some(if all { "DEALLOCATE ALL" } else { "DEALLOCATE" }),
            "DISCARD" if all => Some("DISCARD ALL"),
            "RESET" => Some("RESET"),
            "SET" => Some("SET"),
            "UNLISTEN" => Some("UNLISTEN"),
            "CLOSE" => Some("CLOSE CURSOR ALL"),
            _ => None,
        }
    }

    /// How the server ends a statement that undoes a transaction: it always can, and a connection that could not would be
    /// of no use to anybody any more. `failed`: the transaction has failed; then a commit is one, too.
    pub fn gives_up(&self, failed: bool) -> Option<&'static str> {
        let [statement] = &self.statements[..] else { return None };
        match statement.effect {
            Effect::End { commits, .. } if failed || !commits => Some("ROLLBACK"),
            Effect::RollbackTo => Some("ROLLBACK"),
            _ => None,
        }
    }

    pub fn new(text: &[u8]) -> Self {
        let looked_at = String::from_utf8_lossy(text.get(..LOOK_AT).unwrap_or(text));
        let tokens: Vec<Token<'_>> = tokens::read(&looked_at).collect();
        let statements = tokens.split(|token| *token == Token::Symbol(';')).filter(|part| !part.is_empty());
        let statements: Vec<Statement> = statements.map(Statement::new).collect();
        let text = if statements.iter().any(|statement| matches!(statement.verb.as_str(), "CREATE" | "ALTER")) {
            match without_passwords(&looked_at, &tokens) {
                Some(hidden) => [&hidden, text.get(LOOK_AT..).unwrap_or_default()].concat(),
                None => text.to_vec(),
            }
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
        let effect = effect::of(&verb, tokens);
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
            Token::Word(_) if depth == 0 => {
                let verb = token.keyword().unwrap_or_default();
                if matches!(verb.as_str(), "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "VALUES") {
                    return verb;
                }
            }
            _ => {}
        }
    }
    first
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
    // asyncpg sets what it looks up types with.
    let sets = tokens.iter().any(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("set_config")));
    tokens.iter().enumerate().all(|(at, token)| match token {
        Token::Parameter => sets,
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
