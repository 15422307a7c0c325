//! CBOR in and out. Only what a [`Value`] can hold is accepted: text keys, definite or indefinite lengths, one tag.
use std::fmt;

use minicbor::{Decoder, Encoder, data::Type};

use crate::{Blob, Map, Value};

/// Marks a blob: an array of its number, its size and its hash. From the first-come-first-served range, unassigned.
const BLOB_TAG: u64 = 0x6b62;
pub(crate) const MAX_DEPTH: usize = 128;

/// The bytes are not a document.
#[derive(Debug)]
pub struct DecodeError(String);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a document: {}", self.0)
    }
}
impl std::error::Error for DecodeError {}
impl From<minicbor::decode::Error> for DecodeError {
    fn from(error: minicbor::decode::Error) -> Self {
        Self(error.to_string())
    }
}

pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder, value).expect("a Vec takes everything");
    encoder.into_writer()
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write(e: &mut Encoder<Vec<u8>>, value: &Value) -> Written {
    match value {
        Value::Null => e.null()?,
        Value::Bool(b) => e.bool(*b)?,
        // Beyond 64 bits nothing can be made: the nearest that can be said is said.
        Value::Int(n) => match (u64::try_from(*n), u64::try_from(-1 - *n)) {
            (Ok(n), _) => e.u64(n)?,
            (_, Ok(n)) => e.int(minicbor::data::Int::try_from(-1 - i128::from(n)).expect("fits by construction"))?,
            _ => e.f64(*n as f64)?,
        },
        Value::Float(f) => e.f64(*f)?,
        Value::Text(text) => e.str(text)?,
        Value::Bytes(bytes) => e.bytes(bytes)?,
        Value::Array(items) => {
            e.array(items.len() as u64)?;
            for item in items {
                write(e, item)?;
            }
            e
        }
        Value::Map(map) if let Some(packed) = map.as_packed() => {
            e.writer_mut().extend_from_slice(packed);
            e
        }
        Value::Map(map) => {
            e.map(map.len() as u64)?;
            for (name, item) in map.iter() {
                e.str(name)?;
                write(e, item)?;
            }
            e
        }
        Value::Blob(blob) => {
            e.tag(minicbor::data::Tag::new(BLOB_TAG))?.array(3)?.u64(blob.id)?.u64(blob.size)?.bytes(&blob.sha256)?
        }
    };
    Ok(())
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let value = read(&mut decoder, 0)?;
    if decoder.position() != bytes.len() {
        return Err(DecodeError(format!("{} bytes after its end", bytes.len() - decoder.position())));
    }
    Ok(value)
}

/// Would [`decode`] read it? Nothing is built.
pub(crate) fn check(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut decoder = Decoder::new(bytes);
    pass(&mut decoder, 0)?;
    if decoder.position() != bytes.len() {
        return Err(DecodeError(format!("{} bytes after its end", bytes.len() - decoder.position())));
    }
    Ok(())
}

/// Over one value, as [`read`] reads it.
fn pass(d: &mut Decoder<'_>, depth: usize) -> Result<(), DecodeError> {
    if depth > MAX_DEPTH {
        return Err(DecodeError(format!("nested deeper than {MAX_DEPTH}")));
    }
    match d.datatype()? {
        Type::String => drop(d.str()?),
        Type::Bytes => drop(d.bytes()?),
        Type::Array | Type::ArrayIndef => {
            let mut left = d.array()?;
            while more(d, &mut left)? {
                pass(d, depth + 1)?;
            }
        }
        Type::Map | Type::MapIndef => {
            let (mut names, mut left) = (Vec::new(), d.map()?);
            while more(d, &mut left)? {
                names.push(d.str()?);
                pass(d, depth + 1)?;
            }
            unique(names)?;
        }
        // Small, or seldom.
        _ => drop(read(d, depth)?),
    }
    Ok(())
}

fn read(d: &mut Decoder<'_>, depth: usize) -> Result<Value, DecodeError> {
    if depth > MAX_DEPTH {
        return Err(DecodeError(format!("nested deeper than {MAX_DEPTH}")));
    }
    Ok(match d.datatype()? {
        Type::Null | Type::Undefined => {
            d.skip()?;
            Value::Null
        }
        Type::Bool => Value::Bool(d.bool()?),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Int => {
            Value::Int(d.int()?.into())
        }
        Type::F16 => Value::Float(d.f16()?.into()),
        Type::F32 => Value::Float(d.f32()?.into()),
        Type::F64 => Value::Float(d.f64()?),
        Type::String => Value::Text(d.str()?.to_owned()),
        Type::StringIndef => Value::Text(d.str_iter()?.collect::<Result<_, _>>()?),
        Type::Bytes => Value::Bytes(d.bytes()?.to_vec()),
        Type::BytesIndef => {
            let parts: Vec<&[u8]> = d.bytes_iter()?.collect::<Result<_, _>>()?;
            Value::Bytes(parts.concat())
        }
        Type::Array | Type::ArrayIndef => {
            let mut items = Vec::new();
            let mut left = d.array()?;
            while more(d, &mut left)? {
                items.push(read(d, depth + 1)?);
            }
            Value::Array(items)
        }
        Type::Map | Type::MapIndef => {
            let mut entries = Vec::new();
            let mut left = d.map()?;
            while more(d, &mut left)? {
                let name = d.str()?.to_owned();
                entries.push((name, read(d, depth + 1)?));
            }
            unique(entries.iter().map(|(name, _)| name.as_str()).collect())?;
            Value::Map(Map::of(entries))
        }
        Type::Tag => blob(d)?,
        other => return Err(DecodeError(format!("a {other} at byte {}", d.position()))),
    })
}

/// Is there another item in the array or map whose length was `left`?
fn more(d: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, DecodeError> {
    match left {
        Some(0) => Ok(false),
        Some(n) => {
            *n -= 1;
            Ok(true)
        }
        None if d.datatype()? == Type::Break => {
            d.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}

fn unique(mut names: Vec<&str>) -> Result<(), DecodeError> {
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(DecodeError(format!("the name {:?} twice in one map", pair[0]))),
        None => Ok(()),
    }
}

fn blob(d: &mut Decoder<'_>) -> Result<Value, DecodeError> {
    let tag = d.tag()?.as_u64();
    if tag != BLOB_TAG || d.array()? != Some(3) {
        return Err(DecodeError(format!("tag {tag}, which documents do not use")));
    }
    let (id, size) = (d.u64()?, d.u64()?);
    let sha256 = d.bytes()?.try_into().map_err(|_| DecodeError("a blob's hash is not 32 bytes".to_owned()))?;
    Ok(Value::Blob(Blob { id, size, sha256 }))
}
