//! What one side has said in a call so far.
use http2_wire::{Code, Fields, MAX_BODY};
use keploy_sdk::Fault;

use crate::framing::{Payload, Splitter};

/// One side of a call.
#[derive(Default)]
pub struct Half {
    pub head: Option<Fields>,
    /// Those that are in no document yet.
    pub messages: Vec<Payload>,
    pub trailers: Option<Fields>,
    pub end: Option<End>,
    splitter: Splitter,
    size: usize,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Whole,
    Reset(Code),
}

impl Half {
    pub fn headers(&mut self, fields: Fields, end: bool) {
        if self.head.is_none() {
            self.head = Some(fields);
        } else {
            self.trailers = Some(fields);
        }
        if end {
            self.end = Some(End::Whole);
        }
    }

    /// Returns how many messages became complete.
    ///
    /// # Errors
    /// When the data is no sequence of messages, or more of them than can be kept.
    pub fn data(&mut self, data: &[u8], end: bool) -> Result<usize, Fault> {
        let messages = self.splitter.push(data)?;
        let count = messages.len();
        self.size += messages.iter().map(|message| message.bytes.len()).sum::<usize>();
        if self.size > MAX_BODY {
            let message = format!("the messages of a call have more than {MAX_BODY} bytes");
            return Err(Fault::new("long-call", message));
        }
        self.messages.extend(messages);
        if end {
            self.end = Some(End::Whole);
        }
        Ok(count)
    }

    /// Has it said anything that is in no document yet?
    pub fn has_said_something(&self) -> bool {
        self.head.is_some() || !self.messages.is_empty()
    }

    /// Has a message begun that is not complete?
    pub fn is_in_the_middle(&self) -> bool {
        self.splitter.is_in_the_middle()
    }

    /// The messages, which are in a document now.
    pub fn take(&mut self) -> Vec<Payload> {
        self.size = 0;
        std::mem::take(&mut self.messages)
    }
}
