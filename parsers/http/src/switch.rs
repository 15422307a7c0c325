//! What a connection becomes when both sides agree that it is no longer HTTP.
use keploy_sdk::{Exchange, Map, Value};

use crate::{about::About, headers::Headers};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    WebSocket,
    /// CONNECT, h2c and whatever else: bytes.
    Raw,
}

/// The response that ended HTTP on a connection.
#[derive(Debug)]
pub struct Switch {
    /// The exchange of the request that asked for it.
    pub exchange: Exchange,
    /// The URL of that request.
    pub url: String,
    pub protocol: Protocol,
}

impl Protocol {
    /// Does a response with `status` end HTTP, and what comes after it?
    pub fn after(status: u16, headers: &Headers, request: &About) -> Option<Self> {
        match status {
            101 if headers.has_member("upgrade", "websocket") => Some(Self::WebSocket),
            101 => Some(Self::Raw),
            200..=299 if request.is_connect() => Some(Self::Raw),
            _ => None,
        }
    }

    /// What this protocol's messages stand under in a document.
    fn key(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Raw => "upgraded",
        }
    }

    /// A message of the client. It names the URL: a request means something on its own.
    pub fn request(self, url: &str, message: Value) -> Value {
        Map::new().with("url", url).with(self.key(), message).into()
    }

    /// A message of the server.
    pub fn response(self, message: Value) -> Value {
        Map::new().with(self.key(), message).into()
    }
}
