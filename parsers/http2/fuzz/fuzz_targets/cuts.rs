//! Any frames from both sides, whole and torn, in every mode: no panic, and the same exchanges.
#![no_main]
use keploy_sdk::{
    Connection, Fault, Map, Mode, Parser, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use libfuzzer_sys::fuzz_target;
use parser_http2::Http2;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
const SETTINGS: &[u8] = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00";

fuzz_target!(|input: (&[u8], &[u8], u8)| {
    let (client, server, cut) = input;
    // Half of them without the preface: they may ask for an upgrade.
    let begin = |with: &'static [u8]| if cut % 2 == 0 { with } else { b"" };
    let (client, server) = ([begin(PREFACE), client].concat(), [begin(SETTINGS), server].concat());
    let cut = usize::from(cut).max(1);
    match (record(&client, &server, usize::MAX), record(&client, &server, cut)) {
        (Ok(whole), Ok(torn)) => assert_eq!(whole, torn),
        (Err(whole), Err(torn)) => assert_eq!(whole.code, torn.code),
        (whole, torn) => panic!("whole: {whole:?}, torn: {torn:?}"),
    }
    mock(&client, cut);
    drive(&server, cut);
});

fn connection(mode: Mode) -> <Http2 as Parser>::Connection {
    Connection::new(mode, Peer::default(), Value::Null)
}

fn record(client: &[u8], server: &[u8], cut: usize) -> Result<Vec<Effect>, Fault> {
    let (mut connection, mut host) = (connection(Mode::Record), Recorder::new());
    for (from, bytes) in [(Side::Client, client), (Side::Server, server)] {
        for chunk in bytes.chunks(cut) {
            connection.feed(&mut host, from, 0, 1, chunk)?;
        }
    }
    connection.end(&mut host, Side::Client, 1)?;
    connection.end(&mut host, Side::Server, 1)?;
    Ok(host.take())
}

/// Every request is missed: that has to be said in a way that the client understands.
fn mock(client: &[u8], cut: usize) {
    let (mut connection, mut host) = (connection(Mode::Mock), Recorder::new());
    for chunk in client.chunks(cut) {
        connection.feed(&mut host, Side::Client, 0, 1, chunk).expect("a mock tells the client what is wrong");
        let mut effects = host.take();
        while !effects.is_empty() {
            for effect in effects {
                if let Effect::Open { exchange, .. } = effect {
                    connection.miss(&mut host, exchange, "nothing was recorded").expect("a miss can be said");
                }
            }
            effects = host.take();
        }
    }
}

fn drive(server: &[u8], cut: usize) {
    let (mut connection, mut host) = (connection(Mode::Drive), Recorder::new());
    let request = Map::new().with("method", "GET").with("url", "http://h/").into();
    connection.send(&mut host, 1, request).expect("a request can be sent");
    for chunk in server.chunks(cut) {
        if connection.feed(&mut host, Side::Server, 0, 1, chunk).is_err() {
            return;
        }
    }
    connection.end(&mut host, Side::Server, 1).expect("an end is no error");
}
