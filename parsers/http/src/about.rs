//! What of a request decides how its response is read and written.
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha1::{Digest as _, Sha1};

use crate::head::Request;

#[derive(Clone, Debug, Default)]
pub struct About {
    method: String,
    /// As in the document: what follows an upgrade is told apart by it.
    pub url: String,
    /// The client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// The client asked for another protocol: what it sends next may not be HTTP.
    pub may_switch: bool,
    /// The client wants no more on this connection after the response.
    pub closes: bool,
    /// The content codings the client takes; none when it did not say.
    pub accepts: Option<Vec<String>>,
    websocket_key: Option<Vec<u8>>,
}

impl About {
    pub fn of(head: &Request, scheme: &str) -> Self {
        let headers = &head.headers;
        let connection = headers.members("connection");
        let says = |option: &str| connection.iter().any(|member| member == option);
        Self {
            url: crate::url::of_target(scheme, &head.target, headers).url,
            expects_continue: head.minor > 0 && headers.has_member("expect", "100-continue"),
            may_switch: head.method == "CONNECT" || headers.has("upgrade") && says("upgrade"),
            closes: says("close") || head.minor == 0 && !says("keep-alive"),
            accepts: headers.has("accept-encoding").then(|| headers.members("accept-encoding")),
            websocket_key: headers.only("sec-websocket-key").map(<[u8]>::to_vec),
            method: head.method.clone(),
        }
    }

    /// A request of which only the method matters.
    pub fn method(method: &str) -> Self {
        Self { method: method.to_owned(), ..Self::default() }
    }

    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub fn is_connect(&self) -> bool {
        self.method == "CONNECT"
    }

    /// Would the client understand `coding` (RFC 9110, 12.5.3)?
    pub fn accepts(&self, coding: &str) -> bool {
        let Some(accepts) = &self.accepts else { return true };
        let weight = |name: &str| {
            accepts.iter().find_map(|member| {
                let mut parts = member.split(';').map(str::trim);
                (parts.next() == Some(name))
                    .then(|| parts.find_map(|p| p.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0))
            })
        };
        let alias = if coding == "x-gzip" { "gzip" } else { coding };
        weight(coding).or_else(|| weight(alias)).or_else(|| weight("*")).unwrap_or(0.0) > 0.0
    }

    /// The proof that a server understood this WebSocket handshake (RFC 6455, 4.2.2).
    pub fn websocket_accept(&self) -> Option<String> {
        let hash =
            Sha1::new().chain_update(self.websocket_key.as_ref()?).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        Some(BASE64_STANDARD.encode(hash.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::About;
    use crate::head::{Head, Request};

    fn about(fields: &str) -> About {
        About::of(
            &Request::parse(format!("GET /a/b?c HTTP/1.1\r\n{fields}\r\n").as_bytes()).expect("a head"),
            "http://",
        )
    }

    #[test]
    fn codings_have_weights() {
        let about = |accept: &str| about(&format!("Accept-Encoding: {accept}\r\n"));
        assert!(about("gzip, br;q=0.5").accepts("br"));
        assert!(about("gzip").accepts("x-gzip"));
        assert!(!about("gzip, br;q=0").accepts("br"));
        assert!(!about("gzip").accepts("br"));
        assert!(about("*").accepts("br"));
        assert!(!about("").accepts("gzip"), "an empty list takes nothing but identity");
        assert!(self::about("").accepts("gzip"), "who says nothing takes everything");
    }

    #[test]
    fn the_example_of_rfc_6455() {
        let about = about("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
        assert_eq!(about.websocket_accept().as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(about.url, "/a/b?c");
    }
}
