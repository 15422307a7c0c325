//! What a client sends once it is logged in.
use keploy_sdk::Fault;

use crate::wire::{Body, Fields, Message};

#[derive(Debug, PartialEq)]
pub enum Request {
    /// Any number of statements, as text.
    Query(Vec<u8>),
    Parse {
        statement: Vec<u8>,
        sql: Vec<u8>,
        types: Vec<u32>,
    },
    Bind(Bind),
    Describe(Target),
    Close(Target),
    /// At most `limit` rows; 0: all of them.
    Execute {
        portal: Vec<u8>,
        limit: u32,
    },
    Flush,
    Sync,
    Terminate,
    CopyData(Vec<u8>),
    CopyDone,
    CopyFail(Vec<u8>),
    Function(Function),
    /// A password, or its kin.
    Secret,
    /// `Query` or `CopyData`, too large to be read.
    TooLarge(u8),
}

#[derive(Debug, PartialEq)]
pub struct Bind {
    pub portal: Vec<u8>,
    pub statement: Vec<u8>,
    pub formats: Vec<i16>,
    pub params: Vec<Option<Vec<u8>>>,
    pub results: Vec<i16>,
}

#[derive(Debug, PartialEq)]
pub struct Function {
    pub oid: u32,
    pub formats: Vec<i16>,
    pub args: Vec<Option<Vec<u8>>>,
    pub result: i16,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Statement(Vec<u8>),
    Portal(Vec<u8>),
}

impl Request {
    pub fn read(message: Message) -> Result<Self, Fault> {
        let tag = message.tag;
        let body = match message.body {
            Body::Bytes(body) => body,
            Body::TooLarge(_) if matches!(tag, b'd' | b'Q') => return Ok(Self::TooLarge(tag)),
            Body::TooLarge(size) => {
                let problem =
                    format!("a client's message {:?} of {size} bytes is too large to be read", char::from(tag));
                return Err(Fault::new("too-large", problem));
            }
        };
        if !b"BCDEFHPQSXcdfp".contains(&tag) {
            return Err(Fault::new("bad-message", format!("the client sent a message of type {:?}", char::from(tag))));
        }
        let bad =
            || Fault::new("bad-message", format!("the fields of a client's message {:?} do not fit", char::from(tag)));
        read(tag, body).ok_or_else(bad)
    }
}

fn read(tag: u8, body: Vec<u8>) -> Option<Request> {
    match tag {
        b'd' => return Some(Request::CopyData(body)),
        b'p' => return Some(Request::Secret),
        _ => {}
    }
    let mut fields = Fields(&body);
    let request = match tag {
        b'Q' => Request::Query(fields.string()?.to_vec()),
        b'P' => Request::Parse {
            statement: fields.string()?.to_vec(),
            sql: fields.string()?.to_vec(),
            types: fields.list(Fields::u32)?,
        },
        b'B' => Request::Bind(Bind {
            portal: fields.string()?.to_vec(),
            statement: fields.string()?.to_vec(),
            formats: fields.list(Fields::i16)?,
            params: fields.list(|fields| fields.value().map(|value| value.map(<[u8]>::to_vec)))?,
            results: fields.list(Fields::i16)?,
        }),
        b'D' => Request::Describe(target(&mut fields)?),
        b'C' => Request::Close(target(&mut fields)?),
        b'E' => Request::Execute { portal: fields.string()?.to_vec(), limit: fields.u32()? },
        b'F' => Request::Function(Function {
            oid: fields.u32()?,
            formats: fields.list(Fields::i16)?,
            args: fields.list(|fields| fields.value().map(|value| value.map(<[u8]>::to_vec)))?,
            result: fields.i16()?,
        }),
        b'f' => Request::CopyFail(fields.string()?.to_vec()),
        b'c' => Request::CopyDone,
        b'H' => Request::Flush,
        b'S' => Request::Sync,
        _ => Request::Terminate,
    };
    fields.end(request)
}

fn target(fields: &mut Fields<'_>) -> Option<Target> {
    let kind = fields.u8()?;
    let name = fields.string()?.to_vec();
    match kind {
        b'S' => Some(Target::Statement(name)),
        b'P' => Some(Target::Portal(name)),
        _ => None,
    }
}
