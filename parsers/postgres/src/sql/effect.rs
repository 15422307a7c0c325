//! What a statement does to the connection.
use super::{Token, tables::name};

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

pub fn of(verb: &str, tokens: &[Token<'_>]) -> Effect {
    let words: Vec<String> = tokens.iter().take(8).map(|token| token.keyword().unwrap_or_default()).collect();
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let identifier = |at: usize| tokens.get(at).and_then(Token::identifier);
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    let chain = has("CHAIN") && !has("NO");
    match (verb, word(1)) {
        ("BEGIN", _) | ("START", "TRANSACTION") => Effect::Begin,
        ("COMMIT" | "ROLLBACK", "PREPARED") => Effect::None,
        ("COMMIT" | "END", _) => Effect::End { commits: true, chain },
        ("PREPARE", "TRANSACTION") => Effect::End { commits: true, chain: false },
        ("ROLLBACK", _) if has("TO") => Effect::RollbackTo,
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
