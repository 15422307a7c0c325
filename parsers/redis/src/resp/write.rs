//! A value to the bytes it was read from.
use keploy_sdk::{Fault, Session, Side, Value};

/// What is to be written, in order: bytes, and blobs that the host has.
#[derive(Default)]
pub struct Segments {
    done: Vec<(Vec<u8>, u64)>,
    last: Vec<u8>,
}

impl Segments {
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.last.extend_from_slice(bytes);
    }

    /// A bulk string: how requests and most replies spell text.
    pub fn bulk(&mut self, value: &Value) -> Result<(), Fault> {
        match value {
            Value::Blob(blob) => {
                self.header('$', blob.size);
                self.done.push((std::mem::take(&mut self.last), blob.id));
            }
            value => {
                let raw = value.as_raw().ok_or_else(|| bad(value, "text, bytes or a blob"))?;
                self.header('$', raw.len());
                self.bytes(raw);
            }
        }
        self.bytes(b"\r\n");
        Ok(())
    }

    pub fn header(&mut self, kind: char, what: impl std::fmt::Display) {
        self.bytes(format!("{kind}{what}\r\n").as_bytes());
    }

    pub fn send(self, host: &mut dyn Session, to: Side) {
        for (bytes, blob) in self.done {
            host.write(to, &bytes);
            host.write_blob(to, blob);
        }
        if !self.last.is_empty() {
            host.write(to, &self.last);
        }
    }
}

pub fn write(value: &Value, out: &mut Segments) -> Result<(), Fault> {
    match value {
        Value::Null => out.bytes(b"$-1\r\n"),
        Value::Bool(true) => out.bytes(b"#t\r\n"),
        Value::Bool(false) => out.bytes(b"#f\r\n"),
        Value::Int(number) => out.header(':', number),
        Value::Float(number) => out.header(',', number),
        Value::Text(_) | Value::Bytes(_) | Value::Blob(_) => out.bulk(value)?,
        Value::Array(items) => items_of('*', items, out)?,
        // An attribute's map has two entries, which follow each other on the wire, too.
        Value::Map(map) if map.len() == 1 || (map.len() == 2 && map.get("attribute").is_some()) => {
            map.iter().try_for_each(|(name, inner)| tagged(name, inner, out))?;
        }
        Value::Map(_) => return Err(bad(value, "one entry, or `attribute` and `of`")),
    }
    Ok(())
}

fn tagged(name: &str, value: &Value, out: &mut Segments) -> Result<(), Fault> {
    match name {
        "simple" => line('+', value, out),
        "error" => line('-', value, out),
        "int" => line(':', value, out),
        "double" => line(',', value, out),
        "big" => line('(', value, out),
        "nil" => {
            out.bytes(match value.as_str() {
                Some("array") => b"*-1\r\n",
                Some("3") => b"_\r\n",
                _ => return Err(bad(value, "`array` or `\"3\"` under `nil`")),
            });
            Ok(())
        }
        "bulk-error" => body('!', value, out),
        "verbatim" => body('=', value, out),
        "set" => items_of('~', list(value)?, out),
        "push" => items_of('>', list(value)?, out),
        "map" => pairs_of('%', list(value)?, out),
        "attribute" => pairs_of('|', list(value)?, out),
        "of" => write(value, out),
        "streamed" => {
            out.bytes(b"$?\r\n");
            list(value)?.iter().try_for_each(|chunk| body(';', chunk, out))?;
            out.bytes(b";0\r\n");
            Ok(())
        }
        "streamed-array" => streamed('*', list(value)?, out),
        "streamed-set" => streamed('~', list(value)?, out),
        "streamed-push" => streamed('>', list(value)?, out),
        "streamed-map" => {
            out.bytes(b"%?\r\n");
            list(value)?.iter().try_for_each(|pair| list(pair)?.iter().try_for_each(|item| write(item, out)))?;
            out.bytes(b".\r\n");
            Ok(())
        }
        _ => Err(Fault::new("bad-document", format!("`{name}` is not a kind of Redis value"))),
    }
}

fn line(kind: char, value: &Value, out: &mut Segments) -> Result<(), Fault> {
    let raw = value.as_raw().ok_or_else(|| bad(value, "text"))?;
    if raw.windows(2).any(|pair| pair == b"\r\n") {
        return Err(bad(value, "one line"));
    }
    out.bytes(&[kind as u8]);
    out.bytes(raw);
    out.bytes(b"\r\n");
    Ok(())
}

fn body(kind: char, value: &Value, out: &mut Segments) -> Result<(), Fault> {
    let raw = value.as_raw().ok_or_else(|| bad(value, "text or bytes"))?;
    out.header(kind, raw.len());
    out.bytes(raw);
    out.bytes(b"\r\n");
    Ok(())
}

fn items_of(kind: char, items: &[Value], out: &mut Segments) -> Result<(), Fault> {
    out.header(kind, items.len());
    items.iter().try_for_each(|item| write(item, out))
}

fn pairs_of(kind: char, pairs: &[Value], out: &mut Segments) -> Result<(), Fault> {
    out.header(kind, pairs.len());
    for pair in pairs {
        let [key, value] = list(pair)? else { return Err(bad(pair, "a key and its value")) };
        write(key, out)?;
        write(value, out)?;
    }
    Ok(())
}

fn streamed(kind: char, items: &[Value], out: &mut Segments) -> Result<(), Fault> {
    out.header(kind, '?');
    items.iter().try_for_each(|item| write(item, out))?;
    out.bytes(b".\r\n");
    Ok(())
}

fn list(value: &Value) -> Result<&[Value], Fault> {
    value.as_array().ok_or_else(|| bad(value, "a list"))
}

fn bad(found: &Value, expected: &str) -> Fault {
    Fault::new("bad-document", format!("expected {expected}, found {found:?}"))
}
