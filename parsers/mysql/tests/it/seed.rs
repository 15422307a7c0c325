//! Documents of the seed system, as they were found in public sample repositories.
use keploy_sdk::{Lifetime, Map, Parser, Recorded, Value};
use parser_mysql::MySql;

fn packet(kind: &str, message: Map) -> Value {
    Map::new().with("header", Map::new().with("packet_type", kind)).with("message", message).into()
}

fn upgrade(request: Value, responses: Vec<Value>) -> Result<Vec<Recorded>, String> {
    MySql::upgrade(0, &Map::new().with("requests", vec![request]).with("responses", responses).into())
}

#[test]
fn a_statement_and_its_rows() {
    let query = Map::new().with("command", 3).with("query", "\0\u{1}SELECT @@session.transaction_read_only");
    let name = "@@session.transaction_read_only";
    let column = Map::new()
        .with("catalog", "def")
        .with("schema", "")
        .with("table", "")
        .with("org_table", "")
        .with("name", name)
        .with("org_name", "")
        .with("character_set", 63)
        .with("column_length", 1)
        .with("type", 8)
        .with("flags", 128)
        .with("decimals", 0);
    let value = Map::new().with("type", 8).with("name", name).with("value", "0").with("unsigned", false);
    let row = Map::new().with("values", vec![Value::from(value)]);
    let last = [7, 0, 0, 4, 254, 0, 0, 2, 0, 0, 0].map(|byte: u8| Value::from(byte)).to_vec();
    let result = Map::new()
        .with("columnCount", 1)
        .with("columns", vec![Value::from(column)])
        .with("rows", vec![Value::from(row)])
        .with("FinalResponse", Map::new().with("data", last).with("type", "EOF"));
    let exchanges = upgrade(packet("COM_QUERY", query), vec![packet("TextResultSet", result)]).expect("is understood");
    let [exchange] = exchanges.as_slice() else { panic!("{exchanges:?}") };
    assert_eq!(exchange.request, Map::new().with("query", format!("SELECT {name}")).into());
    assert_eq!(exchange.facts.lifetime, Lifetime::Session);
    let column = Map::new().with("name", name).with("type", "bigint").with("flags", "binary").with("length", 1);
    let rows = vec![Value::from(vec![Value::from(0)])];
    assert_eq!(exchange.responses, [Map::new().with("columns", vec![Value::from(column)]).with("rows", rows).into()]);
}

#[test]
fn a_log_in() {
    let response = Map::new()
        .with("username", "yourusername")
        .with("auth_response", vec![Value::from(158), Value::from(248)])
        .with("database", "todoapp");
    let greeting = Map::new()
        .with("server_version", "9.0.1")
        .with("capability_flags", Value::Int(3_758_096_383))
        .with("character_set", 255)
        .with("status_flags", 2)
        .with("auth_plugin_name", "caching_sha2_password");
    let more = Map::new().with("status_tag", 1).with("data", "FastAuthSuccess");
    let ok = Map::new().with("header", 0).with("affected_rows", 0).with("status_flags", 2).with("info", "");
    let responses = vec![packet("HandshakeV10", greeting), packet("AuthMoreData", more), packet("OK", ok)];
    let exchanges = upgrade(packet("HandshakeResponse41", response), responses).expect("is understood");
    let summaries: Vec<&str> = exchanges.iter().map(|exchange| exchange.facts.summary.as_str()).collect();
    assert_eq!(summaries, ["CONNECT", "LOGIN yourusername todoapp"]);
    assert_eq!(exchanges[1].responses, [Map::new().with("ok", Map::new()).into()]);
    assert!(!format!("{exchanges:?}").contains("158"), "how the client proved itself is not kept");
}

#[test]
fn what_cannot_be_read_says_why() {
    let execute = Map::new().with("statement_id", 3);
    let error = upgrade(packet("COM_STMT_EXECUTE", execute), Vec::new()).expect_err("is refused");
    assert_eq!(error, "COM_STMT_EXECUTE: the text of its statement is in another document");
}
