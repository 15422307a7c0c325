//! HTTP/1.0 and HTTP/1.1, with WebSocket behind an upgrade, as a keploy parser.
//!
//! Bytes of both sides go in; out come documents with Keploy's keys (README.md lists them), and, where the host takes
//! a side's place, the bytes that side would have sent.
#![deny(unsafe_code)] // only what `export!` generates needs it

mod about;
mod body;
mod canonical;
mod chunked;
mod connection;
mod detect;
mod document;
mod drive;
mod facts;
mod framing;
mod head;
mod headers;
mod inbox;
mod mock;
mod reader;
mod record;
mod record_tunnel;
mod responses;
mod sse;
mod switch;
mod upgrade;
mod url;
mod websocket;
mod write;

pub use connection::Http as HttpConnection;
use keploy_sdk::{Facts, Manifest, Parser, Part, Peer, Recorded, Value, Verdict};

/// The parser.
pub struct Http;

/// What the client draws by lot, or takes from the clock, on every run. A path names one header: there are no patterns.
const VOLATILE_REQUEST: [&str; 19] = [
    "header.date",
    "header.user-agent", // names the version of the client library and of its runtime
    // Proof for the other side that it is awake; its answer follows from it.
    "header.sec-websocket-key",
    // Identifiers of the request and of the trace it belongs to.
    "header.x-request-id",
    "header.x-correlation-id",
    "header.traceparent",
    "header.tracestate",
    "header.baggage",
    "header.sentry-trace",
    "header.b3",
    "header.x-b3-traceid",
    "header.x-b3-spanid",
    "header.x-b3-parentspanid",
    "header.x-b3-sampled",
    "header.x-amzn-trace-id",
    "header.uber-trace-id",
    "header.x-datadog-trace-id",
    "header.x-datadog-parent-id",
    "header.x-datadog-sampling-priority",
];

/// The server's clock. Nothing else is sure to differ: what the application makes up is noise only if the user says so.
const VOLATILE_RESPONSE: [&str; 1] = ["header.date"];

impl Parser for Http {
    type Connection = HttpConnection;

    fn manifest() -> Manifest {
        Manifest {
            ports: vec![80, 8080, 8000, 3000, 5000, 443, 8443],
            alpn: vec!["http/1.1".to_owned(), "http/1.0".to_owned()],
            volatile_request: VOLATILE_REQUEST.map(str::to_owned).to_vec(),
            volatile_response: VOLATILE_RESPONSE.map(str::to_owned).to_vec(),
            ..Manifest::new("Http")
        }
    }

    fn detect(_: &Peer, client: &[u8], server: &[u8]) -> Verdict {
        // Who waits for the server to begin does not speak HTTP.
        if client.is_empty() && !server.is_empty() { Verdict::No } else { detect::client(client) }
    }

    fn canonical(part: Part, document: Value) -> Value {
        canonical::of(part, document)
    }

    fn classify(request: &Value) -> Facts {
        facts::of(request)
    }

    fn upgrade(schema: u32, spec: &Value) -> Result<Vec<Recorded>, String> {
        match schema {
            0 => upgrade::keploy(spec).map(|exchange| vec![exchange]),
            1 => Err("schema 1 is today's: there is nothing to upgrade".to_owned()),
            _ => Err(format!("schema {schema} is newer than this parser, which writes schema 1\nhint: update keploy")),
        }
    }
}

keploy_sdk::export!(Http);
