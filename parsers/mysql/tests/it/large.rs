//! What does not fit into one frame, and what comes compressed.
use keploy_sdk::{
    Connection, Fault, Mode, Peer, Session, Side, Value,
    testing::{Effect, Recorder},
};
use parser_mysql::Conversation;

use crate::wire::{self, packet};

/// The longest payload of a frame.
const FRAME: usize = 0xff_ffff;

struct Recording {
    conversation: Conversation,
    host: Recorder,
    offsets: [u64; 2],
    effects: Vec<Effect>,
}

impl Recording {
    /// A connection behind its log-in.
    fn new(capabilities: u64) -> Self {
        let conversation = Conversation::new(Mode::Record, Peer::default(), Value::Null);
        let mut recording = Self { conversation, host: Recorder::new(), offsets: [0, 0], effects: Vec::new() };
        recording.feed(Side::Server, &wire::greeting(capabilities)).expect("is well");
        recording.feed(Side::Client, &wire::log_in_with(capabilities)).expect("is well");
        recording.feed(Side::Server, &packet(2, wire::OK)).expect("is well");
        recording.effects.clear();
        recording
    }

    /// In pieces as a socket would give them.
    fn feed(&mut self, from: Side, bytes: &[u8]) -> Result<(), Fault> {
        for chunk in bytes.chunks(1 << 16) {
            let offset = &mut self.offsets[usize::from(from == Side::Server)];
            self.conversation.feed(&mut self.host, from, *offset, 1, chunk)?;
            *offset += chunk.len() as u64;
            self.effects.extend(self.host.take());
        }
        Ok(())
    }

    fn replies(&self) -> Vec<&Value> {
        let replies = self.effects.iter().filter_map(|effect| match effect {
            Effect::Reply { response, .. } => Some(response),
            _ => None,
        });
        replies.collect()
    }

    fn request(&self) -> &Value {
        let mut requests = self.effects.iter().filter_map(|effect| match effect {
            Effect::Open { request, .. } => Some(request),
            _ => None,
        });
        requests.next_back().expect("something is asked")
    }
}

/// Frames of one payload, the last of them shorter than the longest.
fn frames(mut sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in payload.chunks(FRAME) {
        out.extend(packet(sequence, frame));
        sequence += 1;
    }
    if payload.len().is_multiple_of(FRAME) {
        out.extend(packet(sequence, b""));
    }
    out
}

#[test]
fn a_statement_may_take_several_frames() {
    for length in [FRAME - 1, FRAME, FRAME + 10] {
        let mut recording = Recording::new(wire::CAPABILITIES);
        let statement = [b"\x03DO '".as_slice(), &vec![b'x'; length - 6], b"'"].concat();
        assert_eq!(statement.len(), length);
        recording.feed(Side::Client, &frames(0, &statement)).expect("is well");
        let query = recording.request().get("query").and_then(Value::as_raw).expect("a statement");
        assert_eq!(query.len(), length - 1);
    }
}

#[test]
fn what_no_guest_could_hold_is_refused() {
    let mut recording = Recording::new(wire::CAPABILITIES);
    let statement = vec![3; 2 * FRAME];
    let fault = recording.feed(Side::Client, &frames(0, &statement)).expect_err("is refused");
    assert_eq!(fault.code, "packet-too-large");
}

/// One column, and rows of a text of `length` bytes.
fn result(rows: usize, length: usize) -> Vec<u8> {
    let column = b"\x03def\0\0\0\x01x\0\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0";
    let mut out = [packet(1, &[1]), packet(2, column)].concat();
    let row = [&[0xfd], &(length as u32).to_le_bytes()[..3], &vec![b'r'; length]].concat();
    for number in 0..rows {
        out.extend(packet(3 + number as u8, &row));
    }
    out.extend(packet(3 + rows as u8, b"\xfe\0\0\x02\0\0\0"));
    out
}

#[test]
fn a_long_result_is_recorded_in_parts_and_mocked_as_one() {
    let mut recording = Recording::new(wire::CAPABILITIES);
    recording.feed(Side::Client, &packet(0, b"\x03SELECT x FROM long")).expect("is well");
    let answer = result(50, 100_000);
    recording.feed(Side::Server, &answer).expect("is well");
    let replies = recording.replies();
    assert_eq!(replies.len(), 5, "a megabyte each");
    let rows = |reply: &&Value| reply.get("rows").and_then(Value::as_array).map_or(0, <[Value]>::len);
    assert_eq!(replies.iter().map(rows).sum::<usize>(), 50);

    let (mut mock, mut host) = (Conversation::new(Mode::Mock, Peer::default(), Value::Null), Recorder::new());
    let responses: Vec<Value> = replies.into_iter().cloned().collect();
    mock.start(&mut host, 1).expect("starts");
    mock.answer(&mut host, 1, vec![greeting_document()]).expect("can be written");
    let asked = [wire::log_in(), packet(0, b"\x03SELECT x FROM long")].concat();
    mock.feed(&mut host, Side::Client, 0, 1, &asked).expect("is well");
    mock.answer(&mut host, 2, vec![ok()]).expect("can be written");
    host.take();
    mock.answer(&mut host, 3, responses).expect("can be written");
    let written = host.take().into_iter().find_map(|effect| match effect {
        Effect::Write { data, .. } => Some(data),
        _ => None,
    });
    assert!(written.as_deref() == Some(&answer), "the mock writes what the server did");
}

fn greeting_document() -> Value {
    let mut recording = Recording::new(wire::CAPABILITIES);
    recording.effects.clear();
    let (mut conversation, mut host) = (Conversation::new(Mode::Record, Peer::default(), Value::Null), Recorder::new());
    conversation.feed(&mut host, Side::Server, 0, 1, &wire::greeting(wire::CAPABILITIES)).expect("is well");
    let reply = host.take().into_iter().find_map(|effect| match effect {
        Effect::Reply { response, .. } => Some(response),
        _ => None,
    });
    reply.expect("a greeting is recorded")
}

fn ok() -> Value {
    keploy_sdk::Map::new().with("ok", keploy_sdk::Map::new()).into()
}

/// Frames around frames: a header, and the content compressed or not.
fn compressed(host: &Recorder, sequence: u8, content: &[u8]) -> Vec<u8> {
    let packed = host.encode("deflate", content).expect("can be compressed");
    let mut out = packet(sequence, &packed);
    out.splice(4..4, (content.len() as u32).to_le_bytes()[..3].iter().copied());
    out
}

#[test]
fn compressed_frames_are_read_as_what_is_in_them() {
    let answer = result(3, 2000);
    let mut plain = Recording::new(wire::CAPABILITIES);
    plain.feed(Side::Client, &packet(0, b"\x03SELECT x")).expect("is well");
    plain.feed(Side::Server, &answer).expect("is well");

    let mut packed = Recording::new(wire::CAPABILITIES | wire::COMPRESS);
    let host = Recorder::new();
    packed.feed(Side::Client, &compressed(&host, 0, &packet(0, b"\x03SELECT x"))).expect("is well");
    // The frames inside are cut anywhere.
    let (first, second) = answer.split_at(1234);
    packed.feed(Side::Server, &compressed(&host, 1, first)).expect("is well");
    packed.feed(Side::Server, &compressed(&host, 2, second)).expect("is well");
    assert_eq!(packed.replies(), plain.replies());

    let mut broken = Recording::new(wire::CAPABILITIES | wire::COMPRESS);
    let fault = broken.feed(Side::Client, b"\x04\0\0\0\xff\0\0oops").expect_err("is refused");
    assert_eq!(fault.code, "bad-compression");
}
