//! The reader: cuts a stream into documents, each of which is built on its own.

use super::{Error, build::Builder, usual};
use crate::Value;

/// A document and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// The line at which its content starts, from 1.
    pub line: usize,
    pub value: Value,
}

/// All documents of a stream. Empty ones (a `---` with nothing behind it) are left out.
/// # Errors
/// The first document that is broken.
pub fn parse_all(text: &str) -> Result<Vec<Located>, Error> {
    Documents::new(text).collect()
}

/// The only document of `text`.
/// # Errors
/// When it is broken, or there is none, or more than one.
pub fn parse_one(text: &str) -> Result<Value, Error> {
    let wrong = |line, message: &str| Error { line, column: 1, message: message.to_owned(), hint: None };
    let mut documents = Documents::new(text);
    let first = documents.next().ok_or_else(|| wrong(1, "there is no document here"))??;
    match documents.next().transpose()? {
        None => Ok(first.value),
        Some(second) => Err(wrong(second.line, "a second document, where only one is expected")),
    }
}

/// The documents of a stream, one at a time. A broken one is an error, and the next one is read as if nothing had
/// happened.
pub struct Documents<'a> {
    /// What has not been cut off yet, and the line it starts at.
    rest: &'a str,
    line: usize,
    /// What was cut off last, and the line it starts at.
    current: Option<(Builder<'a>, usize)>,
}

impl<'a> Documents<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1, current: None }
    }

    /// Some of what comes next: documents of at least so many bytes, or all that are left. Part by part, they are the same.
    pub fn part(&mut self, bytes: usize) -> Option<Self> {
        let (rest, line) = (self.rest, self.line);
        let mut length = 0;
        while length < bytes
            && let Some((document, _)) = self.cut()
        {
            length += document.len();
        }
        (length > 0).then(|| Self { rest: &rest[..length], line, current: None })
    }

    /// Cuts off the next document. A line that starts with `---` or `...` is a boundary wherever it stands, inside a
    /// quoted text too, so this takes no parsing. Anything after a broken document can still be read.
    fn cut(&mut self) -> Option<(&'a str, usize)> {
        if self.rest.is_empty() {
            return None;
        }
        let (first_line, mut length, mut content) = (self.line, 0, false);
        for line in self.rest.split_inclusive('\n') {
            if content && is_marker(line, "---") {
                break;
            }
            length += line.len();
            self.line += 1;
            if is_marker(line, "...") {
                break;
            }
            // Directives and comments belong to the document that follows them.
            content |= !line.starts_with(['%', '#']) && !line.trim_ascii().is_empty();
        }
        let (document, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some((document, first_line))
    }
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

impl Iterator for Documents<'_> {
    type Item = Result<Located, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // One cut can hold several documents: YAML also takes a lone carriage return for a line break.
            if let Some((builder, first_line)) = &mut self.current {
                let first_line = *first_line;
                match builder.document() {
                    Ok(Some(document)) => {
                        return Some(Ok(Located { line: document.line + first_line - 1, ..document }));
                    }
                    Ok(None) => {}
                    Err(error) => {
                        self.current = None;
                        return Some(Err(error.within(first_line, self.line.max(2) - 1)));
                    }
                }
            }
            self.current = None;
            let (text, first_line) = self.cut()?;
            if let Some(document) = usual::document(text) {
                return Some(Ok(Located { line: document.line + first_line - 1, ..document }));
            }
            self.current = Some((Builder::new(text), first_line));
        }
    }
}
