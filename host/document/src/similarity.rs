//! How near a document comes to another.

use crate::{Noise, Value, node::Node};

/// From 0, nothing in common, to 1000, the same but for `noise`: which recorded request comes nearest to one that was
/// not expected. Every leaf of the tree weighs the same; texts that start and end alike count in part.
pub fn similarity(a: &Value, b: &Value, noise: &Noise) -> u32 {
    let (a, b) = (noise.open(a), noise.open(b));
    if a == b {
        return 1000;
    }
    let Score { common, total } = compare(&a, &b);
    u32::try_from(common / total.max(1)).unwrap_or(999).min(999)
}

#[derive(Clone, Copy, Default)]
struct Score {
    /// In thousandths of a leaf.
    common: u64,
    /// In leaves.
    total: u64,
}

impl Score {
    fn add(self, other: Self) -> Self {
        Self { common: self.common + other.common, total: self.total + other.total }
    }
}

fn compare(a: &Node<'_>, b: &Node<'_>) -> Score {
    match (a, b) {
        (Node::Json(a), Node::Json(b)) => compare(a, b),
        (Node::Map(a), Node::Map(b)) => {
            let (mut score, mut seen) = (Score::default(), 0);
            for (name, node) in a {
                let other = b.binary_search_by(|(n, _)| n.as_ref().cmp(name.as_ref())).ok().map(|at| &b[at].1);
                seen += usize::from(other.is_some());
                score = score.add(other.map_or_else(|| nothing(node), |other| compare(node, other)));
            }
            if seen < b.len() {
                let is_new = |name: &str| a.binary_search_by(|(n, _)| n.as_ref().cmp(name)).is_err();
                score =
                    b.iter().filter(|(name, _)| is_new(name)).fold(score, |score, (_, node)| score.add(nothing(node)));
            }
            // The collection itself is something in common, also an empty one.
            score.add(Score { common: 1000, total: 1 })
        }
        (Node::Array(a), Node::Array(b)) => {
            let both = a.len().min(b.len());
            let score =
                a.iter().zip(b).fold(Score { common: 1000, total: 1 }, |score, (a, b)| score.add(compare(a, b)));
            a[both..].iter().chain(&b[both..]).fold(score, |score, node| score.add(nothing(node)))
        }
        (Node::Text(a), Node::Text(b)) => Score { common: alike(a.as_bytes(), b.as_bytes()), total: 1 },
        (Node::Bytes(a), Node::Bytes(b)) => Score { common: alike(a, b), total: 1 },
        _ if a == b => Score { common: 1000, total: 1 },
        _ => Score { common: 0, total: leaves(a).max(leaves(b)) },
    }
}

fn nothing(node: &Node<'_>) -> Score {
    Score { common: 0, total: leaves(node) }
}

fn leaves(node: &Node<'_>) -> u64 {
    match node {
        Node::Json(json) => leaves(json),
        Node::Array(items) => 1 + items.iter().map(leaves).sum::<u64>(),
        Node::Map(entries) => 1 + entries.iter().map(|(_, node)| leaves(node)).sum::<u64>(),
        _ => 1,
    }
}

/// What two texts share at their start and end, in thousandths of the longer one.
fn alike(a: &[u8], b: &[u8]) -> u64 {
    if a == b {
        return 1000;
    }
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let end = a[start..].iter().rev().zip(b[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    (start + end) as u64 * 1000 / a.len().max(b.len()) as u64
}
