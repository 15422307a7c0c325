//! Messages as documents. The keys are Keploy's; README.md lists them.
use keploy_sdk::{Map, Session, Value};

use crate::{
    body::{Body, Encoded},
    head::{Request, Response},
    headers::Headers,
    reader::Message,
    sse,
    url::{self, Form},
};

/// `scheme` of its URL.
pub fn request(message: Message<Request>, scheme: &str, host: &dyn Session) -> Value {
    let Message { head, body, trailer, .. } = message;
    let url = url::of_target(scheme, &head.target, &head.headers);
    let mut document = Map::new()
        .with("method", head.method)
        .with("proto_major", 1)
        .with("proto_minor", head.minor)
        .with("url", url.url)
        .with("header", head.headers.to_value());
    if url.form == Form::Absolute {
        document.insert("absolute_form", true);
    }
    content(&mut document, &head.headers, body, &trailer, host);
    document.into()
}

pub fn response(message: Message<Response>, host: &dyn Session) -> Value {
    let Message { head, body, trailer, .. } = message;
    let mut document = Map::new()
        .with("status_code", head.status)
        .with("status_message", Value::readable(head.reason))
        .with("proto_major", 1)
        .with("proto_minor", head.minor)
        .with("header", head.headers.to_value());
    content(&mut document, &head.headers, body, &trailer, host);
    if is_event_stream(&head.headers)
        && let Some(events) = document.get("body").and_then(Value::as_str).and_then(sse::events)
    {
        document.insert("body", events);
    }
    document.into()
}

/// A response that the end of the connection broke off, where that is how such a response ends.
pub fn unfinished_response(message: Message<Response>, host: &dyn Session) -> Value {
    let mut document = response(message, host);
    if let Some(document) = document.as_map_mut() {
        document.insert("unfinished", true);
    }
    document
}

/// A stream of events has no end of its own: the client goes when it has seen enough.
pub fn is_event_stream(headers: &Headers) -> bool {
    headers.only("content-type").is_some_and(|value| {
        let kind = value.split(|byte| *byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
    })
}

fn content(document: &mut Map, headers: &Headers, body: Body, trailer: &Headers, host: &dyn Session) {
    let (body, encoded) = body.into_readable(headers, host);
    document.insert("body", body);
    if encoded == Encoded::Yes {
        document.insert("body_encoded", true);
    }
    if !trailer.is_empty() {
        document.insert("trailer", trailer.to_value());
    }
}
