//! What does not fit a transcript: long turns, and questions that come in pieces.
use keploy_sdk::{
    Connection, Map, Mode, Parser, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_generic::{Generic, Turns};

/// 256 KiB, as both limits are.
const LIMIT: usize = 256 << 10;

fn conversation(mode: Mode) -> (Turns, Recorder) {
    (Turns::new(mode, Peer::default(), Value::Null), Recorder::new())
}

fn feed(turns: &mut Turns, host: &mut Recorder, from: Side, data: &[u8], chunk: usize) {
    for piece in data.chunks(chunk) {
        turns.feed(host, from, 0, 1, piece).expect("any bytes are generic");
    }
}

fn lengths(effects: &[Effect]) -> Vec<usize> {
    let opened = effects.iter().filter_map(|effect| match effect {
        Effect::Open { request, .. } => request.get("data")?.as_raw(),
        _ => None,
    });
    opened.map(<[u8]>::len).collect()
}

#[test]
fn a_long_request_is_cut_at_the_same_bytes_however_it_comes() {
    for chunk in [60_000, LIMIT, 3 * LIMIT] {
        let (mut turns, mut host) = conversation(Mode::Record);
        feed(&mut turns, &mut host, Side::Client, &vec![b'x'; 2 * LIMIT + 7], chunk);
        feed(&mut turns, &mut host, Side::Server, b"done", chunk);
        let effects = host.take();
        assert_eq!(lengths(&effects), [LIMIT, LIMIT, 7], "in chunks of {chunk}");

        // The mock asks for the same pieces, among shorter ones.
        let (mut turns, mut host) = conversation(Mode::Mock);
        feed(&mut turns, &mut host, Side::Client, &vec![b'x'; 2 * LIMIT], chunk);
        let whole = lengths(&host.take()).into_iter().filter(|length| *length == LIMIT).count();
        assert_eq!(whole, 2, "in chunks of {chunk}");
    }
}

#[test]
fn a_long_response_is_kept_by_the_host_whole() {
    for chunk in [999, LIMIT + 1, 3 * LIMIT] {
        let (mut turns, mut host) = conversation(Mode::Record);
        feed(&mut turns, &mut host, Side::Client, b"all", chunk);
        let long: Vec<u8> = (0..2 * LIMIT).map(|at| at as u8).collect();
        feed(&mut turns, &mut host, Side::Server, &long, chunk);
        turns.end(&mut host, Side::Client, 1).expect("ends");
        turns.end(&mut host, Side::Server, 1).expect("ends");
        let reply = host.take().into_iter().find_map(|effect| match effect {
            Effect::Reply { response, .. } => Some(response),
            _ => None,
        });
        let Some(Value::Blob(blob)) = reply.as_ref().and_then(|reply| reply.get("data")) else {
            panic!("no blob: {reply:?}")
        };
        assert_eq!(host.blob_content[&blob.id], long);

        let (mut turns, mut host) = conversation(Mode::Mock);
        turns.answer(&mut host, 1, vec![Map::new().with("data", *blob).into()]).expect("can be written");
        assert_eq!(host.take(), [Effect::WriteBlob { to: Side::Client, blob: blob.id }]);
    }
}

#[test]
fn a_miss_waits_for_more_and_an_answer_begins_anew() {
    let (mut turns, mut host) = conversation(Mode::Mock);
    let asked = |host: &mut Recorder| {
        let effects = host.take();
        let [Effect::Open { exchange, request, .. }] = effects.as_slice() else { panic!("{effects:?}") };
        (*exchange, request.get("data").and_then(Value::as_str).unwrap_or_default().to_owned())
    };
    turns.start(&mut host, 1).expect("starts");
    assert!(matches!(host.take().as_slice(), [Effect::Open { facts, .. }] if facts.class == "greeting"));
    turns.miss(&mut host, 1, "no greeting").expect("is silent");

    feed(&mut turns, &mut host, Side::Client, b"he", 9);
    let (exchange, data) = asked(&mut host);
    assert_eq!(data, "he");
    turns.miss(&mut host, exchange, "not recorded").expect("is silent");
    assert_eq!(host.take(), []);

    feed(&mut turns, &mut host, Side::Client, b"llo", 9);
    let (exchange, data) = asked(&mut host);
    assert_eq!(data, "hello");
    turns.answer(&mut host, exchange, vec![Map::new().with("data", "hi").into()]).expect("can be written");
    assert_eq!(host.take(), [Effect::Write { to: Side::Client, data: b"hi".to_vec() }]);

    feed(&mut turns, &mut host, Side::Client, b"more", 9);
    let (exchange, data) = asked(&mut host);
    assert_eq!(data, "more");
    turns.miss(&mut host, exchange, "not recorded").expect("is silent");
    turns.end(&mut host, Side::Client, 1).expect("ends");
    let told = host.take();
    assert!(matches!(told.as_slice(), [Effect::Abandon { exchange: 4, .. }, Effect::Finish { .. }]), "{told:?}");
}

#[test]
fn a_piece_that_cannot_grow_is_given_up_at_once() {
    let (mut turns, mut host) = conversation(Mode::Mock);
    feed(&mut turns, &mut host, Side::Client, &vec![b'x'; LIMIT], LIMIT);
    host.take();
    turns.miss(&mut host, 1, "not recorded").expect("is silent");
    assert!(matches!(host.take().as_slice(), [Effect::Abandon { exchange: 1, .. }]));
}

#[test]
fn a_server_that_was_tired_of_waiting_does_not_hang_up_when_mocked() {
    let (mut turns, mut host) = conversation(Mode::Record);
    turns.feed(&mut host, Side::Client, 0, 1, b"ask").expect("fed");
    turns.feed(&mut host, Side::Server, 0, 2, b"told").expect("fed");
    turns.end(&mut host, Side::Server, 60_000_000_000).expect("ends");
    let replies: Vec<Effect> =
        host.take().into_iter().filter(|effect| matches!(effect, Effect::Reply { .. })).collect();
    let response = Map::new().with("data", "told").into();
    assert_eq!(replies, [Effect::Reply { exchange: 1, response, at: 2 }]);
}

#[test]
fn documents_of_the_seed_system_are_read() {
    let message = |kind: &str, data: &str| {
        let message = Value::from(vec![Value::from(Map::new().with("type", kind).with("data", data))]);
        Value::from(vec![Value::from(Map::new().with("origin", "any").with("message", message))])
    };
    let spec = Map::new()
        .with("genericrequests", message("binary", "AAECAw=="))
        .with("genericresponses", message("utf-8", "fine\n"));
    let exchanges = Generic::upgrade(0, &spec.into()).expect("is understood");
    let [exchange] = exchanges.as_slice() else { panic!("{exchanges:?}") };
    assert_eq!(exchange.request.get("data"), Some(&Value::Bytes(vec![0, 1, 2, 3])));
    assert_eq!(exchange.responses, [Map::new().with("data", "fine\n").into()]);

    let greeting = Map::new().with("genericresponses", message("string", "220 hello\r\n"));
    let exchanges = Generic::upgrade(0, &greeting.into()).expect("is understood");
    assert_eq!(exchanges[0].request.get("greeting"), Some(&Value::Bool(true)));

    let broken = Map::new().with("genericrequests", message("binary", "no base64!"));
    assert!(Generic::upgrade(0, &broken.into()).is_err());
}
