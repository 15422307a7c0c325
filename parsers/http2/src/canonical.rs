//! The form of a document that is compared: what means the same looks the same.
use keploy_sdk::{Part, Value};

/// See README.md, "What is compared", for the reasons.
pub fn of(part: Part, mut document: Value) -> Value {
    let Some(map) = document.as_map_mut() else { return document };
    let is_empty = map.get("body").is_none_or(|body| body.as_raw().is_some_and(<[u8]>::is_empty));
    if let Some(header) = map.get_mut("header").and_then(Value::as_map_mut) {
        // Beside an empty body it may say what HEAD is for: the length there would be.
        if !is_empty || part == Part::Request {
            header.remove("content-length");
        }
        if part == Part::Request {
            header.remove("accept-encoding");
            header.remove("te");
        }
    }
    document
}
