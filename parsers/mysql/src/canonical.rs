//! Requests as they are compared.
use keploy_sdk::Value;

/// Space around a statement, and semicolons behind it, mean nothing. Attributes are for the server's own logs and traces.
pub fn request(mut document: Value) -> Value {
    if let Some(request) = document.as_map_mut() {
        request.remove("attributes");
        for name in ["query", "prepare"] {
            if let Some(Value::Text(sql)) = request.get_mut(name) {
                let trimmed = sql.trim_start().trim_end_matches(|c: char| c == ';' || c.is_whitespace());
                *sql = trimmed.to_owned();
            }
        }
    }
    document
}
