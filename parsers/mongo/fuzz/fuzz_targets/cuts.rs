//! Any messages from both sides, whole and torn: no panic, and the same exchanges. And a mock that is asked the same, and
//! answered with what was recorded or not at all, goes on or faults.
#![no_main]
use keploy_sdk::{
    Connection, Fault, Map, Mode, Side, Value,
    testing::{Effect, Recorder},
};
use libfuzzer_sys::fuzz_target;
use parser_mongo::Conversation;

/// Longer messages are read in parts: short, so that many are.
const WHOLE: usize = 200;

/// By side: the opcode, what is answered, the flags or the like, and the rest of the message.
type Said<'a> = Vec<(bool, u8, u8, u32, &'a [u8])>;

fuzz_target!(|input: (Said<'_>, u8)| {
    let (said, cut) = input;
    let mut bytes: [Vec<u8>; 2] = Default::default();
    for (from_client, opcode, to, flags, body) in said {
        let side = &mut bytes[usize::from(!from_client)];
        let opcode = [2013u32, 2004, 2012, 1][usize::from(opcode) % 4];
        let to = if from_client { 0 } else { u32::from(to) };
        let (length, id) = (20 + body.len() as u32, side.len() as u32 % 256);
        let head = [length, id, to, opcode, flags & 0x1_0003].map(u32::to_le_bytes).concat();
        side.extend(head.iter().chain(body));
    }
    let [client, server] = bytes;
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

/// What is kept is there at once; which blob it went to is how it was cut.
fn record(client: &[u8], server: &[u8], cut: usize) -> Result<Vec<Effect>, Fault> {
    let mut conversation = Conversation::keeping(Mode::Record, &Value::Null, WHOLE);
    let mut host = Recorder::new();
    let mut effects = Vec::new();
    for (from, bytes) in [(Side::Client, client), (Side::Server, server)] {
        let mut at = 0;
        while at < bytes.len() {
            let chunk = &bytes[at..bytes.len().min(at.saturating_add(cut))];
            conversation.feed(&mut host, from, at as u64, 1, chunk)?;
            at += chunk.len();
            loop {
                let new = host.take();
                let kept = new.iter().find_map(|effect| match effect {
                    Effect::Keep { offset, len, blob, .. } => Some((*offset, *len, *blob)),
                    _ => None,
                });
                let is_kept = |effect: &Effect| matches!(effect, Effect::Keep { .. } | Effect::KeepBytes { .. });
                effects.extend(new.into_iter().filter(|effect| !is_kept(effect)));
                let Some((offset, len, blob)) = kept else { break };
                let end = offset + len;
                if end > bytes.len() as u64 {
                    at = bytes.len();
                    break; // it never came
                }
                at = end as usize;
                conversation.kept(&mut host, from, blob, 1)?;
            }
        }
    }
    conversation.end(&mut host, Side::Client, 1)?;
    conversation.end(&mut host, Side::Server, 1)?;
    effects.extend(host.take());
    Ok(effects)
}

fn mock(client: &[u8], recorded: &[Effect]) {
    let config = Map::new().with("password", "secret").into();
    let mut conversation = Conversation::keeping(Mode::Mock, &config, usize::MAX);
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
