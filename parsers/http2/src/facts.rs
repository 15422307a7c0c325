//! What the host keeps of a request beside its document: as of HTTP/1's.
use keploy_sdk::{Facts, Lifetime, Value};

/// A summary is one line of a report.
const MAX_SUMMARY: usize = 120;

/// The facts of a request document, which may come from disk, where a person edited it.
pub fn of(request: &Value) -> Facts {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let (method, url) = (text("method"), text("url"));
    facts(format!("{method} {}", class_of_path(path(url))), &format!("{method} {url}"))
}

/// Without scheme, authority and query.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    path.split('?').next().unwrap_or(path)
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
        for (url, class) in [
            ("http://h:80/orders/42?x=1", "GET /orders/*"),
            ("https://h", "GET /"),
            ("https://h/u/550e8400-e29b-41d4-a716-446655440000/x", "GET /u/*/x"),
        ] {
            let request = Map::new().with("method", "GET").with("url", url);
            assert_eq!(of(&request.into()).class, class);
        }
    }
}
