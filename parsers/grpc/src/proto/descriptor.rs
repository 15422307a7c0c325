//! What `protoc --descriptor_set_out` says of messages: the names and types of their fields. Read with the wire format it
//! describes (google/protobuf/descriptor.proto).
use std::collections::{BTreeMap, HashMap};

use super::{
    number::signed,
    wire::{self, Raw},
};

/// All types of a set of files, by their full names, without a dot in front.
#[derive(Default)]
pub struct Types {
    pub messages: HashMap<String, Message>,
    pub enums: HashMap<String, Enum>,
    /// By path (`/package.Service/Method`): what is asked, and what is answered.
    pub methods: HashMap<String, (String, String)>,
}

#[derive(Default)]
pub struct Message {
    pub fields: BTreeMap<u32, Field>,
    pub is_map_entry: bool,
}

impl Message {
    pub fn named(&self, name: &str) -> Option<(u32, &Field)> {
        self.fields.iter().find(|(_, field)| field.name == name).map(|(number, field)| (*number, field))
    }
}

pub struct Field {
    pub name: String,
    pub kind: Kind,
    pub is_repeated: bool,
    pub is_packed: bool,
}

#[derive(Default)]
pub struct Enum {
    pub values: Vec<(String, i128)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Double,
    Float,
    Int,
    Uint,
    Sint,
    Bool,
    Fixed64,
    Sfixed64,
    Fixed32,
    Sfixed32,
    String,
    Bytes,
    Enum(String),
    Message(String),
    Group(String),
}

impl Types {
    /// Adds the types of a serialized FileDescriptorSet.
    ///
    /// # Errors
    /// In words, when it is not one.
    pub fn add(&mut self, set: &[u8]) -> Result<(), String> {
        let files = Node::read(set).ok_or("it is no serialized FileDescriptorSet")?;
        if files.all(1).count() == 0 {
            return Err("it describes no file".to_owned());
        }
        files.all(1).try_for_each(|file| self.add_file(file).ok_or("one of its files cannot be read".to_owned()))
    }

    fn add_file(&mut self, file: &[u8]) -> Option<()> {
        let file = Node::read(file)?;
        let package = file.text(2).unwrap_or_default();
        // proto2 packs only what says so.
        let packs = matches!(file.text(12).as_deref(), Some("proto3" | "editions"));
        for message in file.all(4) {
            self.add_message(message, &package, packs)?;
        }
        for values in file.all(5) {
            self.add_enum(values, &package)?;
        }
        for service in file.all(6) {
            let service = Node::read(service)?;
            let name = within(&package, &service.text(1)?);
            for method in service.all(2) {
                let method = Node::read(method)?;
                let path = format!("/{name}/{}", method.text(1)?);
                self.methods.insert(path, (method.type_name(2)?, method.type_name(3)?));
            }
        }
        Some(())
    }

    fn add_message(&mut self, message: &[u8], scope: &str, packs: bool) -> Option<()> {
        let node = Node::read(message)?;
        let name = within(scope, &node.text(1)?);
        for nested in node.all(3) {
            self.add_message(nested, &name, packs)?;
        }
        for values in node.all(4) {
            self.add_enum(values, &name)?;
        }
        let fields: Option<_> = node.all(2).map(|field| read_field(field, packs)).collect();
        let is_map_entry = node.all(7).next().and_then(Node::read).and_then(|options| options.number(7)) == Some(1);
        self.messages.insert(name, Message { fields: fields?, is_map_entry });
        Some(())
    }

    fn add_enum(&mut self, values: &[u8], scope: &str) -> Option<()> {
        let node = Node::read(values)?;
        let value = |value: &[u8]| {
            let value = Node::read(value)?;
            Some((value.text(1)?, signed(value.number(2).unwrap_or_default())))
        };
        let values: Option<_> = node.all(2).map(value).collect();
        self.enums.insert(within(scope, &node.text(1)?), Enum { values: values? });
        Some(())
    }
}

fn read_field(field: &[u8], packs: bool) -> Option<(u32, Field)> {
    let node = Node::read(field)?;
    let type_name = || node.type_name(6);
    let kind = match node.number(5)? {
        1 => Kind::Double,
        2 => Kind::Float,
        3 | 5 => Kind::Int,
        4 | 13 => Kind::Uint,
        6 => Kind::Fixed64,
        7 => Kind::Fixed32,
        8 => Kind::Bool,
        9 => Kind::String,
        10 => Kind::Group(type_name()?),
        11 => Kind::Message(type_name()?),
        12 => Kind::Bytes,
        14 => Kind::Enum(type_name()?),
        15 => Kind::Sfixed32,
        16 => Kind::Sfixed64,
        17 | 18 => Kind::Sint,
        _ => return None,
    };
    let is_repeated = node.number(4) == Some(3);
    let said = node.all(8).next().and_then(Node::read).and_then(|options| options.number(2));
    let can_pack = !matches!(kind, Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Group(_));
    let is_packed = is_repeated && can_pack && said.map_or(packs, |said| said == 1);
    let number = u32::try_from(node.number(3)?).ok()?;
    Some((number, Field { name: node.text(1)?, kind, is_repeated, is_packed }))
}

fn within(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// A message of descriptor.proto.
struct Node<'a>(Vec<(u32, Raw<'a>)>);

impl<'a> Node<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        wire::fields(bytes).map(Self)
    }

    fn all(&self, number: u32) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter_map(move |(n, raw)| match raw {
            Raw::Bytes(bytes) if *n == number => Some(*bytes),
            _ => None,
        })
    }

    fn text(&self, number: u32) -> Option<String> {
        self.all(number).last().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok())
    }

    /// The name of a type, which begins with a dot.
    fn type_name(&self, number: u32) -> Option<String> {
        self.text(number).map(|name| name.trim_start_matches('.').to_owned())
    }

    fn number(&self, number: u32) -> Option<u64> {
        let value = |(n, raw): &(u32, Raw<'_>)| match raw {
            Raw::Varint(value) if *n == number => Some(*value),
            _ => None,
        };
        self.0.iter().rev().find_map(value)
    }
}
