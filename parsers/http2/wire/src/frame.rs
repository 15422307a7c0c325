//! Frames (RFC 9113, sections 4 and 6): nine bytes of head, then the payload.
use crate::{Code, StreamId};

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const HEAD: usize = 9;

/// Larger frames may be sent only to who asks for them (SETTINGS_MAX_FRAME_SIZE).
pub const DEFAULT_MAX_FRAME: usize = 16_384;
pub const LARGEST_MAX_FRAME: u32 = (1 << 24) - 1;
pub const DEFAULT_WINDOW: u32 = 65_535;
pub const LARGEST_WINDOW: i64 = (1 << 31) - 1;

pub mod kind {
    pub const DATA: u8 = 0x0;
    pub const HEADERS: u8 = 0x1;
    pub const PRIORITY: u8 = 0x2;
    pub const RST_STREAM: u8 = 0x3;
    pub const SETTINGS: u8 = 0x4;
    pub const PUSH_PROMISE: u8 = 0x5;
    pub const PING: u8 = 0x6;
    pub const GOAWAY: u8 = 0x7;
    pub const WINDOW_UPDATE: u8 = 0x8;
    pub const CONTINUATION: u8 = 0x9;
}

pub mod flag {
    pub const ACK: u8 = 0x1;
    pub const END_STREAM: u8 = 0x1;
    pub const END_HEADERS: u8 = 0x4;
    pub const PADDED: u8 = 0x8;
    pub const PRIORITY: u8 = 0x20;
}

pub mod setting {
    pub const HEADER_TABLE_SIZE: u16 = 0x1;
    pub const ENABLE_PUSH: u16 = 0x2;
    pub const INITIAL_WINDOW_SIZE: u16 = 0x4;
    pub const MAX_FRAME_SIZE: u16 = 0x5;
}

/// The nine bytes before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    pub stream: StreamId,
}

impl Head {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let &[a, b, c, kind, flags, s0, s1, s2, s3, ..] = bytes else { return None };
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        // The first bit is reserved, and ignored.
        Some(Self { length, kind, flags, stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]) })
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

pub fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: StreamId, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(LARGEST_MAX_FRAME).to_be_bytes();
    out.extend_from_slice(length.get(1..).unwrap_or_default());
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

pub fn write_settings(out: &mut Vec<u8>, settings: &[(u16, u32)]) {
    let mut payload = Vec::new();
    for (name, value) in settings {
        payload.extend_from_slice(&name.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    write(out, kind::SETTINGS, 0, 0, &payload);
}

pub fn write_window_update(out: &mut Vec<u8>, stream: StreamId, by: u32) {
    write(out, kind::WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
}

pub fn write_reset(out: &mut Vec<u8>, stream: StreamId, code: Code) {
    write(out, kind::RST_STREAM, 0, stream, &code.0.to_be_bytes());
}

pub fn write_go_away(out: &mut Vec<u8>, last: StreamId, code: Code, why: &str) {
    let mut payload = last.to_be_bytes().to_vec();
    payload.extend_from_slice(&code.0.to_be_bytes());
    payload.extend_from_slice(why.as_bytes());
    write(out, kind::GOAWAY, 0, 0, &payload);
}

/// A header block, in as many frames as it takes.
pub fn write_block(out: &mut Vec<u8>, stream: StreamId, block: &[u8], end_stream: bool, max: usize) {
    let end = if end_stream { flag::END_STREAM } else { 0 };
    let mut pieces = block.chunks(max.max(1)).peekable();
    let first = pieces.next().unwrap_or_default();
    let last = |is_last: bool| if is_last { flag::END_HEADERS } else { 0 };
    write(out, kind::HEADERS, end | last(pieces.peek().is_none()), stream, first);
    while let Some(piece) = pieces.next() {
        write(out, kind::CONTINUATION, last(pieces.peek().is_none()), stream, piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back() {
        let mut out = Vec::new();
        write(&mut out, kind::PING, flag::ACK, 7, &[1; 8]);
        let head = Head { length: 8, kind: kind::PING, flags: flag::ACK, stream: 7 };
        assert_eq!((Head::read(&out), out.len()), (Some(head), HEAD + 8));
        assert_eq!(Head::read(&[0; 8]), None);
    }

    #[test]
    fn a_long_block_goes_on_in_continuations() {
        let mut out = Vec::new();
        write_block(&mut out, 1, &[0; 25], true, 10);
        let (mut kinds, mut rest) = (Vec::new(), out.as_slice());
        while let Some(head) = Head::read(rest) {
            kinds.push((head.kind, head.flags, head.length));
            rest = rest.get(HEAD + head.length..).unwrap_or_default();
        }
        let [first, second, third] = kinds.as_slice() else { panic!("{kinds:?}") };
        assert_eq!(*first, (kind::HEADERS, flag::END_STREAM, 10));
        assert_eq!(*second, (kind::CONTINUATION, 0, 10));
        assert_eq!(*third, (kind::CONTINUATION, flag::END_HEADERS, 5));
    }
}
