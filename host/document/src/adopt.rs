//! Taking over what changed, and nothing else.

use crate::{
    Map, Noise, Value,
    node::Node,
    spelling::{Collection, Part},
};

/// `recorded` with what `live` has otherwise, except where `noise` covers it. What did not change stays as it is spelled:
/// entries keep their order, JSON in a text its white space and its numbers. A list of another length is taken whole.
pub fn adopt(recorded: &Value, live: &Value, noise: &Noise) -> Value {
    let plain = noise.of_values();
    let then = Side { node: &noise.open(recorded), plain: &plain.open(recorded) };
    let now = Side { node: &noise.open(live), plain: &plain.open(live) };
    value((recorded, then), (live, now))
}

/// A part of one of the two documents, opened.
#[derive(Clone, Copy)]
struct Side<'n> {
    /// What says whether two are equal: lists that have no order are sorted.
    node: &'n Node<'n>,
    /// In the order of the document.
    plain: &'n Node<'n>,
}

impl<'n> Side<'n> {
    fn entry(self, name: &str) -> Option<Self> {
        let of = |node: &'n Node<'n>| match inside(node) {
            Node::Map(entries) => {
                entries.binary_search_by(|(other, _)| other.as_ref().cmp(name)).ok().map(|at| &entries[at].1)
            }
            _ => None,
        };
        Some(Self { node: of(self.node)?, plain: of(self.plain)? })
    }

    /// Below a list that may be sorted, only the order of the document says which is which.
    fn element(self, index: usize) -> Option<Self> {
        match inside(self.plain) {
            Node::Array(items) => items.get(index).map(|item| Self { node: item, plain: item }),
            _ => None,
        }
    }
}

/// What is there, though noise may cover it: on the other side it does not. JSON opened.
fn inside<'n>(node: &'n Node<'n>) -> &'n Node<'n> {
    match node.shown() {
        Node::Json(json) => json,
        node => node,
    }
}

fn value((recorded, then): (&Value, Side<'_>), (live, now): (&Value, Side<'_>)) -> Value {
    if then.node == now.node {
        return recorded.clone();
    }
    match (recorded, live) {
        (Value::Map(old), Value::Map(new)) => {
            let entries = |map: &Map| map.iter().map(|(name, item)| (name.to_owned(), item.clone())).collect();
            let both = |name: &str, old: Value, new: Value| match (then.entry(name), now.entry(name)) {
                (Some(then), Some(now)) => value((&old, then), (&new, now)),
                _ => new,
            };
            Map::from_entries(merge(entries(old), entries(new), both)).map_or_else(|_| live.clone(), Value::Map)
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            let pairs = old.iter().zip(new).enumerate();
            let merged = pairs.map(|(index, (old, new))| match (then.element(index), now.element(index)) {
                (Some(then), Some(now)) => value((old, then), (new, now)),
                _ => new.clone(),
            });
            Value::Array(merged.collect())
        }
        (Value::Text(old), Value::Text(new)) => match (then.plain.shown(), now.plain.shown()) {
            (Node::Json(_), Node::Json(_)) => Value::Text(text((old, then), (new, now))),
            _ => live.clone(),
        },
        _ => live.clone(),
    }
}

/// The same, in the text of a JSON value.
fn text((recorded, then): (&str, Side<'_>), (live, now): (&str, Side<'_>)) -> String {
    if then.node == now.node {
        return recorded.to_owned();
    }
    let (Some(mut old), Some(mut new)) = (Collection::read(recorded), Collection::read(live)) else {
        return live.to_owned();
    };
    let part = |old: Part, new: Part, sides| match sides {
        (Some(then), Some(now)) => Part { label: old.label, value: text((&old.value, then), (&new.value, now)) },
        _ => new,
    };
    let (olds, news) = (std::mem::take(&mut old.parts), std::mem::take(&mut new.parts));
    let parts: Vec<Part> = match (inside(then.plain), inside(now.plain)) {
        (Node::Map(_), Node::Map(_)) => {
            let named = |parts: Vec<Part>| parts.into_iter().map(|part| (part.name(), part)).collect();
            let both = |name: &str, old, new| part(old, new, (then.entry(name), now.entry(name)));
            merge(named(olds), named(news), both).into_iter().map(|(_, part)| part).collect()
        }
        (Node::Array(_), Node::Array(_)) if olds.len() == news.len() => {
            let pairs = olds.into_iter().zip(news).enumerate();
            pairs.map(|(index, (old, new))| part(old, new, (then.element(index), now.element(index)))).collect()
        }
        _ => return live.to_owned(),
    };
    old.write(&parts, &new)
}

/// What `new` has, in the order of `old`; what is only in `new` stands behind what it stands behind there.
fn merge<T>(old: Vec<(String, T)>, mut new: Vec<(String, T)>, both: impl Fn(&str, T, T) -> T) -> Vec<(String, T)> {
    let names: Vec<String> = new.iter().map(|(name, _)| name.clone()).collect();
    let mut merged: Vec<(String, T)> = Vec::with_capacity(new.len());
    for (name, then) in old {
        if let Some(at) = new.iter().position(|(other, _)| *other == name) {
            let (_, now) = new.remove(at);
            let item = both(&name, then, now);
            merged.push((name, item));
        }
    }
    for (name, item) in new {
        let before = names.iter().take_while(|other| **other != name).last();
        let at = before.and_then(|before| merged.iter().position(|(other, _)| other == before));
        merged.insert(at.map_or(0, |at| at + 1), (name, item));
    }
    merged
}
