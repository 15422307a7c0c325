//! What one side has said on a stream so far.
use http2_wire::{Code, Fields, MAX_BODY};

/// One side of a stream.
#[derive(Debug, Default)]
pub struct Message {
    pub head: Option<Fields>,
    pub body: Vec<u8>,
    pub trailer: Option<Fields>,
    pub end: Option<End>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Whole,
    Reset(Code),
}

impl Message {
    pub fn headers(&mut self, fields: Fields, end: bool) {
        if self.head.is_none() {
            self.head = Some(fields);
        } else {
            self.trailer = Some(fields);
        }
        if end {
            self.end = Some(End::Whole);
        }
    }

    /// # Errors
    /// In words, when there is more than can be kept.
    pub fn data(&mut self, data: &[u8], end: bool) -> Result<(), String> {
        if self.body.len() + data.len() > MAX_BODY {
            return Err(format!("a body of more than {MAX_BODY} bytes"));
        }
        self.body.extend_from_slice(data);
        if end {
            self.end = Some(End::Whole);
        }
        Ok(())
    }
}
