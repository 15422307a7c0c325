//! `text/event-stream` bodies as a list of events, in Keploy's shape: `[{data: {event, data, id, retry, comment}}]`.
//!
//! Only streams that come out of [`to_text`] the way they went in are written so: `name: value` lines that end in LF,
//! and an empty line behind every event. Others stay text.
use keploy_sdk::{Map, Value};

const FIELDS: [&str; 4] = ["event", "data", "id", "retry"];

/// The events of `text`, when they say all there is in it.
pub fn events(text: &str) -> Option<Value> {
    let events: Vec<Value> = text.strip_suffix("\n\n")?.split("\n\n").map(event).collect::<Option<_>>()?;
    let events = Value::from(events);
    (to_text(&events).as_deref() == Ok(text)).then_some(events)
}

/// The stream that such a list describes.
///
/// # Errors
/// In words, naming what of it is not an event.
pub fn to_text(events: &Value) -> Result<String, String> {
    let mut text = String::new();
    for (number, event) in events.as_array().unwrap_or_default().iter().enumerate() {
        let bad =
            || format!("`body`: item {number} is not an event: expected {{data: {{event, data, id, retry, comment}}}}");
        // Keploy writes what it could not take apart as `raw`.
        if let Some(raw) = event.get("raw").and_then(Value::as_str) {
            text.push_str(raw);
            continue;
        }
        for (name, value) in event.get("data").and_then(Value::as_map).ok_or_else(bad)?.iter() {
            let value =
                crate::headers::scalar(value).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad)?;
            let name = if name == "comment" { "" } else { name };
            for line in value.split('\n') {
                text.push_str(name);
                text.push_str(": ");
                text.push_str(line);
                text.push('\n');
            }
        }
        text.push('\n');
    }
    Ok(text)
}

fn event(text: &str) -> Option<Value> {
    let mut fields = Map::new();
    for line in text.split('\n') {
        let (name, value) = line.split_once(": ")?;
        let name = if name.is_empty() { "comment" } else { *FIELDS.iter().find(|field| **field == name)? };
        match fields.get_mut(name) {
            Some(Value::Text(lines)) => {
                lines.push('\n');
                lines.push_str(value);
            }
            _ => fields.insert(name, value),
        }
    }
    Some(Map::new().with("data", fields).into())
}

#[cfg(test)]
mod tests {
    use super::{events, to_text};

    #[test]
    fn events_come_back() {
        let text = "id: 7\nevent: tick\ndata: {\"n\":1}\ndata: more\n\n: keep-alive\n\nretry: 10\ndata: \n\n";
        let list = events(text).expect("plain events");
        assert_eq!(list.as_array().map(<[_]>::len), Some(3));
        assert_eq!(
            list.as_array().and_then(|l| l.first()?.get("data")?.get("data")?.as_str()),
            Some("{\"n\":1}\nmore")
        );
        assert_eq!(to_text(&list).as_deref(), Ok(text));
    }

    #[test]
    fn what_would_change_stays_text() {
        for text in [
            "",
            "\n\n",
            "data:x\n\n",
            "data: x",
            "data: x\n",
            "data: x\r\n\r\n",
            "data: a\nid: 1\ndata: b\n\n",
            "foo: x\n\n",
            "data\n\n",
            "data: x\n\n\n",
            "data: x\n\n\n\n",
        ] {
            assert_eq!(events(text), None, "{text:?}");
        }
    }
}
