//! Where a body ends (RFC 9112, 6.3).
use keploy_sdk::Fault;

use crate::{
    about::About,
    head::{Head, Request, Response},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body, whatever the fields say.
    None,
    Length(u64),
    Chunked,
    /// Everything until the connection ends.
    UntilEnd,
}

/// # Errors
/// When the fields contradict each other, so that nobody can know where the body ends.
pub fn of_request(head: &Request) -> Result<Framing, Fault> {
    match declared(head)? {
        Framing::UntilEnd => Err(Fault::new(
            "bad-transfer-encoding",
            format!(
                "the request {} {} has a Transfer-Encoding that does not end in `chunked`",
                head.method, head.target
            ),
        )),
        framing => Ok(framing),
    }
}

/// # Errors
/// As for [`of_request`].
pub fn of_response(head: &Response, request: &About) -> Result<Framing, Fault> {
    if !may_have_body(head.status, request) {
        return Ok(Framing::None);
    }
    match declared(head)? {
        Framing::None => Ok(Framing::UntilEnd),
        framing => Ok(framing),
    }
}

/// Does the answer with `status` to `request` carry a body?
pub fn may_have_body(status: u16, request: &About) -> bool {
    !(matches!(status, 100..=199 | 204 | 304)
        || request.is_head()
        || request.is_connect() && matches!(status, 200..=299))
}

/// What the fields say; `None` when they say nothing. A length beside a transfer coding is ignored.
fn declared(head: &impl Head) -> Result<Framing, Fault> {
    let headers = head.headers();
    if headers.has("transfer-encoding") {
        let chunked = headers.members("transfer-encoding").last().is_some_and(|coding| coding == "chunked");
        return Ok(if chunked { Framing::Chunked } else { Framing::UntilEnd });
    }
    // `5, 5` and the field sent twice are one length, when they agree.
    let lengths = headers.members("content-length");
    let Some(first) = lengths.first() else {
        return Ok(Framing::None);
    };
    match first.parse() {
        Ok(length) if first.bytes().all(|b| b.is_ascii_digit()) && lengths.iter().all(|l| l == first) => {
            Ok(Framing::Length(length))
        }
        _ => Err(Fault::new("bad-content-length", format!("Content-Length: {} is not one number", lengths.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, of_request, of_response};
    use crate::{
        about::About,
        head::{Head, Request, Response},
    };

    fn request(fields: &str) -> Result<Framing, String> {
        let head = Request::parse(format!("POST / HTTP/1.1\r\n{fields}\r\n").as_bytes()).expect("a head");
        of_request(&head).map_err(|fault| fault.code)
    }

    #[test]
    fn requests() {
        assert_eq!(request(""), Ok(Framing::None));
        assert_eq!(request("Content-Length: 5\r\n"), Ok(Framing::Length(5)));
        assert_eq!(request("Content-Length: 5, 5\r\ncontent-length: 5\r\n"), Ok(Framing::Length(5)));
        assert_eq!(request("Transfer-Encoding: gzip, Chunked\r\nContent-Length: 5\r\n"), Ok(Framing::Chunked));
        for bad in ["Content-Length: 5, 6\r\n", "Content-Length: +5\r\n", "Content-Length: 99999999999999999999\r\n"] {
            assert_eq!(request(bad), Err("bad-content-length".to_owned()));
        }
        assert_eq!(request("Transfer-Encoding: gzip\r\n"), Err("bad-transfer-encoding".to_owned()));
    }

    #[test]
    fn responses() {
        let framing = |method: &str, line: &str, fields: &str| {
            let head = Response::parse(format!("HTTP/1.1 {line}\r\n{fields}\r\n").as_bytes()).expect("a head");
            of_response(&head, &About::method(method)).expect("a framing")
        };
        assert_eq!(framing("GET", "200 OK", ""), Framing::UntilEnd);
        assert_eq!(framing("GET", "200 OK", "Content-Length: 0\r\n"), Framing::Length(0));
        assert_eq!(framing("GET", "200 OK", "Transfer-Encoding: chunked\r\n"), Framing::Chunked);
        assert_eq!(framing("GET", "200 OK", "Transfer-Encoding: gzip\r\n"), Framing::UntilEnd);
        for (method, line) in [
            ("HEAD", "200 OK"),
            ("GET", "204 No Content"),
            ("GET", "304 Not Modified"),
            ("GET", "103 Early Hints"),
            ("CONNECT", "200 OK"),
        ] {
            assert_eq!(framing(method, line, "Content-Length: 7\r\n"), Framing::None, "{method} {line}");
        }
    }
}
