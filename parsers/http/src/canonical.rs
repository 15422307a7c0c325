//! The form of a document that is compared: what means the same looks the same.
use keploy_sdk::{Map, Part, Value};

use crate::headers::Headers;

/// Fields of one hop, and fields that follow from the rest of the document.
const HOP: [&str; 5] = ["transfer-encoding", "connection", "keep-alive", "proxy-connection", "te"];
/// Where multipart boundaries, which clients draw by lot, are replaced.
const BOUNDARY: &str = "boundary";

/// See README.md, "What is compared", for the reasons.
pub fn of(part: Part, document: Value) -> Value {
    let Value::Map(mut document) = document else { return document };
    if !document.iter().any(|(name, _)| matches!(name, "method" | "status_code")) {
        return document.into();
    }
    // What a person broke stays as it is, and is shown so.
    if let Ok(headers) = Headers::from_value(document.get("header")) {
        let boundary = boundary(&headers);
        let empty = document.get("body").is_none_or(|body| body.as_raw().is_some_and(<[u8]>::is_empty));
        document.insert("header", fold(&headers, part, empty));
        if let Some(boundary) = boundary {
            unify(&mut document, &boundary);
        }
    }
    if let Some(Ok(trailer)) = document.get("trailer").map(|trailer| Headers::from_value(Some(trailer))) {
        document.insert("trailer", fold(&trailer, part, false));
    }
    document.remove("absolute_form");
    document.into()
}

/// Lower-cased names, one entry each: the value of a name sent once, the list of values of one sent more often.
fn fold(headers: &Headers, part: Part, empty: bool) -> Value {
    let mut map = Map::new();
    for (name, value) in headers.iter() {
        let name = name.to_ascii_lowercase();
        let dropped = HOP.contains(&name.as_str())
            || part == Part::Request && name == "accept-encoding"
            // Beside an empty body it may say what HEAD is for: the length there would be.
            || name == "content-length" && !(empty && value != b"0" && part == Part::Response);
        if dropped {
            continue;
        }
        let value = Value::readable(value.to_vec());
        match map.get_mut(&name) {
            None => map.insert(name, value),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![std::mem::take(first), value]),
        }
    }
    map.into()
}

/// The boundary between the parts of a multipart body.
pub fn boundary(headers: &Headers) -> Option<String> {
    let kind = std::str::from_utf8(headers.only("content-type")?).ok()?;
    if !kind.trim_start().to_ascii_lowercase().starts_with("multipart/") {
        return None;
    }
    let at = kind.to_ascii_lowercase().find("boundary=")? + "boundary=".len();
    let value = kind.get(at..)?;
    let boundary = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => value.split(';').next().map(str::trim),
    };
    boundary.filter(|boundary| !boundary.is_empty()).map(str::to_owned)
}

fn unify(document: &mut Map, boundary: &str) {
    if let Some(Value::Text(kind)) =
        document.get_mut("header").and_then(Value::as_map_mut).and_then(|h| h.get_mut("content-type"))
    {
        *kind = kind.replace(boundary, BOUNDARY);
    }
    let (from, to) = (format!("--{boundary}"), format!("--{BOUNDARY}"));
    match document.get_mut("body") {
        Some(Value::Text(body)) => *body = body.replace(&from, &to),
        Some(Value::Bytes(body)) => {
            let mut out = Vec::with_capacity(body.len());
            let mut done = 0;
            for at in memchr::memmem::find_iter(body, from.as_bytes()) {
                out.extend_from_slice(body.get(done..at).unwrap_or_default());
                out.extend_from_slice(to.as_bytes());
                done = at + from.len();
            }
            out.extend_from_slice(body.get(done..).unwrap_or_default());
            *body = out;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use keploy_sdk::{Map, Part, Value};

    use super::of;

    fn request(fields: &[(&str, &str)], body: &str) -> Value {
        let headers: crate::headers::Headers = fields.iter().copied().collect();
        of(
            Part::Request,
            Map::new()
                .with("method", "POST")
                .with("url", "/")
                .with("header", headers.to_value())
                .with("body", body)
                .into(),
        )
    }

    #[test]
    fn spelling_and_hops_do_not_count() {
        let a = request(
            &[("Host", "a"), ("X", "1"), ("Y", "3"), ("x", "2"), ("Content-Length", "2"), ("Connection", "close")],
            "{}",
        );
        let b = request(
            &[
                ("x", "1"),
                ("Accept-Encoding", "br"),
                ("x", "2"),
                ("y", "3"),
                ("host", "a"),
                ("Transfer-Encoding", "chunked"),
            ],
            "{}",
        );
        assert_eq!(a, b);
        assert_ne!(a, request(&[("x", "2"), ("x", "1"), ("y", "3"), ("host", "a")], "{}"), "the order of values does");
    }

    #[test]
    fn the_length_that_head_asked_for_counts() {
        let response = |length: &str, body: &str| {
            let header = Map::new().with("Content-Length", length);
            of(Part::Response, Map::new().with("status_code", 200).with("header", header).with("body", body).into())
        };
        assert_ne!(response("5", ""), response("6", ""));
        assert_eq!(response("5", "{}"), response("6", "{}"));
    }

    #[test]
    fn boundaries_are_one() {
        let form = |boundary: &str, value: &str| {
            let kind = format!("multipart/form-data; boundary={boundary}");
            request(
                &[("Content-Type", kind.as_str())],
                &format!("--{boundary}\r\nContent-Disposition: form-data; name=a\r\n\r\n{value}\r\n--{boundary}--\r\n"),
            )
        };
        assert_eq!(form("aaaa", "1"), form("bbbb", "1"));
        assert_ne!(form("aaaa", "1"), form("aaaa", "2"));
    }
}
