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
    insta::assert_snapshot!(text(Record::Test(test)), @"");
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
    insta::assert_snapshot!(text(Record::Mock(refused.clone())), @"");
    let response = |at| Response { body: "message".into(), at };
    let stream =
        Mock { responses: vec![response(5), response(7)], unreachable: None, noise: vec!["id".into()], ..refused };
    insta::assert_snapshot!(text(Record::Mock(stream)), @"");
}

#[test]
fn dns_has_keploys_shape() {
    let mock = Mock {
        name: "mock-0".into(),
        kind: DNS.into(),
        request: Map::new().with("name", "redis.").with("qtype", 1).with("qclass", 1).into(),
        responses: vec![Response { body: Map::new().with("rcode", 3).into(), at: 6 }],
        started: 5,
        ended: 6,
        lifetime: crate::Lifetime::Session,
        ..Mock::default()
    };
    insta::assert_snapshot!(text(Record::Mock(mock)), @"");
}
