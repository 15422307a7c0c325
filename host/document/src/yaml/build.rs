//! Builds documents from the YAML reader's events.

use std::{borrow::Cow, collections::HashMap};

use base64::{Engine, prelude::BASE64_STANDARD};
use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, Span, StrInput, Tag};

use super::{ASSETS, Error, Located, scalar};
use crate::{Blob, Map, Value};

/// How many bytes of text and values the aliases of one document may repeat: a page of aliases to aliases could
/// stand for more than the machine holds.
const ALIAS_BUDGET: usize = 16 << 20;

pub(super) struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// The collections that are open, outermost first.
    open: Vec<Frame>,
    anchors: HashMap<usize, Value>,
    budget: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut options = Options::default();
        options.set_emit_comments(false);
        let parser = Parser::new_from_str_with_options(text, options);
        Self { parser, open: Vec::new(), anchors: HashMap::new(), budget: ALIAS_BUDGET }
    }

    /// The next document that is not empty.
    pub(super) fn document(&mut self) -> Result<Option<Located>, Error> {
        let mut root = None;
        while let Some(event) = self.parser.next_event() {
            let (event, span) = event?;
            let event = match event {
                Event::DocumentStart(..) => {
                    self.anchors.clear();
                    self.budget = ALIAS_BUDGET;
                    continue;
                }
                Event::DocumentEnd if root.is_some() => return Ok(root),
                Event::Scalar(_, ScalarStyle::Plain, anchor, tag) if was_not_written(span) => {
                    if self.open.is_empty() && anchor == 0 && tag.is_none() {
                        continue; // nothing stands behind the `---`
                    }
                    // The reader says `~`, which would be another name.
                    Event::Scalar("".into(), ScalarStyle::Plain, anchor, tag)
                }
                event => event,
            };
            if let Some((value, at)) = self.take(event, span.start)? {
                root = Some(Located { line: at.line(), value });
            }
        }
        Ok(root)
    }

    /// Takes one event. Returns the value that is complete at the top of the document, and where it started.
    fn take(&mut self, event: Event<'_>, at: Marker) -> Result<Option<(Value, Marker)>, Error> {
        let (value, anchor, at) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(frame) = self.open.last_mut()
                    && frame.wants_name()
                {
                    if anchor != 0 {
                        self.anchors.insert(anchor, Value::Text(text.clone().into_owned()));
                    }
                    frame.name(text, style, at);
                    return Ok(None);
                }
                (scalar_value(text, style, tag.as_deref(), at)?, anchor, at)
            }
            Event::Alias(anchor) => (self.alias(anchor, at)?, 0, at),
            Event::SequenceStart(_, anchor, tag) => {
                self.open.push(Frame::new(Content::Array(Vec::new()), anchor, tag.as_deref(), at)?);
                return Ok(None);
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open.push(Frame::new(Content::Map(Entries::default()), anchor, tag.as_deref(), at)?);
                return Ok(None);
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(frame) => frame.close()?,
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        match self.open.last_mut() {
            Some(frame) => frame.push(value, at).map(|()| None),
            None => Ok(Some((value, at))),
        }
    }

    fn alias(&mut self, anchor: usize, at: Marker) -> Result<Value, Error> {
        let value =
            self.anchors.get(&anchor).ok_or_else(|| Error::new(at, "an alias inside the very value it repeats"))?;
        let message = "the aliases of this document repeat more than 16 MiB";
        self.budget = self.budget.checked_sub(weight(value)).ok_or_else(|| Error::new(at, message))?;
        Ok(value.clone())
    }
}

fn was_not_written(scalar: Span) -> bool {
    scalar.start.index() == scalar.end.index()
}

/// About what a copy takes, in bytes.
fn weight(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Map(map) => map.iter().map(|(name, value)| size_of::<String>() + name.len() + weight(value)).sum(),
            _ => 0,
        }
}

/// A collection that is being read.
struct Frame {
    content: Content,
    anchor: usize,
    at: Marker,
    is_blob: bool,
}

enum Content {
    Array(Vec<Value>),
    Map(Entries),
}

#[derive(Default)]
struct Entries {
    entries: Vec<(String, Value)>,
    /// Where each name stands.
    places: Vec<Marker>,
    /// The name whose value comes next.
    name: Option<Name>,
    /// What `<<` names: maps whose entries hold where there is none of that name here.
    merged: Vec<Value>,
}

enum Name {
    Entry(String, Marker),
    Merge,
}

impl Frame {
    fn new(content: Content, anchor: usize, tag: Option<&Tag>, at: Marker) -> Result<Self, Error> {
        let is_blob = match (tag.map(Kind::of), &content) {
            (None | Some(Kind::Core("seq")), Content::Array(_)) | (None | Some(Kind::Core("map")), Content::Map(_)) => {
                false
            }
            (Some(Kind::Local("blob")), Content::Map(_)) => true,
            (Some(kind), _) => return Err(kind.unknown(at)),
        };
        Ok(Self { content, anchor, at, is_blob })
    }

    fn wants_name(&self) -> bool {
        matches!(&self.content, Content::Map(Entries { name: None, .. }))
    }

    fn name(&mut self, text: Cow<'_, str>, style: ScalarStyle, at: Marker) {
        if let Content::Map(map) = &mut self.content {
            let merge = style == ScalarStyle::Plain && text == "<<";
            map.name = Some(if merge { Name::Merge } else { Name::Entry(text.into_owned(), at) });
        }
    }

