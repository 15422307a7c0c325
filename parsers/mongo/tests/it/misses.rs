//! What the application sees when nothing recorded matches.
use keploy_sdk::{Map, Value, testing::Effect};

use crate::talk::Mock;

const MORE_TO_COME: u32 = 2;

#[test]
fn a_miss_is_an_error_that_no_driver_tries_again() {
    let mut mock = Mock::new(Value::Null);
    let (exchange, _) = mock.ask(&Map::new().with("find", "orders").with("$db", "shop"));
    let error = Map::new()
        .with("ok", 0.0)
        .with("errmsg", "keploy: no such command")
        .with("code", 96)
        .with("codeName", "OperationFailed");
    assert_eq!(mock.miss(exchange), error.into());
}

#[test]
fn a_miss_is_silent_where_nobody_waits() {
    let mut mock = Mock::new(Value::Null);
    let insert = Map::new().with("insert", "orders").with("$db", "shop");
    let opened = mock.say_with(&insert, MORE_TO_COME);
    let [Effect::Open { exchange, .. }] = opened.as_slice() else { panic!("{opened:?}") };
    assert_eq!(mock.miss(*exchange), Value::Null);
}

#[test]
fn drivers_may_tidy_up() {
    let mut mock = Mock::new(Value::Null);
    for command in ["ping", "endSessions", "killCursors"] {
        let (exchange, _) = mock.ask(&Map::new().with(command, 1).with("$db", "admin"));
        assert_eq!(mock.miss(exchange), Map::new().with("ok", 1.0).into(), "{command}");
    }
}
