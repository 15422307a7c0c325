//! Messages that the host sends to consumers: who gets them, when, and what comes of them.
use keploy_sdk::{Exchange, Map, Mode, Side, Value, testing::Effect};

use crate::wire::{ACK, CHANNEL_OPEN, CONSUME, Talk, frame, method, written};

/// basic.qos for one unsettled message.
const QOS: &[u8] = b"\x00\x3c\x00\x0a\0\0\0\0\x00\x01\x00";
const CANCEL: &[u8] = b"\x00\x3c\x00\x1e\x02me\x00";
const CHANNEL_CLOSE: &[u8] = b"\x00\x14\x00\x28\x00\xc8\x00\0\0\0\0";
const NO_ACK: u8 = 2;

fn message(body: &str) -> Value {
    let message = Map::new().with("method", "basic.deliver").with("queue", "jobs");
    message.with("routing-key", "jobs").with("body", body).into()
}

/// A consumer of jobs on this channel; what the host learns of it.
fn consume(mock: &mut Talk, channel: u16) -> Vec<Effect> {
    mock.ask(&frame(1, channel, CHANNEL_OPEN));
    let (exchange, _) = mock.ask(&frame(1, channel, CONSUME));
    mock.effects_of_answer(exchange, vec![Map::new().with("method", "basic.consume-ok").into()])
}

/// The channel and the delivery tag of the only message that is written.
#[track_caller]
fn delivered(effects: &[Effect]) -> (u8, u8) {
    let written = written(effects);
    assert_eq!(written[7..11], *b"\x00\x3c\x00\x3c", "basic.deliver, and it is the first");
    // Behind the consumer's tag, `me`.
    (written[2], written[7 + 4 + 3 + 7])
}

fn settled(exchange: Exchange, outcome: &str) -> Vec<Effect> {
    let response = Map::new().with("method", outcome).into();
    vec![Effect::Reply { exchange, response, at: 1 }, Effect::Close { exchange }]
}

#[test]
fn a_consumer_is_told_of_and_its_settlement_is_the_outcome() {
    let mut mock = Talk::new(Mode::Mock);
    let told = consume(&mut mock, 1);
    assert_eq!(told.last(), Some(&Effect::Serves { subject: "jobs".to_owned() }), "when consume-ok is written");
    assert_eq!(delivered(&mock.send(77, message("one"))), (1, 1));
    assert_eq!(mock.feed(Side::Client, 1, &method(ACK)), Ok(settled(77, "basic.ack")), "it is no call");
    let (exchange, request) = mock.ask(&method(ACK));
    assert!(request.get("delivery").is_none(), "nothing is settled twice: exchange {exchange}");
}

#[test]
fn no_more_come_than_the_consumer_wants() {
    let mut mock = Talk::new(Mode::Mock);
    mock.ask(&method(CHANNEL_OPEN));
    mock.ask(&method(QOS));
    consume(&mut mock, 1);
    assert_eq!(delivered(&mock.send(77, message("one"))), (1, 1));
    assert_eq!(mock.send(78, message("two")), []);
    let effects = mock.feed(Side::Client, 1, &method(ACK)).expect("it is well");
    assert_eq!(delivered(&effects), (1, 2));
    assert_eq!(effects[1..], settled(77, "basic.ack"));
}

#[test]
fn consumers_of_a_queue_take_turns() {
    let mut mock = Talk::new(Mode::Mock);
    consume(&mut mock, 1);
    consume(&mut mock, 2);
    let channels = [77, 78, 79].map(|exchange| delivered(&mock.send(exchange, message("one"))));
    assert_eq!(channels, [(1, 1), (2, 1), (1, 2)]);
    // The first has two to do, and the second nothing.
    mock.feed(Side::Client, 1, &frame(1, 2, ACK)).expect("it is well");
    assert_eq!(delivered(&mock.send(80, message("four"))), (2, 2));
}

/// It shows no outcome: that is an outcome, too.
#[test]
fn a_consumer_that_settles_nothing_has_taken_it() {
    let mut mock = Talk::new(Mode::Mock);
    mock.ask(&method(CHANNEL_OPEN));
    let mut no_ack = CONSUME.to_vec();
    no_ack[14] = NO_ACK;
    let (exchange, request) = mock.ask(&method(&no_ack));
    assert!(request.get("no-ack").is_some());
    mock.effects_of_answer(exchange, vec![Map::new().with("method", "basic.consume-ok").into()]);
    let effects = mock.send(77, message("one"));
    assert_eq!((delivered(&effects), effects.last()), ((1, 1), Some(&Effect::Close { exchange: 77 })));
}

#[test]
fn who_goes_is_told_of_and_what_it_has_is_lost() {
    let mut mock = Talk::new(Mode::Mock);
    consume(&mut mock, 1);
    mock.send(77, message("one"));
    let (exchange, _) = mock.ask(&method(CANCEL));
    let gone = Effect::ServesNoMore { subject: "jobs".to_owned() };
    assert_eq!(mock.miss(exchange).last(), Some(&gone), "it may still settle what it has");
    let lost = |exchange, why: &str| Effect::Abandon { exchange, reason: why.to_owned() };
    assert_eq!(mock.send(78, message("two")), [lost(78, "its consumer went before it got the message")]);
    let (exchange, _) = mock.ask(&method(CHANNEL_CLOSE));
    let effects = mock.miss(exchange);
    assert_eq!(effects.last(), Some(&lost(77, "its channel was closed before the message was settled")));
}

/// What nobody was seen to settle is no loss: it is no test.
#[test]
fn a_recording_forgets_what_was_not_settled() {
    let deliver = b"\x00\x3c\x00\x3c\x02me\0\0\0\0\0\0\0\x01\x00\x00\x04jobs";
    let mut recording = Talk::new(Mode::Record);
    recording.feed(Side::Client, 1, &method(CONSUME)).expect("it is well");
    recording.feed(Side::Server, 2, &method(b"\x00\x3c\x00\x15\x02me")).expect("it is well");
    let bytes = [method(deliver), crate::wire::content(b"job")].concat();
    let effects = recording.feed(Side::Server, 3, &bytes).expect("it is well");
    let [Effect::OpenInbound { exchange, subject, at: 3, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(subject, "jobs");
    let reason = "the consumer went before it had settled the message".to_owned();
    assert!(recording.end().contains(&Effect::Abandon { exchange: *exchange, reason }));
}

/// Recordings that were made before deliveries were tests have them as answers: they come at once, and settling them is a call.
#[test]
fn deliveries_may_be_answers_to_the_consumer() {
    let mut mock = Talk::new(Mode::Mock);
    mock.ask(&method(CHANNEL_OPEN));
    mock.ask(&method(QOS));
    let (exchange, _) = mock.ask(&method(CONSUME));
    let consume_ok = Map::new().with("method", "basic.consume-ok").into();
    let delivery = |body: &str| Map::new().with("method", "basic.deliver").with("body", body).into();
    let told = mock.effects_of_answer(exchange, vec![consume_ok, delivery("one"), delivery("two")]);
    let has = |effects: &[Effect], body: &str| written(effects).windows(3).any(|bytes| bytes == body.as_bytes());
    assert_eq!((has(&told, "one"), has(&told, "two")), (true, false));
    let effects = mock.feed(Side::Client, 1, &method(ACK)).expect("it is well");
    let [Effect::Open { request, .. }, ..] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(request.get("delivery").and_then(|it| it.get("body")).and_then(Value::as_str), Some("one"));
    assert!(has(&effects, "two"));
}
