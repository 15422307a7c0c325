//! Packets made by hand.

/// PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH, DEPRECATE_EOF.
pub const CAPABILITIES: u64 = 1 << 9 | 1 << 15 | 1 << 19 | 1 << 24;
/// CLIENT_COMPRESS.
pub const COMPRESS: u64 = 1 << 5;

pub fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u32;
    [&length.to_le_bytes()[..3], &[sequence], payload].concat()
}

/// Of someone without a password.
pub fn log_in() -> Vec<u8> {
    log_in_with(CAPABILITIES)
}

pub fn log_in_with(capabilities: u64) -> Vec<u8> {
    let flags = (capabilities as u32).to_le_bytes();
    let body = [&flags[..], &[0, 0, 0, 1, 45], &[0; 23], b"ada\0\0native\0"].concat();
    packet(1, &body)
}

pub fn greeting(capabilities: u64) -> Vec<u8> {
    let [a, b, c, d] = (capabilities as u32).to_le_bytes();
    let body =
        [b"\x0a9\0\x01\0\0\0eight---\0".as_slice(), &[a, b, 45, 2, 0, c, d, 21], &[0; 10], b"twelve-bytes\0native\0"];
    packet(0, &body.concat())
}

/// OK, with autocommit.
pub const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
