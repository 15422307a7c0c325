//! Whether a client speaks Redis.
use keploy_sdk::Verdict;

/// An array of bulk strings is hardly anything else.
const ARRAY: Verdict = Verdict::Yes(240);
/// A plain line might be another protocol's.
const LINE: Verdict = Verdict::Yes(60);

/// Plain commands that people and health checks send. GET and its like are left out: HTTP begins like that.
const PLAIN: [&[u8]; 7] = [b"PING", b"INFO", b"AUTH", b"SELECT", b"MONITOR", b"COMMAND", b"QUIT"];

pub fn detect(client: &[u8]) -> Verdict {
    let more = Verdict::More(client.len() as u32 + 1);
    match client {
        [] => more,
        [b'*', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            match &rest[digits..] {
                _ if digits > 7 || rest.first() == Some(&b'0') => Verdict::No,
                [] | [b'\r'] | [b'\r', b'\n'] if digits > 0 || rest.is_empty() => more,
                [b'\r', b'\n', b'$', ..] if digits > 0 => ARRAY,
                _ => Verdict::No,
            }
        }
        line => {
            let begins = |command: &&&[u8]| command.iter().zip(line).all(|(a, b)| a.eq_ignore_ascii_case(b));
            match PLAIN.iter().find(begins).map(|command| line.get(command.len())) {
                Some(None) => more,
                Some(Some(b' ' | b'\r' | b'\n')) => LINE,
                _ => Verdict::No,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_undecided_and_the_rest_decides() {
        let whole = b"*1\r\n$4\r\nPING\r\n";
        for cut in 0..5 {
            assert_eq!(detect(&whole[..cut]), Verdict::More(cut as u32 + 1), "{cut}");
        }
        assert_eq!(detect(whole), ARRAY);
        for line in ["PING\r\n", "ping\n", "INFO server\r\n", "AUTH x\r\n"] {
            assert_eq!(detect(line.as_bytes()), LINE, "{line}");
            assert!(matches!(detect(&line.as_bytes()[..2]), Verdict::More(_)));
        }
        for line in ["GET / HTTP/1.1\r\n", "PINGING", "*x", "* OK IMAP", "*0\r\n", "*1\r\n:", "\x16\x03\x01", "POST"] {
            assert_eq!(detect(line.as_bytes()), Verdict::No, "{line}");
        }
    }
}
