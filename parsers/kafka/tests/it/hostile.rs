//! Bytes that no broker or client would send.
use keploy_sdk::{Connection, Fault, Mode, Peer, Side, Value, testing::Recorder};
use parser_kafka::Conversation;

fn feed(from: Side, bytes: &[u8]) -> Result<(), Fault> {
    let mut conversation = Conversation::new(Mode::Record, Peer::default(), Value::Null);
    conversation.feed(&mut Recorder::new(), from, 0, 1, bytes)
}

#[test]
fn what_cannot_be_is_named() {
    let fault = |from, bytes: &[u8]| feed(from, bytes).expect_err("is refused").code;
    assert_eq!(fault(Side::Client, b"\x7f\xff\xff\xff"), "frame-too-large");
    assert_eq!(fault(Side::Client, b"\0\0\0\x02\0\x12"), "bad-header");
    assert_eq!(fault(Side::Client, b"\0\0\0\x0a\x03\xe7\0\0\0\0\0\x01\xff\xff"), "unknown-api");
    assert_eq!(fault(Side::Client, b"\0\0\0\x0a\0\x0c\0\x01\0\0\0\x01\xff\xff"), "bad-request");
    assert_eq!(fault(Side::Server, b"\0\0\0\x04\0\0\0\x01"), "unasked-response");
}

/// A list's length costs nothing before its items are there.
#[test]
fn a_long_list_of_nothing_is_refused() {
    let metadata = b"\0\0\0\x0e\0\x03\0\0\0\0\0\x01\xff\xff\x7f\xff\xff\xff";
    assert_eq!(feed(Side::Client, metadata).expect_err("is refused").code, "bad-request");
}
