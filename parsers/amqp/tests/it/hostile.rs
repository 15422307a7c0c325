//! Bytes that no broker or client would send: whatever comes, the parser faults or goes on, and it never panics.
use keploy_sdk::{Mode, Side, testing::Effect};

use crate::wire::{ACK, CHANNEL_OPEN, CONFIRM_SELECT, CONSUME, GET, PUBLISH, Talk, content, frame, method};

/// All that a client says in one go, and what a server would say to it.
fn sides() -> [Vec<u8>; 2] {
    let client = [
        b"AMQP\0\0\x09\x01".to_vec(),
        method(CHANNEL_OPEN),
        method(CONFIRM_SELECT),
        method(PUBLISH),
        content(b"hi"),
        method(CONSUME),
        method(GET),
        method(ACK),
        frame(8, 0, b""),
    ];
    let deliver = b"\x00\x3c\x00\x3c\x02me\0\0\0\0\0\0\0\x01\x00\x00\x04jobs";
    let server = [
        method(b"\x00\x14\x00\x0b\0\0\0\0"),
        method(b"\x00\x55\x00\x0b"),
        method(b"\x00\x3c\x00\x15\x02me"),
        method(deliver),
        content(b"job"),
        method(b"\x00\x3c\x00\x48\x00"),
        method(b"\x00\x14\x00\x28\x01\x94\x02no\x00\x3c\x00\x28"),
    ];
    [client.concat(), server.concat()]
}

#[test]
fn no_mutation_is_dangerous() {
    let [client, server] = sides();
    for (from, bytes) in [(Side::Client, &client), (Side::Server, &server)] {
        for at in 0..bytes.len() {
            let mut mutant = bytes.clone();
            for byte in *b"\x00\x01\x02\x03\x08\x0a\x3c\x7f\xce\xff" {
                mutant[at] = byte;
                let (mutated_client, mutated_server) = match from {
                    Side::Client => (&mutant, &server),
                    Side::Server => (&client, &mutant),
                };
                whole_and_torn(mutated_client, mutated_server);
            }
        }
    }
}

fn whole_and_torn(client: &[u8], server: &[u8]) {
    match (record(client, server, usize::MAX), record(client, server, 1)) {
        (Ok(whole), Ok(torn)) => assert_eq!(whole, torn),
        (Err(whole), Err(torn)) => assert_eq!(whole, torn),
        (whole, torn) => panic!("{}: whole: {whole:?}, torn: {torn:?}", client.escape_ascii()),
    }
    let mut mock = Talk::new(Mode::Mock);
    if let Ok(effects) = mock.feed(Side::Client, 1, client) {
        for effect in effects {
            if let Effect::Open { exchange, .. } = effect {
                mock.miss(exchange);
            }
        }
    }
}

/// Without the faults' words, which say where.
fn record(client: &[u8], server: &[u8], cut: usize) -> Result<Vec<Effect>, String> {
    let mut recording = Talk::new(Mode::Record);
    let mut effects = Vec::new();
    for (from, bytes) in [(Side::Client, client), (Side::Server, server)] {
        for chunk in bytes.chunks(cut) {
            effects.extend(recording.feed(from, 1, chunk).map_err(|fault| fault.code)?);
        }
    }
    effects.extend(recording.end());
    Ok(effects)
}

#[test]
fn what_cannot_be_is_named() {
    let fault = |bytes: &[u8]| Talk::new(Mode::Record).feed(Side::Server, 1, bytes).expect_err("is refused");
    assert_eq!(fault(b"\x01\0\x01\xff\xff\xff\xff").code, "frame-too-large");
    assert_eq!(fault(b"\x01\0\x01\0\0\0\x01xx").code, "bad-frame-end");
    assert_eq!(fault(&frame(9, 0, b"")).code, "bad-frame");
    assert_eq!(fault(&frame(3, 1, b"body")).code, "bad-order");
    assert_eq!(fault(&method(b"\x00\x14\x00\x0b\0\0\0\0")).code, "unasked-reply");
    let unknown = fault(&method(b"\x00\x63\x00\x07"));
    assert_eq!(unknown.to_string(), "bad-method: frame at byte 0: there is no method 99.7");
}
