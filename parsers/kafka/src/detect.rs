//! Whether a client speaks Kafka.
use keploy_sdk::Verdict;

use crate::{
    frame::{API_VERSIONS, Header},
    schema::{Schemas, Side},
    wire::Reader,
};

/// As far as the length of the client's name.
const FIRST: usize = 14;
/// What counts requests starts low, on each connection.
const HIGHEST_NUMBER: i32 = 0x00ff_ffff;
/// But for Java's clients while they log in.
const NUMBERS_OF_LOG_INS: i32 = i32::MAX - 7;
/// Versions of ApiVersions that there are or soon may be: a client begins with its newest, whoever it talks to.
const NEWEST: i16 = 9;

/// Any request may be the first: a client that knows the cluster asks no second connection for its versions. A request has
/// a length below 16 MiB, a number and a version of an API that Kafka has, its own number, and the client's name.
pub fn detect(client: &[u8]) -> Verdict {
    let fits = |at: usize, expected: u8| client.get(at).is_none_or(|byte| *byte == expected);
    // The length, the API and its version all begin with a zero.
    if ![0, 4, 6].into_iter().all(|at| fits(at, 0)) {
        return Verdict::No;
    }
    if client.len() < FIRST {
        return Verdict::More(FIRST as u32);
    }
    if is_request(client).unwrap_or(false) { Verdict::Yes(245) } else { Verdict::No }
}

fn is_request(client: &[u8]) -> Option<bool> {
    let mut reader = Reader(client);
    let size = usize::try_from(reader.i32()?).ok()?;
    // Without the name, which may not be all there yet.
    let header = Header { api: reader.i16()?, version: reader.i16()?, correlation: reader.i32()? };
    let name = match reader.i16()? {
        -1 => 0,
        length => usize::try_from(length).ok()?,
    };
    let mut schemas = Schemas::default();
    let versions = schemas.get(Side::Request, header.api)?.versions;
    let is_known = versions.has(header.version) || (header.api == API_VERSIONS && header.version <= NEWEST);
    let is_name = reader.0.iter().take(name).all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let is_number = (0..=HIGHEST_NUMBER).contains(&header.correlation) || header.correlation >= NUMBERS_OF_LOG_INS;
    Some(is_known && is_name && size >= FIRST - 4 + name && is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_request_may_be_the_first() {
        let versions = b"\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff";
        for cut in 0..versions.len() {
            assert_eq!(detect(&versions[..cut]), Verdict::More(14), "{cut}");
        }
        for first in [
            &versions[..],
            // A version of ApiVersions that this parser has not heard of.
            b"\0\0\0\x0a\0\x12\0\x09\0\0\0\0\xff\xff",
            // A Java client that will log in.
            b"\0\0\0\x14\0\x12\0\0\x7f\xff\xff\xf8\0\x0aproducer-1",
            // Metadata, which PostgreSQL's start-up packet begins like.
            b"\0\0\0\x0e\0\x03\0\0\0\0\0\x01\xff\xff\0\0\0\0",
            // kafkajs fetches: its name is not all there yet.
            b"\0\0\0\x5b\0\x01\0\x0b\0\0\0\x02\0\x06or",
            b"\0\x01\x5b\0\0\0\0\x03\0\0\0\0\0\0",
        ] {
            assert_eq!(detect(first), Verdict::Yes(245), "{}", first.escape_ascii());
        }
    }

    #[test]
    fn what_others_begin_with_is_not_kafka() {
        for other in [
            &b"\0\0\0\x11\0\x03\0\0user\0ada\0\0"[..],
            b"GET / HTTP/1.1",
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0\0",
            // ZooKeeper's first request would be Produce in a version that is gone.
            b"\0\0\0\x2c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x75\x30\0\0\0\0\0\0\0\0\0\0\0\x10",
            // An API that there is not.
            b"\0\0\0\x0a\0\xff\0\0\0\0\0\x01\xff\xff",
            // A name that is longer than its request, and one that is none.
            b"\0\0\0\x0e\0\x01\0\x0b\0\0\0\x02\0\x06orders",
            b"\0\0\0\x5b\0\x01\0\x0b\0\0\0\x02\0\x02\x01\x02",
        ] {
            assert_eq!(detect(other), Verdict::No, "{}", other.escape_ascii());
        }
    }
}
