//! The journal's bytes: what a recording has seen, in one append-only file.
//!
//! ```text
//! file  = "KEPLOYJ1"  rendered: u64  mocks: u64  frame*        (integers little-endian)
//! frame = length: u32  crc32(payload): u32  payload
//! ```
//! A payload is the CBOR of a document as it will be in YAML, name included, or what makes one: see [`Encoded`]. `rendered` is the offset up to which
//! frames have become YAML files, `mocks` the length of `mocks.yaml` by then: rendering can start again from there and
//! writes the same bytes to the same places. Both lie in one page and are written by one call, so a kill leaves the old
//! pair or the new one.
mod encoded;

use std::{
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::Path,
};

use document::{Map, Value};
use fs_err as fs;

pub use encoded::Encoded;

use crate::{
    Error, Record,
    envelope::{self, Mould},
};

const MAGIC: &[u8; 8] = b"KEPLOYJ1";
/// Where the first frame starts.
pub(crate) const START: u64 = 24;
const FRAME_HEADER: usize = 8;

/// How far the journal has become YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub rendered: u64,
    pub mocks: u64,
}

impl Progress {
    pub const NOTHING: Self = Self { rendered: START, mocks: 0 };

    /// Starts a journal file.
    pub fn begin(file: &fs::File) -> io::Result<()> {
        file.file().write_all_at(MAGIC, 0)?;
        Self::NOTHING.save(file)
    }

    pub fn save(self, file: &fs::File) -> io::Result<()> {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.rendered.to_le_bytes());
        bytes[8..].copy_from_slice(&self.mocks.to_le_bytes());
        file.file().write_all_at(&bytes, MAGIC.len() as u64)
    }

    /// None when the recording was killed before its first record.
    pub fn read(file: &fs::File) -> Result<Option<Self>, Error> {
        let mut bytes = [0; START as usize];
        match file.file().read_exact_at(&mut bytes, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let (magic, rest) = bytes.split_at(8);
        if magic != MAGIC {
            return Err(Error::StrangeJournal(file.path().to_owned()));
        }
        let (rendered, mocks) = rest.split_at(8);
        let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("split into halves of eight"));
        Ok(Some(Self { rendered: number(rendered), mocks: number(mocks) }))
    }
}

/// Appends a frame. False, and nothing appended, when the document is larger than a frame can be.
pub(crate) fn append(batch: &mut Vec<u8>, document: Map) -> bool {
    let payload = Value::Map(document).to_cbor();
    let Ok(length) = u32::try_from(payload.len()) else { return false };
    batch.extend_from_slice(&length.to_le_bytes());
    batch.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    batch.extend_from_slice(&payload);
    true
}

/// The same, with the record's documents as they are encoded.
pub(crate) fn append_encoded(batch: &mut Vec<u8>, record: &Record, documents: &Encoded) -> bool {
    let start = batch.len();
    batch.extend_from_slice(&[0; FRAME_HEADER]);
    let payload = start + FRAME_HEADER;
    let length = encoded::write(batch, record, documents).and_then(|()| u32::try_from(batch.len() - payload).ok());
    let Some(length) = length else {
        batch.truncate(start);
        return false;
    };
    let checksum = crc32fast::hash(&batch[payload..]);
    batch[start..start + 4].copy_from_slice(&length.to_le_bytes());
    batch[start + 4..payload].copy_from_slice(&checksum.to_le_bytes());
    true
}

/// Reads frames, from one offset to another.
pub(crate) struct Frames {
    file: BufReader<fs::File>,
    at: u64,
    end: u64,
}

impl Frames {
    pub fn open(path: &Path, from: u64, to: u64) -> io::Result<Self> {
        let mut file = fs::File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        Ok(Self { file: BufReader::with_capacity(256 * 1024, file), at: from, end: to })
    }

    /// Where the next frame starts.
    pub fn offset(&self) -> u64 {
        self.at
    }

