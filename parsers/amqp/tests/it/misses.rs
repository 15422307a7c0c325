//! What the application sees when nothing recorded matches.
use keploy_sdk::{Mode, Side, testing::Effect};

use crate::wire::{ACK, CHANNEL_OPEN, CONFIRM_SELECT, CONSUME, GET, PUBLISH, Talk, content, frame, method, written};

fn publish() -> Vec<u8> {
    [method(PUBLISH), content(b"hi")].concat()
}

#[test]
fn a_connection_is_set_up_as_by_any_broker() {
    let mut mock = Talk::new(Mode::Mock);
    let steps: [(&[u8], &[u8]); 4] = [
        (b"AMQP\0\0\x09\x01", b"\x00\x0a\x00\x0a"),
        (&frame(1, 0, b"\x00\x0a\x00\x0b\0\0\0\0\x05PLAIN\0\0\0\x04\0u\0p\x05en_US"), b"\x00\x0a\x00\x1e"),
        (&frame(1, 0, b"\x00\x0a\x00\x28\x01/\0\0"), b"\x00\x0a\x00\x29"),
        (&method(CHANNEL_OPEN), b"\x00\x14\x00\x0b"),
    ];
    for (said, answer) in steps {
        let (exchange, _) = mock.ask(said);
        let written = written(&mock.miss(exchange));
        assert_eq!(written[7..11], *answer, "after {}", said.escape_ascii());
    }
}

/// The channel is over, as it would be by a broker's own error; what was said before that was read is lost.
#[test]
fn what_is_asked_in_vain_closes_the_channel_and_says_why() {
    let mut mock = Talk::new(Mode::Mock);
    let (exchange, _) = mock.ask(&method(GET));
    let closed = written(&mock.miss(exchange));
    assert_eq!(closed[7..13], *b"\x00\x14\x00\x28\x01\x94", "channel.close 404");
    assert!(String::from_utf8_lossy(&closed).contains("NOT_FOUND - keploy: no such call"));
    assert_eq!(mock.feed(Side::Client, 1, &method(GET)), Ok(vec![]));
    assert_eq!(mock.feed(Side::Client, 1, &method(b"\x00\x14\x00\x29")), Ok(vec![]));
    mock.ask(&method(CHANNEL_OPEN));
}

#[test]
fn a_publish_is_refused_where_confirmations_are_read() {
    let mut mock = Talk::new(Mode::Mock);
    let (exchange, request) = mock.ask(&publish());
    assert_eq!((mock.miss(exchange), request.get("confirm")), (vec![], None));
    let (exchange, _) = mock.ask(&method(CONFIRM_SELECT));
    mock.miss(exchange);
    for number in 1..=2 {
        let (exchange, request) = mock.ask(&publish());
        assert!(request.get("confirm").is_some());
        let nack = [b"\x00\x3c\x00\x78\0\0\0\0\0\0\0".as_slice(), &[number, 0]].concat();
        assert_eq!(written(&mock.miss(exchange)), method(&nack));
    }
}

/// Nobody would answer it; the report has to say it.
#[test]
fn another_settlement_is_reported() {
    let mut mock = Talk::new(Mode::Mock);
    mock.ask(&method(CONSUME));
    let (exchange, _) = mock.ask(&method(ACK));
    assert_eq!(mock.miss(exchange), [Effect::Abandon { exchange, reason: "no such call".to_owned() }]);
}
