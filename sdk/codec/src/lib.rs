//! The content codings behind `keploy:parser/codec`: bytes in, bytes out, never more than asked for.
#![forbid(unsafe_code)]
use std::io::{self, Read, Write as _};

use flate2::{
    Compression, GzBuilder,
    read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder},
    write::ZlibEncoder,
};

/// Decodes `data`, coded as `name` (`gzip`, `deflate`, `br`, `zstd`), to at most `limit` bytes.
///
/// # Errors
/// In words: an unknown coding, broken data, or more than `limit` bytes.
pub fn decode(name: &str, data: &[u8], limit: u64) -> Result<Vec<u8>, String> {
    let read = |reader: &mut dyn Read| bounded(reader, limit);
    let decoded = match name {
        "gzip" | "x-gzip" => read(&mut MultiGzDecoder::new(data)),
        // RFC 9110 says zlib; many servers send raw deflate.
        "deflate" => read(&mut ZlibDecoder::new(data)).or_else(|_| read(&mut DeflateDecoder::new(data))),
        "br" => read(&mut brotli::Decompressor::new(data, 4096)),
        "zstd" => zstd::Decoder::with_buffer(data).and_then(|mut decoder| read(&mut decoder)),
        _ => return Err(unknown(name)),
    };
    decoded.map_err(|error| format!("{name}: {error}"))
}

/// PBKDF2 with HMAC-SHA-256, 32 bytes.
///
/// # Errors
/// In words: no rounds, or more than a million.
pub fn derive_key(password: &[u8], salt: &[u8], rounds: u32) -> Result<Vec<u8>, String> {
    const MOST: u32 = 1_000_000;
    if !(1..=MOST).contains(&rounds) {
        return Err(format!("{rounds} rounds are none, or more than {MOST}"));
    }
    Ok(pbkdf2::pbkdf2_hmac_array::<sha2::Sha256, 32>(password, salt, rounds).to_vec())
}

/// Codes `data` as `name`. The same input gives the same bytes: no time stamps, fixed levels.
///
/// # Errors
/// In words: an unknown coding.
pub fn encode(name: &str, data: &[u8]) -> Result<Vec<u8>, String> {
    let encoded = match name {
        "gzip" | "x-gzip" => {
            let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
            encoder.write_all(data).and_then(|()| encoder.finish())
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(data).and_then(|()| encoder.finish())
        }
        "br" => {
            let mut out = Vec::new();
            let params = brotli::enc::BrotliEncoderParams { quality: 3, ..Default::default() };
            brotli::BrotliCompress(&mut &data[..], &mut out, &params).map(|_| out)
        }
        "zstd" => zstd::encode_all(data, 1),
        _ => return Err(unknown(name)),
    };
    encoded.map_err(|error| format!("{name}: {error}"))
}

fn bounded(reader: &mut dyn Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut out)?;
    if out.len() as u64 > limit {
        return Err(io::Error::other(format!("decodes to more than {limit} bytes")));
    }
    Ok(out)
}

fn unknown(name: &str) -> String {
    format!("unknown coding {name:?}: keploy knows gzip, deflate, br and zstd")
}

#[cfg(test)]
mod tests {
    use super::{decode, derive_key, encode};

    /// RFC 7677, section 3: the salted password proves itself in the client's key.
    #[test]
    fn keys_are_derived_as_scram_wants_them() {
        let salt = [0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81];
        let key = derive_key(b"pencil", &salt, 4096).expect("4096 rounds");
        assert_eq!(key[..4], [0xc4, 0xa4, 0x95, 0x10]);
        assert!(derive_key(b"", b"", 0).is_err() && derive_key(b"", b"", 1_000_001).is_err());
    }

    #[test]
    fn every_coding_returns_what_it_was_given() {
        let data = b"the same words, the same words, the same words".repeat(100);
        for name in ["gzip", "deflate", "br", "zstd"] {
            let coded = encode(name, &data).expect(name);
            assert!(coded.len() < data.len() / 4, "{name} makes it smaller");
            assert_eq!(encode(name, &data).expect(name), coded, "{name} is deterministic");
            assert_eq!(decode(name, &coded, 1 << 20).expect(name), data);
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        for name in ["gzip", "deflate", "br", "zstd"] {
            let bomb = encode(name, &vec![0; 1 << 20]).expect(name);
            assert!(decode(name, &bomb, 1000).expect_err(name).contains(name));
        }
    }

    #[test]
    fn broken_data_is_an_error_in_words() {
        for name in ["gzip", "deflate", "br", "zstd", "nope"] {
            assert!(decode(name, b"not coded at all", 1 << 20).expect_err(name).contains(name));
        }
    }
}
