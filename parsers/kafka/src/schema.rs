//! What each API's requests and responses are made of: `schema/messages.txt`, which `schema/condense.py` makes from Kafka's
//! own definitions.
use std::collections::BTreeMap;

static MESSAGES: &str = include_str!("../schema/messages.txt");

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Request,
    Response,
}

/// A request or a response, in all its versions.
#[derive(Debug)]
pub struct Message {
    pub name: &'static str,
    pub versions: Versions,
    /// Those with compact lengths and tagged fields.
    pub flexible: Versions,
    pub fields: Vec<Field>,
}

#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub of: Type,
    pub is_list: bool,
    pub versions: Versions,
    pub nullable: Versions,
    /// Its number, and the versions in which it is tagged.
    pub tag: Option<(u32, Versions)>,
    /// What it is when nothing is said, if that is not 0, false or empty.
    pub default: Option<&'static str>,
    /// Of a struct.
    pub fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Int64,
    Float64,
    String,
    Uuid,
    Bytes,
    Struct,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    first: i16,
    last: i16,
}

impl Versions {
    const NONE: Self = Self { first: 0, last: -1 };

    pub fn has(self, version: i16) -> bool {
        (self.first..=self.last).contains(&version)
    }

    /// `3`, `3-13`, `9+` or `none`.
    fn read(text: &str) -> Self {
        let number = |text: &str| text.parse().ok();
        let read = match text.split_once('-') {
            Some((first, last)) => number(first).zip(number(last)),
            None => match text.strip_suffix('+') {
                Some(first) => number(first).map(|first| (first, i16::MAX)),
                None => number(text).map(|only| (only, only)),
            },
        };
        read.map_or(Self::NONE, |(first, last)| Self { first, last })
    }
}

/// Messages, read as they are needed.
#[derive(Default)]
pub struct Schemas(BTreeMap<(Side, i16), Option<Message>>);

impl Schemas {
    pub fn get(&mut self, side: Side, api: i16) -> Option<&Message> {
        self.0.entry((side, api)).or_insert_with(|| read(side, api)).as_ref()
    }
}

fn read(side: Side, api: i16) -> Option<Message> {
    let kind = if side == Side::Request { "request" } else { "response" };
    let wanted = format!("{kind} {api} ");
    let mut lines = MESSAGES.lines().skip_while(|line| !line.starts_with(&wanted));
    let mut head = lines.next()?.split(' ').skip(2);
    let (name, versions, flexible) = (head.next()?, head.next()?, head.next()?);
    let body: Vec<&'static str> = lines.take_while(|line| line.starts_with(' ')).collect();
    let fields = read_fields(&mut body.as_slice(), 1)?;
    Some(Message { name, versions: Versions::read(versions), flexible: Versions::read(flexible), fields })
}

/// Those that are indented by `depth`, with what is in them.
fn read_fields(lines: &mut &[&'static str], depth: usize) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while let [line, rest @ ..] = *lines
        && line.len() - line.trim_start().len() == depth
    {
        *lines = rest;
        let mut field = read_field(line.trim_start())?;
        field.fields = read_fields(lines, depth + 1)?;
        fields.push(field);
    }
    Some(fields)
}

fn read_field(line: &'static str) -> Option<Field> {
    let mut words = line.split(' ');
    let (name, of, versions) = (words.next()?, words.next()?, words.next()?);
    let is_list = of.starts_with("[]");
    let of = match of.trim_start_matches("[]") {
        "bool" => Type::Bool,
        "int8" => Type::Int8,
        "int16" => Type::Int16,
        "uint16" => Type::Uint16,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        "float64" => Type::Float64,
        "string" => Type::String,
        "uuid" => Type::Uuid,
        "bytes" | "records" => Type::Bytes,
        "{}" => Type::Struct,
        _ => return None,
    };
    let (versions, nullable) = (Versions::read(versions), Versions::NONE);
    let mut field = Field { name, of, is_list, versions, nullable, tag: None, default: None, fields: Vec::new() };
    for word in words {
        match word.split_once('=')? {
            ("null", versions) => field.nullable = Versions::read(versions),
            ("default", value) => field.default = Some(value),
            ("tag", tag) => {
                let (number, versions) = tag.split_once('@')?;
                field.tag = Some((number.parse().ok()?, Versions::read(versions)));
            }
            _ => return None,
        }
    }
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_can_be_read() {
        let mut count = 0;
        for line in MESSAGES.lines().filter(|line| !line.starts_with(' ')) {
            let mut words = line.split(' ');
            let side = if words.next() == Some("request") { Side::Request } else { Side::Response };
            let api = words.next().and_then(|word| word.parse().ok()).expect(line);
            let message = read(side, api).expect(line);
            assert!(message.versions.first <= message.versions.last, "{line}");
            count += 1;
        }
        assert!(count > 150, "only {count}");
    }

    #[test]
    fn fields_lie_in_each_other() {
        let produce = read(Side::Request, 0).expect("Produce");
        let names: Vec<_> = produce.fields.iter().map(|field| field.name).collect();
        assert_eq!(names, ["transactionalId", "acks", "timeoutMs", "topicData"]);
        let partition = &produce.fields[3].fields[2];
        assert_eq!((partition.name, partition.is_list, partition.fields[1].of), ("partitionData", true, Type::Bytes));
    }
}
