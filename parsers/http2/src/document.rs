//! Messages as documents, and back. The keys are those of HTTP/1's documents; README.md lists them.
use http2_wire::{Code, Fields, MAX_BODY};
use keploy_sdk::{Map, Session, Value};

use crate::message::{End, Message};

/// What goes out on a stream.
pub struct Outgoing {
    pub head: Fields,
    pub body: Vec<u8>,
    pub trailer: Option<Fields>,
    pub reset: Option<Code>,
    /// It has no end of its own.
    pub is_unfinished: bool,
}

pub fn request(message: &Message, host: &dyn Session) -> Value {
    let none = Fields::default();
    let (pseudo, ordinary) = message.head.as_ref().unwrap_or(&none).split();
    let text = |name: &str| pseudo.text(name).unwrap_or_default();
    let path = text(":path");
    let url = match (text(":scheme"), text(":authority")) {
        // CONNECT has only an authority.
        ("", authority) => authority.to_owned(),
        (scheme, authority) => format!("{scheme}://{authority}{path}"),
    };
    let mut document = Map::new()
        .with("method", text(":method"))
        .with("proto_major", 2)
        .with("proto_minor", 0)
        .with("url", url)
        .with("header", ordinary.to_value());
    if let Some(protocol) = pseudo.text(":protocol") {
        document.insert("protocol", protocol);
    }
    content(&mut document, message, &ordinary, host);
    document.into()
}

pub fn response(message: &Message, host: &dyn Session) -> Value {
    let none = Fields::default();
    let (pseudo, ordinary) = message.head.as_ref().unwrap_or(&none).split();
    let status: u16 = pseudo.text(":status").and_then(|status| status.parse().ok()).unwrap_or_default();
    let mut document = Map::new();
    if message.head.is_some() {
        document.insert("status_code", status);
        document.insert("proto_major", 2);
        document.insert("proto_minor", 0);
        document.insert("header", ordinary.to_value());
        content(&mut document, message, &ordinary, host);
    }
    match message.end {
        Some(End::Whole) => {}
        Some(End::Reset(code)) => document.insert("reset", code.to_string()),
        None => document.insert("unfinished", true),
    }
    document.into()
}

/// # Errors
/// In words, naming what cannot be sent.
pub fn to_request(document: &Value, host: &dyn Session) -> Result<Outgoing, String> {
    let text = |name: &str| {
        document.get(name).and_then(Value::as_str).ok_or_else(|| format!("`{name}` is missing or not text"))
    };
    let (method, url) = (text("method")?, text("url")?);
    let mut head = Fields::default();
    head.push(":method", method);
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let at = rest.find(['/', '?', '*']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(at);
            head.push(":scheme", scheme);
            if !authority.is_empty() {
                head.push(":authority", authority);
            }
            head.push(":path", if path.is_empty() { "/" } else { path });
        }
        None => head.push(":authority", url),
    }
    if let Some(protocol) = document.get("protocol").and_then(Value::as_str) {
        head.push(":protocol", protocol);
    }
    outgoing(head, document, host)
}

/// # Errors
/// In words, naming what cannot be sent.
pub fn to_response(document: &Value, host: &dyn Session) -> Result<Outgoing, String> {
    let mut head = Fields::default();
    if let Some(status) = document.get("status_code") {
        let status = status.as_int().filter(|status| (100..1000).contains(status));
        head.push(":status", status.ok_or("`status_code` is no number of three digits")?.to_string());
    }
    outgoing(head, document, host)
}

fn outgoing(mut head: Fields, document: &Value, host: &dyn Session) -> Result<Outgoing, String> {
    let header = Fields::from_value(document.get("header"))?;
    let body = body(document, &header, host)?;
    head.append(header);
    let length = body.len().to_string();
    let said = head.text("content-length");
    if said.is_some_and(|said| said != length) && !body.is_empty() {
        head.replace("content-length", length.as_bytes());
    }
    let trailer = document.get("trailer").map(|trailer| Fields::from_value(Some(trailer))).transpose()?;
    let reset = match document.get("reset").and_then(Value::as_str) {
        Some(name) => Some(Code::from_name(name).ok_or_else(|| format!("{name:?} is no error code of HTTP/2"))?),
        None => None,
    };
    let is_unfinished = document.get("unfinished") == Some(&Value::Bool(true));
    Ok(Outgoing { head, body, trailer, reset, is_unfinished })
}

fn content(document: &mut Map, message: &Message, header: &Fields, host: &dyn Session) {
    let codings = codings(header);
    let decoded = codings
        .iter()
        .rev()
        .try_fold(message.body.clone(), |body, coding| host.decode(coding, &body, MAX_BODY as u64).ok())
        // An empty body and a coded empty body are two things: the one that looks odd stays as it is.
        .filter(|decoded| message.body.is_empty() == decoded.is_empty());
    let is_encoded = decoded.is_none();
    document.insert("body", Value::readable(decoded.unwrap_or_else(|| message.body.clone())));
    if is_encoded {
        document.insert("body_encoded", true);
    }
    if let Some(trailer) = &message.trailer {
        document.insert("trailer", trailer.to_value());
    }
}

fn body(document: &Value, header: &Fields, host: &dyn Session) -> Result<Vec<u8>, String> {
    let body = match document.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(body) => body.as_raw().ok_or("`body` is neither text nor bytes")?.to_vec(),
    };
    if body.is_empty() || document.get("body_encoded") == Some(&Value::Bool(true)) {
        return Ok(body);
    }
    codings(header)
        .iter()
        .try_fold(body, |body, coding| host.encode(coding, &body))
        .map_err(|why| format!("`body` cannot be coded as its content-encoding says: {why}"))
}

/// The content codings of a message, in the order they were applied.
fn codings(header: &Fields) -> Vec<String> {
    let list = header.text("content-encoding").unwrap_or_default();
    let codings = list.split(',').map(|coding| coding.trim().to_ascii_lowercase());
    codings.filter(|coding| !coding.is_empty() && coding != "identity").collect()
}
