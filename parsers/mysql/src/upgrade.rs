//! The seed system's MySQL documents: packets, field by field.
//!
//! An executed prepared statement is not read: its document has the number of the statement only, and what that number
//! meant is in another document.
use keploy_sdk::{Map, Recorded, Value};

use crate::{
    capabilities::{CLIENT_DEPRECATE_EOF, Capabilities},
    column::Column,
    ending::Ok as OkPacket,
    facts, values,
};

pub fn from_seed(spec: &Value) -> Result<Vec<Recorded>, String> {
    let packets = |name| spec.get(name).and_then(Value::as_array).unwrap_or_default();
    let (requests, responses) = (packets("requests"), packets("responses"));
    let mut exchanges = Vec::new();
    for request in requests {
        let message = request.get("message").unwrap_or(&Value::Null);
        match kind(request) {
            "HandshakeResponse41" => exchanges.extend(log_in(message, responses)?),
            "COM_QUERY" => exchanges.push(exchange(Map::new().with("query", query(message)?), results(responses)?)),
            "COM_STMT_PREPARE" => {
                exchanges.push(exchange(Map::new().with("prepare", query(message)?), results(responses)?));
            }
            "COM_INIT_DB" => {
                let schema = text(message, "schema");
                exchanges.push(exchange(Map::new().with("use", schema), results(responses)?));
            }
            "COM_STMT_EXECUTE" | "COM_STMT_FETCH" | "COM_STMT_SEND_LONG_DATA" => {
                return Err(format!("{}: the text of its statement is in another document", kind(request)));
            }
            // What answers these needs no recording, or was part of a log-in.
            _ => {}
        }
    }
    Ok(exchanges)
}

fn kind(packet: &Value) -> &str {
    packet.get("header").and_then(|header| header.get("packet_type")?.as_str()).unwrap_or_default()
}

fn exchange(request: Map, responses: Vec<Value>) -> Recorded {
    let request = Value::Map(request);
    Recorded { facts: facts::of(&request), request, responses }
}

fn text<'a>(message: &'a Value, name: &str) -> &'a str {
    message.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(message: &Value, name: &str) -> i128 {
    message.get(name).and_then(Value::as_int).unwrap_or_default()
}

/// The text of a statement. Older files have the beginning of query attributes in it: no parameters, one set of them.
fn query(message: &Value) -> Result<Value, String> {
    let query = message.get("query").and_then(Value::as_raw).ok_or("a statement without `query`")?;
    Ok(Value::readable(query.strip_prefix(b"\0\x01").unwrap_or(query).to_vec()))
}

fn log_in(message: &Value, responses: &[Value]) -> Result<Vec<Recorded>, String> {
    let mut login = Map::new().with("user", text(message, "username"));
    if !text(message, "database").is_empty() {
        login.insert("database", text(message, "database"));
    }
    let (greetings, rest): (Vec<&Value>, Vec<&Value>) =
        responses.iter().partition(|response| kind(response) == "HandshakeV10");
    let mut exchanges = Vec::new();
    if let Some(message) = greetings.first().and_then(|greeting| greeting.get("message")) {
        let capabilities = u64::try_from(number(message, "capability_flags")).unwrap_or_default();
        let greeting = Map::new()
            .with("version", text(message, "server_version"))
            .with("capabilities", Capabilities(capabilities).mocked().0)
            .with("charset", Value::Int(number(message, "character_set")))
            .with("auth", text(message, "auth_plugin_name"));
        exchanges.push(exchange(Map::new().with("connect", true), vec![Map::new().with("greeting", greeting).into()]));
    }
    let verdicts = rest.into_iter().filter(|response| matches!(kind(response), "OK" | "ERR")).cloned();
    exchanges.push(exchange(Map::new().with("login", login), results(&verdicts.collect::<Vec<_>>())?));
    Ok(exchanges)
}

fn results(responses: &[Value]) -> Result<Vec<Value>, String> {
    responses.iter().map(result).collect()
}

