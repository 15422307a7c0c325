//! Documents as messages: the inverse of `document`, with lengths and codings made to fit the body.
use keploy_sdk::{Session, Side, Value};

use crate::{
    about::About,
    body::codings,
    framing::may_have_body,
    head::Request,
    headers::{Headers, is_token, scalar},
    sse,
    switch::Protocol,
    url::{self, Form},
};

/// Bytes and blobs to be sent one behind the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wire(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Bytes(Vec<u8>),
    Blob(u64),
}

/// What holds after a response was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// An interim response: the final one is still to come.
    More,
    /// The next request, please.
    KeepAlive,
    /// Its end is the end of the connection.
    Close,
    /// It has no end: the client is the one that goes.
    Unfinished,
    /// From here on it is no longer HTTP.
    Switch(Protocol),
}

/// A request, as it was recorded, and what its response depends on.
///
/// # Errors
/// In words, when the document does not describe a request.
pub fn request(document: &Value, host: &dyn Session) -> Result<(Wire, About), String> {
    let mut headers = Headers::from_value(document.get("header"))?;
    let form = if document.get("absolute_form") == Some(&Value::Bool(true)) { Form::Absolute } else { Form::Usual };
    let url = text(document, "url")?;
    let target = url::to_target(url, &headers, form).to_owned();
    let method = text(document, "method")?.to_owned();
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err(format!("`method`: {method:?} is not a method"));
    }
    if target.is_empty() || target.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        return Err(format!("`url`: {target:?} cannot stand in a request line\nhint: encode spaces as %20"));
    }
    let body = coded(content(document)?, document, &mut headers, |_| true, host)?;
    let chunked = is_chunked(&headers);
    if !chunked && headers.has("content-length") {
        set_length(&mut headers, &body);
    } else if !chunked && body.len() > 0 {
        headers.push("Content-Length", body.len().to_string());
    }
    let head = Request { method, target, minor: minor(document), headers };
    let start = format!("{} {} HTTP/1.{}", head.method, head.target, head.minor);
    let mut wire = Wire::default();
    wire.head(start.as_bytes(), &head.headers);
    wire.body(body, chunked, &trailer(document)?);
    Ok((wire, About::of(&head, "http://")))
}

/// A response to the client that sent `request`.
///
/// # Errors
/// In words, when the document does not describe a response.
pub fn response(document: &Value, request: &About, host: &dyn Session) -> Result<(Wire, After), String> {
    let status = document.get("status_code").and_then(Value::as_int).and_then(|code| u16::try_from(code).ok());
    let status =
        status.filter(|code| (100..=999).contains(code)).ok_or("`status_code` is not a number from 100 to 999")?;
    let mut headers = Headers::from_value(document.get("header"))?;
    let mut wire = Wire::default();
    let start = |minor: u8| {
        let reason = document.get("status_message").and_then(scalar).unwrap_or_default();
        let reason = reason.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n'));
        [format!("HTTP/1.{minor} {status} ").into_bytes(), reason.collect()].concat()
    };
    let minor = minor(document);
    if !may_have_body(status, request) {
        // The key was another one when this was recorded.
        if let (101, Some(accept)) = (status, request.websocket_accept()) {
            headers.replace("sec-websocket-accept", accept.as_bytes());
        }
        wire.head(&start(minor), &headers);
        let after = match Protocol::after(status, &headers, request) {
            Some(protocol) => After::Switch(protocol),
            None if status < 200 => After::More,
            None if closes(&headers, minor, request) => After::Close,
            None => After::KeepAlive,
        };
        return Ok((wire, after));
    }
    let unfinished = document.get("unfinished") == Some(&Value::Bool(true));
    let body = coded(content(document)?, document, &mut headers, |coding| request.accepts(coding), host)?;
    let chunked = is_chunked(&headers);
    let until_end = !chunked && (headers.has("transfer-encoding") || !headers.has("content-length"));
    if !chunked && !until_end && !unfinished {
        set_length(&mut headers, &body);
    }
    wire.head(&start(minor), &headers);
    if unfinished {
        wire.unfinished_body(body, chunked);
        return Ok((wire, After::Unfinished));
    }
    wire.body(body, chunked, &trailer(document)?);
    Ok((wire, if until_end || closes(&headers, minor, request) { After::Close } else { After::KeepAlive }))
}

