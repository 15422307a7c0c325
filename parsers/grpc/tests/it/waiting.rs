//! Calls that were given up: there is nothing to drive, so they are in no transcript.
use keploy_sdk::{
    Connection, Map, Mode, Parser, Part, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_grpc::Grpc;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
/// POST to `/a/b`, and an empty message.
const CALL: &[u8] =
    b"\x00\x00\x08\x01\x04\x00\x00\x00\x01\x83\x86\x04\x04/a/b\x00\x00\x05\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00";
const CANCEL: &[u8] = b"\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x08";

fn connection(mode: Mode) -> <Grpc as Parser>::Connection {
    Connection::new(mode, Peer::default(), Value::Null)
}

fn fed(connection: &mut <Grpc as Parser>::Connection, bytes: &[u8]) -> Vec<Effect> {
    let mut host = Recorder::new();
    connection.feed(&mut host, Side::Client, 0, 1, bytes).expect("this is gRPC");
    host.take()
}

#[test]
fn a_call_that_nobody_answered_is_recorded_without_an_answer() {
    let effects = fed(&mut connection(Mode::Record), &[PREFACE, CALL, CANCEL].concat());
    assert!(matches!(effects.as_slice(), [Effect::Open { .. }, Effect::Close { .. }]), "{effects:?}");
}

#[test]
fn such_a_call_is_asked_about_once_even_when_it_is_given_up_at_once() {
    for pieces in [vec![[PREFACE, CALL, CANCEL].concat()], vec![[PREFACE, CALL].concat(), CANCEL.to_vec()]] {
        let mut mock = connection(Mode::Mock);
        let effects: Vec<Effect> = pieces.iter().flat_map(|piece| fed(&mut mock, piece)).collect();
        let asked: Vec<u64> = effects
            .iter()
            .filter_map(|effect| if let Effect::Open { exchange, .. } = effect { Some(*exchange) } else { None })
            .collect();
        let [exchange] = asked.as_slice() else { panic!("{effects:?}") };
        let mut host = Recorder::new();
        mock.answer(&mut host, *exchange, Vec::new()).expect("nothing is an answer, too");
        assert_eq!(host.take(), [], "there is nobody to tell");
    }
}

#[test]
fn a_client_that_has_heard_enough_ends_or_goes_which_is_the_same() {
    let said = |turn: i64, messages: &[&str], goes: bool| {
        let messages: Vec<Value> = messages.iter().map(|text| Map::new().with("decoded_data", *text).into()).collect();
        let mut request = Map::new().with("turn", turn).with("body", messages);
        if goes {
            request.insert("cancelled", "CANCEL");
        }
        Grpc::canonical(Part::Request, request.into())
    };
    assert_eq!(said(4, &[], true), said(4, &[], false));
    assert_ne!(said(4, &["more"], true), said(4, &["more"], false));
    assert_ne!(said(1, &[], true), said(1, &[], false));
}

/// The server had answered before the end of its client was seen: that was recorded as a turn.
#[test]
fn what_was_answered_early_is_found_for_a_client_that_says_all_at_once() {
    let mut mock = connection(Mode::Mock);
    let mut effects = fed(&mut mock, &[PREFACE, CALL].concat());
    let mut host = Recorder::new();
    let mut asked = Vec::new();
    while let Some((exchange, request)) = effects.iter().find_map(|effect| match effect {
        Effect::Open { exchange, request, .. } => Some((*exchange, request)),
        _ => None,
    }) {
        let number = |name: &str| request.get(name).and_then(Value::as_int);
        let messages = match request.get("body") {
            Some(Value::Array(messages)) => messages.len(),
            body => usize::from(body.is_some()),
        };
        asked.push((number("turn"), request.get("more").is_some(), messages));
        let response = Map::new().with("body", Map::new().with("decoded_data", Map::new()));
        match asked.last() {
            Some((Some(1), true, 1)) => mock.answer(&mut host, exchange, vec![response.into()]),
            _ => mock.miss(&mut host, exchange, "not recorded"),
        }
        .expect("it goes on");
        effects = host.take();
    }
    let turns = [(None, false, 1), (Some(1), true, 0), (Some(1), true, 1), (Some(2), false, 0)];
    assert_eq!(asked, turns);
}
