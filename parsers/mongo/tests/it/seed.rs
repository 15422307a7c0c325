//! Documents of the seed system, as they were found in public sample repositories.
use keploy_sdk::{Lifetime, Map, Parser, Recorded, Value};
use parser_mongo::Mongo;

fn side(id: i32, to: i32, message: Map) -> Value {
    let header = Map::new().with("length", 146).with("requestId", id).with("responseTo", to).with("Opcode", 2013);
    vec![Value::from(Map::new().with("header", header).with("message", message))].into()
}

fn sections(sections: &[&str]) -> Map {
    let sections: Vec<Value> = sections.iter().map(|section| Value::from(*section)).collect();
    Map::new().with("flagBits", 0).with("sections", sections).with("checksum", 0)
}

fn upgrade(request: Map, response: Map) -> Result<Vec<Recorded>, String> {
    let spec = Map::new().with("requests", side(8, 0, request)).with("responses", side(6, 8, response));
    Mongo::upgrade(0, &spec.into())
}

#[test]
fn a_command_with_a_sequence() {
    let request = sections(&[
        r#"{ SectionSingle msg: {"delete":"tokens","ordered":true,"lsid":{"id":{"$binary":{"base64":"N9ug1vmnRnmK0aDYjyAMwA==","subType":"04"}}},"$db":"keploydb"} }"#,
        r#"{ SectionSingle identifier: deletes , msgs: [ {"q":{},"limit":{"$numberInt":"0"}} ] }"#,
    ]);
    let response = sections(&[r#"{ SectionSingle msg: {"n":{"$numberInt":"0"},"ok":{"$numberDouble":"1.0"}} }"#]);
    let exchanges = upgrade(request, response).expect("it is understood");
    let [exchange] = exchanges.as_slice() else { panic!("{exchanges:?}") };
    let deletes = Map::new().with("q", Map::new()).with("limit", 0);
    let command = Map::new().with("delete", "tokens").with("ordered", true).with("deletes", vec![Value::from(deletes)]);
    assert_eq!(exchange.request, Map::new().with("db", "keploydb").with("command", command).into());
    assert_eq!(exchange.facts.summary, "delete keploydb.tokens [{q: {}, limit: 0}]");
    let reply = Map::new().with("n", 0).with("ok", 1.0);
    assert_eq!(exchange.responses, [Map::new().with("reply", reply).into()]);
}

#[test]
fn a_hello_in_the_old_way() {
    let query = r#"{"isMaster":{"$numberInt":"1"},"helloOk":true,"compression":[],"client":{"driver":{"name":"mongo-go-driver"}}}"#;
    let request = Map::new().with("flags", 4).with("collection_name", "admin.$cmd").with("query", query);
    let document =
        r#"{"ismaster":true,"localTime":{"$date":{"$numberLong":"1758807121471"}},"ok":{"$numberDouble":"1.0"}}"#;
    let response = Map::new().with("response_flags", 8).with("documents", vec![Value::from(document)]);
    let exchanges = upgrade(request, response).expect("it is understood");
    assert_eq!(exchanges[0].facts.lifetime, Lifetime::Session);
    let time = exchanges[0].responses[0].get("reply").and_then(|reply| reply.get("localTime"));
    assert_eq!(time, Some(&Map::new().with("$date", "2025-09-25T13:32:01.471Z").into()));
}

#[test]
fn what_cannot_be_read_says_why() {
    let error = |request| upgrade(request, sections(&[])).expect_err("it is refused");
    assert_eq!(error(sections(&["{ SectionPair }"])), "requests: a section that is none: { SectionPair }");
    assert!(error(sections(&["{ SectionSingle msg: {oops} }"])).starts_with("requests: no JSON: key must be a string"));
    assert!(error(Map::new()).starts_with("requests: a message without sections"));
}
