//! The head of a message: its start line and its fields.
use keploy_sdk::Fault;
use memchr::memchr_iter;

use crate::headers::Headers;

/// A longer head is not HTTP anybody serves; a guest's memory stays bounded.
pub const MAX_HEAD: usize = 256 * 1024;
/// No server in use takes more than this many fields.
const MAX_FIELDS: usize = 4096;

/// What the two kinds of message have in common.
pub trait Head: Sized {
    /// `request` or `response`, for messages to people.
    const WHAT: &'static str;

    /// `bytes` is a whole head, its empty line included.
    fn parse(bytes: &[u8]) -> Result<Self, Fault>;
    fn headers(&self) -> &Headers;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// As it was sent: a path, an absolute URL, `host:port` or `*`.
    pub target: String,
    /// `x` of HTTP/1.x.
    pub minor: u8,
    pub headers: Headers,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub reason: Vec<u8>,
    pub minor: u8,
    pub headers: Headers,
}

impl Head for Request {
    const WHAT: &'static str = "request";

    fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let bytes = unfold(bytes);
        let mut fields = fields(&bytes);
        let mut parsed = httparse::Request::new(&mut fields);
        let status = parsed.parse(&bytes).map_err(|error| bad(Self::WHAT, error, &bytes))?;
        match (status, parsed.method, parsed.path, parsed.version) {
            (httparse::Status::Complete(_), Some(method), Some(target), Some(minor)) => Ok(Self {
                method: method.to_owned(),
                target: target.to_owned(),
                minor,
                headers: collect(parsed.headers),
            }),
            _ => Err(bad(Self::WHAT, "it has no start line", &bytes)),
        }
    }

    fn headers(&self) -> &Headers {
        &self.headers
    }
}

impl Head for Response {
    const WHAT: &'static str = "response";

    fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let bytes = unfold(bytes);
        let mut fields = fields(&bytes);
        let mut parsed = httparse::Response::new(&mut fields);
        let status = httparse::ParserConfig::default()
            // Seen in the wild, and harmless where there is only one reader (RFC 9112, 5.1).
            .allow_spaces_after_header_name_in_responses(true)
            .parse_response(&mut parsed, &bytes)
            .map_err(|error| bad(Self::WHAT, error, &bytes))?;
        match (status, parsed.code, parsed.version) {
            (httparse::Status::Complete(_), Some(status), Some(minor)) => {
                Ok(Self { status, reason: reason(&bytes).to_vec(), minor, headers: collect(parsed.headers) })
            }
            _ => Err(bad(Self::WHAT, "it has no status line", &bytes)),
        }
    }

    fn headers(&self) -> &Headers {
        &self.headers
    }
}

/// Where the head at the start of `bytes` ends, its empty line included. Nothing before `from` needs another look.
pub fn end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr_iter(b'\n', bytes.get(from..)?).map(|at| from + at + 1).find_map(|next| match bytes.get(next..)? {
        [b'\n', ..] => Some(next + 1),
        [b'\r', b'\n', ..] => Some(next + 2),
        _ => None,
    })
}

/// The fields of a trailer section; `bytes` includes its empty line.
pub fn trailer(bytes: &[u8]) -> Result<Headers, Fault> {
    let bytes = unfold(bytes);
    let mut fields = fields(&bytes);
    match httparse::parse_headers(&bytes, &mut fields) {
        Ok(httparse::Status::Complete((_, fields))) => Ok(collect(fields)),
        Ok(httparse::Status::Partial) => Err(bad("trailer", "it has no end", &bytes)),
        Err(error) => Err(bad("trailer", error, &bytes)),
    }
}

/// Obsolete line folding (RFC 9112, 5.2): a line that starts with white space goes on the one before it.
fn unfold(bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let folds: Vec<usize> =
        memchr_iter(b'\n', bytes).filter(|at| matches!(bytes.get(at + 1), Some(b' ' | b'\t'))).collect();
    if folds.is_empty() {
        return bytes.into();
    }
    let mut flat = bytes.to_vec();
    for fold in folds {
        for at in [Some(fold), fold.checked_sub(1)].into_iter().flatten() {
            if let Some(byte @ (b'\r' | b'\n')) = flat.get_mut(at) {
                *byte = b' ';
            }
        }
    }
    flat.into()
}

/// As much room as there are lines.
fn fields(bytes: &[u8]) -> Vec<httparse::Header<'static>> {
    vec![httparse::EMPTY_HEADER; memchr_iter(b'\n', bytes).count().min(MAX_FIELDS)]
}

fn collect(fields: &[httparse::Header<'_>]) -> Headers {
    fields.iter().map(|field| (field.name, field.value.trim_ascii())).collect()
}

/// Read here because httparse leaves out one that is not ASCII.
fn reason(bytes: &[u8]) -> &[u8] {
    let line = bytes.trim_ascii_start();
    let line = line.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    line.splitn(3, |byte| *byte == b' ').nth(2).unwrap_or_default()
}

fn bad(what: &str, why: impl std::fmt::Display, bytes: &[u8]) -> Fault {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let start = line.get(..line.len().min(80)).unwrap_or_default();
    Fault::new(
        &format!("bad-{what}-head"),
        format!("the {what} that starts with \"{}\" is not HTTP/1: {why}", start.escape_ascii()),
    )
}

#[cfg(test)]
mod tests {
    use super::{Head, Request, Response, end, trailer};

    #[test]
    fn a_head_ends_at_its_empty_line_whatever_the_line_ends() {
        for head in ["A\r\n\r\n", "A\n\n", "A\r\n\n", "A\n\r\n"] {
            assert_eq!(end(format!("{head}rest").as_bytes(), 0), Some(head.len()), "{head:?}");
            for cut in 0..head.len() {
                assert_eq!(end(head.get(..cut).unwrap_or_default().as_bytes(), 0), None, "{head:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn folded_lines_are_one_value() {
        let request =
            Request::parse(b"GET / HTTP/1.1\r\nA: one\r\n two\r\n\tthree\r\nB: x\r\n\r\n").expect("a request");
        assert_eq!(request.headers.only("a"), Some(&b"one   two  \tthree"[..]));
        assert_eq!(request.headers.only("b"), Some(&b"x"[..]));
    }

    #[test]
    fn a_reason_keeps_its_bytes() {
        for (line, reason) in [
            ("200 OK", "OK"),
            ("404 Not Found", "Not Found"),
            ("200 ", ""),
            ("200", ""),
            ("500 Na\u{ef}ve", "Na\u{ef}ve"),
        ] {
            let response = Response::parse(format!("HTTP/1.1 {line}\r\n\r\n").as_bytes()).expect(line);
            assert_eq!(response.reason, reason.as_bytes());
        }
    }

    #[test]
    fn what_is_not_http_is_named() {
        let fault = Request::parse(b"GET / HTTP/7.1\r\n\r\n").expect_err("no such version");
        assert_eq!(fault.code, "bad-request-head");
        assert!(fault.message.contains("GET / HTTP/7.1"), "{fault}");
    }

    #[test]
    fn trailers_are_fields() {
        assert_eq!(trailer(b"A: 1\r\nB: 2\r\n\r\n").expect("fields").iter().count(), 2);
        assert!(trailer(b"\r\n").expect("none").is_empty());
    }
}
