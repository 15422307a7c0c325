//! The upgrade from HTTP/1.1: driven, it is HTTP/2 from the start, so it is in no transcript.
use keploy_sdk::{
    Connection, Map, Mode, Parser, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_http2::Http2;

const ASK: &[u8] =
    b"GET /x?y=1 HTTP/1.1\r\nHost: h:80\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nX-A: 1\r\n\r\n";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
const AGREED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
/// SETTINGS, and 200 on stream 1.
const ANSWER: &[u8] = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88";

fn fed(connection: &mut <Http2 as Parser>::Connection, from: Side, bytes: &[u8], cut: usize) -> Vec<Effect> {
    let mut host = Recorder::new();
    for piece in bytes.chunks(cut) {
        connection.feed(&mut host, from, 0, 1, piece).expect("this is HTTP/2, in the end");
    }
    host.take()
}

#[test]
fn the_first_request_is_an_exchange_like_others() {
    for cut in [1, 7, usize::MAX] {
        let mut connection = <Http2 as Parser>::Connection::new(Mode::Record, Peer::default(), Value::Null);
        let opened = fed(&mut connection, Side::Client, ASK, cut);
        let [Effect::Open { request, facts, .. }] = opened.as_slice() else { panic!("{opened:?}") };
        assert_eq!(request.get("url").and_then(Value::as_str), Some("http://h:80/x?y=1"));
        assert_eq!(request.get("header"), Some(&Map::new().with("x-a", "1").into()));
        assert_eq!(facts.class, "GET /x");
        let answered = fed(&mut connection, Side::Server, &[AGREED, ANSWER].concat(), cut);
        let [Effect::Reply { response, .. }, Effect::Close { .. }] = answered.as_slice() else {
            panic!("{answered:?}")
        };
        assert_eq!(response.get("status_code"), Some(&200.into()));
        assert_eq!(fed(&mut connection, Side::Client, PREFACE, cut), []);
    }
}

#[test]
fn a_mock_agrees_and_answers_on_stream_1() {
    for cut in [1, 7, usize::MAX] {
        let mut mock = <Http2 as Parser>::Connection::new(Mode::Mock, Peer::default(), Value::Null);
        let asked = fed(&mut mock, Side::Client, ASK, cut);
        let [Effect::Write { data, .. }, Effect::Write { data: settings, .. }, Effect::Open { exchange, .. }] =
            asked.as_slice()
        else {
            panic!("{asked:?}")
        };
        assert_eq!(data, AGREED);
        let mut host = Recorder::new();
        let response = Map::new().with("status_code", 200).into();
        mock.answer(&mut host, *exchange, vec![response]).expect("it can be written");
        let answered = host.take();
        let [Effect::Write { data, .. }] = answered.as_slice() else { panic!("{answered:?}") };
        // With the size of the table, which is said once.
        let expected = [&settings[..], b"\x00\x00\x02\x01\x05\x00\x00\x00\x01\x20\x88"].concat();
        assert_eq!([&settings[..], data].concat(), expected);
        let acknowledged = fed(&mut mock, Side::Client, PREFACE, cut);
        assert!(matches!(acknowledged.as_slice(), [Effect::Write { .. }]), "{acknowledged:?}");
    }
}
