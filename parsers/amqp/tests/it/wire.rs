//! Frames, for tests that say less than a transcript; and a mock to say them to.
use keploy_sdk::{
    Connection, Exchange, Fault, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_amqp::Conversation;

pub const CHANNEL_OPEN: &[u8] = b"\x00\x14\x00\x0a\x00";
pub const CONFIRM_SELECT: &[u8] = b"\x00\x55\x00\x0a\x00";
/// To the default exchange.
pub const PUBLISH: &[u8] = b"\x00\x3c\x00\x28\x00\x00\x00\x04jobs\x00";
pub const CONSUME: &[u8] = b"\x00\x3c\x00\x14\x00\x00\x04jobs\x02me\x00\x00\x00\x00\x00";
pub const GET: &[u8] = b"\x00\x3c\x00\x46\x00\x00\x04jobs\x00";
/// Of the first delivery.
pub const ACK: &[u8] = b"\x00\x3c\x00\x50\x00\x00\x00\x00\x00\x00\x00\x01\x00";

pub fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).expect("a short frame");
    [&[kind], channel.to_be_bytes().as_slice(), &size.to_be_bytes(), payload, &[0xce]].concat()
}

pub fn method(payload: &[u8]) -> Vec<u8> {
    frame(1, 1, payload)
}

/// The header of a message without properties, and its body in one frame.
pub fn content(body: &[u8]) -> Vec<u8> {
    let size = (body.len() as u64).to_be_bytes();
    let header = frame(2, 1, &[b"\x00\x3c\x00\x00".as_slice(), &size, b"\x00\x00"].concat());
    if body.is_empty() { header } else { [header, frame(3, 1, body)].concat() }
}

/// A mocked or recorded connection.
pub struct Talk {
    conversation: Conversation,
    pub host: Recorder,
    offsets: [u64; 2],
}

impl Talk {
    pub fn new(mode: Mode) -> Self {
        let conversation = Conversation::new(mode, Peer::default(), Value::Null);
        Self { conversation, host: Recorder::new(), offsets: [0, 0] }
    }

    pub fn feed(&mut self, from: Side, at: u64, bytes: &[u8]) -> Result<Vec<Effect>, Fault> {
        let offset = &mut self.offsets[usize::from(from == Side::Server)];
        let before = *offset;
        *offset += bytes.len() as u64;
        self.conversation.feed(&mut self.host, from, before, at, bytes)?;
        Ok(self.host.take())
    }

    /// What the client's bytes open, which is one thing.
    #[track_caller]
    pub fn ask(&mut self, bytes: &[u8]) -> (Exchange, Value) {
        match self.feed(Side::Client, 1, bytes).expect("it is well").as_slice() {
            [Effect::Open { exchange, request, .. }] => (*exchange, request.clone()),
            other => panic!("one exchange expected: {other:?}"),
        }
    }

    /// What is written as the answer.
    pub fn answer(&mut self, exchange: Exchange, responses: Vec<Value>) -> Vec<u8> {
        written(&self.effects_of_answer(exchange, responses))
    }

    pub fn effects_of_answer(&mut self, exchange: Exchange, responses: Vec<Value>) -> Vec<Effect> {
        self.conversation.answer(&mut self.host, exchange, responses).expect("it can be written");
        self.host.take()
    }

    pub fn send(&mut self, exchange: Exchange, request: Value) -> Vec<Effect> {
        self.conversation.send(&mut self.host, exchange, request).expect("it can be written");
        self.host.take()
    }

    pub fn miss(&mut self, exchange: Exchange) -> Vec<Effect> {
        self.conversation.miss(&mut self.host, exchange, "no such call").expect("a miss can be written");
        self.host.take()
    }

    pub fn end(&mut self) -> Vec<Effect> {
        for side in [Side::Client, Side::Server] {
            self.conversation.end(&mut self.host, side, 1).expect("an end is well");
        }
        self.host.take()
    }
}

pub fn written(effects: &[Effect]) -> Vec<u8> {
    let data = effects.iter().filter_map(|effect| match effect {
        Effect::Write { to: Side::Client, data } => Some(data.as_slice()),
        _ => None,
    });
    data.collect::<Vec<_>>().concat()
}
