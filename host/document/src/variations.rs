//! A document with one value changed: what should be noticed.

use crate::{Map, Path, Segment, Value, spelling::Collection};

/// `value` with one of its texts, numbers or booleans changed to another of the same kind, for each of them: its place and
/// the whole. JSON in texts is changed inside. At most `limit` of them, in the order of the document.
pub fn variations(value: &Value, limit: usize) -> Vec<(Path, Value)> {
    let mut places = Vec::new();
    find(value, &mut Path::default(), &mut places);
    places.truncate(limit);
    places.into_iter().map(|(path, leaf)| (path.clone(), with(value, &path.0, &leaf))).collect()
}

/// The places of what can be changed, and what each becomes.
fn find(value: &Value, path: &mut Path, found: &mut Vec<(Path, Value)>) {
    let mut below = |segment, item: &Value| {
        path.0.push(segment);
        find(item, path, found);
        path.0.pop();
    };
    match value {
        Value::Map(map) => map.iter().for_each(|(name, item)| below(Segment::Name(name.to_owned()), item)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| below(Segment::Index(n), item)),
        Value::Text(text) if crate::json::parse(text, crate::node::MAX_DEPTH, |part| part).is_some() => {
            find_json(text, &|inner| inner, path, found);
        }
        Value::Text(text) => found.push((path.clone(), Value::Text(other_text(text)))),
        Value::Int(n) => found.push((path.clone(), Value::Int(n + 1))),
        Value::Float(n) => found.push((path.clone(), Value::Float(n + 1.0))),
        Value::Bool(b) => found.push((path.clone(), Value::Bool(!b))),
        Value::Bytes(bytes) if !bytes.is_empty() => {
            let mut bytes = bytes.clone();
            bytes[0] ^= 1;
            found.push((path.clone(), Value::Bytes(bytes)));
        }
        Value::Null | Value::Bytes(_) | Value::Blob(_) => {}
    }
}

/// In a JSON value; `around` puts what it becomes into the whole text.
fn find_json(text: &str, around: &dyn Fn(String) -> String, path: &mut Path, found: &mut Vec<(Path, Value)>) {
    let Some(collection) = Collection::read(text) else {
        if let Some(other) = other_json(text) {
            found.push((path.clone(), Value::Text(around(other))));
        }
        return;
    };
    for (n, part) in collection.parts.iter().enumerate() {
        path.0.push(if part.label.is_empty() { Segment::Index(n) } else { Segment::Name(part.name()) });
        let inner = |value: String| around(collection.with_value(n, value));
        find_json(&part.value, &inner, path, found);
        path.0.pop();
    }
}

fn with(value: &Value, path: &[Segment], leaf: &Value) -> Value {
    match (value, path) {
        (Value::Map(map), [Segment::Name(name), rest @ ..]) => {
            let entry = |(key, item): (&str, &Value)| {
                (key.to_owned(), if key == name { with(item, rest, leaf) } else { item.clone() })
            };
            Value::Map(map.iter().map(entry).collect::<Map>())
        }
        (Value::Array(items), [Segment::Index(at), rest @ ..]) => {
            let item = |(n, item): (usize, &Value)| if n == *at { with(item, rest, leaf) } else { item.clone() };
            Value::Array(items.iter().enumerate().map(item).collect())
        }
        // A place inside of JSON: the leaf is the whole text.
        _ => leaf.clone(),
    }
}

/// The first letter or digit is another one.
fn other_text(text: &str) -> String {
    let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_ascii_alphanumeric()) else { return format!("{text}x") };
    let other = match c {
        '9' => '8',
        'z' => 'y',
        'Z' => 'Y',
        c => char::from(c as u8 + 1),
    };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

/// Of a JSON value that is no collection; none for null.
fn other_json(text: &str) -> Option<String> {
    match text {
        "null" => None,
        "true" => Some("false".to_owned()),
        "false" => Some("true".to_owned()),
        "\"\"" => Some("\"x\"".to_owned()),
        // An escape begins with a letter that is none of the text's.
        _ if text.starts_with("\"\\") => Some(format!("\"x{}", &text[1..])),
        _ => Some(other_text(text)),
    }
}
