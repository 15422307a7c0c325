//! The values of a document, whatever they are in.

use crate::{Path, Segment, Value, node::Node};

/// Every value that is no collection, and its place; JSON in texts is part of the tree.
pub fn leaves(value: &Value) -> Vec<(Path, Value)> {
    let mut found = Vec::new();
    find(&Node::open(value), &mut Path::default(), &mut found);
    found
}

fn find(node: &Node<'_>, path: &mut Path, found: &mut Vec<(Path, Value)>) {
    let mut below = |segment, node: &Node<'_>| {
        path.0.push(segment);
        find(node, path, found);
        path.0.pop();
    };
    match node {
        Node::Json(json) => find(json, path, found),
        Node::Map(entries) => entries.iter().for_each(|(name, node)| below(Segment::Name(name.to_string()), node)),
        Node::Array(items) => items.iter().enumerate().for_each(|(n, node)| below(Segment::Index(n), node)),
        leaf => found.push((path.clone(), leaf.to_value())),
    }
}
