//! Log-ins for which a mock lacks the password say so; the others are in the transcripts.
use keploy_sdk::{Map, Value};

use crate::talk::{Mock, written};

fn binary(text: &str) -> Map {
    use base64::{Engine, engine::general_purpose::STANDARD};
    Map::new().with("$binary", Map::new().with("base64", STANDARD.encode(text)).with("subType", "00"))
}

fn first() -> Map {
    let step = Map::new().with("saslStart", 1).with("mechanism", "SCRAM-SHA-256");
    step.with("payload", binary("n,,n=ada,r=abc")).with("$db", "admin")
}

fn accepted() -> Map {
    Map::new().with("accepted", true)
}

#[track_caller]
fn is_refused(reply: &Value, why: &str) {
    let message = reply.get("errmsg").and_then(Value::as_str).unwrap_or_default();
    assert_eq!((reply.get("code"), message), (Some(&Value::from(18)), why), "{reply:?}");
}

#[test]
fn no_password_is_known() {
    let mut mock = Mock::new(Value::Null);
    let (exchange, request) = mock.ask(&first());
    let log_in = Map::new().with("db", "admin").with("authenticate", "SCRAM-SHA-256").with("user", "ada");
    assert_eq!(request, log_in.into());
    let reply = mock.answer(exchange, accepted());
    is_refused(&reply, "keploy: the application logs in as ada, and wants a proof for which its password is needed");
    assert!(mock.logged().contains("\nhint: put it into keploy.yml as test.mongoPassword"), "{}", mock.logged());
}

/// So that the driver takes it again, and shows its user what comes of it.
#[test]
fn no_password_is_known_when_hello_brings_the_first_step() {
    let mut mock = Mock::new(Value::Null);
    let hello = Map::new().with("hello", 1).with("speculativeAuthenticate", first().with("db", "admin"));
    let (exchange, _) = mock.ask(&hello.with("$db", "admin"));
    assert_eq!(mock.miss(exchange).get("speculativeAuthenticate"), None);
}

#[test]
fn another_password_is_known() {
    let mut mock = Mock::new(Map::new().with("password", "other"));
    let (exchange, _) = mock.ask(&first());
    let challenge = mock.answer(exchange, accepted());
    assert_eq!(challenge.get("done"), Some(&false.into()));
    let last = binary("c=biws,r=abcreplayedByKeploy,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let step = Map::new().with("saslContinue", 1).with("conversationId", 1).with("payload", last).with("$db", "admin");
    let reply = written(&mock.say(&step));
    is_refused(&reply, "keploy: the application logs in as ada with a password that keploy does not know");
    let again = written(&mock.say(&step));
    is_refused(&again, "keploy: it has not begun");
}

#[test]
fn a_log_in_that_was_not_recorded_is_let_in() {
    let mut mock = Mock::new(Map::new().with("password", "secret"));
    let (exchange, _) = mock.ask(&first());
    assert_eq!(mock.miss(exchange).get("done"), Some(&false.into()));
}

#[test]
fn what_cannot_be_answered_says_so() {
    let mut mock = Mock::new(Map::new().with("password", "secret"));
    let (exchange, _) = mock.ask(&first().with("mechanism", "MONGODB-AWS"));
    is_refused(&mock.answer(exchange, accepted()), "keploy: a log-in with MONGODB-AWS cannot be answered");
    let (exchange, _) = mock.ask(&first().with("payload", binary("hello")));
    is_refused(&mock.answer(exchange, accepted()), "keploy: a log-in with SCRAM-SHA-256 cannot be answered");
}
