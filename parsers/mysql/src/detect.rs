//! Whether a server speaks MySQL: by its greeting.
use keploy_sdk::Verdict;

/// A version, then a packet that is as long as it says.
const GREETING: Verdict = Verdict::Yes(250);
/// An error in place of a greeting.
const REFUSAL: Verdict = Verdict::Yes(200);

/// Long enough for any version and any plugin's name.
const LONGEST: usize = 512;
/// Numbers of errors that servers have.
const ERRORS: std::ops::Range<u16> = 1000..5000;

pub fn detect(client: &[u8], server: &[u8]) -> Verdict {
    let more = Verdict::More(server.len() as u32 + 1);
    match *server {
        [] if client.is_empty() => more,
        [] => Verdict::No,
        [length, ref rest @ ..] => match *rest {
            [] => more,
            [high, ref rest @ ..] if usize::from(high) << 8 | usize::from(length) <= LONGEST => match *rest {
                [] | [0] | [0, 0] => more,
                [0, 0, 10, ref version @ ..] => greeting(version),
                [0, 0, 0xff, ref error @ ..] => refusal(error),
                _ => Verdict::No,
            },
            _ => Verdict::No,
        },
    }
}

/// Behind the protocol's version.
fn greeting(version: &[u8]) -> Verdict {
    let is_version = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    match version.iter().position(|byte| *byte == 0) {
        None if version.iter().all(is_version) => Verdict::More(version.len() as u32 + 6),
        Some(end) if end > 0 && version[..end].iter().all(is_version) => GREETING,
        _ => Verdict::No,
    }
}

/// Behind the mark of an error.
fn refusal(error: &[u8]) -> Verdict {
    match *error {
        [] | [_] => Verdict::More(error.len() as u32 + 6),
        [low, high, ..] if ERRORS.contains(&u16::from_le_bytes([low, high])) => REFUSAL,
        _ => Verdict::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_undecided_and_the_rest_decides() {
        let whole = b"\x4a\0\0\0\x0a9.7.0\0\x08\0\0\0";
        for cut in 0..10 {
            assert_eq!(detect(b"", &whole[..cut]), Verdict::More(cut as u32 + 1), "{cut}");
        }
        assert_eq!(detect(b"", whole), GREETING);
        assert_eq!(detect(b"", b"\x17\0\0\0\xff\x10\x04Too many connections"), REFUSAL);
        for other in [&b"220 smtp.test ESMTP"[..], b"+OK POP3", b"\x4a\0\0\0\x09old\0", b"\x4a\0\0\x01\x0a9.7.0\0"] {
            assert_eq!(detect(b"", other), Verdict::No, "{other:?}");
        }
        assert_eq!(detect(b"GET / HTTP/1.1\r\n", b""), Verdict::No);
    }
}
