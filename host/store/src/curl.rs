//! A ready `curl` command for tests whose request document looks like HTTP.
//!
//! One of the stated exceptions to the host knowing no protocol: the command makes sense for web APIs only. It is for
//! people; nothing reads it back. No command is better than a wrong one.
use document::{Map, Value};

/// Headers that curl writes itself, from what it sends.
const WRITTEN_BY_CURL: [&str; 4] = ["content-length", "transfer-encoding", "connection", "expect"];

/// The command for a test's request document; none when it does not look like HTTP or cannot be said with curl.
pub(crate) fn command(request: &Value) -> Option<String> {
    let method = request.get("method")?.as_str()?;
    let headers = headers(request.get("header")?)?;
    let url = url(request.get("url")?.as_str()?, &headers)?;
    let has = |name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    // The document shows the body decoded; what was sent cannot be said in a line of shell.
    if has("content-encoding") {
        return None;
    }
    let mut arguments = match method {
        // `--request HEAD` would wait for a body that never comes.
        "HEAD" => vec!["--head".to_owned()],
        _ => vec![format!("--request {}", quote(method)?)],
    };
    if url.contains(['[', ']', '{', '}']) {
        arguments.push("--globoff".to_owned());
    }
    if url.contains("/.") {
        arguments.push("--path-as-is".to_owned());
    }
    arguments.push(format!("--url {}", quote(&url)?));
    for (name, value) in &headers {
        if WRITTEN_BY_CURL.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        // `Name:` would remove the header, `Name;` sends it empty.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        arguments.push(format!("--header {}", quote(&header)?));
    }
    if let Some(data) = data(request.get("body"))? {
        if !has("content-type") {
            arguments.push("--header 'Content-Type:'".to_owned());
        }
        arguments.push(data);
    }
    Some(format!("curl {}", arguments.join(" \\\n  ")))
}

/// The argument that sends the body. The outer none: there is no such argument; the inner: no body.
#[expect(clippy::option_option, reason = "both are answers, and the caller passes the outer one on with `?`")]
fn data(body: Option<&Value>) -> Option<Option<String>> {
    match body {
        None | Some(Value::Null) => Some(None),
        Some(Value::Text(text)) if text.is_empty() => Some(None),
        Some(Value::Text(text)) => Some(Some(format!("--data-raw {}", quote(text)?))),
        Some(Value::Blob(blob)) => {
            Some(Some(format!("--data-binary @{}/{}", crate::layout::ASSETS, crate::assets::name(blob))))
        }
        Some(_) => None,
    }
}

/// Absolute as it is; a path needs the Host header.
fn url(url: &str, headers: &[(&str, &str)]) -> Option<String> {
    if url.contains("://") {
        return Some(url.to_owned());
    }
    let (_, host) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"))?;
    url.starts_with('/').then(|| format!("http://{host}{url}"))
}

/// One entry a header line, from a map of text or lists of text, or from a list of `[name, value]`.
fn headers(value: &Value) -> Option<Vec<(&str, &str)>> {
    match value {
        Value::Map(map) => of_map(map),
        Value::Array(items) => items.iter().map(pair).collect(),
        _ => None,
    }
}

fn of_map(map: &Map) -> Option<Vec<(&str, &str)>> {
    let mut headers = Vec::new();
    for (name, value) in map.iter() {
        match value {
            Value::Array(values) => {
                for value in values {
                    headers.push((name, value.as_str()?));
                }
            }
            value => headers.push((name, value.as_str()?)),
        }
    }
    Some(headers)
}

fn pair(item: &Value) -> Option<(&str, &str)> {
    match item.as_array()? {
        [name, value] => Some((name.as_str()?, value.as_str()?)),
        _ => None,
    }
}

/// For a POSIX shell; none when the text has a NUL, which no argument can carry.
fn quote(text: &str) -> Option<String> {
    Some(shlex::try_quote(text).ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, header: Map, body: Value) -> Value {
        Map::new().with("method", method).with("url", "/a?x=[1]").with("header", header).with("body", body).into()
    }

    #[test]
    fn a_post() {
        let header = Map::new()
            .with("Host", "localhost:8080")
            .with("Content-Length", "9")
            .with("X-Empty", "")
            .with("Cookie", vec![Value::from("a=1"), Value::from("b=it's")]);
        let command = command(&request("POST", header, "{\"a\": \"'\"}".into())).expect("this is HTTP");
        insta::assert_snapshot!(command, @r#"
        curl --request POST \
          --globoff \
          --url 'http://localhost:8080/a?x=[1]' \
          --header 'Host: localhost:8080' \
          --header 'X-Empty;' \
          --header 'Cookie: a=1' \
          --header "Cookie: b=it's" \
          --header 'Content-Type:' \
          --data-raw "{\"a\": \"'\"}"
        "#);
        let words = shlex::split(&command.replace("\\\n", "")).expect("the shell can read it");
        assert_eq!(words.last().map(String::as_str), Some("{\"a\": \"'\"}"));
    }

    #[test]
    fn what_curl_cannot_say_has_no_command() {
        let host = || Map::new().with("Host", "a");
        assert_eq!(command(&request("PUT", host(), Value::Bytes(vec![0, 255]))), None);
        assert_eq!(command(&request("PUT", host(), "nul\0".into())), None);
        assert_eq!(command(&request("PUT", host().with("Content-Encoding", "gzip"), "x".into())), None);
        assert_eq!(command(&request("GET", Map::new(), Value::Null)), None, "nowhere to send it");
        assert_eq!(command(&Map::new().with("command", "GET a").into()), None, "not HTTP");
        assert!(command(&request("HEAD", host(), Value::Null)).is_some_and(|c| c.starts_with("curl --head")));
    }
}
