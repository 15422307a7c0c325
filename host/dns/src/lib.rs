//! DNS messages and the documents that stand for them, in Keploy's shape.
//!
//! Bytes or documents go in and the other comes out; no sockets. A document holds records as text, as zone files do
//! (RFC 1035, section 5; RFC 3597 for what has no text of its own), so that nothing of them is lost and people can read
//! and change them.
#![forbid(unsafe_code)]

mod answer;
mod document;
mod record;
#[cfg(test)]
mod tests;

pub use answer::{answer, fit_udp, no_data, nxdomain, servfail};
pub use document::{Question, addresses, document_of, question};

/// Why a recorded document cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this is not a DNS question")]
    Query,
    #[error("the response has no {0}, or not of its kind")]
    Field(&'static str),
    #[error(
        "cannot read the record {line:?}: {reason}\nhint: name, seconds, IN, type and data with tabs between them; names end in a dot"
    )]
    Record { line: String, reason: String },
    #[error("the answer is longer than a DNS message can be")]
    TooLong,
}
