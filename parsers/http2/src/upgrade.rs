//! The upgrade from HTTP/1.1 (`h2c`, RFC 7540, 3.2): the first request is HTTP/1.1, its answer is on stream 1.
use http2_wire::{Fields, PREFACE};
use keploy_sdk::Verdict;

use crate::message::{End, Message};

/// What a client begins with.
pub enum Opening {
    /// Too little to tell.
    More,
    /// HTTP/2, as who knows that it is spoken here.
    Known,
    /// A request that asks for HTTP/2, of so many bytes.
    Asked(Box<Message>, usize),
    Other,
}

/// What a server says when it agrees.
pub const AGREED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

const MAX_FIELDS: usize = 128;
/// A longer head asks for nothing any more.
const MAX_HEAD: usize = 64 * 1024;
/// Of one HTTP/1 connection, or said in another way.
const DROPPED: [&str; 5] = ["host", "connection", "upgrade", "http2-settings", "keep-alive"];

/// Looks at all that a client has said.
pub fn opening(client: &[u8]) -> Opening {
    let start = client.get(..PREFACE.len()).unwrap_or(client);
    match (PREFACE.starts_with(start), start.len() == PREFACE.len()) {
        (true, true) => return Opening::Known,
        (true, false) => return Opening::More,
        (false, _) => {}
    }
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    match head.parse(client) {
        Ok(httparse::Status::Complete(length)) => asked(&head, client, length),
        Ok(httparse::Status::Partial) if client.len() < MAX_HEAD => Opening::More,
        _ => Opening::Other,
    }
}

fn asked(head: &httparse::Request<'_, '_>, client: &[u8], length: usize) -> Opening {
    let value = |name: &str| {
        let field = head.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(field.value).ok()
    };
    let wants = value("upgrade").is_some_and(|upgrade| upgrade.split(',').any(|name| name.trim() == "h2c"));
    if !wants || value("http2-settings").is_none() || value("transfer-encoding").is_some() {
        return Opening::Other;
    }
    let Ok(body) = value("content-length").unwrap_or("0").parse::<usize>() else { return Opening::Other };
    let Some(end) = length.checked_add(body).filter(|_| body <= http2_wire::MAX_BODY) else { return Opening::Other };
    let Some(body) = client.get(length..end) else { return Opening::More };
    let mut fields = Fields::default();
    fields.push(":method", head.method.unwrap_or_default());
    fields.push(":scheme", "http");
    fields.push(":authority", value("host").unwrap_or_default());
    fields.push(":path", head.path.unwrap_or_default());
    for field in head.headers.iter() {
        let name = field.name.to_ascii_lowercase();
        if !DROPPED.contains(&name.as_str()) {
            fields.push(name, field.value);
        }
    }
    let message = Message { head: Some(fields), body: body.to_vec(), trailer: None, end: Some(End::Whole) };
    Opening::Asked(Box::new(message), end)
}

/// Where HTTP/2 begins in what a server says; none: more is needed. A frame does not begin with a letter.
pub fn behind_agreement(server: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    match server.first() {
        None => None,
        Some(b'H') => server.windows(END.len()).position(|bytes| bytes == END).map(|at| at + END.len()),
        Some(_) => Some(0),
    }
}

/// Does a client ask for HTTP/2, and does the server agree?
pub fn detect(client: &[u8], server: &[u8]) -> Verdict {
    const AGREES: &[u8] = b"HTTP/1.1 101";
    let Opening::Asked(..) = opening(client) else { return Verdict::No };
    if server.starts_with(AGREES) {
        return Verdict::Yes(255);
    }
    match AGREES.starts_with(server) {
        true => Verdict::More(u32::try_from(AGREES.len()).unwrap_or(u32::MAX)),
        false => Verdict::No,
    }
}

#[cfg(test)]
mod tests {
    use keploy_sdk::Verdict;

    use super::{AGREED, Opening, behind_agreement, detect, opening};

    const ASK: &[u8] = b"POST /x HTTP/1.1\r\nHost: h:80\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 3\r\n\r\nabcPRI";

    #[test]
    fn a_request_that_asks_is_read_whole() {
        for cut in 0..ASK.len() - 3 {
            assert!(matches!(opening(ASK.get(..cut).unwrap_or_default()), Opening::More), "cut at {cut}");
        }
        let Opening::Asked(message, length) = opening(ASK) else { panic!("it asks") };
        assert_eq!((message.body.as_slice(), length), (&b"abc"[..], ASK.len() - 3));
        let head = message.head.expect("it has one");
        assert_eq!((head.text(":authority"), head.text("upgrade")), (Some("h:80"), None));
    }

    #[test]
    fn only_who_agrees_goes_on_with_http2() {
        assert_eq!(detect(ASK, AGREED), Verdict::Yes(255));
        assert!(matches!(detect(ASK, b""), Verdict::More(_)));
        assert_eq!(detect(ASK, b"HTTP/1.1 200 OK\r\n"), Verdict::No);
        assert_eq!(detect(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b""), Verdict::No);
        assert_eq!(behind_agreement(AGREED), Some(AGREED.len()));
        assert_eq!(behind_agreement(&[0, 0, 0, 4]), Some(0));
    }
}
