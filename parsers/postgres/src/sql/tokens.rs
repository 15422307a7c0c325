//! SQL as tokens. Comments and white space are passed over.

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'a> {
    /// A keyword, or a name without quotes.
    Word(&'a str),
    /// What is between double quotes.
    Quoted(&'a str),
    /// What is between single quotes, or dollar quotes.
    Literal(&'a str),
    Number(&'a str),
    /// `$1`.
    Parameter,
    Symbol(char),
}

impl<'a> Token<'a> {
    /// A word without quotes, in capitals.
    pub fn keyword(&self) -> Option<String> {
        if let Self::Word(word) = self { Some(word.to_ascii_uppercase()) } else { None }
    }
    /// A name: small letters where it was not quoted.
    pub fn identifier(&self) -> Option<String> {
        match self {
            Self::Word(word) => Some(word.to_lowercase()),
            Self::Quoted(name) => Some(name.replace("\"\"", "\"")),
            _ => None,
        }
    }
    /// As it was written, without quotes.
    pub fn content(&self) -> &'a str {
        match self {
            Self::Word(text) | Self::Quoted(text) | Self::Literal(text) | Self::Number(text) => text,
            Self::Parameter => "$",
            Self::Symbol(',') => ",",
            Self::Symbol('-') => "-",
            Self::Symbol('+') => "+",
            Self::Symbol(_) => "",
        }
    }
}

pub fn read(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = behind_blanks(rest);
        let (token, behind) = token(rest)?;
        rest = behind;
        Some(token)
    })
}

fn token(text: &str) -> Option<(Token<'_>, &str)> {
    let first = text.chars().next()?;
    let next = text.as_bytes().get(1).copied();
    Some(match first {
        '"' => quoted(text, '"', false).map_content(Token::Quoted),
        '\'' => quoted(text, '\'', false).map_content(Token::Literal),
        'e' | 'E' if next == Some(b'\'') => quoted(&text[1..], '\'', true).map_content(Token::Literal),
        'b' | 'B' | 'x' | 'X' | 'n' | 'N' if next == Some(b'\'') => {
            quoted(&text[1..], '\'', false).map_content(Token::Literal)
        }
        '$' if next.is_some_and(|next| next.is_ascii_digit()) => {
            let end = text[1..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |at| at + 1);
            (Token::Parameter, &text[end..])
        }
        '$' => match dollar_quoted(text) {
            Some((content, rest)) => (Token::Literal(content), rest),
            None => (Token::Symbol('$'), &text[1..]),
        },
        '0'..='9' => {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(text.len());
            (Token::Number(&text[..end]), &text[end..])
        }
        c if c.is_alphabetic() || c == '_' => {
            let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(text.len());
            (Token::Word(&text[..end]), &text[end..])
        }
        c => (Token::Symbol(c), &text[c.len_utf8()..]),
    })
}

/// The content of a quoted text and what is behind it.
struct Cut<'a>(&'a str, &'a str);

impl<'a> Cut<'a> {
    fn map_content(self, token: impl FnOnce(&'a str) -> Token<'a>) -> (Token<'a>, &'a str) {
        (token(self.0), self.1)
    }
}

/// Up to the closing quote; a doubled one, and with `escapes` one behind a backslash, does not close.
fn quoted(text: &str, quote: char, escapes: bool) -> Cut<'_> {
    let content = &text[1..];
    let mut from = 0;
    while let Some(found) = content[from..].find([quote, '\\']) {
        let at = from + found;
        let rest = &content[at + 1..];
        if content[at..].starts_with('\\') {
            let skipped = if escapes { rest.chars().next().map_or(0, char::len_utf8) } else { 0 };
            from = at + 1 + skipped;
        } else if rest.starts_with(quote) {
            from = at + 2;
        } else {
            return Cut(&content[..at], rest);
        }
    }
    Cut(content, "")
}

/// `$tag$ … $tag$`.
fn dollar_quoted(text: &str) -> Option<(&str, &str)> {
    let length = text[1..].find('$')? + 2;
    let (tag, rest) = text.split_at(length);
    let is_tag = tag[1..length - 1].chars().all(|c| c.is_alphanumeric() || c == '_');
    let end = rest.find(tag).filter(|_| is_tag)?;
    Some((&rest[..end], &rest[end + length..]))
}

fn behind_blanks(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        if let Some(comment) = text.strip_prefix("--") {
            text = comment.find('\n').map_or("", |at| &comment[at..]);
        } else if let Some(comment) = text.strip_prefix("/*") {
            text = behind_comment(comment);
        } else {
            return text;
        }
    }
}

/// Comments nest.
fn behind_comment(mut text: &str) -> &str {
    let mut depth = 1;
    while depth > 0 {
        let Some(at) = text.find(['*', '/']) else { return "" };
        let rest = &text[at..];
        (depth, text) = match rest {
            _ if rest.starts_with("*/") => (depth - 1, &rest[2..]),
            _ if rest.starts_with("/*") => (depth + 1, &rest[2..]),
            _ => (depth, &rest[1..]),
        };
    }
    text
}
