//! COPY. What the client copies is a request of its own, because it is complete only long after the server said that it
//! may begin.
use keploy_sdk::{Blob, Instant, Session, Value};

use super::{LARGEST_ANSWER, Recording};
use crate::{
    question::Question,
    request::Request,
    response::{Copy, Direction, Response},
};

/// More than this goes to the host.
const KEEP_ABOVE: usize = 1 << 20;

/// What a client copied so far. How it is cut into messages carries no meaning.
#[derive(Default)]
pub struct CopyIn {
    data: Vec<u8>,
    kept: Option<u64>,
}

impl CopyIn {
    pub fn add(&mut self, host: &mut dyn Session, data: &[u8]) {
        self.data.extend_from_slice(data);
        if self.data.len() > KEEP_ABOVE {
            self.keep(host);
        }
    }

    pub fn document(mut self, host: &mut dyn Session) -> Value {
        match self.kept {
            None => Value::readable(self.data),
            Some(blob) => {
                self.keep(host);
                Value::Blob(Blob::new(blob))
            }
        }
    }

    fn keep(&mut self, host: &mut dyn Session) {
        self.kept = Some(host.keep_bytes(&self.data, self.kept));
        self.data.clear();
    }
}

impl Recording {
    /// The server begins to copy.
    pub(super) fn copy(&mut self, host: &mut dyn Session, tag: u8, body: &[u8], at: Instant) -> Option<()> {
        self.open(host);
        let copy = Copy::read(tag, body)?;
        let direction = copy.direction;
        self.building.copy = Some(copy);
        if tag == b'W' {
            self.over = true;
            if let Some(running) = self.running.take() {
                host.abandon(running.exchange, "a replication stream is not recorded");
            }
        } else if direction == Direction::In {
            self.release(host);
            if let Some(running) = &self.running {
                let begun = std::mem::take(&mut self.building);
                host.reply(running.exchange, begun.document(), at);
            }
            self.copying = Some(CopyIn::default());
            self.copy_in(host);
        }
        Some(())
    }

    /// Takes what the client copies from the queue.
    pub(super) fn copy_in(&mut self, host: &mut dyn Session) {
        while let Some(copying) = &mut self.copying {
            let since = self.queue.since_next();
            let fail = match self.queue.take_next() {
                None => return,
                Some(Request::CopyData(data)) => {
                    copying.add(host, &data);
                    continue;
                }
                Some(Request::CopyDone) => None,
                Some(Request::CopyFail(reason)) => Some(reason),
                Some(Request::TooLarge(b'd')) => {
                    self.lose("a message of the copy is too large to be read");
                    continue;
                }
                Some(_) => continue, // Flush and Sync mean nothing while copying
            };
            let copied = self.copying.take().unwrap_or_default();
            let Some(running) = &mut self.running else { return };
            let data = copied.document(host);
            let question = Question::copy(&self.state, &running.sql, data, fail.as_deref());
            host.close(running.exchange);
            running.exchange = question.open(host, since);
        }
    }

    /// The server copies.
    pub(super) fn copied(&mut self, data: Vec<u8>) {
        if self.running.as_ref().is_none_or(|running| running.lost.is_some()) {
            return;
        }
        self.size += data.len() + size_of::<Value>();
        if self.size > LARGEST_ANSWER {
            self.building.copy = None;
            self.lose("the answer is larger than 16 MiB");
        } else if let Response { copy: Some(copy), .. } = &mut self.building {
            copy.data.push(Value::readable(data));
        }
    }
}
