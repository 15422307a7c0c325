//! Packets: what a stream of bytes is cut into, and what packets are made of.
mod compression;
mod cursor;
mod inbox;
mod outbox;

pub use compression::Compression;
pub use cursor::{Cursor, put_bytes, put_lenenc, put_nul};
pub use inbox::{Inbox, Packet};
pub use outbox::Outbox;

/// The longest payload of one frame. A payload of this length or more is continued in the next frame.
pub const FRAME: usize = 0xff_ffff;

/// A number of three bytes, as lengths are in headers.
fn u24(bytes: [u8; 3]) -> usize {
    let [a, b, c] = bytes;
    u32::from_le_bytes([a, b, c, 0]) as usize
}

fn put_u24(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&(number as u32).to_le_bytes()[..3]);
}
