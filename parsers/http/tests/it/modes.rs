//! What transcripts cannot say: misses, order, and answers that come before the question is over.
use keploy_sdk::{Map, Mode, Side, Value, testing::Effect};

use crate::wire::{Wire, record_steps, serve};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ok(body: &str) -> Value {
    let header = Map::new().with("Content-Length", body.len().to_string());
    Map::new().with("status_code", 200).with("status_message", "OK").with("header", header).with("body", body).into()
}

#[test]
fn the_server_answers_before_it_has_the_whole_request() {
    let steps: [(Side, &[u8]); 5] = [
        (Side::Client, b"POST /a HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc"),
        (
            Side::Server,
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!",
        ),
        (Side::Client, b"def"),
        (Side::Client, b"GET /b HTTP/1.1\r\n\r\n"),
        (Side::Server, b"HTTP/1.1 204 No Content\r\n\r\n"),
    ];
    let recorded = record_steps(&steps);
    let status =
        |n: usize| recorded[n].responses.iter().map(|(r, at)| (r.get("status_code").cloned(), *at)).collect::<Vec<_>>();
    assert_eq!(recorded[0].request.get("body").and_then(Value::as_str), Some("abcdef"));
    assert_eq!(status(0), [(Some(103.into()), 1), (Some(413.into()), 1)]);
    assert_eq!(status(1), [(Some(204.into()), 4)]);
    assert_eq!((recorded[0].opened, recorded[1].opened), (0, 3));
    assert!(recorded.iter().all(|exchange| exchange.over && exchange.abandoned.is_none()));
}

