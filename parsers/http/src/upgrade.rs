//! Keploy's own `Http` documents (tests and mocks share one spec) as exchanges in our schema.
//!
//! Keploy reads with Go's net/http, which joins repeated fields with commas, moves the host out of a client's fields
//! and takes Transfer-Encoding off. What can be put back is put back here.
use keploy_sdk::{Map, Recorded, Value};

use crate::{
    facts,
    headers::{Headers, is_token},
    url,
};

/// # Errors
/// In words, when the document lacks what it would take to send it again.
pub fn keploy(spec: &Value) -> Result<Recorded, String> {
    let request = request(spec.get("req").ok_or("the spec has no `req`")?)?;
    let responses = spec.get("resp").map(response).transpose()?;
    Ok(Recorded { facts: facts::of(&request), request, responses: responses.into_iter().collect() })
}

fn request(req: &Value) -> Result<Value, String> {
    let method = text(req, "method").ok_or("`req.method` is missing")?;
    let sent = text(req, "url").ok_or("`req.url` is missing")?;
    let mut headers = Headers::from_value(req.get("header")).map_err(|why| format!("`req`: {why}"))?;
    let (authority, target) = split(sent);
    if let Some(authority) = authority.filter(|_| !headers.has("host")) {
        headers.insert_first("Host", authority.as_bytes());
    }
    let body = request_body(req, &headers)?;
    Ok(Map::new()
        .with("method", method)
        .with("proto_major", 1)
        .with("proto_minor", minor(req))
        .with("url", url::of_target(url::scheme(sent.starts_with("https://")), target, &headers).url)
        .with("header", headers.to_value())
        .with("body", body)
        .into())
}

fn response(resp: &Value) -> Result<Value, String> {
    let status = resp.get("status_code").and_then(Value::as_int).ok_or("`resp.status_code` is missing")?;
    if resp.get("body_skipped") == Some(&Value::Bool(true)) {
        return Err(
            "`resp.body_skipped`: Keploy did not keep this body, so it cannot be sent again\nhint: record it anew"
                .to_owned(),
        );
    }
    let recorded = Headers::from_value(resp.get("header")).map_err(|why| format!("`resp`: {why}"))?;
    let mut headers: Headers = recorded
        .iter()
        .flat_map(|(name, value)| {
            let values = if name.eq_ignore_ascii_case("set-cookie") { cookies(value) } else { vec![value] };
            values.into_iter().map(move |value| (name, value))
        })
        .collect();
    let body = match resp.get("body") {
        None | Some(Value::Null) => Value::from(""),
        Some(Value::Array(events)) => events.iter().map(event).collect::<Result<Vec<_>, _>>()?.into(),
        Some(body) => body.clone(),
    };
    // Without a length and with more to come, it was chunked.
    let silent = !headers.has("content-length")
        && !headers.has("transfer-encoding")
        && !headers.has_member("connection", "close");
    if silent && minor(resp) == 1 && body.as_raw().is_none_or(|body| !body.is_empty()) {
        headers.push("Transfer-Encoding", "chunked");
    }
    let message = text(resp, "status_message").filter(|message| !message.is_empty()).unwrap_or_else(|| reason(status));
    let mut document = Map::new()
        .with("status_code", Value::Int(status))
        .with("status_message", message)
        .with("proto_major", 1)
        .with("proto_minor", minor(resp))
        .with("header", headers.to_value());
    // Keploy keeps a body as it was sent when it could not decode it.
    let encoded = headers.has("content-encoding") && body.as_raw().is_some_and(|body| body.starts_with(&[0x1f, 0x8b]));
    document.insert("body", body);
    if encoded {
        document.insert("body_encoded", true);
    }
    Ok(document.into())
}

