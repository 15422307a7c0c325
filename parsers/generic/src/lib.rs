//! Bytes of no known protocol. Every connection that no other parser claims is read by this one.
//!
//! An exchange is a turn: what the client sends until the server speaks is the request, what the server sends until the
//! client speaks again is the response. How the bytes were cut into chunks means nothing. A server that speaks first
//! has a turn without a request, the greeting.
//!
//! ```yaml
//! data: "GET 1\n"   # a request or a response: text when it can be shown, else bytes; a long response is a blob
//! greeting: true    # instead of data: the server spoke first
//! closes: true      # the server hung up right behind this
//! ```
//!
//! A request does not say where it ends. When mocking, all that came since the last answer is asked for each time more
//! comes, and a miss means: wait for more (the manifest says `partial-requests`). So a recorded request that is the
//! beginning of another one may be answered too early when the longer one arrives in pieces.
//!
//! Two protocols are out of reach of turns: those where both sides speak at once, and those that number their messages.
#![forbid(unsafe_code)]

mod facts;
mod turns;
mod upgrade;

use keploy_sdk::{Facts, Manifest, Parser, Peer, Recorded, SpeaksFirst, Value, Verdict};
pub use turns::Turns;

pub struct Generic;

impl Parser for Generic {
    type Connection = Turns;

    fn manifest() -> Manifest {
        Manifest {
            speaks_first: SpeaksFirst::Either,
            extra: vec![("partial-requests".to_owned(), "true".to_owned())],
            ..Manifest::new("Generic")
        }
    }

    fn detect(_: &Peer, _: &[u8], _: &[u8]) -> Verdict {
        Verdict::Yes(1)
    }

    fn classify(request: &Value) -> Facts {
        facts::of(request)
    }

    fn upgrade(schema: u32, spec: &Value) -> Result<Vec<Recorded>, String> {
        match schema {
            0 => upgrade::from_seed(spec),
            other => Err(format!("Generic documents of schema {other} are newer than this parser, which writes 1")),
        }
    }
}

keploy_sdk::export!(Generic);
