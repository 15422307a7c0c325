//! The seed system's Generic documents: the raw bytes of both sides, as text or base64.
use base64::{Engine, engine::general_purpose::STANDARD};
use keploy_sdk::{Recorded, Value};

use crate::{
    facts,
    turns::{data, greeting},
};

pub fn from_seed(spec: &Value) -> Result<Vec<Recorded>, String> {
    let (request, response) = (bytes(spec, "genericrequests")?, bytes(spec, "genericresponses")?);
    let request = if request.is_empty() { greeting() } else { data(request) };
    let facts = facts::of(&request);
    let responses = if response.is_empty() { Vec::new() } else { vec![data(response)] };
    Ok(vec![Recorded { request, facts, responses }])
}

/// All messages of one side.
fn bytes(spec: &Value, list: &str) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    let payloads = spec.get(list).and_then(Value::as_array).unwrap_or_default();
    for message in payloads.iter().filter_map(|payload| payload.get("message")?.as_array()).flatten() {
        let data =
            message.get("data").and_then(Value::as_raw).ok_or_else(|| format!("{list}: a message without data"))?;
        match message.get("type").and_then(Value::as_str) {
            Some("binary") => {
                let decoded = STANDARD.decode(data).map_err(|error| format!("{list}: not base64: {error}"))?;
                all.extend(decoded);
            }
            _ => all.extend_from_slice(data),
        }
    }
    Ok(all)
}