impl Wire {
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self(vec![Piece::Bytes(bytes)])
    }

    /// `head`, then what a document's value holds as a body.
    pub fn with_content(head: Vec<u8>, content: Content) -> Self {
        let mut wire = Self::bytes(head);
        wire.push(content);
        wire
    }

    pub fn send(self, to: Side, host: &mut dyn Session) {
        for piece in self.0 {
            match piece {
                Piece::Bytes(bytes) if bytes.is_empty() => {}
                Piece::Bytes(bytes) => host.write(to, &bytes),
                Piece::Blob(blob) => host.write_blob(to, blob),
            }
        }
    }

    fn head(&mut self, start: &[u8], headers: &Headers) {
        let mut head = [start, b"\r\n"].concat();
        fields(&mut head, headers);
        self.push(Content::Bytes(head));
    }

    fn body(&mut self, body: Content, chunked: bool, trailer: &Headers) {
        self.unfinished_body(body, chunked);
        if chunked {
            let mut end = b"0\r\n".to_vec();
            fields(&mut end, trailer);
            self.push(Content::Bytes(end));
        }
    }

    fn unfinished_body(&mut self, body: Content, chunked: bool) {
        let chunk = chunked && body.len() > 0;
        if chunk {
            self.push(Content::Bytes(format!("{:x}\r\n", body.len()).into_bytes()));
        }
        self.push(body);
        if chunk {
            self.push(Content::Bytes(b"\r\n".to_vec()));
        }
    }

    /// Small pieces travel together.
    fn push(&mut self, content: Content) {
        match (content, self.0.last_mut()) {
            (Content::Bytes(bytes), Some(Piece::Bytes(last))) => last.extend_from_slice(&bytes),
            (Content::Bytes(bytes), _) => self.0.push(Piece::Bytes(bytes)),
            (Content::Blob { id, .. }, _) => self.0.push(Piece::Blob(id)),
        }
    }
}

/// A body that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Bytes(Vec<u8>),
    Blob { id: u64, size: u64 },
}

impl Content {
    /// What a document's value stands for on the wire.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Blob(blob) => Some(Self::Blob { id: blob.id, size: blob.size }),
            value => scalar(value).map(Self::Bytes),
        }
    }

    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Blob { size, .. } => *size,
        }
    }
}

fn content(document: &Value) -> Result<Content, String> {
    match document.get("body") {
        None => Ok(Content::Bytes(Vec::new())),
        Some(events @ Value::Array(_)) => sse::to_text(events).map(|text| Content::Bytes(text.into_bytes())),
        Some(body) => Content::of(body).ok_or_else(|| "`body` is neither text, bytes nor a list of events".to_owned()),
    }
}

/// Puts the content codings back on, or takes the field off when the other side would not understand them.
fn coded(
    content: Content,
    document: &Value,
    headers: &mut Headers,
    accepts: impl Fn(&str) -> bool,
    host: &dyn Session,
) -> Result<Content, String> {
    let codings = codings(headers);
    match content {
        Content::Bytes(bytes) if !bytes.is_empty() && document.get("body_encoded") != Some(&Value::Bool(true)) => {
            if !codings.iter().all(|coding| accepts(coding)) {
                headers.remove("content-encoding");
                return Ok(Content::Bytes(bytes));
            }
            let coded = codings.iter().try_fold(bytes, |bytes, coding| host.encode(coding, &bytes));
            coded
                .map(Content::Bytes)
                .map_err(|why| format!("`body` cannot be coded as its Content-Encoding says: {why}"))
        }
        content => Ok(content),
    }
}

fn fields(out: &mut Vec<u8>, headers: &Headers) {
    for (name, value) in headers.iter() {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// A length that is right stays as it was spelled.
fn set_length(headers: &mut Headers, body: &Content) {
    let length = body.len().to_string();
    if headers.members("content-length").iter().any(|said| *said != length) {
        headers.replace("content-length", length.as_bytes());
    }
}

fn is_chunked(headers: &Headers) -> bool {
    headers.members("transfer-encoding").last().is_some_and(|coding| coding == "chunked")
}

fn closes(headers: &Headers, minor: u8, request: &About) -> bool {
    request.closes
        || headers.has_member("connection", "close")
        || minor == 0 && !headers.has_member("connection", "keep-alive")
}

fn trailer(document: &Value) -> Result<Headers, String> {
    Headers::from_value(document.get("trailer"))
}

/// `x` of HTTP/1.x; 1 where nothing is said.
fn minor(document: &Value) -> u8 {
    u8::from(document.get("proto_minor") != Some(&Value::Int(0)))
}

fn text<'a>(document: &'a Value, name: &str) -> Result<&'a str, String> {
    document.get(name).and_then(Value::as_str).ok_or_else(|| format!("`{name}` is missing or not text"))
}
