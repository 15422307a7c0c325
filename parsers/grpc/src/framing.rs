//! Messages out of the data of a stream: a flag, a length, and so many bytes (gRPC over HTTP/2, "Length-Prefixed-Message").
use http2_wire::MAX_BODY;
use keploy_sdk::Fault;

/// A message as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub is_compressed: bool,
    pub bytes: Vec<u8>,
}

const HEAD: usize = 5;

/// Collects the data of one side of a stream.
#[derive(Default)]
pub struct Splitter {
    buffer: Vec<u8>,
}

impl Splitter {
    /// The messages that are complete now.
    ///
    /// # Errors
    /// When the data is no sequence of messages, or a message is too long to be kept.
    pub fn push(&mut self, data: &[u8]) -> Result<Vec<Payload>, Fault> {
        self.buffer.extend_from_slice(data);
        let (mut messages, mut at) = (Vec::new(), 0);
        while let Some(&[flag, a, b, c, d]) = self.buffer.get(at..at + HEAD) {
            let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
            if flag > 1 {
                return Err(Fault::new(
                    "bad-message-flag",
                    format!("a message begins with {flag}, which is neither 0 nor 1"),
                ));
            }
            if length > MAX_BODY {
                return Err(Fault::new(
                    "long-message",
                    format!("a message of {length} bytes; {MAX_BODY} are read at most"),
                ));
            }
            let Some(bytes) = self.buffer.get(at + HEAD..at + HEAD + length) else { break };
            messages.push(Payload { is_compressed: flag == 1, bytes: bytes.to_vec() });
            at += HEAD + length;
        }
        self.buffer.drain(..at);
        Ok(messages)
    }

    /// Has a message begun that is not complete?
    pub fn is_in_the_middle(&self) -> bool {
        !self.buffer.is_empty()
    }
}

impl Payload {
    /// With its head.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_compressed));
        out.extend_from_slice(&u32::try_from(self.bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(&self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::{Payload, Splitter};

    #[test]
    fn messages_are_found_wherever_the_data_is_cut() {
        let messages = [(false, &b"hello"[..]), (true, b""), (false, &[0; 300])]
            .map(|(is_compressed, bytes)| Payload { is_compressed, bytes: bytes.to_vec() });
        let mut data = Vec::new();
        messages.iter().for_each(|message| message.write(&mut data));
        for size in [1, 4, 7, data.len()] {
            let mut splitter = Splitter::default();
            let found = data.chunks(size).flat_map(|piece| splitter.push(piece).expect("messages"));
            assert_eq!(found.collect::<Vec<_>>(), messages);
            assert!(splitter.buffer.is_empty());
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert!(Splitter::default().push(b"<html>").is_err());
        assert!(Splitter::default().push(&[0, 255, 255, 255, 255]).is_err());
    }
}
