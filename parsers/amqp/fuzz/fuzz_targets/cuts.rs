//! Any frames from both sides, whole or torn: no panic, and the same exchanges. What was recorded can be mocked.
#![no_main]
use keploy_sdk::{
    Connection, Fault, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use libfuzzer_sys::fuzz_target;
use parser_amqp::Conversation;

type Frame<'a> = (u8, u8, &'a [u8]);

fuzz_target!(|input: (Vec<Frame<'_>>, Vec<Frame<'_>>, &[u8], u8)| {
    let (client, server, tail, cut) = input;
    let bytes = |frames: &[Frame<'_>]| frames.iter().flat_map(framed).chain(tail.iter().copied()).collect::<Vec<u8>>();
    let (client, server) = (bytes(&client), bytes(&server));
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

/// Well formed but for what is inside: of a type that there is, on one of two channels.
fn framed((kind, channel, payload): &Frame<'_>) -> Vec<u8> {
    let size = u32::try_from(payload.len()).expect("inputs are short").to_be_bytes();
    let head = [[1, 2, 3, 8][usize::from(kind % 4)], 0, channel % 2];
    [&head, size.as_slice(), payload, &[0xce]].concat()
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
            Effect::Open { .. } | Effect::OpenInbound { .. } => responses.push(Vec::new()),
            Effect::Reply { exchange, response, .. } => responses[*exchange as usize - 1].push(response.clone()),
            _ => {}
        }
    }
    let mut mock = Conversation::new(Mode::Mock, Peer::default(), Value::Null);
    let mut host = Recorder::new();
    if mock.feed(&mut host, Side::Client, 0, 1, client).is_err() {
        return;
    }
    let is_inbound = |effect: &&Effect| matches!(effect, Effect::OpenInbound { .. });
    let opened = recorded.iter().filter(|effect| matches!(effect, Effect::Open { .. } | Effect::OpenInbound { .. }));
    let mut answers = opened.zip(responses).filter(|(effect, _)| !is_inbound(effect)).map(|(_, responses)| responses);
    for effect in host.take() {
        if let Effect::Open { exchange, .. } = effect {
            let outcome = mock.answer(&mut host, exchange, answers.next().unwrap_or_default());
            outcome.expect("what was recorded can be written");
        }
    }
    for (number, effect) in (1 << 32..).zip(recorded.iter().filter(is_inbound)) {
        if let Effect::OpenInbound { request, .. } = effect {
            mock.send(&mut host, number, request.clone()).expect("what was recorded can be written");
        }
    }
}
