//! What the host keeps of a call beside its document.
use keploy_sdk::{Facts, Lifetime, Value};

/// A summary is one line of a report.
const MAX_SUMMARY: usize = 120;

/// The facts of a request document, which may come from disk, where a person edited it.
pub fn of(request: &Value) -> Facts {
    let pseudo = request.get("headers").and_then(|headers| headers.get("pseudo_headers"));
    let path = pseudo.and_then(|pseudo| pseudo.get(":path")).and_then(Value::as_str).unwrap_or("/");
    let turn = request.get("turn").and_then(Value::as_int);
    let summary = match turn {
        Some(turn) => format!("{path}, turn {turn}"),
        None => path.to_owned(),
    };
    let summary = summary.chars().take(MAX_SUMMARY).collect();
    Facts { class: path.to_owned(), summary, lifetime: Lifetime::Test }
}

/// The same, while it is open whether the client will say more: that it is not found means nothing yet.
pub fn asked_early(request: &Value) -> Facts {
    Facts { lifetime: Lifetime::Session, ..of(request) }
}
