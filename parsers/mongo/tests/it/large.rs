//! Messages too long for a guest: the host keeps the sections that make them so.
use keploy_sdk::{
    Blob, Connection, Map, Mode, Session, Side, Value,
    testing::{Effect, Recorder},
};
use parser_mongo::{Conversation, bson};

use crate::talk::message;

const WHOLE: usize = 1000;

fn long(size: usize) -> Map {
    Map::new().with("text", "x".repeat(size))
}

fn document(map: &Map) -> Vec<u8> {
    let mut bytes = Vec::new();
    bson::write(&map.clone().into(), &mut bytes).expect("it is BSON");
    bytes
}

/// An insert with its documents behind it.
fn insert(documents: &[u8]) -> Vec<u8> {
    let body = document(&Map::new().with("insert", "orders").with("$db", "shop"));
    let size = 4 + b"documents\0".len() + documents.len();
    let length = 20 + 1 + body.len() + 1 + size;
    let head = [length as u32, 1, 0, 2013, 0].map(u32::to_le_bytes).concat();
    [&head, &[0][..], &body, &[1], &(size as u32).to_le_bytes(), b"documents\0", documents].concat()
}

/// Feeds `bytes` in chunks and keeps what is asked for: what was opened or replied, and the blobs.
fn feed(conversation: &mut Conversation, from: Side, bytes: &[u8], cut: usize) -> (Vec<Effect>, Vec<u8>) {
    let (mut host, mut others, mut kept, mut at) = (Recorder::new(), Vec::new(), Vec::new(), 0);
    while at < bytes.len() {
        let chunk = &bytes[at..bytes.len().min(at + cut)];
        conversation.feed(&mut host, from, at as u64, 1, chunk).expect("it is well-formed");
        at += chunk.len();
        for effect in host.take() {
            match effect {
                Effect::KeepBytes { data, .. } => kept.extend(data),
                Effect::Keep { offset, len, blob, .. } => {
                    assert_eq!(offset, at as u64, "what was fed is not kept by the host");
                    let end = at + usize::try_from(len).expect("it fits");
                    kept.extend(&bytes[at..end]);
                    at = end;
                    conversation.kept(&mut host, from, blob, 1).expect("it is well-formed");
                    others.extend(host.take());
                }
                other => others.push(other),
            }
        }
    }
    (others, kept)
}

#[test]
fn long_sequences_are_kept() {
    let documents = [document(&long(2000)), document(&long(3000))].concat();
    let bytes = [insert(&documents), message(2, 0, 0, &Map::new().with("ping", 1).with("$db", "shop"))].concat();
    for cut in [1, 7, 100, bytes.len()] {
        let mut conversation = Conversation::keeping(Mode::Record, &Value::Null, WHOLE);
        let (effects, kept) = feed(&mut conversation, Side::Client, &bytes, cut);
        assert_eq!(kept, documents, "cut at {cut}");
        let [Effect::Open { request, facts, .. }, Effect::Open { facts: next, .. }] = effects.as_slice() else {
            panic!("cut at {cut}: {effects:?}")
        };
        let command = Map::new().with("insert", "orders").with("documents", Blob::new(1));
        assert_eq!(*request, Map::new().with("db", "shop").with("command", command).into());
        assert_eq!((facts.summary.as_str(), next.summary.as_str()), ("insert shop.orders <blob>", "ping shop"));
    }
}

#[test]
fn a_long_reply_is_kept_and_written() {
    let reply = long(5000);
    let bytes = message(7, 1, 0, &reply);
    for cut in [1, 1000, bytes.len()] {
        let mut conversation = Conversation::keeping(Mode::Record, &Value::Null, WHOLE);
        let ask = message(1, 0, 0, &Map::new().with("find", "orders").with("$db", "shop"));
        feed(&mut conversation, Side::Client, &ask, ask.len());
        let (effects, kept) = feed(&mut conversation, Side::Server, &bytes, cut);
        assert_eq!(kept, document(&reply), "cut at {cut}");
        let [Effect::Reply { response, .. }, Effect::Close { .. }] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!(*response, Map::new().with("reply", Blob::new(1)).into());
    }

    let mut mock = Conversation::keeping(Mode::Mock, &Value::Null, WHOLE);
    let mut host = Recorder::new();
    let ask = message(1, 0, 0, &Map::new().with("find", "orders").with("$db", "shop"));
    mock.feed(&mut host, Side::Client, 0, 1, &ask).expect("it is well-formed");
    host.take();
    let size = document(&reply).len() as u64;
    let recorded = Map::new().with("reply", Blob { id: 9, size, sha256: [7; 32] });
    mock.answer(&mut host, 1, vec![recorded.into()]).expect("it can be written");
    let data = message(1, 1, 0, &reply)[..21].to_vec();
    assert_eq!(
        host.take(),
        [Effect::Write { to: Side::Client, data }, Effect::WriteBlob { to: Side::Client, blob: 9 }]
    );
}

/// It may come to more than a guest reads of a plain one.
#[test]
fn what_comes_out_of_a_long_compressed_message_is_kept() {
    let reply = long(3 * WHOLE);
    let plain = message(7, 1, 0, &reply);
    let data = Recorder::new().encode("deflate", &plain[16..]).expect("it is known");
    let head = [25 + data.len() as u32, 7, 1, 2012, 2013, plain.len() as u32 - 16].map(u32::to_le_bytes).concat();
    let mut conversation = Conversation::keeping(Mode::Record, &Value::Null, WHOLE);
    let ask = message(1, 0, 0, &Map::new().with("find", "orders").with("$db", "shop"));
    feed(&mut conversation, Side::Client, &ask, ask.len());
    let (effects, kept) = feed(&mut conversation, Side::Server, &[head, vec![2], data].concat(), 10);
    assert_eq!(kept, document(&reply));
    let [Effect::Reply { response, .. }, Effect::Close { .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(*response, Map::new().with("reply", Blob::new(1)).into());
}

#[test]
fn lengths_that_lie_are_refused() {
    let fault = |bytes: &[u8]| {
        let mut conversation = Conversation::keeping(Mode::Record, &Value::Null, WHOLE);
        conversation.feed(&mut Recorder::new(), Side::Client, 0, 1, bytes).expect_err("it is refused")
    };
    let documents = document(&long(2000));
    let mut bytes = insert(&documents);
    bytes[0] = 7; // shorter than its sections
    assert_eq!(fault(&bytes).code, "bad-message");
    let header = |length: u32, opcode: u32| [length, 1, 0, opcode].map(u32::to_le_bytes).concat();
    assert_eq!(fault(&header(10, 2013)).code, "bad-length");
    assert_eq!(fault(&header(u32::MAX, 2013)).code, "bad-length");
    assert_eq!(fault(&header(100, 2005)).message, "byte 0 of the client: a message with the opcode 2005");
    assert_eq!(fault(&header(5000, 2012)).code, "too-large");
}
