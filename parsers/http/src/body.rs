//! Bodies: collected in the guest while they are small, by the host when they are not.
use keploy_sdk::{Blob, Session, Value};

use crate::headers::Headers;

/// Bodies up to here are part of the document, larger ones are blobs beside it.
pub const MAX_INLINE: u64 = 256 * 1024;
/// A small body that decodes to more than this is kept as it was sent.
const MAX_DECODED: u64 = 4 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    Bytes(Vec<u8>),
    Blob(u64),
}

impl Default for Body {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

impl Body {
    pub fn push(&mut self, data: &[u8], host: &mut dyn Session) {
        match self {
            Self::Bytes(bytes) if bytes.len() as u64 + data.len() as u64 <= MAX_INLINE => bytes.extend_from_slice(data),
            Self::Bytes(bytes) => {
                let started = (!bytes.is_empty()).then(|| host.keep_bytes(bytes, None));
                *self = Self::Blob(host.keep_bytes(data, started));
            }
            Self::Blob(blob) => {
                host.keep_bytes(data, Some(*blob));
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Bytes(bytes) if bytes.is_empty())
    }

    /// As it was sent.
    pub fn into_value(self) -> Value {
        match self {
            Self::Bytes(bytes) => Value::readable(bytes),
            Self::Blob(blob) => Blob::new(blob).into(),
        }
    }

    /// For people to read: without its content codings. Says whether they are still on.
    pub fn into_readable(self, headers: &Headers, host: &dyn Session) -> (Value, Encoded) {
        let codings = codings(headers);
        match self {
            Self::Bytes(bytes) if !codings.is_empty() && !bytes.is_empty() => match decode(&codings, &bytes, host) {
                // An empty body and a coded empty body are two things: the one that looks odd stays as it is.
                Some(decoded) if !decoded.is_empty() => (Value::readable(decoded), Encoded::No),
                _ => (Value::readable(bytes), Encoded::Yes),
            },
            body => (body.into_value(), Encoded::No),
        }
    }
}

/// Is a body of a document still as its Content-Encoding says?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoded {
    Yes,
    No,
}

/// The content codings of a message, in the order they were applied.
pub fn codings(headers: &Headers) -> Vec<String> {
    let mut codings = headers.members("content-encoding");
    codings.retain(|coding| coding != "identity");
    codings
}

fn decode(codings: &[String], bytes: &[u8], host: &dyn Session) -> Option<Vec<u8>> {
    codings.iter().rev().try_fold(bytes.to_vec(), |bytes, coding| host.decode(coding, &bytes, MAX_DECODED).ok())
}
