//! Where a value ends.
use super::{LARGEST, Problem, length};

/// Finds the end of a value whose bytes come in pieces, without looking at a body twice.
#[derive(Default)]
pub struct Scanner {
    /// All before this belongs to the value and is well-formed.
    at: usize,
    /// Between `at` and here there is no line end.
    searched: usize,
    /// The aggregates we are in.
    open: Vec<Level>,
    /// A kept body goes before `at`, and its line end is to come.
    behind_kept: bool,
}

enum Level {
    /// An array or its like, with so many values to come.
    Items(u64),
    /// An attribute: when it is whole, the value that it belongs to is still to come.
    Attribute(u64),
    /// An aggregate that ends with `.`.
    Streamed,
    /// A string that ends with `;0`.
    Chunks,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Scan {
    More,
    /// The value is the first so many bytes.
    Whole(usize),
    /// A body of `len` bytes at `at` is to be kept by the host. Bytes from there on are not wanted; what is behind the
    /// body is.
    Keep {
        at: usize,
        len: u64,
    },
}

/// Values within values. Each costs at most three levels of a document, which may have 128.
const DEEPEST: usize = 32;
/// The longest line: longer than any number, error or status has reason to be.
const LONGEST_LINE: usize = 64 * 1024;

impl Scanner {
    /// `bytes` starts where the value does and has grown since the last call. After `Whole`, start with a new scanner.
    pub fn scan(&mut self, bytes: &[u8], keep_above: u64) -> Result<Scan, Problem> {
        if self.behind_kept {
            let Some(end) = bytes.get(self.at..self.at + 2) else { return Ok(Scan::More) };
            self.line_end(end)?;
            self.behind_kept = false;
            if self.value_ends(2) {
                return Ok(Scan::Whole(self.at));
            }
        }
        loop {
            if self.at > LARGEST {
                return Err(Problem::new("value-too-large", self.at, "a value of at most 64 MiB", b""));
            }
            let Some(line) = self.line(bytes)? else { return Ok(Scan::More) };
            let header = line.len() + 2;
            let (kind, rest) = line.split_first().ok_or_else(|| Problem::new("bad-type", self.at, TYPES, b""))?;
            let whole = match (kind, rest) {
                (b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(', _) => self.value_ends(header),
                (b'$', b"-1") | (b'*', b"-1") => self.value_ends(header),
                (b'$', b"?") => self.open(Level::Chunks, header)?,
                (b'*' | b'~' | b'>' | b'%', b"?") => self.open(Level::Streamed, header)?,
                (b'$' | b'!' | b'=', digits) => {
                    let len = self.length(digits)?;
                    let small = usize::try_from(len).ok().filter(|_| *kind != b'$' || len <= keep_above);
                    let Some(len) = small else {
                        self.at += header;
                        self.behind_kept = true;
                        return Ok(Scan::Keep { at: self.at, len });
                    };
                    let Some(end) = self.body(bytes, header, len)? else { return Ok(Scan::More) };
                    self.value_ends(end)
                }
                (b';', digits) if matches!(self.open.last(), Some(Level::Chunks)) => match self.length(digits)? {
                    0 => {
                        self.open.pop();
                        self.value_ends(header)
                    }
                    len => {
                        let len = usize::try_from(len).unwrap_or(usize::MAX);
                        let Some(end) = self.body(bytes, header, len)? else { return Ok(Scan::More) };
                        self.at += end;
                        false
                    }
                },
                (b'.', b"") if matches!(self.open.last(), Some(Level::Streamed)) => {
                    self.open.pop();
                    self.value_ends(header)
                }
                (b'*' | b'~' | b'>', digits) => self.open(Level::Items(self.length(digits)?), header)?,
                (b'%', digits) => self.open(Level::Items(self.length(digits)? * 2), header)?,
                (b'|', digits) => self.open(Level::Attribute(self.length(digits)? * 2), header)?,
                _ => return Err(Problem::new("bad-type", self.at, TYPES, line)),
            };
            self.searched = self.at;
            if whole {
                return Ok(Scan::Whole(self.at));
            }
        }
    }

    /// The line at `at`, without its end.
    fn line<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Problem> {
        let from = self.searched.max(self.at);
        let unseen = bytes.get(from..).unwrap_or_default();
        if matches!(self.open.last(), Some(Level::Chunks)) && !matches!(bytes.get(self.at), None | Some(b';')) {
            return Err(Problem::new("bad-type", self.at, "a chunk, `;`", &bytes[self.at..]));
        }
        match unseen.windows(2).position(|pair| pair == b"\r\n") {
            Some(found) => Ok(Some(&bytes[self.at..from + found])),
            None if bytes.len().saturating_sub(self.at) > LONGEST_LINE => {
                Err(Problem::new("line-too-long", self.at, "a line of at most 64 KiB", &bytes[self.at..]))
            }
            None => {
                // The last byte may be the first half of a line end.
                self.searched = bytes.len().saturating_sub(1).max(self.at);
                Ok(None)
            }
        }
    }

    /// Where a body of `len` bytes behind a header ends, counted from `at`, its line end included.
    fn body(&self, bytes: &[u8], header: usize, len: usize) -> Result<Option<usize>, Problem> {
        if len > LARGEST {
            return Err(Problem::new("value-too-large", self.at, "a value of at most 64 MiB", &bytes[self.at..]));
        }
        let end = header + len;
        let Some(line_end) = bytes.get(self.at + end..self.at + end + 2) else { return Ok(None) };
        self.line_end(line_end)?;
        Ok(Some(end + 2))
    }

    fn line_end(&self, found: &[u8]) -> Result<(), Problem> {
        if found == b"\r\n" {
            return Ok(());
        }
        Err(Problem::new("bad-length", self.at, "CR LF where the length says that the body ends", found))
    }

    fn length(&self, digits: &[u8]) -> Result<u64, Problem> {
        length(digits).ok_or_else(|| Problem::new("bad-length", self.at, "a length in digits", digits))
    }

    /// Steps into an aggregate. True when the value is whole, which it can be when the aggregate is empty.
    fn open(&mut self, level: Level, header: usize) -> Result<bool, Problem> {
        match level {
            Level::Items(0) => return Ok(self.value_ends(header)),
            Level::Attribute(0) => {}
            _ if self.open.len() == DEEPEST => {
                return Err(Problem::new("too-deep", self.at, "at most 32 values within values", b""));
            }
            level => self.open.push(level),
        }
        self.at += header;
        Ok(false)
    }

    /// A value ends `len` bytes on. True when it was the outermost.
    fn value_ends(&mut self, len: usize) -> bool {
        self.at += len;
        loop {
            match self.open.last_mut() {
                None => return true,
                Some(Level::Items(left)) if *left == 1 => drop(self.open.pop()),
                Some(Level::Attribute(left)) if *left == 1 => {
                    self.open.pop();
                    return false;
                }
                Some(Level::Items(left) | Level::Attribute(left)) => {
                    *left -= 1;
                    return false;
                }
                Some(Level::Streamed | Level::Chunks) => return false,
            }
        }
    }
}

const TYPES: &str = "a RESP type, one of + - : $ * _ # , ( ! = % ~ > |";
