//! Any requests and responses, whole or torn: no panic, and the same exchanges. What was recorded can be mocked.
#![no_main]
use keploy_sdk::{
    Connection, Fault, Map, Mode, Parser, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use libfuzzer_sys::fuzz_target;
use parser_kafka::{Conversation, Kafka};

/// API, version, and what is behind the header.
type Call<'a> = (u8, u8, &'a [u8], &'a [u8]);

fuzz_target!(|input: (Vec<Call<'_>>, u8)| {
    let (calls, cut) = input;
    let numbered = || calls.iter().zip(1_i32..);
    let client: Vec<u8> =
        numbered().flat_map(|((api, version, body, _), n)| request(*api, *version, n, body)).collect();
    let server: Vec<u8> = numbered().flat_map(|((.., body), n)| framed(&[&n.to_be_bytes(), *body].concat())).collect();
    let _any_verdict = Kafka::detect(&Peer::default(), &client, &[]);
    let whole = record(&client, &server, usize::MAX);
    let torn = record(&client, &server, usize::from(cut).max(1));
    match (whole, torn) {
        (Ok(whole), Ok(torn)) => {
            assert_eq!(whole, torn);
            mock(&client, &whole);
        }
        (Err(whole), Err(torn)) => assert_eq!(whole.to_string(), torn.to_string()),
        (whole, torn) => panic!("whole: {whole:?}, torn: {torn:?}"),
    }
});

fn request(api: u8, version: u8, number: i32, body: &[u8]) -> Vec<u8> {
    let no_name = (-1_i16).to_be_bytes();
    let head = [[0, api % 94], [0, version % 19]].concat();
    framed(&[&head, number.to_be_bytes().as_slice(), &no_name, body].concat())
}

fn framed(frame: &[u8]) -> Vec<u8> {
    [&u32::try_from(frame.len()).expect("inputs are short").to_be_bytes(), frame].concat()
}

fn record(client: &[u8], server: &[u8], cut: usize) -> Result<Vec<Effect>, Fault> {
    // What a group commits is a test.
    let config = Map::new().with("commits", "work").into();
    let mut conversation = Conversation::new(Mode::Record, Peer::default(), config);
    let mut host = Recorder::new();
    let mut effects = Vec::new();
    for (from, bytes) in [(Side::Client, client), (Side::Server, server)] {
        let mut offset = 0;
        for chunk in bytes.chunks(cut) {
            conversation.feed(&mut host, from, offset, 1, chunk)?;
            offset += chunk.len() as u64;
            effects.extend(host.take());
        }
    }
    conversation.end(&mut host, Side::Client, 1)?;
    conversation.end(&mut host, Side::Server, 1)?;
    effects.extend(host.take());
    Ok(effects)
}

/// Answers the same client with what was recorded of it.
fn mock(client: &[u8], recorded: &[Effect]) {
    let mut calls: Vec<(&Value, Vec<Value>)> = Vec::new();
    for effect in recorded {
        match effect {
            Effect::Open { request, .. } | Effect::OpenInbound { request, .. } => calls.push((request, Vec::new())),
            Effect::Reply { exchange, response, .. } => calls[*exchange as usize - 1].1.push(response.clone()),
            _ => {}
        }
    }
    let mut mock = Conversation::new(Mode::Mock, Peer::default(), Value::Null);
    let mut host = Recorder::new();
    if mock.feed(&mut host, Side::Client, 0, 1, client).is_err() {
        return;
    }
    for effect in host.take() {
        if let Effect::Open { exchange, request, .. } = effect {
            let found = calls.iter().position(|(recorded, _)| **recorded == request);
            let outcome = match found.map(|at| calls.remove(at)) {
                Some((_, responses)) => mock.answer(&mut host, exchange, responses),
                None => mock.miss(&mut host, exchange, "nothing recorded"),
            };
            outcome.expect("what was recorded can be written");
        }
    }
}
