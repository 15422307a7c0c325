//! HTTP/2 (RFC 9113) without I/O: bytes of one direction in, [`Event`]s out ([`Reader`]); and one end of a connection
//! ([`Endpoint`]), which answers what the protocol wants answered and keeps to the other side's windows.
//!
//! It knows streams, fields and data. What they mean is for the parsers of HTTP/2 and gRPC, which share it.
#![forbid(unsafe_code)]

mod detect;
mod endpoint;
mod error;
mod fields;
mod frame;
pub mod hpack;
mod reader;
mod rules;

pub use detect::{First, first_request, is_grpc};
pub use endpoint::{Endpoint, Incoming, Role};
pub use error::{Code, Error};
pub use fields::Fields;
pub use frame::PREFACE;
pub use reader::{Event, Reader};

/// A stream's number on its connection.
pub type StreamId = u32;

/// A guest has 64 MiB for everything: longer bodies are not kept.
pub const MAX_BODY: usize = 8 << 20;
