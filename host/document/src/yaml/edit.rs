//! Changing a document where it stands: comments, order and spelling of all else stay.

use granit_parser::{Event, Parser};

use super::emit;
use crate::{Map, Value};

/// `text`, in which the document that starts at the line `document` ([`Located`](super::Located)) and reads as `old` is
/// changed so that it reads as `new`. Only lines of entries that differ are written again. None when it is written in a way
/// that cannot be changed in place: with aliases, or within braces.
pub fn edit(text: &str, document: usize, old: &Value, new: &Value) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = document.saturating_sub(1);
    let start: usize = lines.iter().take(first).map(|line| line.len()).sum();
    let tree = Tree::read(&text[start..], first)?;
    let mut editor = Editor { lines: &lines, edits: Vec::new() };
    if old != new {
        editor.node(&tree, old, new)?;
    }
    let mut edited: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
    editor.edits.sort_by_key(|edit| (edit.from, edit.to));
    for Edit { from, to, text } in editor.edits.into_iter().rev() {
        edited.splice(from..to, [text]);
    }
    Some(edited.concat())
}

/// Where a node stands: lines from 0, and columns.
struct Tree {
    line: usize,
    column: usize,
    /// Where it ends, of a scalar.
    end: (usize, usize),
    what: What,
}

enum What {
    Scalar,
    /// By name, with the place of the name.
    Entries(Vec<(String, (usize, usize), Tree)>),
    Elements(Vec<Tree>),
}

impl Tree {
    fn read(text: &str, first: usize) -> Option<Self> {
        let mut events = Parser::new_from_str(text)
            .map_while(Result::ok)
            .filter(|(event, _)| event.is_node() || matches!(event, Event::MappingEnd | Event::SequenceEnd));
        Self::node(&mut events, first, None)
    }

    fn node<'e>(
        events: &mut impl Iterator<Item = (Event<'e>, granit_parser::Span)>,
        first: usize,
        begun: Option<(Event<'e>, granit_parser::Span)>,
    ) -> Option<Self> {
        let (event, span) = match begun {
            Some(begun) => begun,
            None => events.next()?,
        };
        let place = |marker: granit_parser::Marker| (first + marker.line() - 1, marker.col());
        let (line, column) = place(span.start);
        let what = match event {
            Event::Scalar(..) => What::Scalar,
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                loop {
                    let (key, span) = events.next()?;
                    if matches!(key, Event::MappingEnd) {
                        break What::Entries(entries);
                    }
                    let (name, _) = key.scalar()?;
                    entries.push((name.to_owned(), place(span.start), Self::node(events, first, None)?));
                }
            }
            Event::SequenceStart(..) => {
                let mut elements = Vec::new();
                loop {
                    let begun = events.next()?;
                    if matches!(begun.0, Event::SequenceEnd) {
                        break What::Elements(elements);
                    }
                    elements.push(Self::node(events, first, Some(begun))?);
                }
            }
            _ => return None,
        };
        Some(Self { line, column, end: place(span.end), what })
    }
}

/// Lines that become others.
struct Edit {
    from: usize,
    to: usize,
    text: String,
}

struct Editor<'t> {
    lines: &'t [&'t str],
    edits: Vec<Edit>,
}

