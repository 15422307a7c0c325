//! Whether a client speaks PostgreSQL.
use keploy_sdk::Verdict;

pub const CANCEL_REQUEST: u32 = 80_877_102;
pub const SSL_REQUEST: u32 = 80_877_103;
pub const GSSENC_REQUEST: u32 = 80_877_104;

/// A connection begins with a length and a code that hardly anything else would send.
pub fn detect(client: &[u8]) -> Verdict {
    let Some((head, _)) = client.split_first_chunk::<8>() else {
        // Lengths are below 64 Ki.
        return if client.iter().take(2).all(|byte| *byte == 0) { Verdict::More(8) } else { Verdict::No };
    };
    let [l0, l1, l2, l3, code @ ..] = *head;
    let (length, code) = (u32::from_be_bytes([l0, l1, l2, l3]), u32::from_be_bytes(code));
    match (code, length) {
        (SSL_REQUEST | GSSENC_REQUEST, 8) => Verdict::Yes(255),
        (CANCEL_REQUEST, 16..=268) => Verdict::Yes(255),
        (0x0003_0000..=0x0003_ffff, 9..=10_000) => Verdict::Yes(240),
        _ => Verdict::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_undecided_and_the_code_decides() {
        let startup = b"\0\0\0\x11\0\x03\0\0user\0ada\0\0";
        for cut in 0..8 {
            assert_eq!(detect(&startup[..cut]), Verdict::More(8), "{cut}");
        }
        assert_eq!(detect(startup), Verdict::Yes(240));
        assert_eq!(detect(b"\0\0\0\x11\0\x03\0\x02user"), Verdict::Yes(240));
        assert_eq!(detect(b"\0\0\0\x08\x04\xd2\x16\x2f"), Verdict::Yes(255));
        assert_eq!(detect(b"\0\0\0\x08\x04\xd2\x16\x30"), Verdict::Yes(255));
        for other in [&b"GET / HTTP/1.1"[..], b"\x16\x03\x01\x02\0", b"\0\0\x18\x04\0\0\0\0\0", b"*1\r\n$4\r\nPING\r\n"]
        {
            assert_eq!(detect(other), Verdict::No, "{other:?}");
        }
    }
}
