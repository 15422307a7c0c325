//! One recorded hello answers all of them.
use keploy_sdk::{Map, Parser, Part, Value};
use parser_mongo::Mongo;

use crate::talk::Mock;

fn asked(name: &str) -> Map {
    Map::new().with(name, 1).with("$db", "admin")
}

fn texts(all: &[&str]) -> Vec<Value> {
    all.iter().map(|text| Value::from(*text)).collect()
}

#[test]
fn all_of_them_are_compared_as_one() {
    let mut mock = Mock::new(Value::Null);
    let driver = Map::new().with("driver", Map::new().with("name", "PyMongo").with("version", "4.20"));
    let hellos = [
        asked("hello"),
        asked("isMaster").with("helloOk", true),
        asked("ismaster").with("client", driver).with("compression", texts(&["zlib"])),
        asked("hello").with("saslSupportedMechs", "admin.ada"),
    ];
    for hello in hellos {
        let (_, request) = mock.ask(&hello);
        let canonical = Mongo::canonical(Part::Request, request);
        assert_eq!(canonical, Map::new().with("command", Map::new().with("hello", 1)).into());
    }
}

#[test]
fn the_answer_is_fitted_to_the_question() {
    let recorded = || {
        let reply = Map::new()
            .with("ismaster", true)
            .with("compression", texts(&["snappy", "zlib"]))
            .with("saslSupportedMechs", texts(&["SCRAM-SHA-256"]))
            .with("ok", 1.0);
        Map::new().with("reply", reply)
    };
    let mut mock = Mock::new(Value::Null);
    let mut answer = |hello: &Map| {
        let (exchange, _) = mock.ask(hello);
        mock.answer(exchange, recorded())
    };
    let plain = answer(&asked("hello"));
    assert_eq!(plain, Map::new().with("isWritablePrimary", true).with("ok", 1.0).into());
    let old = answer(&asked("isMaster").with("compression", texts(&["zstd", "zlib"])));
    let expected = Map::new().with("ismaster", true).with("compression", texts(&["zlib"])).with("ok", 1.0);
    assert_eq!(old, expected.into());
    let user = answer(&asked("hello").with("saslSupportedMechs", "admin.ada"));
    assert_eq!(user.get("saslSupportedMechs"), Some(&texts(&["SCRAM-SHA-256"]).into()));
}

#[test]
fn without_a_recorded_one_it_is_a_server_that_stands_alone() {
    let mut mock = Mock::new(Value::Null);
    let (exchange, _) = mock.ask(&asked("hello"));
    let reply = mock.miss(exchange);
    assert_eq!((reply.get("isWritablePrimary"), reply.get("setName")), (Some(&true.into()), None));
}
