//! Keploy's own documents: recordings found in public sample repositories, and what else its schema allows.
use keploy_sdk::{Map, Mode, Parser, Part, Recorded, Side, Value};
use parser_http::Http;
use serde_yaml::Value as Yaml;

use crate::wire::{self, Wire};

fn value(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => b.into(),
        Yaml::Number(n) => n.as_i64().map_or_else(|| n.as_f64().unwrap_or_default().into(), Value::from),
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(value).collect::<Vec<_>>().into(),
        Yaml::Mapping(map) => map
            .into_iter()
            .map(|(k, v)| (k.as_str().expect("names are text").to_owned(), value(v)))
            .collect::<Map>()
            .into(),
        Yaml::Tagged(tagged) => value(tagged.value),
    }
}

fn yaml(text: &str) -> Value {
    value(serde_yaml::from_str(text).expect("YAML"))
}

fn upgrade(text: &str) -> Result<Recorded, String> {
    let mut exchanges = Http::upgrade(0, &yaml(text))?;
    assert_eq!(exchanges.len(), 1, "one document is one exchange");
    Ok(exchanges.remove(0))
}

fn file(text: &str) -> Recorded {
    let spec = yaml(text).get("spec").cloned().expect("a spec");
    Http::upgrade(0, &spec).expect("a real recording").remove(0)
}

/// What the recording says on the wire: the request driven, the response mocked.
fn wire_bytes(exchange: &Recorded) -> (String, String) {
    let mut drive = Wire::new(Mode::Drive);
    drive.send(1, exchange.request.clone()).expect("can be written");
    let (request, _) = drive.written();
    let mut mock = Wire::new(Mode::Mock);
    mock.feed(Side::Client, 0, &request).expect("HTTP");
    mock.answer(1, exchange.responses.clone()).expect("can be written");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(request), text(mock.written().0))
}

#[test]
fn a_real_test() {
    let test = file(include_str!("../keploy/test.yaml"));
    assert_eq!(
        (test.facts.class.as_str(), test.facts.summary.as_str()),
        ("POST /shorten", "POST http://localhost:8080/shorten")
    );
    let (request, response) = wire_bytes(&test);
    assert_eq!(
        request,
        "POST /shorten HTTP/1.1\r\nAccept: */*\r\nContent-Length: 33\r\nContent-Type: application/json\r\nHost: localhost:8080\r\nUser-Agent: curl/7.81.0\r\n\r\n{\"url\":\"https://example.com/one\"}"
    );
    assert!(response.starts_with("HTTP/1.1 201 Created\r\nContent-Length: 117\r\n"), "{response}");
    // Recorded by us, the same traffic gives the same documents.
    let again = wire::record(request.as_bytes(), response.as_bytes());
    assert_eq!((&again[0].request, wire::documents(&again[0])), (&test.request, test.responses));
}

#[test]
fn a_real_mock() {
    let mock = file(include_str!("../keploy/mock.yaml"));
    assert_eq!(mock.facts.class, "GET /api/v2/location-area");
    assert_eq!(mock.responses[0].get("status_message").and_then(Value::as_str), Some("OK"), "left out by Keploy");
    let (request, response) = wire_bytes(&mock);
    let again = wire::record(request.as_bytes(), response.as_bytes());
    assert_eq!(again[0].request, mock.request);
}

#[test]
fn a_real_stream() {
    let test = file(include_str!("../keploy/events.yaml"));
    let (request, response) = wire_bytes(&test);
    assert!(request.starts_with("GET /subscribe/student/events?doubtId=abc HTTP/1.1\r\n"));
    assert!(response.contains("Transfer-Encoding: chunked\r\n\r\n"), "{response}");
    assert!(response.contains("event:TICKER\ndata:[{"), "{response}");
}

#[test]
fn a_stream_of_the_newer_kind() {
    let exchange = upgrade(
        "req: {method: GET, proto_major: 1, proto_minor: 1, url: 'http://h/e', header: {Host: h}, body: ''}
resp:
  status_code: 200
  header: {Content-Type: text/event-stream}
  body:
    - ts: 2026-08-01T10:00:00.000000001Z
      data: {event: tick, data: '{\"n\":1}', id: \"1\"}
    - ts: 2026-08-01T10:00:01.000000001Z
      data: {comment: keep-alive}
    - ts: 2026-08-01T10:00:02.000000001Z
      raw: \"data:x\\n\\n\"
",
    )
    .expect("it has everything");
    let (_, response) = wire_bytes(&exchange);
    assert!(response.contains("event: tick\ndata: {\"n\":1}\nid: 1\n\n: keep-alive\n\ndata:x\n\n"), "{response}");
}

#[test]
fn what_go_took_away_is_put_back() {
    let exchange = upgrade(
        "req: {method: GET, proto_major: 1, proto_minor: 1, url: 'https://shop.test/a?b', header: {Accept: '*/*'}, body: ''}
resp: {status_code: 302, header: {Set-Cookie: 'a=1; Path=/,b=2'}, body: 'x', status_message: ''}
",
    )
    .expect("it has everything");
    assert_eq!(
        wire_bytes(&exchange),
        (
            "GET /a?b HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\n\r\n".to_owned(),
            "HTTP/1.1 302 Found\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
                .to_owned()
        )
    );
    assert_eq!(exchange.request.get("url").and_then(Value::as_str), Some("https://shop.test/a?b"));
}

#[test]
fn a_form_becomes_its_body() {
    let exchange = upgrade(
        "req:
  method: POST
  url: http://h/upload
  header: {Host: h, Content-Type: 'multipart/form-data; boundary=XX', Content-Length: '999'}
  form: [{key: name, values: [a, b], paths: []}]
",
    )
    .expect("it has everything");
    let body = "--XX\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na\r\n--XX\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nb\r\n--XX--\r\n";
    assert_eq!(exchange.request.get("body").and_then(Value::as_str), Some(body));
    assert_eq!(exchange.responses, [], "no `resp` is no response");
}

#[test]
fn what_keploy_did_not_keep_is_an_error_in_words() {
    for (spec, word) in [
        ("resp: {status_code: 200}", "`req`"),
        ("req: {url: /}", "`req.method`"),
        ("req: {method: GET}", "`req.url`"),
        ("req: {method: GET, url: /, body_ref: {path: assets/x, size: 2000000}}", "assets/x"),
        ("req: {method: GET, url: /}\nresp: {status_code: 200, body_skipped: true}", "body_skipped"),
        ("req: {method: GET, url: /}\nresp: {header: {}}", "status_code"),
        ("req: {method: GET, url: /, header: [1]}", "`header`"),
        (
            "req: {method: POST, url: /, form: [{key: f, paths: [a]}], header: {Content-Type: multipart/form-data; boundary=x}}",
            "\"f\"",
        ),
        ("req: {method: POST, url: /, form: [{key: f, values: [a]}]}", "multipart"),
    ] {
        let error = upgrade(spec).expect_err(word);
        assert!(error.contains(word), "{error}");
    }
    assert!(Http::upgrade(2, &Value::Null).expect_err("from the future").contains("hint: "));
}

#[test]
fn its_comparison_with_our_recording_finds_nothing_but_noise() {
    let test = file(include_str!("../keploy/test.yaml"));
    let ours = wire::record(
        b"POST /shorten HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/7.81.0\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: 33\r\n\r\n{\"url\":\"https://example.com/one\"}",
        b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(Http::canonical(Part::Request, ours[0].request.clone()), Http::canonical(Part::Request, test.request));
}