fn result(response: &Value) -> Result<Value, String> {
    let message = response.get("message").unwrap_or(&Value::Null);
    match kind(response) {
        "OK" | "EOF" => Ok(ok(message)),
        "ERR" => {
            let error = Map::new()
                .with("code", Value::Int(number(message, "error_code")))
                .with("state", text(message, "sql_state"))
                .with("message", text(message, "error_message"));
            Ok(Map::new().with("error", error).into())
        }
        "TextResultSet" | "BinaryProtocolResultSet" => rows(message),
        "COM_STMT_PREPARE_OK" => {
            let mut prepared = Map::new();
            for (name, list) in [("params", "param_definitions"), ("columns", "column_definitions")] {
                let columns = columns(message, list)?;
                if !columns.is_empty() {
                    prepared.insert(name, columns.iter().map(Column::document).collect::<Vec<_>>());
                }
            }
            Ok(Map::new().with("prepared", prepared).into())
        }
        other => Err(format!("a response of type {other:?}: expected a result, OK or ERR")),
    }
}

fn ok(message: &Value) -> Value {
    let small = |name| u16::try_from(number(message, name)).unwrap_or_default();
    let large = |name| u64::try_from(number(message, name)).unwrap_or_default();
    let ok = OkPacket {
        affected_rows: large("affected_rows"),
        last_insert_id: large("last_insert_id"),
        status: small("status_flags"),
        warnings: small("warnings"),
        info: text(message, "info").into(),
        session: None,
    };
    ok.document()
}

fn rows(message: &Value) -> Result<Value, String> {
    let columns = columns(message, "columns")?;
    let mut rows = Vec::new();
    for row in message.get("rows").and_then(Value::as_array).unwrap_or_default() {
        let values = row.get("values").and_then(Value::as_array).unwrap_or_default();
        if values.len() != columns.len() {
            return Err(format!("a row of {} values, and {} columns", values.len(), columns.len()));
        }
        let read = |(column, value): (&Column, &Value)| match value.get("value") {
            Some(Value::Text(text)) => values::read_text(column.values(), text.as_bytes()),
            other => other.cloned().unwrap_or_default(),
        };
        rows.push(Value::Array(columns.iter().zip(values).map(read).collect()));
    }
    let mut result =
        Map::new().with("columns", columns.iter().map(Column::document).collect::<Vec<_>>()).with("rows", rows);
    end(message)?.put(&mut result);
    Ok(result.into())
}

/// The packet behind the rows, as its bytes.
fn end(message: &Value) -> Result<OkPacket, String> {
    let data = message.get("FinalResponse").and_then(|last| last.get("data")?.as_array()).unwrap_or_default();
    let bytes: Vec<u8> = data.iter().filter_map(|byte| u8::try_from(byte.as_int()?).ok()).collect();
    let Some((_, payload)) = bytes.split_first_chunk::<4>() else { return Ok(OkPacket::default()) };
    let agreed = if payload.len() > 5 { CLIENT_DEPRECATE_EOF } else { 0 };
    OkPacket::read_eof(payload, Capabilities(agreed)).map_err(|fault| fault.to_string())
}

fn columns(message: &Value, list: &str) -> Result<Vec<Column>, String> {
    const NAMES: [(&str, &str); 11] = [
        ("name", "name"),
        ("type", "type"),
        ("flags", "flags"),
        ("length", "column_length"),
        ("decimals", "decimals"),
        ("charset", "character_set"),
        ("table", "table"),
        ("schema", "schema"),
        ("originalName", "org_name"),
        ("originalTable", "org_table"),
        ("catalog", "catalog"),
    ];
    let list = message.get(list).and_then(Value::as_array).unwrap_or_default();
    let read = |column: &Value| {
        let known = NAMES.iter().filter_map(|(ours, theirs)| Some(((*ours).to_owned(), column.get(theirs)?.clone())));
        Column::from_document(&Value::Map(known.collect())).map_err(|fault| fault.to_string())
    };
    list.iter().map(read).collect()
}
