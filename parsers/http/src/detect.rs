//! Is this HTTP/1, as far as the first bytes tell?
use keploy_sdk::Verdict;

/// `GET / HTTP/1.`: nothing shorter can be told from other text.
const SHORTEST: u32 = 13;
/// Long enough to believe a method and the start of a target without having seen the version behind it.
const ENOUGH: usize = 2048;
const LONGEST_METHOD: usize = 24;

pub fn client(bytes: &[u8]) -> Verdict {
    let line = bytes.trim_ascii_start();
    let more = Verdict::More(SHORTEST.max(u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_add(1)));
    let method = line.iter().take_while(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_')).count();
    if method > LONGEST_METHOD || bytes.len() - line.len() > 4 {
        return Verdict::No;
    }
    let rest = match line.get(method..) {
        None | Some([]) => return more,
        Some([b' ', rest @ ..]) if method > 0 => rest,
        Some(_) => return Verdict::No,
    };
    let connect = line.starts_with(b"CONNECT ");
    if !is_target(rest, connect) {
        return Verdict::No;
    }
    match rest.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n')).map(|end| rest.split_at(end).1) {
        // Whether it becomes HTTP/2, which another parser reads, the server says.
        Some(behind) if behind.starts_with(b" HTTP/1.") && asks_for_http2(behind) => Verdict::Yes(100),
        Some(behind) if behind.starts_with(b" HTTP/1.") => Verdict::Yes(200),
        Some(behind) if b" HTTP/1.".starts_with(behind) => more,
        Some(_) => Verdict::No,
        None if rest.len() >= ENOUGH => Verdict::Yes(150),
        None => more,
    }
}

fn asks_for_http2(head: &[u8]) -> bool {
    head.split(|byte| *byte == b'\n').take_while(|line| !line.trim_ascii().is_empty()).any(|line| {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(line.len()));
        name.eq_ignore_ascii_case(b"upgrade") && value.trim_ascii().ends_with(b"h2c")
    })
}

/// Could this be (the start of) a request target?
fn is_target(bytes: &[u8], connect: bool) -> bool {
    let absolute = |scheme: &[u8]| bytes.starts_with(scheme) || scheme.starts_with(bytes);
    match bytes {
        _ if connect => bytes.iter().take_while(|byte| **byte != b' ').all(u8::is_ascii_graphic),
        [] | [b'/', ..] | [b'*'] | [b'*', b' ', ..] => true,
        _ => absolute(b"http://") || absolute(b"https://") || absolute(b"ws://") || absolute(b"wss://"),
    }
}

#[cfg(test)]
mod tests {
    use keploy_sdk::Verdict;

    use super::client;

    #[test]
    fn requests_are_known_and_every_start_of_one_is_undecided_at_worst() {
        for request in [
            "GET / HTTP/1.1\r\n",
            "OPTIONS * HTTP/1.1\r\n",
            "M-SEARCH * HTTP/1.1\r\n",
            "CONNECT a.example:443 HTTP/1.1\r\n",
            "POST http://a.example/x HTTP/1.0\r\n",
            "\r\nGET /x?y HTTP/1.1\r\n",
        ] {
            assert_eq!(client(request.as_bytes()), Verdict::Yes(200), "{request:?}");
            for cut in 0..request.len() {
                assert_ne!(client(&request.as_bytes()[..cut]), Verdict::No, "{request:?} cut at {cut}");
            }
        }
        let long = format!("GET /{}", "x".repeat(5000));
        assert_eq!(client(long.as_bytes()), Verdict::Yes(150));
    }

    #[test]
    fn other_protocols_are_refused() {
        for other in [
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "*1\r\n$4\r\nPING\r\n",
            "PING\r\n",
            "SET key value\r\n",
            "GET /key\r\n",
            "get / HTTP/1.1\r\n",
            "EHLO a.example\r\n",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "\u{16}\u{3}\u{1}",
            "GET key HTTP/1.1\r\n",
            " / HTTP/1.1\r\n",
        ] {
            assert_eq!(client(other.as_bytes()), Verdict::No, "{other:?}");
        }
    }

    #[test]
    fn more_always_asks_for_more() {
        assert_eq!(client(b""), Verdict::More(13));
        assert_eq!(client(b"GET /a/rather/long/path"), Verdict::More(24));
    }
}
