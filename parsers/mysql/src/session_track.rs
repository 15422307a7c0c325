//! What an OK says about the session: the database, variables, the transaction.
use keploy_sdk::{Fault, Map, Value};

use crate::wire::{Cursor, put_bytes};

const SYSTEM_VARIABLE: u8 = 0;

/// Kinds of one text, by their number.
const TEXTS: [(u8, &str); 5] =
    [(1, "database"), (2, "changed"), (4, "transactionCharacteristics"), (5, "transactionState"), (6, "userVariable")];

/// A list of changes; bytes when it would not come back the same.
pub fn read(data: &[u8]) -> Value {
    let changes = read_changes(data).map(Value::Array);
    match changes {
        Ok(changes) if write(&changes).is_ok_and(|bytes| bytes == data) => changes,
        _ => Value::Bytes(data.to_vec()),
    }
}

fn read_changes(data: &[u8]) -> Result<Vec<Value>, Fault> {
    let mut all = Cursor::new("session state", data);
    let mut changes = Vec::new();
    while !all.is_empty() {
        let kind = all.u8()?;
        let mut change = Cursor::new("session state", all.bytes()?);
        if kind == SYSTEM_VARIABLE {
            // MariaDB puts several into one.
            while !change.is_empty() {
                let (name, value) = (change.bytes()?.to_vec(), change.bytes()?.to_vec());
                let variable = Map::new().with("variable", Value::readable(name));
                changes.push(variable.with("value", Value::readable(value)).into());
            }
            continue;
        }
        let map = match TEXTS.iter().find(|(number, _)| *number == kind) {
            Some((_, name)) => Map::new().with(*name, Value::readable(change.bytes()?.to_vec())),
            None => Map::new().with("kind", kind).with("data", change.rest().to_vec()),
        };
        changes.push(map.into());
    }
    Ok(changes)
}

pub fn write(session: &Value) -> Result<Vec<u8>, Fault> {
    let wrong = || Fault::new("bad-document", format!("session: expected a list of changes, found {session:?}"));
    if let Value::Bytes(data) = session {
        return Ok(data.clone());
    }
    let mut out = Vec::new();
    for change in session.as_array().ok_or_else(wrong)? {
        let raw = |name| change.get(name).and_then(Value::as_raw);
        let mut data = Vec::new();
        let kind = if let (Some(name), Some(value)) = (raw("variable"), raw("value")) {
            put_bytes(&mut data, name);
            put_bytes(&mut data, value);
            SYSTEM_VARIABLE
        } else if let Some((number, text)) = TEXTS.iter().find_map(|(number, name)| Some((*number, raw(name)?))) {
            put_bytes(&mut data, text);
            number
        } else {
            data.extend_from_slice(raw("data").ok_or_else(wrong)?);
            let kind = change.get("kind").and_then(Value::as_int);
            kind.and_then(|kind| u8::try_from(kind).ok()).ok_or_else(wrong)?
        };
        out.push(kind);
        put_bytes(&mut out, &data);
    }
    Ok(out)
}

/// The database that is the current one from here on.
pub fn database(session: &Value) -> Option<&Value> {
    session.as_array()?.iter().rev().find_map(|change| change.get("database"))
}
