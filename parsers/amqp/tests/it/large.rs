//! Messages that do not fit into one frame.
use keploy_sdk::{Map, Mode, Side, Value, testing::Effect};

use crate::wire::{GET, PUBLISH, Talk, frame, method};

/// connection.tune-ok with frames of at most 4,096 bytes.
const TUNE_OK: &[u8] = b"\x00\x0a\x00\x1f\x00\x00\x00\x00\x10\x00\x00\x00";

#[test]
fn a_mock_cuts_bodies_as_it_was_agreed() {
    let mut mock = Talk::new(Mode::Mock);
    mock.ask(&frame(1, 0, TUNE_OK));
    let (exchange, _) = mock.ask(&method(GET));
    let body = "x".repeat(10_000);
    let response = Map::new().with("method", "basic.get-ok").with("routing-key", "jobs").with("body", body.as_str());
    let written = mock.answer(exchange, vec![response.into()]);
    let mut rest = written.as_slice();
    let mut bodies = Vec::new();
    while let [kind, _, _, a, b, c, d, frame @ ..] = rest {
        let size = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if *kind == 3 {
            bodies.push(size);
        }
        rest = &frame[size + 1..];
    }
    assert_eq!(bodies, [4_088, 4_088, 1_824]);
}

/// A megabyte is kept by the host: a document is for reading.
#[test]
fn what_an_application_publishes_may_be_large() {
    let mut recording = Talk::new(Mode::Record);
    let piece = vec![b'x'; 128 << 10];
    let size = 10 * piece.len() as u64;
    recording.feed(Side::Client, 1, &method(PUBLISH)).expect("it is well");
    let header = [b"\x00\x3c\x00\x00".as_slice(), &size.to_be_bytes(), b"\x00\x00"].concat();
    recording.feed(Side::Client, 1, &frame(2, 1, &header)).expect("it is well");
    let mut effects = Vec::new();
    for _ in 0..10 {
        effects.extend(recording.feed(Side::Client, 1, &frame(3, 1, &piece)).expect("it is well"));
    }
    let Some(Effect::Open { request, .. }) = effects.last() else { panic!("{effects:?}") };
    let Some(Value::Blob(blob)) = request.get("body") else { panic!("{request:?}") };
    assert_eq!(recording.host.blob_content[&blob.id].len() as u64, size);
}
