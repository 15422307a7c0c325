//! Any bytes from both sides, behind a log-in, whole and torn: no panic, and the same exchanges. And a mock that is
//! asked the same, and answered with what was recorded or not at all, goes on or faults.
#![no_main]
use keploy_sdk::{
    Connection, Fault, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use libfuzzer_sys::fuzz_target;
use parser_postgres::Conversation;

const STARTUP: &[u8] = b"\0\0\0\x12\0\x03\0\0user\0ada\0\0";
const LOGGED_IN: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";

fuzz_target!(|input: (&[u8], &[u8], u8)| {
    let (client, server, cut) = input;
    let client = [STARTUP, client].concat();
    let server = [LOGGED_IN, server].concat();
    let whole = record(&client, &server, usize::MAX);
    let torn = record(&client, &server, usize::from(cut).max(1));
    if let Ok(effects) = &whole {
        mock(&client, effects);
    }
    match (whole, torn) {
        (Ok(whole), Ok(torn)) => assert_eq!(whole, torn),
        (Err(whole), Err(torn)) => assert_eq!(whole.code, torn.code),
        (whole, torn) => panic!("whole: {whole:?}, torn: {torn:?}"),
    }
});

fn record(client: &[u8], server: &[u8], cut: usize) -> Result<Vec<Effect>, Fault> {
    let mut conversation = Conversation::new(Mode::Record, Peer::default(), Value::Null);
    let mut host = Recorder::new();
    for (from, bytes) in [(Side::Client, client), (Side::Server, server)] {
        let mut offset = 0;
        for chunk in bytes.chunks(cut) {
            conversation.feed(&mut host, from, offset, 1, chunk)?;
            offset += chunk.len() as u64;
        }
    }
    conversation.end(&mut host, Side::Client, 1)?;
    conversation.end(&mut host, Side::Server, 1)?;
    Ok(host.take())
}

fn mock(client: &[u8], recorded: &[Effect]) {
    let mut conversation = Conversation::new(Mode::Mock, Peer::default(), Value::Null);
    let mut host = Recorder::new();
    let mut outcome = conversation.feed(&mut host, Side::Client, 0, 1, client);
    while outcome.is_ok() {
        let effects = host.take();
        let asked = effects.iter().find_map(|effect| match effect {
            Effect::Open { exchange, request, .. } => Some((*exchange, request)),
            _ => None,
        });
        let Some((asked, request)) = asked else { return };
        let known = recorded.iter().find_map(|effect| match effect {
            Effect::Open { exchange, request: known, .. } if known == request => Some(*exchange),
            _ => None,
        });
        let responses: Vec<Value> = recorded
            .iter()
            .filter_map(|effect| match effect {
                Effect::Reply { exchange, response, .. } if Some(*exchange) == known => Some(response.clone()),
                _ => None,
            })
            .collect();
        outcome = match responses.is_empty() {
            true => conversation.miss(&mut host, asked, "nothing"),
            false => conversation.answer(&mut host, asked, responses),
        };
    }
}
