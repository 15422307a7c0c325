//! What is left of a document when everything is gone that may differ from one call of a kind to the next.
use document::{Hash, Map, Value, hash};

use crate::text::{self, Sort};

/// Equal for documents that differ in numbers, times and words with digits in them only: the same statement with other
/// values, the same command for another key.
pub fn shape(value: &Value) -> Hash {
    hash(&without_values(value))
}

/// Equal for documents that say the same at different times.
pub fn timeless(value: &Value) -> Hash {
    hash(&without_times(value))
}

fn without_times(value: &Value) -> Value {
    match value {
        Value::Text(text) => {
            let parts = text::parts(text);
            parts.iter().map(|part| if part.sort == Sort::Time { "0" } else { part.text }).collect::<String>().into()
        }
        Value::Array(items) => items.iter().map(without_times).collect::<Vec<_>>().into(),
        Value::Map(map) => {
            map.iter().map(|(name, item)| (name.to_owned(), without_times(item))).collect::<Map>().into()
        }
        other => other.clone(),
    }
}

fn without_values(value: &Value) -> Value {
    match value {
        Value::Int(_) | Value::Float(_) => Value::Int(0),
        Value::Bytes(_) | Value::Blob(_) => Value::Null,
        Value::Text(text) => text_without_values(text).into(),
        Value::Array(items) => items.iter().map(without_values).collect::<Vec<_>>().into(),
        Value::Map(map) => {
            map.iter().map(|(name, item)| (name.to_owned(), without_values(item))).collect::<Map>().into()
        }
        other => other.clone(),
    }
}

fn text_without_values(text: &str) -> String {
    let word =
        |word: &str| if word.bytes().any(|byte| byte.is_ascii_digit()) { "0".to_owned() } else { word.to_owned() };
    let part = |part: &text::Part<'_>| match part.sort {
        Sort::Between => part.text.to_owned(),
        Sort::Time | Sort::Jwt => "0".to_owned(),
        Sort::Word => word(part.text),
    };
    text::parts(text).iter().map(part).collect()
}
