//! Messages, and the bytes they are. <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>
mod compression;
mod inbox;
mod outbox;
mod read;

pub use compression::Compressor;
pub use inbox::Inbox;
pub use outbox::{Outbox, Reply};

use keploy_sdk::{Instant, Value};

/// Opcodes.
pub const OP_REPLY: i32 = 1;
pub const OP_QUERY: i32 = 2004;
pub const OP_COMPRESSED: i32 = 2012;
pub const OP_MSG: i32 = 2013;

/// Of OP_MSG.
pub const CHECKSUM_PRESENT: u32 = 1;
/// CRC-32C, behind all sections.
pub const CHECKSUM: usize = 4;
/// A reply: another one follows unasked. A request: no reply is wanted.
pub const MORE_TO_COME: u32 = 1 << 1;
pub const EXHAUST_ALLOWED: u32 = 1 << 16;

pub const HEADER: usize = 16;
/// The largest message that servers take.
pub const LARGEST: usize = 48_000_000;
/// Of longer messages, long sections are kept by the host and not looked into.
pub const WHOLE: usize = 4 << 20;
/// Sections of more values are kept by the host, too: a value that is a byte on the wire costs a hundred in a document.
pub const MOST_VALUES: usize = 150_000;

/// One message.
#[derive(Debug)]
pub struct Message {
    pub id: i32,
    pub response_to: i32,
    /// What it was compressed with.
    pub compressor: Option<Compressor>,
    /// When its first byte came.
    pub since: Instant,
    pub content: Content,
}

#[derive(Debug)]
pub enum Content {
    Msg(Msg),
    /// A command in the old way, which servers still take for the first hello.
    Query {
        db: String,
        command: Value,
    },
    /// The answer to that.
    Reply(Value),
}

#[derive(Debug, Default)]
pub struct Msg {
    pub flags: u32,
    /// A document, or the blob that it is.
    pub body: Value,
    /// Names and documents; or a blob.
    pub sequences: Vec<(String, Value)>,
}
