//! The part of YAML that nearly all of our documents are written in, read without the YAML reader: ten times as fast, which a
//! large recording needs.
//!
//! Maps and lists in block style, one name or value a line, plain or in quotes without escapes. Whatever else stands in a
//! document makes it none of these, and the reader proper reads it, or says what is wrong with it. *Invariant: what is read
//! here, the reader proper reads the same.*

use std::borrow::Cow;

use super::{Located, scalar};
use crate::{Map, Value};

/// Deeper documents are for the reader proper, which does not recurse.
const DEPTH: usize = 64;

/// The document in `text`, lines counted from 1; none when it is not of the usual kind.
pub(super) fn document(text: &str) -> Option<Located> {
    // Others have line breaks, marks and invisible characters that YAML has rules for.
    if !text.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')) {
        return None;
    }
    let mut lines = Lines { rest: text, number: 0, next: None };
    lines.advance();
    while lines.next.is_some_and(|line| line.indent == 0 && (line.text.starts_with('#') || line.text == "---")) {
        lines.advance();
    }
    let line = lines.next.filter(|line| line.indent == 0 && !line.is_item())?.number;
    let value = lines.map(0, 0)?;
    lines.next.is_none().then_some(Located { line, value })
}

/// The lines that are still to be read.
struct Lines<'a> {
    rest: &'a str,
    /// Of `next`.
    number: usize,
    next: Option<Line<'a>>,
}

#[derive(Clone, Copy)]
struct Line<'a> {
    number: usize,
    indent: usize,
    /// Without the indent.
    text: &'a str,
}

impl Line<'_> {
    fn is_item(self) -> bool {
        self.text.starts_with("- ")
    }
}

impl<'a> Lines<'a> {
    fn advance(&mut self) {
        self.number += 1;
        self.next = if self.rest.is_empty() {
            None
        } else {
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            self.rest = rest;
            let text = line.trim_start_matches(' ');
            Some(Line { number: self.number, indent: line.len() - text.len(), text })
        };
    }

    /// A value goes on where a line is further in: that is for the reader proper.
    fn ends_before(&self, indent: usize) -> Option<()> {
        self.next.is_none_or(|line| line.indent <= indent).then_some(())
    }

    fn map(&mut self, indent: usize, depth: usize) -> Option<Value> {
        let mut entries = Vec::new();
        while let Some(line) = self.next.filter(|line| line.indent == indent && !line.is_item()) {
            let (name, value) = entry(line.text)?;
            self.advance();
            entries.push((name.to_owned(), self.value_of(value, indent, depth)?));
        }
        self.ends_before(indent)?;
        (!entries.is_empty()).then_some(Value::Map(Map::from_entries(entries).ok()?))
    }

    /// What stands behind a name at `indent`, or below it.
    fn value_of(&mut self, written: &str, indent: usize, depth: usize) -> Option<Value> {
        if !written.is_empty() {
            self.ends_before(indent)?;
            return value(written);
        }
        match self.next {
            _ if depth == DEPTH => None,
            Some(line) if line.indent > indent && line.is_item() => self.list(line.indent, depth + 1),
            Some(line) if line.indent > indent => self.map(line.indent, depth + 1),
            Some(line) if line.indent == indent && line.is_item() => self.list(indent, depth + 1),
            _ => Some(Value::Null),
        }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        while let Some(line) = self.next.filter(|line| line.indent == indent && line.is_item()) {
            let text = &line.text[2..];
            if depth == DEPTH || text.starts_with([' ', '-']) {
                return None;
            }
            if entry(text).is_some() {
                // A map that begins on the item's own line.
                self.next = Some(Line { indent: indent + 2, text, ..line });
                let mut item = self.map(indent + 2, depth + 1)?;
                if depth == 1 {
                    // Of a list that is most of the file (`tests` in mappings), one item at a time is a tree.
                    item.pack();
                }
                items.push(item);
            } else {
                self.advance();
                self.ends_before(indent)?;
                items.push(value(text)?);
            }
        }
        self.ends_before(indent)?;
        Some(Value::Array(items))
    }
}

/// The name in a line, and what stands behind it, which may be nothing.
fn entry(line: &str) -> Option<(&str, &str)> {
    /// YAML looks no further for the colon.
    const LONGEST: usize = 1000;
    let (name, behind) = match line.strip_prefix('"') {
        Some(quoted) => {
            let (name, behind) = quoted.split_once('"')?;
            (name, behind.strip_prefix(':')?)
        }
        None => {
            let (name, behind) = line.split_once(':')?;
            if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
                return None;
            }
            (name, behind)
        }
    };
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'*');
    if name.is_empty() || name.len() > LONGEST || !name.bytes().all(is_usual) {
        return None;
    }
    match behind.strip_prefix(' ') {
        Some(value) if !value.starts_with(' ') && !value.is_empty() => Some((name, value)),
        None if behind.is_empty() => Some((name, "")),
        _ => None,
    }
}

/// A value that stands on one line.
fn value(text: &str) -> Option<Value> {
    let bytes = text.as_bytes();
    match bytes {
        b"{}" => return Some(Value::Map(Map::new())),
        b"[]" => return Some(Value::Array(Vec::new())),
        [b'"', inner @ .., b'"'] if inner.iter().all(|byte| !matches!(byte, b'"' | b'\\')) => {
            return Some(text[1..text.len() - 1].into());
        }
        [b'\'', inner @ .., b'\''] if !inner.contains(&b'\'') => return Some(text[1..text.len() - 1].into()),
        [first, ..] if first.is_ascii_alphanumeric() || matches!(first, b'/' | b'_' | b'.' | b'$' | b'(') => {}
        _ => return None,
    }
    let ends = matches!(bytes.last(), Some(b' ' | b':'));
    let means_more = bytes.windows(2).any(|pair| pair == b": " || pair == b" #");
    (!ends && !means_more && !text.starts_with("...")).then(|| scalar::resolve(Cow::Borrowed(text)))
}
