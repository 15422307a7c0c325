//! Documents of the seed system, as they were found in public sample repositories.
use keploy_sdk::{Lifetime, Map, Parser, Recorded, Value};
use parser_redis::Redis;

fn upgrade(kind: &str, request: &str, response: &str) -> Result<Vec<Recorded>, String> {
    let side = |data: &str| {
        let message = Value::from(vec![Value::from(Map::new().with("type", kind).with("data", data))]);
        Value::from(vec![Value::from(Map::new().with("origin", "client").with("message", message))])
    };
    let spec = Map::new().with("redisrequests", side(request)).with("redisresponses", side(response));
    Redis::upgrade(0, &spec.into())
}

#[test]
fn one_command() {
    let exchanges =
        upgrade("string", "*3\r\n$6\r\nINCRBY\r\n$7\r\nbook_id\r\n$1\r\n1\r\n", ":1\r\n").expect("is understood");
    let [exchange] = exchanges.as_slice() else { panic!("{exchanges:?}") };
    assert_eq!(exchange.facts.summary, "INCRBY book_id 1");
    assert_eq!(exchange.facts.lifetime, Lifetime::Test);
    assert_eq!(exchange.responses, [Map::new().with("reply", 1).into()]);
}

#[test]
fn a_pipeline_in_one_document_in_base64() {
    // PING, PING; +PONG, +PONG.
    let exchanges = upgrade("binary", "KjENCiQ0DQpQSU5HDQoqMQ0KJDQNClBJTkcNCg==", "K1BPTkcNCitQT05HDQo=");
    let exchanges = exchanges.expect("is understood");
    assert_eq!(exchanges.len(), 2);
    assert_eq!(exchanges[1].facts.lifetime, Lifetime::Session);
}

#[test]
fn what_was_queued_says_so() {
    let exchanges = upgrade("string", "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "+QUEUED\r\n").expect("is understood");
    assert_eq!(exchanges[0].request.get("queued"), Some(&Value::Bool(true)));
}

#[test]
fn what_cannot_be_read_says_why() {
    let error = |request, response| upgrade("string", request, response).expect_err("is refused");
    assert_eq!(error("*1\r\n$4\r\nPING\r\n", "+PONG\r\n+PONG\r\n").split(':').next(), Some("redisresponses"));
    assert!(error("*1\r\n:1\r\n", "").starts_with("redisrequests: not-a-command"));
    assert!(error("*1\r\n$4\r\nPING\r\n", "$5\r\nab").contains("inside a reply"));
    assert!(upgrade("binary", "?", "").expect_err("is refused").contains("not base64"));
}
