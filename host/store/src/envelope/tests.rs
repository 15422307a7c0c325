use super::*;
use crate::{Mock, Record, Response, TestCase};
use ::document::{Map, Value, yaml};

fn text(record: Record) -> String {
    yaml::emit(&Value::Map(document(record)))
}

#[test]
fn a_test_looks_like_keploys() {
    let test = TestCase {
        name: "post-shorten-1".into(),
        kind: "Http".into(),
        schema: 1,
        class: "POST /shorten".into(),
        request: Map::new().with("method", "POST").with("url", "http://localhost:8080/shorten").into(),
        responses: vec![Response { body: Map::new().with("status_code", 201).into(), at: 1_784_279_453_456_735_046 }],
        started: 1_784_279_453_449_166_379,
        ended: 1_784_279_453_456_735_046,
        connection: "3".into(),
        app_port: 8080,
        noise: vec![("header.Date".into(), Vec::new())],
        ..TestCase::default()
    };
    insta::assert_snapshot!(text(Record::Test(test)), @r#"
    version: api.keploy.io/v1beta1
    kind: Http
    name: post-shorten-1
    spec:
      metadata:
        schema: 1
        class: POST /shorten
        connID: "3"
      req:
        method: POST
        url: http://localhost:8080/shorten
        timestamp: "2026-07-17T09:10:53.449166379Z"
      resp:
        status_code: 201
        timestamp: "2026-07-17T09:10:53.456735046Z"
      objects: []
      assertions:
        noise:
          header.Date: []
      created: 1784279453
      app_port: 8080
    "#);
}

#[test]
fn a_mock_without_and_with_several_responses() {
    let refused = Mock {
        name: "mock-0".into(),
        kind: "Http".into(),
        schema: 1,
        destination: "api.test:443".into(),
        unreachable: Some("refused".into()),
        started: 5,
        ended: 6,
        ..Mock::default()
    };
    insta::assert_snapshot!(text(Record::Mock(refused.clone())), @r#"
    version: api.keploy.io/v1beta1
    kind: Http
    name: mock-0
    spec:
      metadata:
        schema: 1
        lifetime: test
        type: mocks
        destination: api.test:443
        unreachable: refused
      req: null
      responses: []
      created: 0
      reqTimestampMock: "1970-01-01T00:00:00.000000005Z"
      resTimestampMock: "1970-01-01T00:00:00.000000006Z"
    "#);
    let response = |at| Response { body: "message".into(), at };
    let stream =
        Mock { responses: vec![response(5), response(7)], unreachable: None, noise: vec!["id".into()], ..refused };
    insta::assert_snapshot!(text(Record::Mock(stream)), @r#"
    version: api.keploy.io/v1beta1
    kind: Http
    name: mock-0
    spec:
      metadata:
        schema: 1
        lifetime: test
        type: mocks
        destination: api.test:443
      req: null
      responses:
        - at: "1970-01-01T00:00:00.000000005Z"
          resp: message
        - at: "1970-01-01T00:00:00.000000007Z"
          resp: message
      created: 0
      reqTimestampMock: "1970-01-01T00:00:00.000000005Z"
      resTimestampMock: "1970-01-01T00:00:00.000000006Z"
    noise:
      req:
        - id
    "#);
}

#[test]
fn dns_has_keploys_shape() {
    let mock = Mock {
        name: "mock-0".into(),
        kind: DNS.into(),
        request: Map::new().with("name", "cache.").with("qtype", 1).with("qclass", 1).into(),
        responses: vec![Response { body: Map::new().with("rcode", 3).into(), at: 6 }],
        started: 5,
        ended: 6,
        lifetime: crate::Lifetime::Session,
        ..Mock::default()
    };
    insta::assert_snapshot!(text(Record::Mock(mock)), @r#"
    version: api.keploy.io/v1beta1
    kind: DNS
    name: mock-0
    spec:
      metadata:
        name: DNS
        lifetime: session
        type: config
      request:
        name: cache.
        qtype: 1
        qclass: 1
      response:
        rcode: 3
      created: 0
      reqTimestampMock: "1970-01-01T00:00:00.000000005Z"
      resTimestampMock: "1970-01-01T00:00:00.000000006Z"
    "#);
}
