//! RESP2 and RESP3 <https://redis.io/docs/latest/develop/reference/protocol-spec/>: bytes to values and back.
//!
//! Our own reader, because every byte has to come back: `$-1`, `*-1` and `_` are three spellings of nothing that the
//! crates for this fold into one, and none of them keeps attributes, streamed values or numbers as they were spelled.
//! A value stands for the bytes it was read from, and for no others:
//!
//! | wire | document |
//! |---|---|
//! | `$5 hello` | `hello` (bytes when it is not text, a blob when it is huge) |
//! | `:42` | `42`; a number spelled otherwise (`:+42`) `{int: "+42"}` |
//! | `*2 …`, `#t` | a list, `true` |
//! | `$-1`; `*-1`; `_` | `null`; `{nil: array}`; `{nil: "3"}` |
//! | `+OK`, `-ERR …`, `!` | `{simple: OK}`, `{error: ERR …}`, `{bulk-error: …}` |
//! | `,1.50`, `(123`, `=txt:…` | `{double: "1.50"}`, `{big: "123"}`, `{verbatim: "txt:…"}` |
//! | `%`, `~`, `>` | `{map: [[key, value], …]}`, `{set: […]}`, `{push: […]}` |
//! | `\|` and the value behind it | `{attribute: [[key, value], …], of: value}` |
//! | `$?`, `*?`, `%?`, `~?`, `>?` | `{streamed: [chunk, …]}`, `{streamed-array: […]}`, `-map`, `-set`, `-push` |

mod read;
mod scan;
mod write;

pub use read::read;
pub use scan::{Scan, Scanner};
pub use write::{Segments, write};

/// Bulk strings above this go to the host unseen: 1 MiB.
pub const KEEP_ABOVE: u64 = 1 << 20;
/// Bytes of one value that are held at a time, what is kept by the host not counted: 64 MiB.
pub const LARGEST: usize = 64 << 20;

/// The bytes are not RESP.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected {expected}, found `{}`", found.escape_ascii())]
pub struct Problem {
    pub code: &'static str,
    /// Where, from the start of the value.
    pub at: usize,
    pub expected: &'static str,
    pub found: Vec<u8>,
}

impl Problem {
    fn new(code: &'static str, at: usize, expected: &'static str, found: &[u8]) -> Self {
        Self { code, at, expected, found: found.iter().take(32).copied().collect() }
    }
}

/// A length or a count, in the one spelling that can be written again: no sign, no leading zeros.
fn length(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 18 || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |number: u64, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))
}
