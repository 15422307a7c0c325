//! A guest with what the host keeps for it: offsets, and the bodies it did not want to see.
use std::{collections::HashMap, io};

use keploy_value::{Blob, Value};
use plugins::{Connection, Effect, Failure, Fault, Mode, Side};

use crate::BlobWriter;

/// Makes a place for a new blob.
pub(crate) type MakeBlob = Box<dyn Fn() -> io::Result<Box<dyn BlobWriter>> + Send>;

pub(crate) struct Guest {
    connection: Connection,
    /// Bytes seen of each direction.
    offsets: [u64; 2],
    keeping: [Option<Keeping>; 2],
    blobs: HashMap<u64, Body>,
    make_blob: MakeBlob,
    /// Where TLS begins in each direction, as the guest has just said.
    tls_from: Option<[u64; 2]>,
}

/// The next `left` bytes of a direction go into `blob`, from `offset` on.
struct Keeping {
    offset: u64,
    left: u64,
    blob: u64,
}

enum Body {
    Growing(Box<dyn BlobWriter>),
    Whole(Blob),
}

fn index(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

impl Guest {
    pub fn new(connection: Connection, make_blob: MakeBlob) -> Self {
        Self { connection, offsets: [0; 2], keeping: [None, None], blobs: HashMap::new(), make_blob, tls_from: None }
    }

    /// The guest itself, for the calls that carry no bytes of the wire.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Shows the guest bytes that crossed the wire. What it asks for is appended to `effects`; bodies that it wants
    /// kept are taken out on the way. Returns how many bytes it has seen: all, unless TLS begins in them.
    ///
    /// # Errors
    /// When the guest is at its end.
    pub fn feed(&mut self, from: Side, at: u64, bytes: &[u8], effects: &mut Vec<Effect>) -> Result<usize, Failure> {
        let mut data = bytes;
        while !data.is_empty() && self.tls_from.is_none() {
            let seen = match self.due(from)? {
                Some(mut keeping) => {
                    let take = keeping.left.min(data.len() as u64);
                    let piece = &data[..usize::try_from(take).expect("not more than data's length")];
                    self.keep(keeping.blob, piece)?;
                    keeping.left -= take;
                    keeping.offset += take;
                    self.offsets[index(from)] += take;
                    if keeping.left > 0 {
                        self.keeping[index(from)] = Some(keeping);
                    } else {
                        self.connection.kept(from, keeping.blob, at, effects)?;
                        self.take_ours(effects)?;
                    }
                    take
                }
                None => self.show(from, at, data, effects)?,
            };
            data = &data[usize::try_from(seen).expect("not more than data's length")..];
        }
        Ok(bytes.len() - data.len())
    }

    /// Bytes seen of a direction.
    pub fn offset(&self, from: Side) -> u64 {
        self.offsets[index(from)]
    }

    /// True once, when the guest has found that TLS begins where it has been shown all bytes to.
    ///
    /// # Errors
    /// When that is not where it says.
    pub fn begins_tls(&mut self, mode: Mode) -> Result<bool, Failure> {
        let Some([client, server]) = self.tls_from.take() else { return Ok(false) };
        let here = client == self.offsets[0] && (mode == Mode::Mock || server == self.offsets[1]);
        if mode != Mode::Drive && here {
            return Ok(true);
        }
        let message = format!("the parser wants TLS from {client} and {server} on, but {:?} went by", self.offsets);
        Err(fault("tls-elsewhere", &message))
    }

    /// That side will send no more.
    ///
    /// # Errors
    /// When the guest is at its end.
    pub fn end(&mut self, from: Side, at: u64, effects: &mut Vec<Effect>) -> Result<(), Failure> {
        if let Some(keeping) = self.keeping[index(from)].take()
            && keeping.left > u64::MAX / 2
        {
            // "All there is until the end" is complete now.
            self.connection.kept(from, keeping.blob, at, effects)?;
        }
        self.connection.end(from, at, effects)?;
        self.take_ours(effects)
    }

    /// Calls the guest with the bytes; returns how many of them count as shown.
    fn show(&mut self, from: Side, at: u64, data: &[u8], effects: &mut Vec<Effect>) -> Result<u64, Failure> {
        let offset = self.offsets[index(from)];
        self.connection.feed(from, offset, at, data, effects)?;
        self.take_ours(effects)?;
        let end = offset + data.len() as u64;
        if let Some(tls_from) = self.tls_from {
            let shown_to = tls_from[index(from)].clamp(offset, end);
            self.offsets[index(from)] = shown_to;
            return Ok(shown_to - offset);
        }
        let shown_to = match &self.keeping[index(from)] {
            Some(keeping) if keeping.offset < offset || keeping.offset > end => {
                return Err(wrong_keep(keeping.offset, offset, end));
            }
            Some(keeping) => keeping.offset,
            None => end,
        };
        self.offsets[index(from)] = shown_to;
        Ok(shown_to - offset)
    }

    /// The range that the next byte of this direction belongs to.
    fn due(&mut self, from: Side) -> Result<Option<Keeping>, Failure> {
        let offset = self.offsets[index(from)];
        match self.keeping[index(from)].take() {
            Some(keeping) if keeping.offset != offset => Err(wrong_keep(keeping.offset, offset, offset)),
            due => Ok(due),
        }
    }

    /// Takes what is to be kept, and TLS, out of what the guest asked for: that is ours to do.
    ///
    /// # Errors
    /// When it cannot be done.
    pub fn take_ours(&mut self, effects: &mut Vec<Effect>) -> Result<(), Failure> {
        let is_keep = |effect: &mut Effect| {
            matches!(effect, Effect::Keep { .. } | Effect::KeepBytes { .. } | Effect::UpgradeTls { .. })
        };
        if !effects.iter_mut().any(is_keep) {
            return Ok(());
        }
        for keep in effects.extract_if(.., is_keep).collect::<Vec<_>>() {
            match keep {
                Effect::Keep { from, offset, len, blob } => {
                    if self.keeping[index(from)].replace(Keeping { offset, left: len, blob }).is_some() {
                        return Err(fault("keep-twice", "a range is still being kept"));
                    }
                }
                Effect::KeepBytes { data, blob } => self.keep(blob, &data)?,
                Effect::UpgradeTls { client, server } => self.tls_from = Some([client, server]),
                _ => unreachable!("only keeps were taken"),
            }
        }
        Ok(())
    }

    fn keep(&mut self, blob: u64, piece: &[u8]) -> Result<(), Failure> {
        let disk = |error: io::Error| fault("blob", &format!("a large body cannot be kept: {error}"));
        let body = match self.blobs.entry(blob) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Body::Growing((self.make_blob)().map_err(disk)?))
            }
        };
        match body {
            Body::Growing(writer) => writer.write(piece).map_err(disk),
            Body::Whole(_) => Err(fault("keep-after-use", "a blob that a document refers to cannot grow")),
        }
    }

    /// Fills size and hash into the blobs of a document.
    ///
    /// # Errors
    /// When the bytes are not a document, or refer to a blob that there is not.
    pub fn complete(&mut self, document: Vec<u8>) -> Result<Vec<u8>, Failure> {
        if self.blobs.is_empty() {
            return Ok(document);
        }
        let mut value = Value::from_cbor(&document).map_err(|error| fault("document", &error.to_string()))?;
        let mut failed = None;
        value.for_each_blob(&mut |blob| match self.whole(blob.id) {
            Ok(whole) => *blob = whole,
            Err(error) => failed = Some(error),
        });
        failed.map_or_else(|| Ok(value.to_cbor()), Err)
    }

    fn whole(&mut self, id: u64) -> Result<Blob, Failure> {
        let blob = match self.blobs.remove(&id) {
            Some(Body::Growing(writer)) => {
                let blob = writer.finish().map_err(|error| fault("blob", &error.to_string()))?;
                Blob { id, ..blob }
            }
            Some(Body::Whole(blob)) => blob,
            None => return Err(fault("no-such-blob", &format!("a document refers to blob {id}"))),
        };
        self.blobs.insert(id, Body::Whole(blob));
        Ok(blob)
    }
}

fn fault(code: &str, message: &str) -> Failure {
    Failure::Fault(Fault { code: code.to_owned(), message: message.to_owned() })
}

fn wrong_keep(wanted: u64, from: u64, to: u64) -> Failure {
    fault(
        "keep-elsewhere",
        &format!("the parser wants bytes kept from {wanted} on, the data being fed is {from} to {to}"),
    )
}
