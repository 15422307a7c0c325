//! The form of a document that is compared: what means the same looks the same.
use base64::{Engine as _, alphabet::STANDARD, engine};
use keploy_sdk::{Map, Part, Value};

/// What a client accepts is for the mock to honour; `te` never varies.
const NOT_SAID: [&str; 3] = ["te", "grpc-accept-encoding", "accept-encoding"];

/// See README.md, "What is compared", for the reasons.
pub fn of(part: Part, mut document: Value) -> Value {
    let Some(map) = document.as_map_mut() else { return document };
    map.remove("stream");
    if has_heard_enough(map) {
        map.remove("cancelled");
    }
    for part in ["headers", "trailers"] {
        let Some(headers) = map.get_mut(part).and_then(Value::as_map_mut) else { continue };
        if let Some(pseudo) = headers.get_mut("pseudo_headers").and_then(Value::as_map_mut) {
            pseudo.remove(":scheme");
        }
        if let Some(ordinary) = headers.get_mut("ordinary_headers").and_then(Value::as_map_mut) {
            fold(ordinary);
        }
    }
    match map.get_mut("body") {
        Some(Value::Array(bodies)) => bodies.iter_mut().for_each(|body| plain(body, part)),
        Some(body) => plain(body, part),
        None => {}
    }
    document
}

/// A client that was answered and has nothing more to say ends its half, or goes: often both at once, and then it is up to
/// timing which of them is seen.
fn has_heard_enough(request: &Map) -> bool {
    let is_later = request.get("turn").and_then(Value::as_int).is_some_and(|turn| turn > 1);
    is_later && matches!(request.get("body"), Some(Value::Array(messages)) if messages.is_empty())
}

fn fold(headers: &mut Map) {
    NOT_SAID.iter().for_each(|name| drop(headers.remove(name)));
    if let Some(left) = headers.get_mut("grpc-timeout") {
        // What is left of a deadline is another number each time; that there is one is not.
        *left = "set".into();
    }
    for (_, value) in headers.iter_mut().filter(|(name, _)| name.ends_with("-bin")) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(unarmoured),
            value => unarmoured(value),
        }
    }
}

/// Bytes in metadata go over the wire in base64 with or without padding, or, between some, as they are, behind a zero.
fn unarmoured(value: &mut Value) {
    const ANY: engine::GeneralPurposeConfig =
        engine::GeneralPurposeConfig::new().with_decode_padding_mode(engine::DecodePaddingMode::Indifferent);
    let bytes = match value.as_raw() {
        Some([0, bytes @ ..]) => Some(bytes.to_vec()),
        Some(text) => engine::GeneralPurpose::new(&STANDARD, ANY).decode(text).ok(),
        None => None,
    };
    if let Some(bytes) = bytes {
        *value = Value::readable(bytes);
    }
}

/// A library compresses what is worth it: that is not the application's doing.
fn plain(body: &mut Value, part: Part) {
    if let Some(body) = body.as_map_mut() {
        body.remove("message_length");
        if part == Part::Request || body.get("compression_flag") == Some(&Value::Int(0)) {
            body.remove("compression_flag");
        }
    }
}
