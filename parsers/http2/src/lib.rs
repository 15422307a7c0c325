//! HTTP/2 as a keploy parser: every stream is an exchange.
//!
//! Bytes of both sides go in; out come documents like HTTP/1's (README.md lists the keys), and, where the host takes a
//! side's place, the bytes that side would have sent. Connections whose first request is a gRPC call are another
//! parser's. The frames are `http2-wire`'s.
#![deny(unsafe_code)] // only what `export!` generates needs it

mod canonical;
mod connection;
mod document;
mod drive;
mod facts;
mod message;
mod mock;
mod record;
mod upgrade;

pub use connection::Http2Connection;
use http2_wire::First;
use keploy_sdk::{Facts, Manifest, Parser, Part, Peer, Value, Verdict};

/// The parser.
pub struct Http2;

/// What the client draws by lot, or takes from the clock, on every run; and what names the version of a library.
const VOLATILE_REQUEST: [&str; 16] = [
    "date",
    "user-agent",
    "x-request-id",
    "x-correlation-id",
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-amzn-trace-id",
    "uber-trace-id",
    "x-datadog-trace-id",
];

impl Parser for Http2 {
    type Connection = Http2Connection;

    fn manifest() -> Manifest {
        Manifest {
            ports: vec![443, 8443],
            alpn: vec!["h2".to_owned()],
            volatile_request: VOLATILE_REQUEST.map(|name| format!("header.{name}")).to_vec(),
            volatile_response: vec!["header.date".to_owned()],
            // Streams overlap: none waits for another's answer.
            extra: vec![("multiplexed".to_owned(), "true".to_owned())],
            ..Manifest::new("Http2")
        }
    }

    fn detect(_: &Peer, client: &[u8], server: &[u8]) -> Verdict {
        match http2_wire::first_request(client, server) {
            First::Other => upgrade::detect(client, server),
            First::Perhaps | First::Nothing => {
                let seen = if client.is_empty() { server.len() } else { client.len() };
                Verdict::More(u32::try_from(seen + 1).unwrap_or(u32::MAX))
            }
            First::Request(fields) if http2_wire::is_grpc(&fields) => Verdict::No,
            First::Request(_) => Verdict::Yes(255),
        }
    }

    fn canonical(part: Part, document: Value) -> Value {
        canonical::of(part, document)
    }

    fn classify(request: &Value) -> Facts {
        facts::of(request)
    }
}

keploy_sdk::export!(Http2);
