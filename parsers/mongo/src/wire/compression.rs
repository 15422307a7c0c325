//! What OP_COMPRESSED may be compressed with.
use keploy_sdk::Session;

/// By the number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compressor {
    Noop = 0,
    Snappy = 1,
    Zlib = 2,
    Zstd = 3,
}

impl Compressor {
    pub fn numbered(number: u8) -> Option<Self> {
        [Self::Noop, Self::Snappy, Self::Zlib, Self::Zstd].into_iter().find(|known| *known as u8 == number)
    }

    /// Exactly `size` bytes come out; else it says why not.
    pub fn decode(self, host: &dyn Session, data: &[u8], size: usize) -> Result<Vec<u8>, String> {
        let decoded = match self {
            Self::Noop => data.to_vec(),
            Self::Snappy => match snap::raw::decompress_len(data) {
                Ok(length) if length == size => {
                    snap::raw::Decoder::new().decompress_vec(data).map_err(|error| error.to_string())?
                }
                Ok(length) => return Err(format!("{length} bytes come out, expected {size}")),
                Err(error) => return Err(error.to_string()),
            },
            Self::Zlib => host.decode("deflate", data, size as u64)?,
            Self::Zstd => host.decode("zstd", data, size as u64)?,
        };
        match decoded.len() {
            length if length == size => Ok(decoded),
            length => Err(format!("{length} bytes come out, expected {size}")),
        }
    }

    pub fn encode(self, host: &dyn Session, data: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Noop => Ok(data.to_vec()),
            Self::Snappy => snap::raw::Encoder::new().compress_vec(data).map_err(|error| error.to_string()),
            Self::Zlib => host.encode("deflate", data),
            Self::Zstd => host.encode("zstd", data),
        }
    }
}
