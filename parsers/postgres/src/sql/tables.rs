//! Which tables a statement names.
use super::Token;

/// What follows FROM, JOIN, INTO, UPDATE, TABLE and COPY, where it is a name and not a subquery, a function or a
/// common table expression of this statement.
pub fn tables(tokens: &[Token<'_>]) -> Vec<String> {
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
pub fn name(tokens: &[Token<'_>], mut at: usize) -> Option<(String, usize)> {
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
