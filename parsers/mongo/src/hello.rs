//! How a driver and a server get to know each other: `hello`, and `isMaster` as it was called.
//!
//! A driver says hello on each connection, and over and over on one that it keeps for that. So there is one answer for all
//! of them, fitted to the question. What would make a driver wait for changes (`topologyVersion`) is left out of it: it
//! asks every ten seconds then, and a replay answers at once.
use keploy_sdk::{Map, Value};

use crate::login::MECHANISMS;

pub fn is_hello(name: &str) -> bool {
    matches!(name, "hello" | "isMaster" | "ismaster")
}

/// Leaves what the answer depends on.
pub fn strip_request(command: &mut Map) {
    for field in ["client", "speculativeAuthenticate", "topologyVersion", "maxAwaitTimeMS", "$readPreference"] {
        command.remove(field);
    }
}

/// Leaves out what was for that moment.
pub fn strip_reply(reply: &mut Map) {
    for field in ["topologyVersion", "speculativeAuthenticate"] {
        reply.remove(field);
    }
}

/// Any recorded answer, as an answer to `asked`.
pub fn fit(mut reply: Map, asked: &Value) -> Map {
    let is_new = asked.get("hello").is_some();
    let names = if is_new { ["ismaster", "isWritablePrimary"] } else { ["isWritablePrimary", "ismaster"] };
    if reply.get(names[1]).is_none()
        && let Some(primary) = reply.remove(names[0])
    {
        reply.insert(names[1], primary);
    }
    match asked.get("saslSupportedMechs") {
        None => drop(reply.remove("saslSupportedMechs")),
        Some(_) if reply.get("saslSupportedMechs").is_some() => {}
        Some(_) => reply.insert("saslSupportedMechs", MECHANISMS.map(Value::from).to_vec()),
    }
    let offered = asked.get("compression").and_then(Value::as_array).unwrap_or_default();
    if let Some(Value::Array(accepted)) = reply.get_mut("compression") {
        accepted.retain(|compressor| offered.contains(compressor));
        if accepted.is_empty() {
            reply.remove("compression");
        }
    }
    reply
}

/// When nothing was recorded: a server that stands alone, of a version that drivers know.
pub fn unrecorded() -> Map {
    Map::new()
        .with("helloOk", true)
        .with("isWritablePrimary", true)
        .with("maxBsonObjectSize", 16_777_216)
        .with("maxMessageSizeBytes", 48_000_000)
        .with("maxWriteBatchSize", 100_000)
        .with("logicalSessionTimeoutMinutes", 30)
        .with("minWireVersion", 0)
        .with("maxWireVersion", 21)
        .with("readOnly", false)
        .with("ok", 1.0)
}
