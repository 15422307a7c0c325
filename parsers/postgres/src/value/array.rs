//! Arrays: `{1,NULL,"a b"}`, `{{1,2},{3,4}}`, and their binary form.
//!
//! Arrays whose lower bounds are not 1 (`[0:1]={a,b}`) stay as they are printed.
use keploy_sdk::Value;

use super::{binary, types::Type};
use crate::wire::{Fields, put_value};

/// The server's own limit of dimensions.
const MOST_DIMENSIONS: usize = 6;

/// The text form as a list; `item` makes something of each element.
pub fn read(text: &str, item: &mut dyn FnMut(String) -> Value) -> Option<Vec<Value>> {
    let mut reader = Reader { rest: text, item };
    let items = reader.list(1)?;
    reader.rest.is_empty().then_some(items)
}

struct Reader<'a> {
    rest: &'a str,
    item: &'a mut dyn FnMut(String) -> Value,
}

impl<'a> Reader<'a> {
    fn list(&mut self, depth: usize) -> Option<Vec<Value>> {
        self.rest = self.rest.strip_prefix('{').filter(|_| depth <= MOST_DIMENSIONS)?;
        let mut items = Vec::new();
        if let Some(rest) = self.rest.strip_prefix('}') {
            self.rest = rest;
            return Some(items);
        }
        loop {
            items.push(match self.rest.as_bytes().first()? {
                b'{' => Value::Array(self.list(depth + 1)?),
                b'"' => {
                    let text = self.quoted()?;
                    (self.item)(text)
                }
                _ => match self.plain()? {
                    "NULL" => Value::Null,
                    text => (self.item)(text.to_owned()),
                },
            });
            let mut rest = self.rest.chars();
            let separator = rest.next();
            self.rest = rest.as_str();
            match separator? {
                ',' => {}
                '}' => return Some(items),
                _ => return None,
            }
        }
    }

    fn plain(&mut self) -> Option<&'a str> {
        let (text, rest) = self.rest.split_at(self.rest.find([',', '}'])?);
        self.rest = rest;
        (!text.is_empty()).then_some(text)
    }

    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest.chars();
        chars.next()?; // the quote
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => text.push(chars.next()?),
                other => text.push(other),
            }
        }
        self.rest = chars.as_str();
        Some(text)
    }
}

/// The text form of a list; `item` gives the text of each element.
pub fn write(items: &[Value], item: &mut dyn FnMut(&Value) -> Option<String>) -> Option<String> {
    let mut out = String::from("{");
    for (at, value) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match value {
            Value::Null => out.push_str("NULL"),
            Value::Array(items) => out.push_str(&write(items, item)?),
            other => quote(&item(other)?, &mut out),
        }
    }
    out.push('}');
    Some(out)
}

fn quote(text: &str, out: &mut String) {
    let special = |c: char| matches!(c, '"' | '\\' | '{' | '}' | ',' | ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    if !text.is_empty() && !text.contains(special) && !text.eq_ignore_ascii_case("NULL") {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// Binary to text: dimensions, a flag for NULLs, the element's type, then the elements in order.
pub fn to_text(element: &Type, raw: &[u8]) -> Option<String> {
    let mut fields = Fields(raw);
    let dimensions = usize::try_from(fields.i32()?).ok().filter(|count| *count <= MOST_DIMENSIONS)?;
    fields.i32()?;
    (fields.u32()? == element.oid).then_some(())?;
    let mut sizes = Vec::new();
    for _ in 0..dimensions {
        sizes.push(usize::try_from(fields.i32()?).ok()?);
        (fields.i32()? == 1).then_some(())?;
    }
    // Every element takes four bytes at least, so sizes cannot promise more than there is.
    let count = sizes.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))?;
    let items = match sizes.as_slice() {
        [] => Vec::new(),
        _ if count == 0 || count > fields.0.len() / 4 => return None,
        sizes => nested(&mut fields, sizes, element)?,
    };
    fields.end(())?;
    write(&items, &mut |item| item.as_str().map(str::to_owned))
}

fn nested(fields: &mut Fields<'_>, sizes: &[usize], element: &Type) -> Option<Vec<Value>> {
    let (size, inner) = sizes.split_first()?;
    let mut items = Vec::new();
    for _ in 0..*size {
        items.push(match inner {
            [] => match fields.value()? {
                None => Value::Null,
                Some(raw) => Value::Text(binary::to_text(element.oid, raw)?),
            },
            inner => Value::Array(nested(fields, inner, element)?),
        });
    }
    Some(items)
}

/// Text to binary.
pub fn from_text(element: &Type, text: &str) -> Option<Vec<u8>> {
    let items = read(text, &mut Value::Text)?;
    let mut sizes = Vec::new();
    let mut level = items.as_slice();
    while !level.is_empty() && sizes.len() < MOST_DIMENSIONS {
        sizes.push(level.len());
        level = level.first().and_then(Value::as_array).unwrap_or_default();
    }
    let (mut body, mut nulls) = (Vec::new(), false);
    flatten(&items, &sizes, element, &mut body, &mut nulls)?;
    let mut raw = Vec::with_capacity(body.len() + 12 + 8 * sizes.len());
    raw.extend((sizes.len() as u32).to_be_bytes());
    raw.extend(u32::from(nulls).to_be_bytes());
    raw.extend(element.oid.to_be_bytes());
    for size in &sizes {
        raw.extend((*size as u32).to_be_bytes());
        raw.extend(1_u32.to_be_bytes());
    }
    raw.extend(body);
    Some(raw)
}

fn flatten(items: &[Value], sizes: &[usize], element: &Type, body: &mut Vec<u8>, nulls: &mut bool) -> Option<()> {
    let Some((size, inner)) = sizes.split_first() else { return Some(()) };
    (items.len() == *size).then_some(())?;
    for item in items {
        match (item, inner.is_empty()) {
            (Value::Array(items), false) => flatten(items, inner, element, body, nulls)?,
            (Value::Null, true) => {
                *nulls = true;
                put_value(body, None);
            }
            (Value::Text(text), true) => put_value(body, Some(&binary::from_text(element.oid, text)?)),
            _ => return None,
        }
    }
    Some(())
}
