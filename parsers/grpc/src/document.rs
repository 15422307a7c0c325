//! Calls as documents. The keys are Keploy's; README.md lists them.
use http2_wire::{Code, Fields, MAX_BODY};
use keploy_sdk::{Map, Session, Value};

use crate::{
    framing::Payload,
    half::{End, Half},
    proto::{self, Of, Types},
};

/// What it takes to write messages as documents, and back.
#[derive(Clone, Copy)]
pub struct Codec<'a> {
    pub host: &'a dyn Session,
    pub types: &'a Types,
    /// `/package.Service/Method`
    pub path: &'a str,
}

impl<'a> Codec<'a> {
    /// For the call that begins with `head`.
    pub fn of(host: &'a dyn Session, types: &'a Types, head: Option<&'a Fields>) -> Self {
        Self { host, types, path: head.and_then(|head| head.text(":path")).unwrap_or_default() }
    }
}

/// Which part of a call's client a document is: the client may say some of it only after it has heard something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Counted from 1; 0 where the client said all it had to say at once.
    pub number: u32,
    /// The client's stream, by which a later turn finds its call.
    pub stream: u32,
    /// The client has not said that it is done.
    pub has_more: bool,
}

impl Turn {
    /// What a document says of its turn.
    pub fn of(request: &Value) -> Self {
        let number = |name: &str| {
            request.get(name).and_then(Value::as_int).and_then(|n| u32::try_from(n).ok()).unwrap_or_default()
        };
        Self { number: number("turn"), stream: number("stream"), has_more: is_set(request, "more") }
    }
}

/// What a client said.
pub fn request(head: &Fields, messages: &[Payload], turn: Turn, codec: Codec<'_>) -> Map {
    let mut document = Map::new();
    if turn.number > 1 {
        let where_to = head.iter().filter(|(name, _)| matches!(*name, ":path" | ":authority"));
        document.insert("headers", Map::new().with("pseudo_headers", where_to.collect::<Fields>().to_value()));
    } else {
        document.insert("headers", headers(head));
    }
    if turn.number > 0 {
        document.insert("stream", turn.stream);
        document.insert("turn", turn.number);
    }
    document.insert("body", bodies(messages, head, Of::Request, codec));
    if turn.has_more {
        document.insert("more", true);
    }
    document
}

/// What a server said: all of it, or one piece.
pub fn response(half: &Half, messages: &[Payload], with_head: bool, codec: Codec<'_>) -> Value {
    let mut document = Map::new();
    let none = Fields::default();
    let head = half.head.as_ref().unwrap_or(&none);
    if with_head && half.head.is_some() {
        document.insert("headers", headers(head));
    }
    // Trailers in the place of headers: there is nothing between.
    let is_all = half.end == Some(End::Whole) && half.trailers.is_none() && messages.is_empty() && with_head;
    if !messages.is_empty() || !is_all && half.head.is_some() && with_head {
        document.insert("body", bodies(messages, head, Of::Response, codec));
    }
    match &half.end {
        Some(End::Whole) if !is_all => {
            let trailers = half.trailers.as_ref().unwrap_or(&none).to_value();
            document.insert("trailers", Map::new().with("ordinary_headers", trailers));
        }
        Some(End::Reset(code)) => document.insert("reset", code.to_string()),
        _ => {}
    }
    document.into()
}

/// What a server has said that will never say all.
pub fn unfinished(half: &Half, messages: &[Payload], with_head: bool, codec: Codec<'_>) -> Value {
    let mut response = response(half, messages, with_head, codec);
    if let Some(response) = response.as_map_mut() {
        response.insert("unfinished", true);
    }
    response
}

/// The fields of a document's `headers`.
///
/// # Errors
/// In words, when they cannot be sent.
pub fn head(document: &Value) -> Result<Fields, String> {
    let headers = document.get("headers");
    let part = |name: &str| Fields::from_value(headers.and_then(|headers| headers.get(name)));
    let mut fields = part("pseudo_headers")?;
    fields.append(part("ordinary_headers")?);
    Ok(fields)
}

