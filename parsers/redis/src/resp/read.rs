//! Bytes that are known to be whole, to a value.
use keploy_sdk::{Blob, Map, Value};

use super::{KEEP_ABOVE, Problem, length};

/// Reads the value that `bytes` is. `blobs` are the bodies that were kept, in order; they are missing in `bytes`.
pub fn read(bytes: &[u8], blobs: &[u64]) -> Result<Value, Problem> {
    let mut reader = Reader { bytes, at: 0, blobs };
    let value = reader.value()?;
    reader.done()?;
    Ok(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    blobs: &'a [u64],
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Value, Problem> {
        let at = self.at;
        let line = self.line()?;
        let (kind, rest) = line.split_first().ok_or_else(|| self.problem(at, "a value"))?;
        Ok(match (kind, rest) {
            (b'+', text) => tag("simple", readable(text)),
            (b'-', text) => tag("error", readable(text)),
            (b':', digits) => integer(digits),
            (b'_', b"") => tag("nil", "3"),
            (b'#', b"t") => true.into(),
            (b'#', b"f") => false.into(),
            (b',', text) => tag("double", readable(text)),
            (b'(', text) => tag("big", readable(text)),
            (b'$', b"-1") => Value::Null,
            (b'$', b"?") => tag("streamed", self.chunks()?),
            (b'$', digits) => self.bulk(digits)?,
            (b'!', digits) => tag("bulk-error", readable(self.body(digits)?)),
            (b'=', digits) => tag("verbatim", readable(self.body(digits)?)),
            (b'*', b"-1") => tag("nil", "array"),
            (b'*', b"?") => tag("streamed-array", self.streamed()?),
            (b'~', b"?") => tag("streamed-set", self.streamed()?),
            (b'>', b"?") => tag("streamed-push", self.streamed()?),
            (b'%', b"?") => tag("streamed-map", pairs(self.streamed()?, || self.problem(at, "a value for each key"))?),
            (b'*', count) => self.items(count, 1)?.into(),
            (b'~', count) => tag("set", self.items(count, 1)?),
            (b'>', count) => tag("push", self.items(count, 1)?),
            (b'%', count) => tag("map", pairs(self.items(count, 2)?, || self.problem(at, "pairs"))?),
            (b'|', count) => {
                let attribute = pairs(self.items(count, 2)?, || self.problem(at, "pairs"))?;
                Map::new().with("attribute", attribute).with("of", self.value()?).into()
            }
            _ => return Err(self.problem(at, "a value")),
        })
    }

    fn bulk(&mut self, digits: &[u8]) -> Result<Value, Problem> {
        let kept = length(digits).is_some_and(|len| len > KEEP_ABOVE);
        if kept && let Some((blob, rest)) = self.blobs.split_first() {
            self.blobs = rest;
            self.line()?;
            return Ok(Blob::new(*blob).into());
        }
        Ok(readable(self.body(digits)?))
    }

    fn body(&mut self, digits: &[u8]) -> Result<&'a [u8], Problem> {
        let at = self.at;
        let len = length(digits).and_then(|len| usize::try_from(len).ok());
        let body = len.and_then(|len| self.bytes.get(at..at.checked_add(len)?));
        let body = body.ok_or_else(|| self.problem(at, "a body as long as its length says"))?;
        self.at += body.len();
        self.line()?;
        Ok(body)
    }

    fn items(&mut self, count: &[u8], each: u64) -> Result<Vec<Value>, Problem> {
        let count = length(count).ok_or_else(|| self.problem(self.at, "a count"))?;
        (0..count * each).map(|_| self.value()).collect()
    }

    fn streamed(&mut self) -> Result<Vec<Value>, Problem> {
        let mut items = Vec::new();
        while !self.bytes[self.at..].starts_with(b".") {
            items.push(self.value()?);
        }
        self.line()?;
        Ok(items)
    }

    fn chunks(&mut self) -> Result<Vec<Value>, Problem> {
        let mut chunks = Vec::new();
        loop {
            match self.line()? {
                b";0" => return Ok(chunks),
                [b';', digits @ ..] => chunks.push(readable(self.body(digits)?)),
                _ => return Err(self.problem(self.at, "a chunk")),
            }
        }
    }

    /// The next line, without its end.
    fn line(&mut self) -> Result<&'a [u8], Problem> {
        let rest = &self.bytes[self.at..];
        let end = rest.windows(2).position(|pair| pair == b"\r\n").ok_or_else(|| self.problem(self.at, "CR LF"))?;
        self.at += end + 2;
        Ok(&rest[..end])
    }

    fn done(&self) -> Result<(), Problem> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.problem(self.at, "the end")) }
    }

    fn problem(&self, at: usize, expected: &'static str) -> Problem {
        Problem::new("bad-value", at, expected, self.bytes.get(at..).unwrap_or_default())
    }
}

fn readable(bytes: &[u8]) -> Value {
    Value::readable(bytes.to_vec())
}

/// A number, when that is enough to write it again.
fn integer(digits: &[u8]) -> Value {
    let text = str::from_utf8(digits).unwrap_or_default();
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => number.into(),
        _ => tag("int", readable(digits)),
    }
}

fn tag(name: &str, value: impl Into<Value>) -> Value {
    Map::new().with(name, value).into()
}

fn pairs(items: Vec<Value>, problem: impl Fn() -> Problem) -> Result<Value, Problem> {
    if items.len() % 2 == 1 {
        return Err(problem());
    }
    Ok(items.chunks(2).map(|pair| Value::from(pair.to_vec())).collect::<Vec<_>>().into())
}
