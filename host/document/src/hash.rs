//! One number for all documents that mean the same.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::{
    Value,
    node::{NOISE, Node},
};

/// What a document means, in 16 bytes: the start of a SHA-256. `{}` shows 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 16]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Equal for two documents exactly when [`diff`](crate::diff) without noise finds nothing. So
/// - the order of a map's entries carries no meaning;
/// - a text that holds a JSON object or array counts as that tree: neither the order of its names nor its spacing
///   matter, numbers count by their exact value, and `1` is not `1.0`, which is `1.00` and `1e0`. JSON that names an
///   entry twice is an ordinary text;
/// - other texts count byte by byte; a blob by its size and SHA-256; NaN equals NaN, and -0.0 equals 0.0;
/// - a text is never equal to bytes, nor `1` to `"1"`.
pub fn hash(value: &Value) -> Hash {
    hash_node(&Node::open(value))
}

pub(crate) fn hash_node(node: &Node<'_>) -> Hash {
    let mut bytes = Vec::with_capacity(1024);
    encode(node, &mut bytes);
    let digest = Sha256::digest(&bytes);
    let mut hash = [0; 16];
    hash.copy_from_slice(&digest[..16]);
    Hash(hash)
}

/// Different nodes give different bytes: a letter for the kind, and a length before whatever has one.
fn encode(node: &Node<'_>, out: &mut Vec<u8>) {
    match node {
        Node::Null => out.push(b'0'),
        Node::Bool(false) => out.push(b'f'),
        Node::Bool(true) => out.push(b't'),
        Node::Int(n) => {
            out.push(b'i');
            out.extend(n.to_le_bytes());
        }
        Node::Float(f) => {
            out.push(b'd');
            out.extend(f.bits().to_le_bytes());
        }
        Node::Number(digits) => sized(b'n', digits.as_bytes(), out),
        Node::Text(text) => sized(b's', text.as_bytes(), out),
        Node::Noise(_) => sized(b's', NOISE.as_bytes(), out),
        Node::Bytes(bytes) => sized(b'b', bytes, out),
        Node::Blob { size, sha256 } => {
            out.push(b'l');
            out.extend(size.to_le_bytes());
            out.extend(*sha256);
        }
        Node::Json(json) => {
            out.push(b'j');
            encode(json, out);
        }
        Node::Array(items) => {
            head(b'a', items.len(), out);
            items.iter().for_each(|item| encode(item, out));
        }
        Node::Map(entries) => {
            head(b'm', entries.len(), out);
            for (name, node) in entries {
                sized(b's', name.as_bytes(), out);
                encode(node, out);
            }
        }
    }
}

fn sized(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    head(kind, bytes.len(), out);
    out.extend(bytes);
}

fn head(kind: u8, length: usize, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend((length as u64).to_le_bytes());
}