/// # Errors
/// In words, when they cannot be sent.
pub fn trailers(document: &Value) -> Result<Option<Fields>, String> {
    let Some(trailers) = document.get("trailers") else { return Ok(None) };
    Fields::from_value(trailers.get("ordinary_headers")).map(Some)
}

/// The messages of a document, as they are sent. `coding` is what its headers say of compression.
///
/// # Errors
/// In words, when a message cannot be written.
pub fn data(document: &Value, coding: Option<&str>, of: Of, codec: Codec<'_>) -> Result<Vec<u8>, String> {
    let bodies = match document.get("body") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(bodies)) => bodies.as_slice(),
        Some(body) => std::slice::from_ref(body),
    };
    let mut out = Vec::new();
    for (n, body) in bodies.iter().enumerate() {
        payload(body, coding, of, codec).map_err(|why| format!("message {}: {why}", n + 1))?.write(&mut out);
    }
    Ok(out)
}

pub fn reset(document: &Value) -> Result<Option<Code>, String> {
    let Some(code) = document.get("reset") else { return Ok(None) };
    let name = code.as_str().map_or_else(|| code.as_int().map(|n| n.to_string()).unwrap_or_default(), str::to_owned);
    Code::from_name(&name).map(Some).ok_or_else(|| format!("`reset` is {name:?}, which is no error code of HTTP/2"))
}

/// `true` under this name.
pub fn is_set(document: &Value, name: &str) -> bool {
    document.get(name) == Some(&Value::Bool(true))
}

/// How the messages of one side are compressed, those that are.
pub fn coding(head: &Fields) -> Option<&str> {
    head.text("grpc-encoding").filter(|coding| *coding != "identity")
}

fn headers(fields: &Fields) -> Map {
    let (pseudo, ordinary) = fields.split();
    Map::new().with("pseudo_headers", pseudo.to_value()).with("ordinary_headers", ordinary.to_value())
}

/// One message, or a list of none or several.
fn bodies(messages: &[Payload], head: &Fields, of: Of, codec: Codec<'_>) -> Value {
    match messages {
        [only] => body(only, coding(head), of, codec),
        messages => messages.iter().map(|message| body(message, coding(head), of, codec)).collect::<Vec<_>>().into(),
    }
}

fn body(message: &Payload, coding: Option<&str>, of: Of, codec: Codec<'_>) -> Value {
    let readable = |bytes: &[u8]| proto::readable(codec.types, codec.path, of, bytes);
    if !message.is_compressed {
        return Map::new().with("decoded_data", readable(&message.bytes)).into();
    }
    let map = Map::new().with("compression_flag", 1);
    let decoded = coding.and_then(|coding| codec.host.decode(coding, &message.bytes, MAX_BODY as u64).ok());
    match decoded {
        Some(decoded) => map.with("decoded_data", readable(&decoded)).into(),
        None => map.with("compressed_data", message.bytes.clone()).into(),
    }
}

fn payload(body: &Value, coding: Option<&str>, of: Of, codec: Codec<'_>) -> Result<Payload, String> {
    let is_compressed = body.get("compression_flag").and_then(Value::as_int) == Some(1);
    if let Some(compressed) = body.get("compressed_data") {
        let bytes = compressed.as_raw().ok_or("`compressed_data` is not bytes")?.to_vec();
        return Ok(Payload { is_compressed: true, bytes });
    }
    let decoded = body.get("decoded_data").ok_or("`decoded_data` is missing")?;
    let bytes = proto::bytes(codec.types, codec.path, of, decoded)?;
    match coding {
        Some(coding) if is_compressed => Ok(Payload { is_compressed, bytes: codec.host.encode(coding, &bytes)? }),
        _ => Ok(Payload { is_compressed: false, bytes }),
    }
}
