//! The documents of requests: what is asked, in words that mean something on their own.
//!
//! | first entry | what it asks |
//! |---|---|
//! | `query: SQL` | to carry it out, with `params` by value |
//! | `describe: SQL` | what it takes and returns; `of: portal`: only what it returns |
//! | `prepare: SQL` | whether the server understands it |
//! | `copy: SQL` | to take `data`, or to give up with `fail: reason`, after that statement began to copy |
//! | `function: 1598` | to call that function with `args` |
//! | `connect: {user: …}` | to log in; no password is ever written |
//! | `encryption: TLS` | whether the server would encrypt |
//!
//! Behind it, when it is not the default: `in: transaction` or `in: failed transaction`, `database`, `settings`.
use std::sync::Arc;

use keploy_sdk::{Facts, Lifetime, Map, Session, Value};

use crate::{
    facts,
    request::Function,
    response::type_document,
    sql::{self, Sql},
    state::{Portal, State, Statement},
    value::{self, Format},
};

/// A request's document and what is said about it.
pub struct Question {
    pub document: Value,
    pub facts: Facts,
}

impl Question {
    pub fn query(state: &State, sql: &Sql, params: &[Value]) -> Self {
        let mut map = Map::new().with("query", Value::readable(sql.text.clone()));
        if !params.is_empty() {
            map.insert("params", params.to_vec());
        }
        Self::of_sql(state, map, sql)
    }

    pub fn portal(state: &State, portal: &Portal) -> Self {
        Self::query(state, &portal.sql, &portal.params)
    }

    pub fn describe(state: &State, statement: &Statement) -> Self {
        let mut map = Map::new().with("describe", Value::readable(statement.sql.text.clone()));
        if statement.declared.iter().any(|oid| *oid != 0) {
            map.insert("types", statement.declared.iter().map(|oid| type_document(*oid)).collect::<Vec<_>>());
        }
        Self::of_sql(state, map, &statement.sql)
    }

    pub fn describe_portal(state: &State, sql: &Sql) -> Self {
        let map = Map::new().with("describe", Value::readable(sql.text.clone())).with("of", "portal");
        Self::of_sql(state, map, sql)
    }

    pub fn prepare(state: &State, sql: &Sql) -> Self {
        Self::of_sql(state, Map::new().with("prepare", Value::readable(sql.text.clone())), sql)
    }

    /// What a client copied to the server.
    pub fn copy(state: &State, sql: &Sql, data: Value, fail: Option<&[u8]>) -> Self {
        let mut map = Map::new().with("copy", Value::readable(sql.text.clone())).with("data", data);
        if let Some(reason) = fail {
            map.insert("fail", Value::readable(reason.to_vec()));
        }
        Self::of_sql(state, map, sql)
    }

    pub fn function(state: &State, function: &Function) -> Self {
        let args = function.args.iter().enumerate().map(|(at, arg)| match arg {
            None => Value::Null,
            Some(raw) => match crate::state::format(&function.formats, at) {
                Format::Text => Value::readable(raw.clone()),
                Format::Binary => Map::new().with("binary", Value::readable(raw.clone())).into(),
            },
        });
        let mut map = Map::new().with("function", function.oid).with("args", args.collect::<Vec<_>>());
        if function.result == 1 {
            map.insert("result", "binary");
        }
        state.describe(&mut map, false);
        Self::new(map)
    }

    pub fn connect(protocol: u32, startup: &[(String, String)]) -> Self {
        let (major, minor) = (protocol >> 16, protocol & 0xffff);
        let mut map = Map::new().with("connect", crate::response::parameters_document(startup));
        if minor != 0 {
            map.insert("protocol", format!("{major}.{minor}"));
        }
        Self::new(map)
    }

    pub fn encryption() -> Self {
        Self::new(Map::new().with("encryption", "TLS"))
    }

    fn new(map: Map) -> Self {
        let document = Value::from(map);
        Self { facts: facts::of(&document), document }
    }

    fn of_sql(state: &State, mut map: Map, sql: &Sql) -> Self {
        let lifetime = facts::lifetime(&map, sql);
        state.describe(&mut map, lifetime == Lifetime::Session);
        let document = Value::from(map);
        Self { facts: facts::describe(&document, sql), document }
    }

    /// What failed may succeed later (the table was made in between), and is not what later ones should be told.
    pub fn once(mut self) -> Self {
        self.facts.lifetime = Lifetime::Test;
        self
    }

    pub fn open(self, host: &mut dyn Session, at: keploy_sdk::Instant) -> u64 {
        host.open(self.document, self.facts, at)
    }
}

/// The form in which requests are compared.
pub fn canonical(mut request: Value) -> Value {
    let Some(map) = request.as_map_mut() else { return request };
    for name in ["query", "describe", "prepare", "copy"] {
        if let Some(Value::Text(text)) = map.get_mut(name) {
            *text = sql::canonical(text);
        }
    }
    // What a statement looks like is the same in a transaction and outside.
    let looks = map.get("prepare").is_some() || map.get("describe").is_some();
    if looks && map.get("in").and_then(Value::as_str) == Some("transaction") {
        map.remove("in");
    }
    if let Some(Value::Array(params)) = map.get_mut("params") {
        params.iter_mut().for_each(|param| *param = value::canonical(std::mem::take(param)));
    }
    // Who it is and which program changes no answer; credentials may be made anew for every run.
    if let Some(connect) = map.get_mut("connect").and_then(Value::as_map_mut) {
        connect.remove("user");
        connect.remove("application_name");
    }
    request
}

/// A text that is looked at more than once.
pub fn shared(text: &[u8]) -> Arc<Sql> {
    Arc::new(Sql::new(text))
}
