//! Commands sent as a plain line: words between blanks, quoted as in Redis' `sdssplitargs`.
use keploy_sdk::Fault;

/// The words of a line, its end included. Comes to the same words as the server does.
pub fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii();
    while !rest.is_empty() {
        let (word, behind) = word(rest)?;
        words.push(word);
        rest = behind.trim_ascii_start();
    }
    Ok(words)
}

fn word(mut rest: &[u8]) -> Result<(Vec<u8>, &[u8]), Fault> {
    let mut word = Vec::new();
    let mut quote = None;
    loop {
        rest = match (quote, rest) {
            (None, []) => return Ok((word, rest)),
            (None, [byte, ..]) if byte.is_ascii_whitespace() => return Ok((word, rest)),
            (None, [byte @ (b'"' | b'\''), behind @ ..]) => {
                quote = Some(*byte);
                behind
            }
            (Some(_), []) => return Err(unbalanced("the line ends inside quotes")),
            (Some(b'"'), [b'\\', b'x', high, low, behind @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default() as u8;
                word.push(digit(high) << 4 | digit(low));
                behind
            }
            (Some(b'"'), [b'\\', escaped, behind @ ..]) => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                behind
            }
            (Some(b'\''), [b'\\', b'\'', behind @ ..]) => {
                word.push(b'\'');
                behind
            }
            (Some(open), [byte, behind @ ..]) if open == *byte => {
                if behind.first().is_some_and(|next| !next.is_ascii_whitespace()) {
                    return Err(unbalanced("a closing quote is followed by more than a blank"));
                }
                quote = None;
                behind
            }
            (_, [byte, behind @ ..]) => {
                word.push(*byte);
                behind
            }
        };
    }
}

fn unbalanced(what: &str) -> Fault {
    Fault::new("unbalanced-quotes", format!("inline command: {what}"))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[track_caller]
    fn check(line: &str, words: &[&[u8]]) {
        assert_eq!(split(line.as_bytes()).expect(line), words, "{line}");
    }

    #[test]
    fn words_are_what_the_server_makes_of_them() {
        check("PING\r\n", &[b"PING"]);
        check("  set a\tb \n", &[b"set", b"a", b"b"]);
        check(r#"SET "a b" 'c \' d'"#, &[b"SET", b"a b", b"c ' d"]);
        check(r#"SET "\x00\xfF\n\"" """#, &[b"SET", b"\x00\xff\n\"", b""]);
        check("\r\n", &[]);
        assert!(split(b"SET \"a").is_err());
        assert!(split(b"SET \"a\"b").is_err());
    }
}
