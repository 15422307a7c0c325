//! gRPC over HTTP/2 as a keploy parser.
//!
//! Bytes of both sides go in; out come documents with Keploy's keys (README.md lists them), and, where the host takes
//! a side's place, the bytes that side would have sent. The frames are `http2-wire`'s.
#![deny(unsafe_code)] // only what `export!` generates needs it

mod answer;
mod canonical;
mod connection;
mod document;
mod drive;
mod facts;
mod framing;
mod half;
mod mock;
pub mod proto;
mod record;

pub use connection::GrpcConnection;
use http2_wire::First;
use keploy_sdk::{Facts, Manifest, Parser, Part, Peer, Value, Verdict};

/// The parser.
pub struct Grpc;

/// What the client draws by lot, or takes from the clock, on every run; and what names the version of a library.
const VOLATILE_REQUEST: [&str; 13] = [
    "user-agent",
    "grpc-trace-bin",
    "grpc-tags-bin",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-request-id",
    "x-cloud-trace-context",
];

/// The server's clock.
const VOLATILE_RESPONSE: [&str; 1] = ["date"];

impl Parser for Grpc {
    type Connection = GrpcConnection;

    fn manifest() -> Manifest {
        let ordinary = |name: &str| format!("headers.ordinary_headers.{name}");
        Manifest {
            ports: vec![50051, 9090],
            alpn: vec!["h2".to_owned()],
            volatile_request: VOLATILE_REQUEST.map(ordinary).to_vec(),
            volatile_response: VOLATILE_RESPONSE.map(ordinary).to_vec(),
            // Calls overlap on one connection: none waits for another's answer.
            extra: [("multiplexed", "true"), ("descriptors", "descriptorSet")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            ..Manifest::new("gRPC")
        }
    }

    fn detect(_: &Peer, client: &[u8], server: &[u8]) -> Verdict {
        match http2_wire::first_request(client, server) {
            First::Other => Verdict::No,
            First::Perhaps => more(client, server),
            // A channel that is opened and never used: nothing is lost with it. The parser of other HTTP/2 still hopes.
            First::Nothing => Verdict::Yes(2),
            First::Request(fields) if http2_wire::is_grpc(&fields) => Verdict::Yes(255),
            First::Request(_) => Verdict::No,
        }
    }

    fn canonical(part: Part, document: Value) -> Value {
        canonical::of(part, document)
    }

    fn classify(request: &Value) -> Facts {
        facts::of(request)
    }
}

fn more(client: &[u8], server: &[u8]) -> Verdict {
    let seen = if client.is_empty() { server.len() } else { client.len() };
    Verdict::More(u32::try_from(seen + 1).unwrap_or(u32::MAX))
}

keploy_sdk::export!(Grpc);