#[test]
fn a_tunnel_is_cut_where_the_other_side_speaks() {
    let steps: [(Side, &[u8]); 6] = [
        (Side::Client, b"CONNECT db:5432 HTTP/1.1\r\n\r\n"),
        (Side::Server, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwel"),
        (Side::Server, b"come"),
        (Side::Client, b"as"),
        (Side::Client, b"k"),
        (Side::Server, b"\x00"),
    ];
    let recorded = record_steps(&steps);
    let said = |document: &Value| document.get("upgraded").cloned();
    assert_eq!(recorded.len(), 2);
    assert_eq!(
        said(&recorded[0].responses[1].0),
        Some("welcome".into()),
        "CONNECT has no body, whatever its length says"
    );
    assert_eq!((said(&recorded[1].request), recorded[1].opened), (Some("ask".into()), 3));
    assert_eq!(said(&recorded[1].responses[0].0), Some(Value::Bytes(vec![0])));
    assert_eq!(recorded[1].class, "UPGRADED db:5432");

    let (answer, _) = serve(b"CONNECT db:5432 HTTP/1.1\r\n\r\nask", &recorded);
    assert_eq!(text(&answer), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwelcome\u{0}");

    let mut drive = Wire::new(Mode::Drive);
    for (number, exchange) in (1..).zip(&recorded) {
        drive.send(number, exchange.request.clone()).expect("can be written");
    }
    assert_eq!(text(&drive.written().0), "CONNECT db:5432 HTTP/1.1\r\n\r\n", "the tunnel has to be there first");
    drive.feed(Side::Server, 1, steps[1].1).expect("HTTP");
    assert_eq!(text(&drive.written().0), "ask");
}

#[test]
fn a_miss_is_told_apart_and_the_connection_goes_on() {
    let mut wire = Wire::new(Mode::Mock);
    wire.feed(Side::Client, 0, GET).expect("HTTP");
    wire.miss(1, "nothing recorded for GET /").expect("can be written");
    let (bytes, finished) = wire.written();
    assert_eq!(
        text(&bytes),
        "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\nX-Keploy-Miss: 1\r\nContent-Length: 27\r\n\r\nnothing recorded for GET /\n"
    );
    assert!(!finished);
    wire.feed(Side::Client, 1, b"HEAD / HTTP/1.0\r\n\r\n").expect("HTTP");
    wire.miss(2, "x").expect("can be written");
    let (bytes, finished) = wire.written();
    assert!(text(&bytes).ends_with("Content-Length: 2\r\nConnection: close\r\n\r\n"), "{}", text(&bytes));
    assert!(finished, "HTTP/1.0 ends after one");
}

#[test]
fn a_missed_websocket_message_ends_the_conversation_in_its_own_words() {
    let switch = Map::new().with("status_code", 101).with("header", Map::new().with("Upgrade", "websocket"));
    let mut wire = Wire::new(Mode::Mock);
    wire.feed(Side::Client, 0, b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").expect("HTTP");
    wire.answer(1, vec![switch.into()]).expect("can be written");
    wire.take();
    for (frame, number, written, end) in [
        (&b"\x89\x80\0\0\0\0"[..], 2, &b"\x8a\x00"[..], false),
        (b"\x8a\x80\0\0\0\0", 3, b"", false),
        (b"\x81\x81\0\0\0\0a", 4, b"\x88\x0d\x03\xf3keploy: why", false),
        (b"\x88\x80\0\0\0\0", 5, b"", true),
    ] {
        wire.feed(Side::Client, 1, frame).expect("frames");
        wire.miss(number, "why").expect("can be written");
        assert_eq!(wire.written(), (written.to_vec(), end));
    }
}

#[test]
fn the_proof_of_a_websocket_handshake_is_made_for_the_key_that_asks() {
    let header = Map::new().with("Upgrade", "websocket").with("sec-websocket-accept", "of another key");
    let switch =
        Map::new().with("status_code", 101).with("status_message", "Switching Protocols").with("header", header);
    let mut wire = Wire::new(Mode::Mock);
    let ask = b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    wire.feed(Side::Client, 0, ask).expect("HTTP");
    wire.answer(1, vec![switch.into()]).expect("can be written");
    assert!(text(&wire.written().0).contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
}

#[test]
fn continue_waits_for_the_answers_before_it() {
    let mut wire = Wire::new(Mode::Mock);
    let put = b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
    wire.feed(Side::Client, 0, &[GET, put].concat()).expect("HTTP");
    assert_eq!(wire.written().0, b"");
    wire.answer(1, vec![ok("a")]).expect("can be written");
    assert_eq!(text(&wire.written().0), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 100 Continue\r\n\r\n");
    wire.feed(Side::Client, 1, b"x").expect("HTTP");
    wire.answer(2, vec![ok("b")]).expect("can be written");
    assert_eq!(text(&wire.written().0), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
}

#[test]
fn a_client_that_half_closes_still_gets_its_answers() {
    let mut wire = Wire::new(Mode::Mock);
    wire.feed(Side::Client, 0, &[GET, GET].concat()).expect("HTTP");
    wire.end(Side::Client, 1).expect("HTTP");
    wire.answer(1, vec![ok("a")]).expect("can be written");
    assert!(!wire.written().1);
    wire.answer(2, vec![ok("b")]).expect("can be written");
    assert!(wire.written().1);
}

#[test]
fn what_a_person_changed_gets_the_right_length() {
    let mut wire = Wire::new(Mode::Mock);
    wire.feed(Side::Client, 0, GET).expect("HTTP");
    let mut answer = ok("short");
    answer.as_map_mut().expect("a map").insert("body", "rather longer");
    wire.answer(1, vec![answer]).expect("can be written");
    assert!(text(&wire.written().0).contains("Content-Length: 13\r\n\r\nrather longer"));

    let request = Map::new()
        .with("method", "POST")
        .with("url", "http://h/x")
        .with("header", Map::new().with("Host", "h"))
        .with("body", "new");
    let mut wire = Wire::new(Mode::Drive);
    wire.send(1, request.into()).expect("can be written");
    assert_eq!(text(&wire.written().0), "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nnew");
}

#[test]
fn what_cannot_be_sent_says_why() {
    for (request, why) in [
        (Map::new().with("url", "/"), "`method`"),
        (Map::new().with("method", "GET").with("url", "/a b"), "%20"),
        (Map::new().with("method", "GET").with("url", "/").with("header", Map::new().with("A", "x\ny")), "header A"),
        (Map::new().with("method", "GET").with("url", "/").with("body", Map::new()), "`body`"),
    ] {
        let fault = Wire::new(Mode::Drive).send(1, request.into()).expect_err(why);
        assert!(fault.message.contains(why), "{fault}");
    }
}

#[test]
fn driving_several_at_once_ends_with_each_one_closed_or_abandoned() {
    let request = Map::new().with("method", "GET").with("url", "/").with("header", Map::new());
    let mut wire = Wire::new(Mode::Drive);
    for number in 1..=3 {
        wire.send(number, request.clone().into()).expect("can be written");
    }
    wire.take();
    wire.feed(Side::Server, 5, b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        .expect("HTTP");
    wire.end(Side::Server, 6).expect("HTTP");
    wire.send(4, request.into()).expect("is abandoned");
    let ends: Vec<(u64, bool)> = wire
        .take()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Close { exchange } => Some((exchange, true)),
            Effect::Abandon { exchange, .. } => Some((exchange, false)),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(1, true), (2, false), (3, true), (4, false)]);
}

#[test]
fn a_response_without_a_request_is_said_aloud_while_driving() {
    let mut wire = Wire::new(Mode::Drive);
    wire.feed(Side::Server, 1, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n").expect("HTTP");
    assert_eq!(wire.take(), []);
    assert_eq!(wire.logged().len(), 1);
}

#[test]
fn heads_without_end_are_refused() {
    let mut wire = Wire::new(Mode::Record);
    let line = [b"X: ", &[b'x'; 1000][..], b"\r\n"].concat();
    wire.feed(Side::Client, 0, b"GET / HTTP/1.1\r\n").expect("a start");
    let fault = (0..300).find_map(|_| wire.feed(Side::Client, 0, &line).err()).expect("a limit");
    assert_eq!(fault.code, "request-head-too-long");
}
