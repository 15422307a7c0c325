//! What changed between two documents.

use std::collections::HashMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::{Noise, Path, Value, node::Node, path::Segment};

/// One place in which two documents differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// `body.items[0].id`; empty for the whole document. Elements count from 0: those that are `Added` where they are
    /// now, all others where they were expected.
    pub path: String,
    pub kind: DifferenceKind,
    /// None when `Added`.
    pub expected: Option<Value>,
    /// None when `Missing`.
    pub actual: Option<Value>,
    /// Where a rule nearly allowed it: why it did not. Empty here, for whoever knows rules.
    pub why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DifferenceKind {
    /// Expected, and not there.
    Missing,
    /// There, and not expected.
    Added,
    /// Another value of the same kind.
    Changed,
    /// A value of another kind: `1` for `"1"`, `1.0` for `1`, or any text for JSON.
    TypeChanged,
}

/// What counts as a difference.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiffOptions {
    /// Elements of JSON arrays may change places.
    pub ignore_ordering: bool,
}

/// What `actual` has otherwise than `expected`, where `noise` does not cover it. Sorted by name, elements in their
/// order. What makes no difference is said at [`hash`](crate::hash()).
///
/// A text that holds JSON on both sides is compared as a tree; other texts as a whole. In arrays, elements that are the
/// same on both sides are found first, so that one insertion is one difference.
pub fn diff(expected: &Value, actual: &Value, noise: &Noise, options: DiffOptions) -> Vec<Difference> {
    let mut search = Search { options, path: Path::default(), in_json: false, found: Vec::new() };
    search.compare(&noise.open(expected), &noise.open(actual));
    search.found
}

/// The lists that have the same elements in another order, as patterns for [`Noise::unordered`].
pub fn reordered(expected: &Value, actual: &Value, noise: &Noise) -> Vec<String> {
    let mut found = Vec::new();
    find_reordered(&noise.open(expected), &noise.open(actual), &mut Path::default(), &mut found);
    found
}

fn find_reordered(expected: &Node<'_>, actual: &Node<'_>, path: &mut Path, found: &mut Vec<String>) {
    match (expected.shown(), actual.shown()) {
        (Node::Json(expected), Node::Json(actual)) => find_reordered(expected, actual, path, found),
        (Node::Map(expected), Node::Map(actual)) => {
            for (name, expected) in expected {
                if let Ok(at) = actual.binary_search_by(|(other, _)| other.cmp(name)) {
                    path.0.push(Segment::Name(name.to_string()));
                    find_reordered(expected, &actual[at].1, path, found);
                    path.0.pop();
                }
            }
        }
        (Node::Array(expected), Node::Array(actual)) if expected.len() == actual.len() && expected != actual => {
            let [mut then, mut now] = [Node::Array(expected.clone()), Node::Array(actual.clone())];
            then.sort();
            now.sort();
            if then == now {
                return found.push(path.to_string());
            }
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                path.0.push(Segment::Index(index));
                find_reordered(expected, actual, path, found);
                path.0.pop();
            }
        }
        _ => {}
    }
}

struct Search {
    options: DiffOptions,
    path: Path,
    in_json: bool,
    found: Vec<Difference>,
}

impl Search {
    fn compare(&mut self, expected: &Node<'_>, actual: &Node<'_>) {
        if expected == actual {
            return;
        }
        // Noise on one side only: what it hides is what changed.
        match (expected.shown(), actual.shown()) {
            (Node::Json(expected), Node::Json(actual)) => {
                let outside = std::mem::replace(&mut self.in_json, true);
                self.compare(expected, actual);
                self.in_json = outside;
            }
            (Node::Map(expected), Node::Map(actual)) => self.compare_entries(expected, actual),
            (Node::Array(expected), Node::Array(actual)) if self.in_json && self.options.ignore_ordering => {
                self.compare_unordered(expected, actual);
            }
            (Node::Array(expected), Node::Array(actual)) => self.compare_elements(expected, actual),
            (expected, actual) => {
                let kind =
                    if kind(expected) == kind(actual) { DifferenceKind::Changed } else { DifferenceKind::TypeChanged };
                self.report(kind, Some(expected), Some(actual));
            }
        }
    }

