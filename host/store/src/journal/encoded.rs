//! A frame's payload with the documents as the parser encoded them. While the application's traffic goes on they are copied,
//! and nothing else; whoever reads the journal decodes them.
//!
//! ```text
//! payload = 0x00  mould: u8  name kind class connection: text  schema: u32  started ended: u64
//!           (test: app_port: u16  has_tls: u8  tls: text)  (test that was sent: destination subject: text)  (mock: lifetime: u8  destination: text)
//!           request: bytes  count: u32  (at: u64  response: bytes)*       (integers little-endian)
//! text, bytes = length: u32  that many bytes
//! ```
//! The CBOR of a document is a map's, and never begins with zero.
use document::Value;

use crate::{Lifetime, Mock, Record, Response, Sender, TestCase};

const MARK: u8 = 0;
const LIFETIMES: [Lifetime; 3] = [Lifetime::Test, Lifetime::Connection, Lifetime::Session];

/// The documents of a record as CBOR that [`Value::check_cbor`] accepts. The record's own are empty: of its responses, only
/// their times are its own.
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    pub request: Vec<u8>,
    pub responses: Vec<Vec<u8>>,
}

impl Encoded {
    pub(crate) fn len(&self) -> usize {
        self.request.len() + self.responses.iter().map(Vec::len).sum::<usize>()
    }
}

pub(crate) fn is_encoded(payload: &[u8]) -> bool {
    payload.first() == Some(&MARK)
}

/// None: something is larger than a frame can be. What is kept of a recording is written, nothing else: noise, assertions
/// and sources come later.
pub(crate) fn write(payload: &mut Vec<u8>, record: &Record, documents: &Encoded) -> Option<()> {
    let (mould, name, kind, class, connection, schema, started, ended, responses) = match record {
        Record::Test(t) if t.sender.is_some() => {
            (2, &t.name, &t.kind, &t.class, &t.connection, t.schema, t.started, t.ended, &t.responses)
        }
        Record::Test(t) => (0, &t.name, &t.kind, &t.class, &t.connection, t.schema, t.started, t.ended, &t.responses),
        Record::Mock(m) => (1, &m.name, &m.kind, &m.class, &m.connection, m.schema, m.started, m.ended, &m.responses),
    };
    payload.extend([MARK, mould]);
    for text in [name, kind, class, connection] {
        sized(payload, text.as_bytes())?;
    }
    payload.extend(schema.to_le_bytes());
    payload.extend(started.to_le_bytes());
    payload.extend(ended.to_le_bytes());
    match record {
        Record::Test(TestCase { sender: Some(Sender { destination, subject }), .. }) => {
            sized(payload, destination.as_bytes())?;
            sized(payload, subject.as_bytes())?;
        }
        Record::Test(test) => {
            payload.extend(test.app_port.to_le_bytes());
            payload.push(u8::from(test.tls.is_some()));
            sized(payload, test.tls.as_deref().unwrap_or_default().as_bytes())?;
        }
        Record::Mock(mock) => {
            payload.push(LIFETIMES.iter().position(|lifetime| *lifetime == mock.lifetime)?.try_into().ok()?);
            sized(payload, mock.destination.as_bytes())?;
        }
    }
    sized(payload, &documents.request)?;
    payload.extend(u32::try_from(documents.responses.len()).ok()?.to_le_bytes());
    for (response, bytes) in responses.iter().zip(&documents.responses) {
        payload.extend(response.at.to_le_bytes());
        sized(payload, bytes)?;
    }
    Some(())
}

/// None: it was not written by [`write`].
pub(crate) fn read(payload: &[u8]) -> Option<Record> {
    let mut from = Reader(payload);
    let [_, mould] = from.array()?;
    let (name, kind, class, connection) = (from.text()?, from.text()?, from.text()?, from.text()?);
    let (schema, started, ended) = (from.u32()?, from.u64()?, from.u64()?);
    if mould == 0 {
        let (app_port, [has_tls]) = (u16::from_le_bytes(from.array()?), from.array()?);
        let tls = Some(from.text()?).filter(|_| has_tls == 1);
        let (request, responses) = from.documents()?;
        let known = TestCase { name, kind, schema, class, request, responses, started, ended, ..TestCase::default() };
        return Some(Record::Test(TestCase { connection, app_port, tls, ..known }));
    }
    if mould == 2 {
        let sender = Some(Sender { destination: from.text()?, subject: from.text()? });
        let (request, responses) = from.documents()?;
        let known = TestCase { name, kind, schema, class, request, responses, started, ended, ..TestCase::default() };
        return Some(Record::Test(TestCase { connection, sender, ..known }));
    }
    let [lifetime] = from.array()?;
    let (lifetime, destination) = (*LIFETIMES.get(usize::from(lifetime))?, from.text()?);
    let (request, responses) = from.documents()?;
    let known = Mock { name, kind, schema, class, request, responses, started, ended, ..Mock::default() };
    Some(Record::Mock(Mock { connection, lifetime, destination, ..known }))
}

fn sized(payload: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    payload.extend(u32::try_from(bytes.len()).ok()?.to_le_bytes());
    payload.extend_from_slice(bytes);
    Some(())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()?;
        let (bytes, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    fn documents(&mut self) -> Option<(Value, Vec<Response>)> {
        let request = Value::from_cbor(self.bytes()?).ok()?;
        let count = self.u32()?;
        let response = |_| {
            let at = self.u64()?;
            Some(Response { body: Value::from_cbor(self.bytes()?).ok()?, at })
        };
        Some((request, (0..count).map(response).collect::<Option<_>>()?))
    }
}
