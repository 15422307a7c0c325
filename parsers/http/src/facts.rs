//! The class and the summary of a request.
use keploy_sdk::{Facts, Lifetime, Value};

use crate::url::path;

/// Longer summaries do not fit a line.
const MAX_SUMMARY: usize = 120;

/// The facts of a request document, also of one that a person edited.
pub fn of(request: &Value) -> Facts {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    if let Some(message) = request.get("websocket") {
        let kind = message.get("type").and_then(Value::as_str).unwrap_or("message");
        return facts(
            format!("WEBSOCKET {}", class_of_path(path(text("url")))),
            &format!("WEBSOCKET {} {kind}", text("url")),
        );
    }
    if request.get("upgraded").is_some() {
        return facts(format!("UPGRADED {}", class_of_path(path(text("url")))), &format!("UPGRADED {}", text("url")));
    }
    let (method, url) = (text("method"), text("url"));
    facts(format!("{method} {}", class_of_path(path(url))), &format!("{method} {url}"))
}

/// A request of which only the start came. It is never stored, only counted.
pub fn partial() -> Facts {
    facts("PARTIAL".to_owned(), "a request that was cut off")
}

/// A response that nobody asked for. It is never stored, only counted.
pub fn unsolicited() -> Facts {
    facts("UNSOLICITED".to_owned(), "a response without a request")
}

fn facts(class: String, summary: &str) -> Facts {
    Facts { class, summary: shorten(summary), lifetime: Lifetime::Test }
}

/// The path with `*` for each segment that looks like a value.
fn class_of_path(path: &str) -> String {
    path.split('/').map(|segment| if is_value(segment) { "*" } else { segment }).collect::<Vec<_>>().join("/")
}

/// Numbers, UUIDs, hashes and tokens: what a route has a parameter for.
fn is_value(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let all = |is: fn(&u8) -> bool| segment.bytes().all(|byte| is(&byte));
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    digits > 0
        && (all(u8::is_ascii_digit)
            || segment.len() >= 8 && all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
            || segment.len() >= 16 && digits >= 3 && all(token))
}

fn shorten(summary: &str) -> String {
    match summary.char_indices().nth(MAX_SUMMARY - 1) {
        Some((end, _)) if summary.chars().count() > MAX_SUMMARY => {
            format!("{}…", summary.get(..end).unwrap_or_default())
        }
        _ => summary.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use keploy_sdk::Map;

    use super::of;

    #[test]
    fn values_in_a_path_are_folded() {
        for (path, class) in [
            ("/orders/42", "GET /orders/*"),
            ("/orders/42/items?page=7", "GET /orders/*/items"),
            ("/u/550e8400-e29b-41d4-a716-446655440000", "GET /u/*"),
            ("/commit/9fceb02d0ae5", "GET /commit/*"),
            ("/t/eyJhbGciOi1JIUzI1NiJ9", "GET /t/*"),
            ("/api/v2/location-area", "GET /api/v2/location-area"),
            ("/jquery-3.6.0.min.js", "GET /jquery-3.6.0.min.js"),
            ("/facade/deadbeef/", "GET /facade/deadbeef/"),
            ("*", "GET *"),
        ] {
            let request = Map::new().with("method", "GET").with("url", path);
            assert_eq!(of(&request.into()).class, class);
        }
    }

    #[test]
    fn a_summary_fits_a_line() {
        let request = Map::new().with("method", "GET").with("url", format!("http://h/{}", "ü".repeat(500)));
        let summary = of(&request.into()).summary;
        assert_eq!(summary.chars().count(), 120);
        assert!(summary.ends_with('…'));
    }
}