    /// Both by name.
    fn compare_entries(&mut self, expected: &[(impl AsRef<str>, Node<'_>)], actual: &[(impl AsRef<str>, Node<'_>)]) {
        let (mut expected, mut actual) = (expected.iter().peekable(), actual.iter().peekable());
        loop {
            let order = match (expected.peek(), actual.peek()) {
                (None, None) => return,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(e), Some(a)) => e.0.as_ref().cmp(a.0.as_ref()),
            };
            let expected = if order.is_le() { expected.next() } else { None };
            let actual = if order.is_ge() { actual.next() } else { None };
            let name = expected.map(|e| e.0.as_ref()).or(actual.map(|a| a.0.as_ref())).unwrap_or_default();
            self.below(Segment::Name(name.to_owned()), expected.map(|e| &e.1), actual.map(|a| &a.1));
        }
    }

    fn compare_elements(&mut self, expected: &[Node<'_>], actual: &[Node<'_>]) {
        // The parameters of a statement, the arguments of a command: each place has a meaning.
        if !self.in_json && expected.len() == actual.len() {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                self.below(Segment::Index(index), Some(expected), Some(actual));
            }
            return;
        }
        for op in align(expected, actual) {
            let (_, old, new) = op.as_tag_tuple();
            if matches!(op, DiffOp::Equal { .. }) {
                continue;
            }
            for step in 0..old.len().max(new.len()) {
                let (old, new) = (old.start + step, new.start + step);
                let (e, a) = (op.old_range().contains(&old), op.new_range().contains(&new));
                self.below(
                    Segment::Index(if e { old } else { new }),
                    e.then(|| &expected[old]),
                    a.then(|| &actual[new]),
                );
            }
        }
    }

    /// Takes away what is on both sides, wherever it stands; what is left is compared in its order.
    fn compare_unordered(&mut self, expected: &[Node<'_>], actual: &[Node<'_>]) {
        let mut left: HashMap<Node<'_>, Vec<usize>> = HashMap::new();
        for (index, node) in actual.iter().enumerate().rev() {
            left.entry(unordered(node)).or_default().push(index);
        }
        let mut is_left = |node| left.get_mut(&unordered(node)).is_some_and(|indices| indices.pop().is_some());
        let missing: Vec<_> = expected.iter().enumerate().filter(|(_, node)| !is_left(*node)).collect();
        let mut added: Vec<usize> = left.into_values().flatten().collect();
        added.sort_unstable();
        for step in 0..missing.len().max(added.len()) {
            let (e, a) = (missing.get(step), added.get(step));
            let index = e.map(|e| e.0).or(a.copied()).unwrap_or_default();
            self.below(Segment::Index(index), e.map(|e| e.1), a.map(|&a| &actual[a]));
        }
    }

    fn below(&mut self, segment: Segment, expected: Option<&Node<'_>>, actual: Option<&Node<'_>>) {
        self.path.0.push(segment);
        match (expected, actual) {
            (Some(expected), Some(actual)) => self.compare(expected, actual),
            (Some(expected), None) => self.report(DifferenceKind::Missing, Some(expected), None),
            (None, actual) => self.report(DifferenceKind::Added, None, actual),
        }
        self.path.0.pop();
    }

    fn report(&mut self, kind: DifferenceKind, expected: Option<&Node<'_>>, actual: Option<&Node<'_>>) {
        let value = |node: &Node<'_>| node.shown().to_value();
        let path = self.path.to_string();
        self.found.push(Difference { path, kind, expected: expected.map(value), actual: actual.map(value), why: None });
    }
}

/// What a client with types would tell apart; JSON without looking at its value.
fn kind(node: &Node<'_>) -> &'static str {
    match node {
        Node::Null => "null",
        Node::Bool(_) => "boolean",
        Node::Int(_) => "integer",
        Node::Number(digits) if !digits.contains('e') => "integer",
        Node::Float(_) | Node::Number(_) => "float",
        Node::Text(_) | Node::Noise(_) => "text",
        Node::Json(_) => "json",
        Node::Bytes(_) | Node::Blob { .. } => "binary",
        Node::Array(_) => "array",
        Node::Map(_) => "map",
    }
}

/// Which elements are the same on both sides. Large arrays without much in common are compared in pairs: looking for
/// the shortest explanation takes time that grows with their square.
fn align(expected: &[Node<'_>], actual: &[Node<'_>]) -> Vec<DiffOp> {
    const LIMIT: usize = 4_000_000;
    let start = expected.iter().zip(actual).take_while(|(e, a)| e == a).count();
    let end = expected[start..].iter().rev().zip(actual[start..].iter().rev()).take_while(|(e, a)| e == a).count();
    let (old_len, new_len) = (expected.len() - start - end, actual.len() - start - end);
    if old_len.saturating_mul(new_len) > LIMIT {
        return vec![DiffOp::Replace { old_index: start, old_len, new_index: start, new_len }];
    }
    capture_diff_slices(Algorithm::Myers, expected, actual)
}

/// The node with all arrays sorted: equal when the order of elements is all that differs.
fn unordered<'a>(node: &Node<'a>) -> Node<'a> {
    match node {
        Node::Array(items) => {
            let mut items: Vec<_> = items.iter().map(unordered).collect();
            items.sort_unstable();
            Node::Array(items)
        }
        Node::Map(entries) => Node::Map(entries.iter().map(|(name, node)| (name.clone(), unordered(node))).collect()),
        Node::Json(json) => Node::Json(Box::new(unordered(json))),
        leaf => leaf.clone(),
    }
}
