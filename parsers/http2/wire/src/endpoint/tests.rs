//! Two ends that talk to each other, and one that is told nonsense.
use super::*;

fn fields(list: &[(&str, &str)]) -> Fields {
    list.iter().copied().collect()
}

fn request() -> Fields {
    fields(&[(":method", "POST"), (":scheme", "http"), (":path", "/")])
}

/// Passes on what each says until both are silent; returns what each was told.
fn talk(client: &mut Endpoint, server: &mut Endpoint) -> [Vec<Incoming>; 2] {
    let mut told = [Vec::new(), Vec::new()];
    loop {
        let (up, down) = (client.take_output(), server.take_output());
        if up.is_empty() && down.is_empty() {
            return told;
        }
        let [to_client, to_server] = &mut told;
        server.feed(0, &up);
        to_server.extend(std::iter::from_fn(|| server.next_said()).map(|(_, said)| said));
        client.feed(0, &down);
        to_client.extend(std::iter::from_fn(|| client.next_said()).map(|(_, said)| said));
    }
}

fn body(told: &[Incoming]) -> usize {
    told.iter().map(|said| if let Incoming::Data { data, .. } = said { data.len() } else { 0 }).sum()
}

#[test]
fn a_body_larger_than_the_window_arrives() {
    let (mut client, mut server) = (Endpoint::new(Role::Client), Endpoint::new(Role::Server));
    let stream = client.open();
    client.send_headers(stream, &request(), false);
    client.send_data(stream, vec![b'x'; 300_000], true);
    assert!(client.is_waiting(), "the window is 65535 bytes");
    let [_, to_server] = talk(&mut client, &mut server);
    assert_eq!(body(&to_server), 300_000);
    assert!(matches!(to_server.last(), Some(Incoming::Data { end: true, .. })));
    server.send_headers(stream, &fields(&[(":status", "200")]), false);
    server.send_data(stream, vec![b'y'; 200_000], false);
    server.send_trailers(stream, fields(&[("grpc-status", "0")]));
    let [to_client, _] = talk(&mut client, &mut server);
    assert_eq!(body(&to_client), 200_000);
    let trailers = Incoming::Headers { stream, fields: fields(&[("grpc-status", "0")]), end: true };
    assert_eq!(to_client.last(), Some(&trailers));
    assert!(client.streams.is_empty() && server.streams.is_empty());
}

#[test]
fn streams_are_interleaved_and_reset_one_by_one() {
    let (mut client, mut server) = (Endpoint::new(Role::Client), Endpoint::new(Role::Server));
    let (a, b) = (client.open(), client.open());
    client.send_headers(a, &request(), false);
    client.send_headers(b, &request(), true);
    talk(&mut client, &mut server);
    client.reset(a, Code::CANCEL);
    let [_, told] = talk(&mut client, &mut server);
    assert_eq!(told, [Incoming::Reset { stream: a, code: Code::CANCEL }]);
    assert!(!server.may_send(a) && server.may_send(b));
    server.send_headers(b, &fields(&[(":status", "204")]), true);
    let [told, _] = talk(&mut client, &mut server);
    assert_eq!(told.len(), 1);
}

#[test]
fn nonsense_ends_the_connection_with_its_code() {
    let preface = || {
        let mut said = PREFACE.to_vec();
        frame::write_settings(&mut said, &[]);
        said
    };
    let with = |kind: u8, flags: u8, stream: StreamId, payload: &[u8]| {
        let mut said = preface();
        frame::write(&mut said, kind, flags, stream, payload);
        said
    };
    for (what, said, code) in [
        ("HTTP/1", b"GET / HTTP/1.1\r\n\r\n".to_vec(), Code::PROTOCOL_ERROR),
        ("DATA on an idle stream", with(kind::DATA, 0, 1, b"x"), Code::PROTOCOL_ERROR),
        ("HEADERS on an even stream", with(kind::HEADERS, flag::END_HEADERS, 2, &[0x82]), Code::PROTOCOL_ERROR),
        (
            "a table index that there is not",
            with(kind::HEADERS, flag::END_HEADERS, 1, &[0xff, 0]),
            Code::COMPRESSION_ERROR,
        ),
        ("a ping of seven bytes", with(kind::PING, 0, 0, &[0; 7]), Code::FRAME_SIZE_ERROR),
        ("a long frame", with(kind::DATA, 0, 1, &[0; 16_385]), Code::FRAME_SIZE_ERROR),
        ("padding beyond the end", with(kind::DATA, flag::PADDED, 1, &[9, 0]), Code::PROTOCOL_ERROR),
        ("a window beyond 2^31", with(kind::WINDOW_UPDATE, 0, 0, &[0x7f, 255, 255, 255]), Code::FLOW_CONTROL_ERROR),
    ] {
        let mut server = Endpoint::new(Role::Server);
        server.feed(0, &said);
        assert_eq!(server.next_said(), None, "{what}");
        assert!(server.has_failed(), "{what}");
        let out = server.take_output();
        let mut goodbye = Vec::new();
        frame::write_go_away(&mut goodbye, 0, code, "");
        let goodbye = &goodbye[frame::HEAD..];
        assert!(out.windows(goodbye.len()).any(|bytes| bytes == goodbye), "{what}: {out:?}");
    }
}
