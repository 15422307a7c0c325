//! The bytes of one direction, and the values they come to.
use keploy_sdk::{Fault, Instant, Session, Side, Value};

use crate::{
    command::Command,
    resp::{Problem, Scan, Scanner, read},
};

pub struct Inbox {
    from: Side,
    /// What came and is not taken; the value we are in starts at `start`.
    bytes: Vec<u8>,
    start: usize,
    /// Of the byte behind the last of `bytes`, in the stream.
    offset: u64,
    scanner: Scanner,
    /// The bodies of this value that the host keeps.
    blobs: Vec<u64>,
    /// When the first byte of this value came, and when the last bytes did.
    since: Instant,
    now: Instant,
    /// Bodies longer than this are kept by the host.
    keep_above: u64,
}

/// The longest plain command: Redis' own limit.
const LONGEST_LINE: usize = 64 * 1024;

impl Inbox {
    pub fn new(from: Side, keep_above: u64) -> Self {
        let (bytes, blobs, scanner) = (Vec::new(), Vec::new(), Scanner::default());
        Self { from, bytes, start: 0, offset: 0, scanner, blobs, since: 0, now: 0, keep_above }
    }

    pub fn push(&mut self, offset: u64, at: Instant, data: &[u8]) {
        if self.is_empty() {
            self.since = at;
        }
        self.bytes.drain(..self.start);
        self.start = 0;
        self.now = at;
        self.bytes.extend_from_slice(data);
        self.offset = offset + data.len() as u64;
    }

    /// No value has begun.
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// The next value that is whole.
    pub fn value(&mut self, host: &mut dyn Session) -> Result<Option<Value>, Fault> {
        if self.is_empty() {
            return Ok(None);
        }
        let scan =
            self.scanner.scan(&self.bytes[self.start..], self.keep_above).map_err(|problem| self.fault(&problem))?;
        match scan {
            Scan::More => Ok(None),
            Scan::Keep { at, len } => {
                // The host goes on behind the body; what we have of it is not ours.
                self.blobs.push(host.keep(self.from, self.position(at), len, None));
                self.bytes.truncate(self.start + at);
                Ok(None)
            }
            Scan::Whole(len) => {
                let value = read(&self.bytes[self.start..self.start + len], &self.blobs);
                let value = value.map_err(|problem| self.fault(&problem))?;
                self.take(len);
                Ok(Some(value))
            }
        }
    }

    /// The next command that is whole, and when it began to come.
    pub fn command(&mut self, host: &mut dyn Session) -> Result<Option<(Command, Instant)>, Fault> {
        loop {
            let since = self.since;
            let begins_at = self.position(0);
            let command = match self.bytes.get(self.start) {
                None => return Ok(None),
                Some(b'*') => match self.value(host)? {
                    None => return Ok(None),
                    Some(Value::Array(words)) if words.is_empty() => None,
                    Some(Value::Array(words)) => match Command::from_words(words) {
                        Some(command) => Some(command),
                        None => return Err(not_a_command(begins_at)),
                    },
                    Some(_) => None, // `*-1`, which servers pass over as they do `*0`
                },
                Some(_) => match self.line()? {
                    None => return Ok(None),
                    Some(line) => Command::from_line(&line)?,
                },
            };
            if let Some(command) = command {
                return Ok(Some((command, since)));
            }
        }
    }

    fn line(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let rest = &self.bytes[self.start..];
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            if rest.len() > LONGEST_LINE {
                let at = self.position(0);
                return Err(Fault::new("line-too-long", format!("the command at byte {at} has no end within 64 KiB")));
            }
            return Ok(None);
        };
        let line = rest[..=end].to_vec();
        self.take(end + 1);
        Ok(Some(line))
    }

    fn take(&mut self, len: usize) {
        self.start += len;
        self.scanner = Scanner::default();
        self.blobs.clear();
        self.since = self.now;
    }

    /// Where in the stream byte `at` of this value is.
    fn position(&self, at: usize) -> u64 {
        self.offset.saturating_sub((self.bytes.len() - self.start - at.min(self.bytes.len() - self.start)) as u64)
    }

    fn fault(&self, problem: &Problem) -> Fault {
        let side = match self.from {
            Side::Client => "client",
            Side::Server => "server",
        };
        Fault::new(problem.code, format!("byte {} of the {side}: {problem}", self.position(problem.at)))
    }
}

fn not_a_command(at: u64) -> Fault {
    Fault::new(
        "not-a-command",
        format!("byte {at} of the client: expected an array of bulk strings that begins with a name"),
    )
}
