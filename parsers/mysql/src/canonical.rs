//! Requests as they are compared.
use keploy_sdk::Value;

use crate::sql;

/// Space around a statement, and semicolons behind it, mean nothing; nor do the long numbers that
/// libraries put into names of savepoints. Attributes are for the server's own logs and traces.
pub fn request(mut document: Value) -> Value {
    if let Some(request) = document.as_map_mut() {
        request.remove("attributes");
        // What a statement looks like is the same in a transaction and outside.
        if request.get("prepare").is_some() {
            request.remove("in");
        }
        for name in ["query", "prepare"] {
            if let Some(Value::Text(text)) = request.get_mut(name) {
                let trimmed = text.trim_start().trim_end_matches(|c: char| c == ';' || c.is_whitespace());
                *text = savepoint(trimmed).unwrap_or_else(|| trimmed.to_owned());
            }
        }
    }
    document
}

/// The longest number that may tell one savepoint of a transaction from another.
const COUNTER: usize = 5;

/// SAVEPOINT, RELEASE SAVEPOINT and ROLLBACK TO, whose names some libraries (Django) make of a thread's number: longer
/// numbers are starred.
fn savepoint(statement: &str) -> Option<String> {
    let mut words = sql::tokens(statement).map(str::to_ascii_uppercase);
    match (words.next()?.as_str(), words.next().as_deref()) {
        ("SAVEPOINT", Some(_)) | ("RELEASE", Some("SAVEPOINT")) | ("ROLLBACK", Some("TO")) => {}
        ("ROLLBACK", Some("WORK")) if words.next().as_deref() == Some("TO") => {}
        _ => return None,
    }
    let mut starred = String::with_capacity(statement.len());
    let mut rest = statement;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let (digits, behind) = from.split_at(from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len()));
        starred.push_str(before);
        starred.push_str(if digits.len() > COUNTER { "*" } else { digits });
        rest = behind;
    }
    Some(starred + rest)
}

#[cfg(test)]
mod tests {
    use keploy_sdk::{Map, Value};

    #[test]
    fn what_means_nothing_is_not_compared() {
        let canonical = |sql: &str| super::request(Map::new().with("query", sql).into());
        let same = |one, other| assert_eq!(canonical(one), canonical(other), "{one}");
        same("SELECT 1 ;\n", " SELECT 1");
        same("SAVEPOINT `s140034346572672_x1`", "SAVEPOINT `s139649593408384_x1`");
        same("ROLLBACK TO SAVEPOINT s140034346572672_x1;", "ROLLBACK TO SAVEPOINT s139649593408384_x1");
        same("release savepoint s140034346572672_x1", "release savepoint s139649593408384_x1");
        let differ = |one, other| assert_ne!(canonical(one), canonical(other), "{one}");
        differ("SAVEPOINT a1", "SAVEPOINT a2");
        differ("SELECT 140034346572672", "SELECT 139649593408384");
        differ("ROLLBACK", "COMMIT");
        assert_eq!(super::request(Value::Null), Value::Null);
    }
}
