//! Values too long for a guest: the host keeps them, and the guest sees only what is around them.
use keploy_sdk::{
    Blob, Connection, Map, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_redis::{Conversation, resp::KEEP_ABOVE};

const LONG: u64 = KEEP_ABOVE + 1;

fn conversation(mode: Mode) -> (Conversation, Recorder) {
    (Conversation::new(mode, Peer::default(), Value::Null), Recorder::new())
}

/// A blob as it is in a document that the host gives out.
fn long_value(id: u64) -> Value {
    Blob { id, size: LONG, sha256: [7; 32] }.into()
}

#[test]
fn a_long_argument_is_asked_for_and_left_out() {
    let (mut conversation, mut host) = conversation(Mode::Record);
    let head = format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${LONG}\r\n");
    // What of the body came with the head goes to the host, which has it anyway.
    let chunk = format!("{head}xxxx");
    conversation.feed(&mut host, Side::Client, 0, 1, chunk.as_bytes()).expect("is well");
    let offset = head.len() as u64;
    assert_eq!(host.take(), [Effect::Keep { from: Side::Client, offset, len: LONG, into: None, blob: 1 }]);
    conversation.kept(&mut host, Side::Client, 1, 2).expect("is well");
    conversation.feed(&mut host, Side::Client, offset + LONG, 3, b"\r").expect("is well");
    conversation.feed(&mut host, Side::Client, offset + LONG + 1, 4, b"\nPING\r\n").expect("is well");

    let requests: Vec<Value> = host.take().into_iter().filter_map(opened).collect();
    let args = vec![Value::from("a"), Blob::new(1).into()];
    let set = Map::new().with("command", "SET").with("args", args);
    let ping = Map::new().with("command", "PING").with("inline", true);
    assert_eq!(requests, [set.into(), ping.into()]);
}

#[test]
fn a_long_reply_is_kept_wherever_it_is_in_it() {
    let (mut conversation, mut host) = conversation(Mode::Record);
    conversation.feed(&mut host, Side::Client, 0, 1, b"MGET a b\r\n").expect("is well");
    host.take();
    let head = format!("*2\r\n${LONG}\r\n");
    conversation.feed(&mut host, Side::Server, 0, 1, head.as_bytes()).expect("is well");
    assert!(matches!(host.take().as_slice(), [Effect::Keep { len: LONG, .. }]));
    conversation.feed(&mut host, Side::Server, head.len() as u64 + LONG, 1, b"\r\n$1\r\nb\r\n").expect("is well");
    let response = Map::new().with("reply", vec![Value::from(Blob::new(1)), "b".into()]).into();
    assert_eq!(host.take(), [Effect::Reply { exchange: 1, response, at: 1 }, Effect::Close { exchange: 1 }]);
}

#[test]
fn a_kept_value_is_written_by_the_host() {
    let (mut mock, mut host) = conversation(Mode::Mock);
    let response = Map::new().with("reply", vec![long_value(9), Value::Null]).into();
    mock.answer(&mut host, 1, vec![response]).expect("can be written");
    let head = Effect::Write { to: Side::Client, data: format!("*2\r\n${LONG}\r\n").into_bytes() };
    let tail = Effect::Write { to: Side::Client, data: b"\r\n$-1\r\n".to_vec() };
    assert_eq!(host.take(), [head, Effect::WriteBlob { to: Side::Client, blob: 9 }, tail]);

    let (mut drive, mut host) = conversation(Mode::Drive);
    let request = Map::new().with("command", "ECHO").with("args", vec![long_value(9)]).into();
    drive.send(&mut host, 1, request).expect("can be written");
    let head = Effect::Write { to: Side::Server, data: format!("*2\r\n$4\r\nECHO\r\n${LONG}\r\n").into_bytes() };
    let tail = Effect::Write { to: Side::Server, data: b"\r\n".to_vec() };
    assert_eq!(host.take(), [head, Effect::WriteBlob { to: Side::Server, blob: 9 }, tail]);
}

/// Of a long value, the length is all there is to get wrong.
#[test]
fn a_length_that_lies_is_noticed_behind_the_value() {
    let (mut conversation, mut host) = conversation(Mode::Record);
    let head = format!("*2\r\n$4\r\nECHO\r\n${LONG}\r\n");
    conversation.feed(&mut host, Side::Client, 0, 1, head.as_bytes()).expect("is well");
    let behind = head.len() as u64 + LONG;
    let fault = conversation.feed(&mut host, Side::Client, behind, 1, b"xx").expect_err("is refused");
    assert_eq!(
        (fault.code.as_str(), fault.message.contains(&format!("byte {behind} "))),
        ("bad-length", true),
        "{fault}"
    );
}

fn opened(effect: Effect) -> Option<Value> {
    if let Effect::Open { request, .. } = effect { Some(request) } else { None }
}
