//! Any bytes from both sides, behind a log-in and whole or torn: no panic, and the same exchanges. What was recorded can
//! be mocked.
#![no_main]
use keploy_sdk::{
    Connection, Fault, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use libfuzzer_sys::fuzz_target;
use parser_mysql::Conversation;

fuzz_target!(|input: (u64, &[u8], &[u8], u8)| {
    let (capabilities, client, server, cut) = input;
    let sides = |log_in: [Vec<u8>; 3]| {
        let [greeting, hello, ok] = log_in;
        ([hello, client.to_vec()].concat(), [greeting, ok, server.to_vec()].concat())
    };
    for (client, server) in [(client.to_vec(), server.to_vec()), sides(log_in(capabilities))] {
        let whole = record(&client, &server, usize::MAX);
        let torn = record(&client, &server, usize::from(cut).max(1));
        match (whole, torn) {
            (Ok(whole), Ok(torn)) => {
                assert_eq!(whole, torn);
                mock(&client, &whole);
            }
            // Compressed frames are unpacked before the packets in front of them are read: which fault is first depends.
            (Err(_), Err(_)) => {}
            (whole, torn) => panic!("whole: {whole:?}, torn: {torn:?}"),
        }
    }
});

/// A greeting, a log-in and an OK that agree on these capabilities, without TLS.
fn log_in(capabilities: u64) -> [Vec<u8>; 3] {
    let flags = (capabilities | 1 << 9) & !(1 << 11);
    let (low, extended) = ((flags as u32).to_le_bytes(), ((flags >> 32) as u32).to_le_bytes());
    let mut greeting = b"\x0a9\0\0\0\0\0nonce---\0".to_vec();
    greeting.extend([low[0], low[1], 45, 2, 0, low[2], low[3], 21]);
    greeting.extend([&[0; 6], extended.as_slice(), b"twelve-bytes\0native\0"].concat());
    let mut hello = [&low, [0, 0, 0, 1].as_slice(), &[45], &[0; 19], &extended].concat();
    hello.extend(b"user\0\0\0\0\0");
    [packet(0, &greeting), packet(1, &hello), packet(2, &[0, 0, 0, 2, 0, 0, 0])]
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    [&[payload.len() as u8, 0, 0, sequence], payload].concat()
}

fn record(client: &[u8], server: &[u8], cut: usize) -> Result<Vec<Effect>, Fault> {
    let mut conversation = Conversation::new(Mode::Record, Peer::default(), Value::Null);
    let mut host = Recorder::new();
    let mut effects = Vec::new();
    for (from, bytes) in [(Side::Client, client), (Side::Server, server)] {
        let mut offset = 0;
        for chunk in bytes.chunks(cut) {
            conversation.feed(&mut host, from, offset, 1, chunk)?;
            offset += chunk.len() as u64;
            effects.extend(host.take());
            if effects.iter().any(|effect| matches!(effect, Effect::UpgradeTls { .. })) {
                return Ok(effects);
            }
        }
    }
    conversation.end(&mut host, Side::Client, 1)?;
    conversation.end(&mut host, Side::Server, 1)?;
    effects.extend(host.take());
    Ok(effects)
}

/// Answers the same client with what was recorded of it, in the order that it was asked.
fn mock(client: &[u8], recorded: &[Effect]) {
    let mut responses: Vec<Vec<Value>> = Vec::new();
    for effect in recorded {
        match effect {
            Effect::Open { .. } => responses.push(Vec::new()),
            Effect::Reply { exchange, response, .. } => responses[*exchange as usize - 1].push(response.clone()),
            _ => {}
        }
    }
    let mut mock = Conversation::new(Mode::Mock, Peer::default(), Value::Null);
    let mut host = Recorder::new();
    let mut outcome = mock.start(&mut host, 1).and_then(|()| mock.feed(&mut host, Side::Client, 0, 1, client));
    let mut answers = responses.into_iter();
    while outcome.is_ok() {
        let opened = host.take().into_iter().find_map(|effect| match effect {
            Effect::Open { exchange, .. } => Some(exchange),
            _ => None,
        });
        let (Some(exchange), Some(responses)) = (opened, answers.next()) else { return };
        outcome = mock.answer(&mut host, exchange, responses);
    }
}
