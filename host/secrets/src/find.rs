//! From a document's secrets to placeholders.
use document::{Map, Value};

use crate::{
    Rules, Shape, Vault,
    names::Named,
    spelling::Spelling,
    text::{self, Span},
};

/// Replaces what the rules take for a secret by the vault's placeholders. `of`: whose document it is, for people.
/// What is known as a secret by now and stands elsewhere, too, is [`Vault::hide`]'s. Returns whether there was any.
pub fn find(document: &mut Value, rules: &Rules, vault: &mut Vault, of: &str) -> bool {
    let mut finder = Finder { rules, vault, of, path: Vec::new(), found: false };
    if rules.is_enabled() {
        finder.value(document);
    }
    finder.found
}

struct Finder<'a> {
    rules: &'a Rules,
    vault: &'a mut Vault,
    of: &'a str,
    /// The names on the way to where we are.
    path: Vec<String>,
    found: bool,
}

impl Finder<'_> {
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Text(text) => {
                let spans = text::spans(text, self.rules);
                self.text(text, spans);
            }
            Value::Bytes(bytes) => {
                if let Ok(mut text) = String::from_utf8(bytes.clone()) {
                    let spans = text::spans(&text, self.rules);
                    self.text(&mut text, spans);
                    *bytes = text.into_bytes();
                }
            }
            Value::Array(items) => self.items(items),
            Value::Map(map) => self.map(map),
            _ => {}
        }
    }

    fn map(&mut self, map: &mut Map) {
        for (name, value) in map.iter_mut() {
            self.path.push(name.to_owned());
            self.beside(name, value);
            self.path.pop();
        }
    }

    /// What stands beside a name.
    fn beside(&mut self, name: &str, value: &mut Value) {
        match value {
            Value::Text(text) => {
                let spans = text::beside(name, text, self.rules);
                self.text(text, spans);
            }
            Value::Int(number) => {
                if let Some(label) = text::is_secret_number(name, &number.to_string(), self.rules) {
                    let placeholder = self.vault.place(&label, &number.to_string(), Some(Shape::Number), &self.place());
                    *value = Value::Text(placeholder);
                    self.found = true;
                }
            }
            // A header that was sent more than once. A field's list may be what is wrong with a password.
            Value::Array(items) if is_header(self.rules.named(name)) => {
                items.iter_mut().for_each(|item| self.beside(name, item));
            }
            other => self.value(other),
        }
    }

    /// `["X-Api-Key", "..."]`, and `[HSET, user:1, password, ...]`.
    fn items(&mut self, items: &mut [Value]) {
        let is_pair = items.len() == 2;
        for at in 0..items.len() {
            let (before, rest) = items.split_at_mut(at);
            let name = before.last().and_then(Value::as_str).filter(|name| self.rules.named(name).is_some());
            match (name, &mut rest[0]) {
                (Some(name), Value::Text(text)) if is_pair || !is_word(text) => {
                    let spans = text::beside(name, text, self.rules);
                    self.text(text, spans);
                }
                (_, item) => self.value(item),
            }
        }
    }

    fn text(&mut self, text: &mut String, spans: Vec<Span>) {
        if spans.is_empty() {
            return;
        }
        self.found = true;
        let at = self.place();
        let (mut replaced, mut end) = (String::new(), 0);
        for Span { range, label, spelling, shape, inside } in spans {
            if let Some(password) = inside {
                self.vault.place("password", &password, None, &at);
            }
            let spelled = &text[range.clone()];
            let (value, spelling) = match spelling.read(spelled) {
                Some(value) => (value, spelling),
                None => (spelled.to_owned(), Spelling::Plain),
            };
            let quote = if shape == Some(Shape::Number) { "\"" } else { "" };
            let placeholder = self.vault.place(&label, &value, shape, &at);
            let mark = if spelling.write(&value) == value { "" } else { spelling.mark() };
            replaced.push_str(&text[end..range.start]);
            replaced.push_str(&format!("{quote}{placeholder}{mark}{quote}"));
            end = range.end;
        }
        replaced.push_str(&text[end..]);
        *text = replaced;
    }

    fn place(&self) -> String {
        format!("{} {}", self.of, self.path.join(".")).trim().to_owned()
    }
}

fn is_header(named: Option<Named>) -> bool {
    matches!(named, Some(Named::Credentials | Named::Cookies | Named::SetCookie))
}

/// The name of another column, as in `[id, password, created_at]`.
fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'.'))
}
