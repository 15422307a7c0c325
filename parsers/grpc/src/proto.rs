//! Protocol Buffers as documents, and back: by the names of fields where descriptors are at hand, else by numbers.
mod descriptor;
mod loose;
mod number;
mod typed;
mod wire;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use keploy_sdk::Value;

pub use descriptor::Types;

/// Which side of a method a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Request,
    Response,
}

/// The descriptors of `plugins.gRPC.descriptorSet`: one serialized FileDescriptorSet, or a list of them.
///
/// # Errors
/// In words, when they cannot be read.
pub fn types(config: &Value) -> Result<Types, String> {
    let mut types = Types::default();
    let sets = match config.get("descriptorSet") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(sets)) => sets.as_slice(),
        Some(set) => std::slice::from_ref(set),
    };
    for set in sets {
        let outcome = match set {
            Value::Bytes(bytes) => types.add(bytes),
            Value::Text(text) => {
                let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
                STANDARD.decode(text).map_err(|_| "it is not base64".to_owned()).and_then(|bytes| types.add(&bytes))
            }
            _ => Err("it is neither bytes nor base64".to_owned()),
        };
        outcome.map_err(|why| {
            format!(
                "plugins.gRPC.descriptorSet: {why}\nhint: `protoc --include_imports --descriptor_set_out=FILE *.proto` makes one"
            )
        })?;
    }
    Ok(types)
}

/// A message by its fields, where it is one; else text or bytes.
pub fn readable(types: &Types, path: &str, of: Of, bytes: &[u8]) -> Value {
    name(types, path, of)
        .and_then(|name| typed::decode(types, name, bytes))
        .or_else(|| loose::decode(bytes))
        .unwrap_or_else(|| Value::readable(bytes.to_vec()))
}

/// The inverse of [`readable`].
///
/// # Errors
/// In words, naming the field.
pub fn bytes(types: &Types, path: &str, of: Of, message: &Value) -> Result<Vec<u8>, String> {
    if let Some(raw) = message.as_raw() {
        return Ok(raw.to_vec());
    }
    let mut out = Vec::new();
    match name(types, path, of) {
        Some(name) => typed::encode(types, name, message, &mut out)?,
        None => loose::encode(message, &mut out)?,
    }
    Ok(out)
}

fn name<'a>(types: &'a Types, path: &str, of: Of) -> Option<&'a str> {
    let (request, response) = types.methods.get(path)?;
    Some(if of == Of::Request { request } else { response })
}

#[cfg(test)]
mod tests;
