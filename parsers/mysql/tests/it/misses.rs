//! What the application sees when nothing recorded matches.
use keploy_sdk::{
    Connection, Map, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_mysql::Conversation;

use crate::wire::{self, packet};

/// A mock that greeted.
fn mock() -> (Conversation, Recorder) {
    let (mut mock, mut host) = (Conversation::new(Mode::Mock, Peer::default(), Value::Null), Recorder::new());
    let greeting = Map::new().with("version", "9").with("capabilities", wire::CAPABILITIES).with("auth", "native");
    mock.start(&mut host, 1).expect("starts");
    mock.answer(&mut host, 1, vec![Map::new().with("greeting", greeting).into()]).expect("can be written");
    host.take();
    (mock, host)
}

fn written(host: &mut Recorder) -> Vec<u8> {
    let data = host.take().into_iter().filter_map(|effect| match effect {
        Effect::Write { data, .. } => Some(data),
        _ => None,
    });
    data.flatten().collect()
}

#[test]
fn any_log_in_is_accepted() {
    let (mut mock, mut host) = mock();
    mock.feed(&mut host, Side::Client, 0, 1, &wire::log_in()).expect("is well");
    host.take();
    mock.miss(&mut host, 2, "no such user").expect("a miss can be written");
    assert_eq!(written(&mut host), packet(2, wire::OK));
}

#[test]
fn a_statement_that_misses_is_an_error_with_a_sqlstate() {
    let (mut mock, mut host) = mock();
    let asked = [wire::log_in(), packet(0, b"\x03SELECT 1")].concat();
    mock.feed(&mut host, Side::Client, 0, 1, &asked).expect("is well");
    mock.miss(&mut host, 2, "").expect("a miss can be written");
    written(&mut host);
    mock.miss(&mut host, 3, "nothing recorded matches").expect("a miss can be written");
    assert_eq!(written(&mut host), packet(1, b"\xff\x51\x04#HY000keploy: nothing recorded matches"));
}

#[test]
fn without_a_greeting_there_is_an_error_and_an_end() {
    let (mut mock, mut host) = (Conversation::new(Mode::Mock, Peer::default(), Value::Null), Recorder::new());
    mock.start(&mut host, 1).expect("starts");
    host.take();
    mock.miss(&mut host, 1, "nothing recorded").expect("a miss can be written");
    let [Effect::Write { data, .. }, Effect::Finish { to: Side::Client }] = &host.take()[..] else { panic!("no end") };
    assert_eq!(*data, packet(0, b"\xff\x51\x04keploy: nothing recorded"));
}

/// Pings and the like are answered without asking: a pool may do them more or less often than it did.
#[test]
fn upkeep_needs_no_recording() {
    let (mut mock, mut host) = mock();
    mock.feed(&mut host, Side::Client, 0, 1, &wire::log_in()).expect("is well");
    mock.miss(&mut host, 2, "").expect("a miss can be written");
    written(&mut host);
    let asked = [packet(0, b"\x0e"), packet(0, b"\x1f"), packet(0, b"\x1a\x01\0\0\0")].concat();
    mock.feed(&mut host, Side::Client, wire::log_in().len() as u64, 1, &asked).expect("is well");
    assert_eq!(written(&mut host), packet(1, wire::OK).repeat(3));
}