    /// The next payload; none at the end, and where a frame is torn: [`Frames::offset`] tells the two apart.
    pub fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let left = self.end - self.at;
        if left < FRAME_HEADER as u64 {
            return Ok(None);
        }
        let mut header = [0; FRAME_HEADER];
        self.file.read_exact(&mut header)?;
        let [a, b, c, d, checksum @ ..] = header;
        let length = u32::from_le_bytes([a, b, c, d]);
        let whole = FRAME_HEADER as u64 + u64::from(length);
        if whole > left {
            return Ok(None);
        }
        let mut payload = vec![0; length as usize];
        self.file.read_exact(&mut payload)?;
        if crc32fast::hash(&payload) != u32::from_le_bytes(checksum) {
            return Ok(None);
        }
        self.at += whole;
        Ok(Some(payload))
    }
}

/// A payload's document. None when it cannot be read back: a document nested deeper than CBOR is read.
pub(crate) fn document(payload: &[u8]) -> Option<Map> {
    if encoded::is_encoded(payload) {
        return encoded::read(payload).map(envelope::document);
    }
    match Value::from_cbor(payload) {
        Ok(Value::Map(map)) => Some(map),
        _ => None,
    }
}

/// Only mocks have `reqTimestampMock`, and all of ours do.
pub(crate) fn mould(document: &Map) -> Mould {
    let mock = document.get("spec").is_some_and(|spec| spec.get("reqTimestampMock").is_some());
    if mock { Mould::Mock } else { Mould::Test }
}

pub(crate) fn record(payload: &[u8]) -> Option<Record> {
    if encoded::is_encoded(payload) {
        return encoded::read(payload);
    }
    let document = document(payload)?;
    let mould = mould(&document);
    envelope::record(document, mould).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lifetime, Mock, Response, Sender, TestCase};

    /// The bodies of a record, and the record without them.
    fn apart(mut record: Record) -> (Record, Encoded) {
        let (request, responses) = match &mut record {
            Record::Test(test) => (&mut test.request, &mut test.responses),
            Record::Mock(mock) => (&mut mock.request, &mut mock.responses),
        };
        let request = std::mem::take(request).to_cbor();
        let responses = responses.iter_mut().map(|response| std::mem::take(&mut response.body).to_cbor()).collect();
        (record, Encoded { request, responses })
    }

    #[test]
    fn encoded_documents_are_read_as_others_are() {
        let request = Map::new().with("method", "GET").with("url", "/x");
        let responses = vec![Response { body: Map::new().with("status", 200).into(), at: 1_700_000_000_000_000_009 }];
        let test = TestCase {
            name: "get-x-1".to_owned(),
            kind: "Http".to_owned(),
            schema: 1,
            class: "GET /x".to_owned(),
            request: request.clone().into(),
            responses: responses.clone(),
            started: 1_700_000_000_000_000_001,
            ended: 1_700_000_000_000_000_009,
            connection: "7".to_owned(),
            app_port: 8080,
            tls: Some(String::new()),
            ..TestCase::default()
        };
        let mock = Mock {
            name: "mock-0".to_owned(),
            kind: "Line".to_owned(),
            schema: 2,
            lifetime: Lifetime::Session,
            destination: "cache:6379".to_owned(),
            request: request.into(),
            responses,
            started: 1_700_000_000_000_000_001,
            ended: 1_700_000_000_000_000_009,
            connection: "8".to_owned(),
            ..Mock::default()
        };
        let sender = Some(Sender { destination: "broker:5672".to_owned(), subject: "jobs".to_owned() });
        let sent = TestCase { sender, app_port: 0, tls: None, ..test.clone() };
        for whole in [Record::Test(test), Record::Test(sent), Record::Mock(mock)] {
            let (mut plain, mut encoded) = (Vec::new(), Vec::new());
            assert!(append(&mut plain, envelope::document(whole.clone())));
            let (bare, documents) = apart(whole.clone());
            assert!(append_encoded(&mut encoded, &bare, &documents));
            let [plain, encoded] = [&plain[FRAME_HEADER..], &encoded[FRAME_HEADER..]];
            assert_eq!(document(encoded), document(plain));
            assert_eq!(record(encoded), record(plain));
            assert_eq!(record(encoded), Some(whole));
            for cut in 1..encoded.len() {
                assert_eq!(record(&encoded[..cut]), None, "cut off after {cut} bytes");
            }
        }
    }
}
