//! The compressed protocol: frames around the frames, after the log-in.
use keploy_sdk::{Fault, Session};

use super::{FRAME, put_u24, u24};

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Zlib,
    Zstd,
}

/// Length, sequence number, and the length when decompressed (0: it is not compressed).
const HEADER: usize = 7;
/// Servers leave shorter payloads as they are (MIN_COMPRESS_LENGTH).
const WORTH_IT: usize = 50;

impl Compression {
    fn coding(self) -> &'static str {
        match self {
            Self::Zlib => "deflate",
            Self::Zstd => "zstd",
        }
    }

    /// Takes one frame off the front of `bytes`: how long it is, its number, and its content. None: not all of it is
    /// there.
    pub fn take(self, host: &dyn Session, bytes: &[u8]) -> Result<Option<(usize, u8, Vec<u8>)>, Fault> {
        let Some((&[a, b, c, sequence, d, e, f], rest)) = bytes.split_first_chunk::<HEADER>() else { return Ok(None) };
        let (packed, unpacked) = (u24([a, b, c]), u24([d, e, f]));
        let Some(payload) = rest.get(..packed) else { return Ok(None) };
        let content = match unpacked {
            0 => payload.to_vec(),
            _ => host.decode(self.coding(), payload, unpacked as u64).map_err(|error| {
                Fault::new("bad-compression", format!("a compressed frame of {packed} bytes: {error}"))
            })?,
        };
        Ok(Some((HEADER + packed, sequence, content)))
    }

    /// Frames around `bytes`, numbered from `sequence` on, which goes on behind the last.
    pub fn wrap(self, host: &dyn Session, bytes: &[u8], sequence: &mut u8) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::with_capacity(bytes.len() / 2 + HEADER);
        for chunk in bytes.chunks(FRAME) {
            let packed = match chunk.len() {
                0..WORTH_IT => None,
                _ => Some(host.encode(self.coding(), chunk).map_err(|error| Fault::new("bad-compression", error))?),
            };
            let packed = packed.filter(|packed| packed.len() < chunk.len());
            let unpacked = if packed.is_some() { chunk.len() } else { 0 };
            let payload = packed.as_deref().unwrap_or(chunk);
            put_u24(&mut out, payload.len());
            out.push(*sequence);
            put_u24(&mut out, unpacked);
            out.extend_from_slice(payload);
            *sequence = sequence.wrapping_add(1);
        }
        Ok(out)
    }
}