/// The body, or what the fields of a form make of one.
fn request_body(req: &Value, headers: &Headers) -> Result<Value, String> {
    if let Some(path) = req.get("body_ref").and_then(|file| text(file, "path")).filter(|path| !path.is_empty()) {
        return Err(format!(
            "`req.body_ref`: the body lies in {path:?}, beside the test, where a parser cannot read it\nhint: record the test anew"
        ));
    }
    let body = req.get("body").cloned().unwrap_or_default();
    let empty = body == Value::Null || body.as_raw().is_some_and(<[u8]>::is_empty);
    match req.get("form").and_then(Value::as_array) {
        Some(fields) if empty && !fields.is_empty() => form(fields, headers).map(Value::readable),
        _ if empty => Ok(Value::from("")),
        _ => Ok(body),
    }
}

fn form(fields: &[Value], headers: &Headers) -> Result<Vec<u8>, String> {
    let boundary = crate::canonical::boundary(headers);
    let boundary = boundary
        .ok_or("`req.form`: only forms with a multipart Content-Type and its boundary can be put together again")?;
    let mut body = String::new();
    for field in fields {
        let key = text(field, "key").ok_or("`req.form`: a field has no key")?;
        if field.get("paths").and_then(Value::as_array).is_some_and(|paths| !paths.is_empty()) {
            return Err(format!(
                "`req.form`: the field {key:?} is a file beside the test, where a parser cannot read it\nhint: record the test anew"
            ));
        }
        for value in field.get("values").and_then(Value::as_array).unwrap_or_default() {
            let value = value.as_str().ok_or_else(|| format!("`req.form`: a value of {key:?} is not text"))?;
            body.push_str(&format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n{value}\r\n"
            ));
        }
    }
    body.push_str(&format!("--{boundary}--\r\n"));
    Ok(body.into_bytes())
}

/// `{ts, data}` or `{ts, raw}` without the time.
fn event(event: &Value) -> Result<Value, String> {
    let name = if event.get("data").is_some() { "data" } else { "raw" };
    let value = event.get(name).ok_or("`resp.body`: an item is not an event: expected {data: {...}} or {raw: ...}")?;
    Ok(Map::new().with(name, value.clone()).into())
}

/// The host and port of an absolute URL, and its target.
fn split(url: &str) -> (Option<&str>, &str) {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else { return (None, url) };
    match rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())) {
        (authority, "") => (Some(authority), "/"),
        (authority, target) => (Some(authority), target),
    }
}

/// The cookies that Go joined with commas. A comma inside of one (in its date) is not followed by `name=`.
fn cookies(joined: &[u8]) -> Vec<&[u8]> {
    let starts_cookie = |rest: &[u8]| {
        let rest = rest.trim_ascii_start();
        let name = rest.iter().take_while(|byte| is_token(**byte)).count();
        name > 0 && rest.get(name) == Some(&b'=')
    };
    let mut cookies = Vec::new();
    let mut start = 0;
    for comma in memchr::memchr_iter(b',', joined) {
        if joined.get(comma + 1..).is_some_and(starts_cookie) {
            cookies.push(joined.get(start..comma).unwrap_or_default().trim_ascii());
            start = comma + 1;
        }
    }
    cookies.push(joined.get(start..).unwrap_or_default().trim_ascii());
    cookies
}

/// Keploy writes 0/0 when it did not look.
fn minor(message: &Value) -> u8 {
    let says = |name: &str| message.get(name).and_then(Value::as_int);
    u8::from((says("proto_major"), says("proto_minor")) != (Some(1), Some(0)))
}

fn text<'a>(map: &'a Value, name: &str) -> Option<&'a str> {
    map.get(name).and_then(Value::as_str)
}

/// The phrase that servers in use send (RFC 9110, 15). Keploy's mocks leave it out.
fn reason(status: i128) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        417 => "Expectation Failed",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::cookies;

    #[test]
    fn joined_cookies_come_apart() {
        let joined = b"a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Path=/, b=2,c=x,y";
        let expected: [&[u8]; 3] = [b"a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Path=/", b"b=2", b"c=x,y"];
        assert_eq!(cookies(joined), expected);
        assert_eq!(cookies(b""), [b""]);
    }
}