    fn push(&mut self, value: Value, at: Marker) -> Result<(), Error> {
        match &mut self.content {
            Content::Array(items) => items.push(value),
            Content::Map(map) => match (map.name.take(), value) {
                (Some(Name::Entry(name, place)), value) => {
                    map.entries.push((name, value));
                    map.places.push(place);
                }
                (Some(Name::Merge), value) => map.merged.push(value),
                // An alias, or a collection.
                (None, Value::Text(name)) => map.name = Some(Name::Entry(name, at)),
                (None, _) => {
                    return Err(Error::new(at, "the name of an entry has to be a text")
                        .with_hint("put quotes around a text that starts with [ or {"));
                }
            },
        }
        Ok(())
    }

    fn close(self) -> Result<(Value, usize, Marker), Error> {
        let value = match self.content {
            Content::Array(items) => Value::Array(items),
            Content::Map(map) => {
                let map = map.close(self.at)?;
                if self.is_blob { Value::Blob(blob(&map).ok_or_else(|| not_a_blob(self.at))?) } else { Value::Map(map) }
            }
        };
        Ok((value, self.anchor, self.at))
    }
}

impl Entries {
    fn close(mut self, at: Marker) -> Result<Map, Error> {
        for merged in std::mem::take(&mut self.merged) {
            self.merge(merged, at)?;
        }
        let places = self.places;
        Map::from_entries(self.entries).map_err(|index| {
            Error::new(places[index], "this name occurs twice in one map").with_hint("remove one of the two")
        })
    }

    fn merge(&mut self, value: Value, at: Marker) -> Result<(), Error> {
        match value {
            Value::Map(map) => {
                for (name, value) in map {
                    if !self.entries.iter().any(|(n, _)| *n == name) {
                        self.entries.push((name, value));
                    }
                }
                Ok(())
            }
            Value::Array(maps) => maps.into_iter().try_for_each(|map| self.merge(map, at)),
            _ => {
                Err(Error::new(at, "only maps can be merged with <<")
                    .with_hint("write \"<<\" in quotes if it is a name"))
            }
        }
    }
}

fn not_a_blob(at: Marker) -> Error {
    Error::new(at, format!("a !blob is {{path: {ASSETS}<64 hexadecimal digits>, size: <bytes>}}"))
}

fn blob(map: &Map) -> Option<Blob> {
    let digits = map.get("path")?.as_str()?.strip_prefix(ASSETS)?.as_bytes();
    let size = map.get("size")?.as_int()?.try_into().ok()?;
    if map.len() != 2 || digits.len() != 64 {
        return None;
    }
    let mut sha256 = [0; 32];
    for (byte, pair) in sha256.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(Blob { id: 0, size, sha256 })
}

fn scalar_value(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, at: Marker) -> Result<Value, Error> {
    let Some(tag) = tag else {
        return Ok(if style == ScalarStyle::Plain { scalar::resolve(text) } else { Value::Text(text.into_owned()) });
    };
    let kind = Kind::of(tag);
    let value = match kind {
        Kind::Core("str" | "timestamp") | Kind::Local("") => Some(Value::Text(text.into_owned())),
        Kind::Core("binary") => return binary(&text, at),
        Kind::Core("null") => Some(Value::Null),
        Kind::Core("bool") => Some(scalar::resolve(text)).filter(|value| matches!(value, Value::Bool(_))),
        Kind::Core("int") => Some(scalar::resolve(text)).filter(|value| matches!(value, Value::Int(_))),
        Kind::Core("float") => match scalar::resolve(text) {
            Value::Int(n) => Some(Value::Float(n as f64)),
            value => Some(value).filter(|value| matches!(value, Value::Float(_))),
        },
        _ => return Err(kind.unknown(at)),
    };
    value.ok_or_else(|| Error::new(at, format!("this is not what its tag {kind} says")))
}

fn binary(text: &str, at: Marker) -> Result<Value, Error> {
    let digits: Cow<'_, str> = if text.contains(|c: char| c.is_ascii_whitespace()) {
        text.split_ascii_whitespace().collect()
    } else {
        text.into()
    };
    match BASE64_STANDARD.decode(digits.as_bytes()) {
        Ok(bytes) => Ok(Value::Bytes(bytes)),
        Err(_) => Err(Error::new(at, "!!binary that is not base64")),
    }
}

/// What a tag names.
#[derive(Clone, Copy)]
enum Kind<'a> {
    /// `!!int`: YAML's own.
    Core(&'a str),
    /// `!blob`: the application's, which is us.
    Local(&'a str),
    Foreign(&'a Tag),
}

impl<'a> Kind<'a> {
    fn of(tag: &'a Tag) -> Self {
        match tag.parts() {
            ("tag:yaml.org,2002:", suffix) => Self::Core(suffix),
            ("!", suffix) => Self::Local(suffix),
            ("", "!") => Self::Local(""),
            _ => Self::Foreign(tag),
        }
    }

    fn unknown(self, at: Marker) -> Error {
        Error::new(at, format!("the tag {self} means nothing here"))
            .with_hint("remove it, or put quotes around a text that starts with !")
    }
}

impl std::fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Core(name) => write!(f, "!!{name}"),
            Self::Local(name) => write!(f, "!{name}"),
            Self::Foreign(tag) => write!(f, "{tag}"),
        }
    }
}
