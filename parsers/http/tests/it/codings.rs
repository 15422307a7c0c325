//! Content codings: readable in the document, on again on the wire.
use keploy_sdk::Value;

use crate::wire::{record, serve};

const BODY: &str = "{\"the same words\": \"the same words\"}";

fn response(fields: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn get(fields: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\n{fields}\r\n").into_bytes()
}

fn body(document: &Value) -> Option<&str> {
    document.get("body").and_then(Value::as_str)
}

#[test]
fn every_coding_is_read_and_written_again() {
    for coding in ["gzip", "x-gzip", "deflate", "br", "zstd"] {
        let coded = keploy_codec::encode(coding, BODY.as_bytes()).expect(coding);
        let sent = response(&format!("Content-Encoding: {coding}\r\n"), &coded);
        let client = get(&format!("Accept-Encoding: {coding}\r\n"));
        let recorded = record(&client, &sent);
        let document = &recorded[0].responses[0].0;
        assert_eq!(body(document), Some(BODY), "{coding}");
        assert_eq!(document.get("header").and_then(|h| h.get("Content-Encoding")?.as_str()), Some(coding));
        assert_eq!(document.get("body_encoded"), None);
        assert_eq!(serve(&client, &recorded).0, sent, "{coding}: our encoder made it, so it comes back the same");
    }
}

#[test]
fn a_client_that_does_not_take_the_coding_gets_none() {
    let coded = keploy_codec::encode("br", BODY.as_bytes()).expect("br");
    let recorded = record(&get("Accept-Encoding: br\r\n"), &response("Content-Encoding: br\r\nX: y\r\n", &coded));
    let (plain, _) = serve(&get("Accept-Encoding: gzip\r\n"), &recorded);
    assert_eq!(String::from_utf8_lossy(&plain), String::from_utf8_lossy(&response("X: y\r\n", BODY.as_bytes())));
}

#[test]
fn codings_over_each_other_come_off_in_turn() {
    let once = keploy_codec::encode("gzip", BODY.as_bytes()).expect("gzip");
    let twice = keploy_codec::encode("br", &once).expect("br");
    let sent = response("Content-Encoding: gzip\r\nContent-Encoding: identity, br\r\n", &twice);
    let recorded = record(&get(""), &sent);
    assert_eq!(body(&recorded[0].responses[0].0), Some(BODY));
    assert_eq!(serve(&get(""), &recorded).0, sent);
}

#[test]
fn a_coded_request_is_readable_too() {
    let coded = keploy_codec::encode("gzip", BODY.as_bytes()).expect("gzip");
    let head = format!("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", coded.len());
    let recorded = record(&[head.as_bytes(), &coded].concat(), b"HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(body(&recorded[0].request), Some(BODY));
}

#[test]
fn what_cannot_be_read_stays_as_it_was_sent() {
    let bomb = keploy_codec::encode("gzip", &vec![b' '; 5 << 20]).expect("gzip");
    let empty = keploy_codec::encode("gzip", b"").expect("gzip");
    for coded in [&b"not gzip at all"[..], &bomb, &empty] {
        let sent = response("Content-Encoding: gzip\r\n", coded);
        let recorded = record(&get(""), &sent);
        let document = &recorded[0].responses[0].0;
        assert_eq!(document.get("body").and_then(Value::as_raw), Some(coded));
        assert_eq!(document.get("body_encoded"), Some(&Value::Bool(true)));
        assert_eq!(serve(&get("Accept-Encoding: identity\r\n"), &recorded).0, sent);
    }
    let unknown = response("Content-Encoding: aws-chunked\r\n", b"x");
    let recorded = record(&get(""), &unknown);
    assert_eq!(serve(&get(""), &recorded).0, unknown);
}

#[test]
fn an_empty_body_is_no_coded_one() {
    let sent = response("Content-Encoding: gzip\r\n", b"");
    let recorded = record(&get(""), &sent);
    assert_eq!(recorded[0].responses[0].0.get("body_encoded"), None);
    assert_eq!(serve(&get(""), &recorded).0, sent);
}

#[test]
fn events_are_read_through_a_coding() {
    let coded = keploy_codec::encode("gzip", b"data: 1\n\n").expect("gzip");
    let sent = response("Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n", &coded);
    let recorded = record(&get(""), &sent);
    assert_eq!(recorded[0].responses[0].0.get("body").and_then(Value::as_array).map(<[_]>::len), Some(1));
    assert_eq!(serve(&get(""), &recorded).0, sent);
}
