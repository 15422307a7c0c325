//! The chunked transfer coding (RFC 9112, 7.1), taken off as it comes.
//!
//! Where the chunks were cut and what extensions they had is not kept: both belong to one hop, and no recipient may
//! give them a meaning it was not told of.
use keploy_sdk::{Fault, Session};
use memchr::memchr;

use crate::{
    body::Body,
    head::{self, MAX_HEAD},
    headers::Headers,
    inbox::Inbox,
};

/// The size of a chunk and its extensions.
const MAX_SIZE_LINE: usize = 16 * 1024;

#[derive(Debug, Default)]
pub enum Chunked {
    #[default]
    Size,
    Data {
        left: u64,
    },
    /// The line end behind a chunk's data.
    DataEnd,
    Trailer {
        scanned: usize,
    },
}

impl Chunked {
    /// Reads what there is into `body`. Returns the trailer when the body is complete.
    ///
    /// # Errors
    /// When the bytes are not chunks.
    pub fn read(
        &mut self,
        inbox: &mut Inbox,
        body: &mut Body,
        host: &mut dyn Session,
    ) -> Result<Option<Headers>, Fault> {
        loop {
            let rest = inbox.rest();
            match self {
                Self::Size => {
                    let Some(line_end) = memchr(b'\n', rest) else {
                        return within(rest.len(), MAX_SIZE_LINE, "bad-chunk-size", "the line with a chunk's size");
                    };
                    let size = size(rest.get(..line_end).unwrap_or_default())?;
                    inbox.take(line_end + 1);
                    *self = if size == 0 { Self::Trailer { scanned: 0 } } else { Self::Data { left: size } };
                }
                Self::Data { left: 0 } => *self = Self::DataEnd,
                Self::Data { left } => {
                    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    if n == 0 {
                        return Ok(None);
                    }
                    body.push(rest.get(..n).unwrap_or_default(), host);
                    *left -= n as u64;
                    inbox.take(n);
                }
                Self::DataEnd => match rest {
                    [b'\r', b'\n', ..] => {
                        inbox.take(2);
                        *self = Self::Size;
                    }
                    [b'\n', ..] => {
                        inbox.take(1);
                        *self = Self::Size;
                    }
                    [] | [b'\r'] => return Ok(None),
                    [first, ..] => {
                        return Err(Fault::new(
                            "bad-chunk-end",
                            format!(
                                "\"{}\" at byte {} instead of the line end behind a chunk",
                                first.escape_ascii(),
                                inbox.offset()
                            ),
                        ));
                    }
                },
                Self::Trailer { scanned } => {
                    let end = match rest {
                        [b'\r', b'\n', ..] => Some(2),
                        [b'\n', ..] => Some(1),
                        _ => head::end(rest, *scanned),
                    };
                    let Some(end) = end else {
                        *scanned = rest.len().saturating_sub(2);
                        return within(rest.len(), MAX_HEAD, "trailer-too-long", "a trailer");
                    };
                    let trailer = head::trailer(rest.get(..end).unwrap_or_default())?;
                    inbox.take(end);
                    return Ok(Some(trailer));
                }
            }
        }
    }

    /// What would have come next, for the message that says it did not.
    pub fn missing(&self) -> String {
        match self {
            Self::Size => "the next chunk".to_owned(),
            Self::Data { left } => format!("{left} bytes of a chunk"),
            Self::DataEnd => "the end of a chunk".to_owned(),
            Self::Trailer { .. } => "the end of the trailer".to_owned(),
        }
    }
}

fn within(len: usize, limit: usize, code: &str, what: &str) -> Result<Option<Headers>, Fault> {
    if len <= limit { Ok(None) } else { Err(Fault::new(code, format!("{what} is longer than {limit} bytes"))) }
}

fn size(line: &[u8]) -> Result<u64, Fault> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    std::str::from_utf8(digits)
        .ok()
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| {
            let shown = line.get(..line.len().min(40)).unwrap_or_default();
            Fault::new("bad-chunk-size", format!("\"{}\" instead of a chunk's size in hex", shown.escape_ascii()))
        })
}
