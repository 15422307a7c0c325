//! Messages out of their bytes.
use keploy_sdk::{Blob, Session, Value};

use super::{CHECKSUM, CHECKSUM_PRESENT, Compressor, Content, MOST_VALUES, Msg, OP_MSG, OP_QUERY, OP_REPLY};
use crate::bson;

/// Kinds of sections.
pub const BODY: u8 = 0;
pub const SEQUENCE: u8 = 1;
/// Names of sequences are short: `documents`, `updates`, `deletes`.
const LONGEST_NAME: usize = 128;
/// A message that was compressed may be so many times as long as others: with a whole batch of 16 MiB in it.
const COMPRESSED: usize = 5;

/// What it needs. It says in words what is wrong.
pub struct Reader<'h> {
    pub host: &'h mut dyn Session,
    /// Longer sections are kept by the host.
    pub whole: usize,
}

impl Reader<'_> {
    /// The opcode, what it was compressed with, and the body.
    pub fn uncompressed(&self, body: &[u8]) -> Result<(i32, Compressor, Vec<u8>), String> {
        let Some((head, data)) = body.split_at_checked(9) else {
            return Err("a compressed message without a head".into());
        };
        let (opcode, size) = (u32_of(&head[..4]) as i32, u32_of(&head[4..8]) as usize);
        let compressor = Compressor::numbered(head[8]).ok_or_else(|| format!("an unknown compressor {}", head[8]))?;
        let most = self.whole.saturating_mul(COMPRESSED).max(data.len());
        if size > most {
            return Err(format!("a compressed message of {size} bytes: more than {most}"));
        }
        let body = compressor.decode(self.host, data, size).map_err(|problem| format!("{compressor:?}: {problem}"))?;
        Ok((opcode, compressor, body))
    }

    pub fn content(&mut self, opcode: i32, body: &[u8]) -> Result<Content, String> {
        match opcode {
            OP_MSG => self.msg(body).map(Content::Msg),
            OP_QUERY => query(body),
            OP_REPLY => reply(body),
            other => Err(format!("the opcode {other} inside a compressed message")),
        }
    }

    fn msg(&mut self, body: &[u8]) -> Result<Msg, String> {
        let (flags, mut rest) = body.split_at_checked(4).ok_or("no flags")?;
        let mut message = Msg { flags: u32_of(flags), ..Msg::default() };
        if message.flags & CHECKSUM_PRESENT != 0 {
            rest = rest.get(..rest.len().saturating_sub(CHECKSUM)).unwrap_or_default();
        }
        while let Some((kind, behind)) = rest.split_first() {
            let size = behind.get(..4).map_or(0, |bytes| u32_of(bytes) as usize);
            let section = behind.split_at_checked(size).filter(|_| size >= 5);
            let (section, behind) = section.ok_or("a section that does not fit")?;
            self.section(&mut message, *kind, section)?;
            rest = behind;
        }
        match message.body {
            Value::Null => Err("no section of kind 0".into()),
            _ => Ok(message),
        }
    }

    pub fn section(&mut self, message: &mut Msg, kind: u8, section: &[u8]) -> Result<(), String> {
        let mut kept = |raw: &[u8]| {
            let is_too_much = raw.len() > self.whole || bson::count(raw) > MOST_VALUES;
            is_too_much.then(|| Value::from(Blob::new(self.host.keep_bytes(raw, None))))
        };
        match kind {
            BODY if message.body == Value::Null => {
                let document = kept(section).or_else(|| bson::document(section));
                message.body = document.ok_or("a section that is no document")?;
            }
            SEQUENCE => {
                let behind = &section[4..];
                let end = behind.iter().position(|byte| *byte == 0).ok_or("a sequence without a name")?;
                let raw = &behind[end + 1..];
                let documents = kept(raw).or_else(|| bson::documents(raw).map(Value::from));
                let documents = documents.ok_or("a sequence of something else than documents")?;
                message.sequences.push((readable_name(&behind[..end])?, documents));
            }
            BODY => return Err("two sections of kind 0".into()),
            other => return Err(format!("a section of kind {other}")),
        }
        Ok(())
    }
}

/// None: its end is not there yet.
pub fn name_of(bytes: &[u8]) -> Result<Option<String>, String> {
    let name = &bytes[..bytes.len().min(LONGEST_NAME)];
    match name.iter().position(|byte| *byte == 0) {
        Some(end) => readable_name(&name[..end]).map(Some),
        None if name.len() < LONGEST_NAME => Ok(None),
        None => Err("a name without an end".into()),
    }
}

fn readable_name(name: &[u8]) -> Result<String, String> {
    String::from_utf8(name.to_vec()).map_err(|_| format!("a sequence named {:?}", name.escape_ascii().to_string()))
}

/// `flags`, the collection, how many to skip and to return, and the command.
fn query(body: &[u8]) -> Result<Content, String> {
    let behind = body.get(4..).ok_or("no flags")?;
    let end = behind.iter().position(|byte| *byte == 0).ok_or("a collection without a name")?;
    let name = String::from_utf8_lossy(&behind[..end]);
    let db = name.strip_suffix(".$cmd").ok_or_else(|| format!("a query of {name}: older than what is read here"))?;
    let document = behind.get(end + 9..).and_then(bson::document).ok_or("a query without a command")?;
    // A read preference may be wrapped around it.
    let command = document.get("$query").cloned().unwrap_or(document);
    Ok(Content::Query { db: db.to_owned(), command })
}

/// Flags, a cursor, where it is, how many documents, and the documents: of a command, one.
fn reply(body: &[u8]) -> Result<Content, String> {
    let document = body.get(20..).and_then(bson::document).ok_or("a reply that is not one document")?;
    Ok(Content::Reply(document))
}

/// # Panics
/// When there are not four bytes.
pub fn u32_of(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("the caller took four"))
}
