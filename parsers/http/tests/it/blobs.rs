//! Bodies that the host keeps.
use keploy_sdk::{Mode, Side, Value};

use crate::wire::{Recorded, Wire, documents, exchanges, record_steps};

const LARGE: usize = 1 << 20;

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|n| ((n * n) >> 7) as u8).collect()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let chunks = body.chunks(size).flat_map(|c| [format!("{:x}\r\n", c.len()).as_bytes(), c, b"\r\n"].concat());
    chunks.chain(*b"0\r\n\r\n").collect()
}

/// Records one exchange in pieces of `size`, with the content of its blobs.
fn record(client: &[u8], server: &[u8], size: usize) -> (Recorded, Vec<Vec<u8>>) {
    let mut wire = Wire::new(Mode::Record);
    for (from, data) in [(Side::Client, client), (Side::Server, server)] {
        for piece in data.chunks(size) {
            wire.feed(from, 1, piece).expect("HTTP");
        }
    }
    for side in [Side::Server, Side::Client] {
        wire.end(side, 2).expect("HTTP");
    }
    let mut all = exchanges(wire.take());
    assert_eq!(all.len(), 1);
    (all.remove(0), wire.blobs.into_values().collect())
}

#[test]
fn large_bodies_are_kept_however_they_are_framed_and_torn() {
    let body = content(LARGE);
    let length = format!("Content-Length: {LARGE}\r\n\r\n");
    let with_length = [length.as_bytes(), &body].concat();
    let in_chunks = |size| [b"Transfer-Encoding: chunked\r\n\r\n", &chunked(&body, size)[..]].concat();
    let until_end = [b"\r\n", &body[..]].concat();
    let request = [b"PUT / HTTP/1.1\r\n", &with_length[..]].concat();
    for response in [with_length.clone(), in_chunks(LARGE), in_chunks(7000), in_chunks(100), until_end] {
        let response = [b"HTTP/1.1 200 OK\r\n", &response[..]].concat();
        let mut first = None;
        for size in [1 << 14, 1 << 16, 997, usize::MAX] {
            let (exchange, blobs) = record(&request, &response, size);
            assert!(blobs.iter().all(|blob| *blob == body), "in pieces of {size}");
            assert_eq!(blobs.len(), 2);
            assert!(matches!(exchange.request.get("body"), Some(Value::Blob(_))));
            assert!(matches!(exchange.responses[0].0.get("body"), Some(Value::Blob(_))));
            assert_eq!(exchange.abandoned, None);
            assert_eq!(first.get_or_insert_with(|| documents(&exchange)), &documents(&exchange), "in pieces of {size}");
        }
    }
}

#[test]
fn the_limit_is_to_the_byte() {
    for (len, inline) in [(256 * 1024, true), (256 * 1024 + 1, false)] {
        for size in [1000, usize::MAX] {
            let with_length = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n").into_bytes();
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            for response in [[with_length, content(len)].concat(), [&head[..], &chunked(&content(len), 5000)].concat()]
            {
                let (exchange, _) = record(b"GET / HTTP/1.1\r\n\r\n", &response, size);
                assert_eq!(exchange.responses[0].0.get("body").is_some_and(|body| body.as_raw().is_some()), inline);
            }
        }
    }
}

#[test]
fn what_follows_a_kept_body_is_read() {
    let body = content(LARGE);
    let put = format!("PUT /a HTTP/1.1\r\nContent-Length: {LARGE}\r\n\r\n");
    let client = [put.as_bytes(), &body, b"GET /b HTTP/1.1\r\n\r\n"].concat();
    let server = b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let (first, second) = client.split_at(1000);
    let recorded = record_steps(&[(Side::Client, first), (Side::Client, second), (Side::Server, server)]);
    let classes: Vec<&str> = recorded.iter().map(|exchange| exchange.class.as_str()).collect();
    assert_eq!(classes, ["PUT /a", "GET /b"]);
    assert!(recorded.iter().all(|exchange| exchange.over && exchange.abandoned.is_none()));
    assert_eq!(recorded[0].opened, 0);
}

#[test]
fn a_kept_body_that_is_cut_off_is_lost() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n");
    let server = [head.as_bytes(), &content(LARGE / 2)].concat();
    let (exchange, _) = record(b"GET / HTTP/1.1\r\n\r\n", &server, 1 << 14);
    assert!(exchange.abandoned.is_some_and(|reason| reason.contains("of its body")));
}

#[test]
fn a_large_body_behind_held_back_bytes_goes_through_the_guest() {
    let body = content(LARGE);
    let put = format!("PUT /b HTTP/1.1\r\nContent-Length: {LARGE}\r\n\r\n");
    let client =
        [b"GET /a HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", put.as_bytes(), &body[..1000]].concat();
    let empty = b"HTTP/1.1 204 No Content\r\n\r\n";
    let steps =
        [(Side::Client, &client[..]), (Side::Server, empty), (Side::Client, &body[1000..]), (Side::Server, empty)];
    let recorded = record_steps(&steps);
    assert_eq!(recorded.len(), 2);
    assert!(recorded.iter().all(|exchange| exchange.responses.len() == 1 && exchange.abandoned.is_none()));
}

#[test]
fn blobs_are_written_in_both_places() {
    let body = content(LARGE);
    let lend = |wire: &mut Wire, mut document: Value| {
        wire.blobs.insert(77, body.clone());
        document.for_each_blob(&mut |blob| (blob.id, blob.size) = (77, LARGE as u64));
        document
    };
    for framing in [format!("Content-Length: {LARGE}\r\n\r\n"), "Transfer-Encoding: chunked\r\n\r\n".to_owned()] {
        let framed = if framing.starts_with('C') { body.clone() } else { chunked(&body, LARGE) };
        let client = [b"PUT / HTTP/1.1\r\n", framing.as_bytes(), &framed].concat();
        let server = [b"HTTP/1.1 200 OK\r\n", framing.as_bytes(), &framed].concat();
        let (exchange, _) = record(&client, &server, 1 << 14);

        let mut mock = Wire::new(Mode::Mock);
        for piece in client.chunks(1 << 14) {
            mock.feed(Side::Client, 1, piece).expect("HTTP");
        }
        let answer = documents(&exchange).into_iter().map(|document| lend(&mut mock, document)).collect();
        mock.answer(1, answer).expect("can be written");
        assert!(mock.written().0 == server, "{framing}");

        let mut drive = Wire::new(Mode::Drive);
        let request = lend(&mut drive, exchange.request.clone());
        drive.send(1, request).expect("can be written");
        assert!(drive.written().0 == client, "{framing}");
    }
}

#[test]
fn a_large_websocket_message_is_kept_unmasked() {
    let body = content(LARGE);
    let masked: Vec<u8> = body.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    let mut wire = Wire::new(Mode::Record);
    wire.feed(Side::Client, 1, b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").expect("HTTP");
    wire.feed(Side::Server, 2, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n").expect("HTTP");
    let frame = [b"\x82\xff\x00\x00\x00\x00\x00\x10\x00\x00\x01\x02\x03\x04", &masked[..]].concat();
    for piece in frame.chunks(10_001) {
        wire.feed(Side::Client, 3, piece).expect("frames");
    }
    let last = wire.take().pop();
    assert!(
        matches!(last, Some(keploy_sdk::testing::Effect::Open { request, .. }) if matches!(request.get("websocket").and_then(|m| m.get("data")), Some(Value::Blob(_))))
    );
    assert!(wire.blobs.into_values().eq([body]));
}