impl Editor<'_> {
    /// None: this node cannot be changed in place, but what it is in may be written again.
    fn node(&mut self, tree: &Tree, old: &Value, new: &Value) -> Option<()> {
        match (&tree.what, old, new) {
            (What::Entries(entries), Value::Map(old), Value::Map(new))
                if !new.is_empty() && self.is_block(entries.first().map(|(_, place, _)| *place), tree) =>
            {
                self.entries(entries, old, new)
            }
            (What::Elements(elements), Value::Array(old), Value::Array(new)) if !new.is_empty() => {
                let column = self.dash(elements.first()?)?;
                self.elements(column, elements, old, new)
            }
            _ => None,
        }
    }

    fn entries(&mut self, entries: &[(String, (usize, usize), Tree)], old: &Map, new: &Map) -> Option<()> {
        let column = entries.first()?.1.1;
        let begun = self.edits.len();
        let mut behind = None;
        for (name, (line, _), tree) in entries {
            let end = self.end(*line, column, false);
            let indented = self.lines[*line].chars().take(column).all(|c| c == ' ');
            match (old.get(name)?, new.get(name)) {
                (old, Some(new)) if old == new => {}
                // Spaces and dashes in front of it belong to what it is in.
                (_, None) if !indented => return self.undo(begun),
                (_, None) => self.edits.push(Edit { from: *line, to: end, text: String::new() }),
                (old, Some(new)) => {
                    let within = self.edits.len();
                    if self.node(tree, old, new).is_none() {
                        self.edits.truncate(within);
                        let entry = Value::from(Map::new().with(name.as_str(), new.clone()));
                        let text = self.written(*line, column, &entry, Some(tree));
                        self.edits.push(Edit { from: *line, to: end, text });
                    }
                }
            }
            behind = Some((name, end));
        }
        let known = |name: &str| entries.iter().any(|(other, ..)| other == name);
        let added: Vec<(&str, &Value)> = new.iter().filter(|(name, _)| !known(name)).collect();
        for (name, value) in added {
            let before =
                new.iter().map(|(name, _)| name).take_while(|other| *other != name).filter(|other| known(other)).last();
            let place = entries.iter().find(|(other, ..)| Some(other.as_str()) == before);
            let at = place.map(|(_, (line, _), _)| self.end(*line, column, false)).or(behind.map(|(_, end)| end))?;
            let entry = Value::from(Map::new().with(name, value.clone()));
            self.edits.push(Edit { from: at, to: at, text: indented(&emit(&entry), column) });
        }
        Some(())
    }

    fn elements(&mut self, column: usize, elements: &[Tree], old: &[Value], new: &[Value]) -> Option<()> {
        let begun = self.edits.len();
        if old.len() == new.len() {
            for (tree, (old, new)) in elements.iter().zip(old.iter().zip(new)).filter(|(_, (old, new))| old != new) {
                let within = self.edits.len();
                if self.node(tree, old, new).is_none() {
                    self.edits.truncate(within);
                    let element = Value::from(vec![new.clone()]);
                    let text = self.written(tree.line, column, &element, Some(tree));
                    self.edits.push(Edit { from: tree.line, to: self.end(tree.line, column, true), text });
                }
            }
            return Some(());
        }
        // Some of them are gone.
        let mut left = new.iter().peekable();
        for (tree, old) in elements.iter().zip(old) {
            if left.next_if(|new| *new == old).is_some() {
                continue;
            }
            let is_inline = self.lines[tree.line].chars().take(column).any(|c| c != ' ');
            if self.dash(tree) != Some(column) || is_inline {
                return self.undo(begun);
            }
            self.edits.push(Edit { from: tree.line, to: self.end(tree.line, column, true), text: String::new() });
        }
        if left.next().is_some() { self.undo(begun) } else { Some(()) }
    }

    fn undo(&mut self, begun: usize) -> Option<()> {
        self.edits.truncate(begun);
        None
    }

    /// Braces stand where the mapping begins; in a block, its first name does.
    fn is_block(&self, first: Option<(usize, usize)>, tree: &Tree) -> bool {
        first == Some((tree.line, tree.column)) && self.at(tree.line, tree.column) != Some('{')
    }

    /// The column of the dash in front of an element, on the same line.
    fn dash(&self, element: &Tree) -> Option<usize> {
        let before: Vec<char> = self.lines.get(element.line)?.chars().take(element.column).collect();
        let at = before.iter().rposition(|c| *c != ' ')?;
        (before[at] == '-').then_some(at)
    }

    fn at(&self, line: usize, column: usize) -> Option<char> {
        self.lines.get(line)?.chars().nth(column)
    }

    /// The line behind an entry or element that starts at a line and column. Comments behind it are the next one's.
    fn end(&self, line: usize, column: usize, is_element: bool) -> usize {
        let content = |text: &str| text.trim_end_matches(['\n', '\r']).len();
        let belongs = |text: &str| {
            let indent = text.len() - text.trim_start_matches(' ').len();
            let dash = indent == column && !is_element && text[indent..].starts_with("- ");
            content(text) == 0 || indent > column || dash
        };
        let mut end = line + 1;
        while self.lines.get(end).is_some_and(|text| belongs(text)) {
            end += 1;
        }
        let is_kept = self.lines[line].trim_end().ends_with('+');
        while end > line + 1 && !is_kept && content(self.lines[end - 1]) == 0 {
            end -= 1;
        }
        end
    }

    /// What stands there from now on, with what stands in front of it, and the comment behind a value on the same line.
    fn written(&self, line: usize, column: usize, value: &Value, tree: Option<&Tree>) -> String {
        let before: String = self.lines[line].chars().take(column).collect();
        let text = indented(&emit(value), column);
        let mut text = format!("{before}{}", text.trim_start_matches(' '));
        if let Some(tree) = tree.filter(|tree| matches!(tree.what, What::Scalar) && tree.end.0 == line) {
            let rest: String = self.lines[line].chars().skip(tree.end.1).collect();
            if rest.trim_start().starts_with('#') && text.lines().count() == 1 {
                text = format!("{}{}\n", text.trim_end(), rest.trim_end());
            }
        }
        text
    }
}

fn indented(text: &str, column: usize) -> String {
    let pad = " ".repeat(column);
    let line = |line: &str| if line.trim().is_empty() { line.to_owned() } else { format!("{pad}{line}") };
    text.split_inclusive('\n').map(line).collect()
}
