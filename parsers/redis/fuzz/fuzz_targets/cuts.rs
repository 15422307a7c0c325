//! Any bytes from both sides, whole and torn: no panic, and the same exchanges.
#![no_main]
use keploy_sdk::{
    Connection, Fault, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use libfuzzer_sys::fuzz_target;
use parser_redis::Conversation;

fuzz_target!(|input: (&[u8], &[u8], u8)| {
    let (client, server, cut) = input;
    let whole = record(client, server, usize::MAX);
    let torn = record(client, server, usize::from(cut).max(1));
    match (whole, torn) {
        (Ok(whole), Ok(torn)) => assert_eq!(whole, torn),
        (Err(whole), Err(torn)) => assert_eq!(whole.code, torn.code),
        (whole, torn) => panic!("whole: {whole:?}, torn: {torn:?}"),
    }
});

/// Up to the first value that the host is to keep: there is no host here to go on behind it.
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
            if matches!(effects.last(), Some(Effect::Keep { .. })) {
                return Ok(effects);
            }
        }
    }
    conversation.end(&mut host, Side::Client, 1)?;
    conversation.end(&mut host, Side::Server, 1)?;
    effects.extend(host.take());
    Ok(effects)
}
