//! Any bytes from both sides while a log-in is done twice, whole and torn: no panic, and the same arrives.
#![no_main]
use keploy_sdk::{
    Connection, Fault, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use libfuzzer_sys::fuzz_target;
use parser_postgres::Conversation;

const STARTUP: &[u8] = b"\0\0\0\x12\0\x03\0\0user\0ada\0\0";
const OFFERS_BOTH: &[u8] = b"R\0\0\0\x2a\0\0\0\nSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
const PASSWORD: &[u8] = b"p\0\0\0\x0bsecret\0";

fuzz_target!(|input: (bool, bool, &[u8], &[u8], &[u8], u8)| {
    let (offers, gives, first, client, then, cut) = input;
    let first = [if offers { OFFERS_BOTH } else { b"" }, first].concat();
    let client = [if gives { PASSWORD } else { b"" }, client].concat();
    let said = [(Side::Server, first.as_slice()), (Side::Client, &client), (Side::Server, then)];
    match (arrived(&said, usize::MAX), arrived(&said, usize::from(cut).max(1))) {
        (Ok(whole), Ok(torn)) => assert_eq!(whole, torn),
        (Err(whole), Err(torn)) => assert_eq!(whole.code, torn.code),
        (whole, torn) => panic!("whole: {whole:?}, torn: {torn:?}"),
    }
});

/// What comes out at the client and at the server, and what else was asked of the host.
type Arrived = ([Vec<u8>; 2], Vec<Effect>);

fn arrived(said: &[(Side, &[u8])], cut: usize) -> Result<Arrived, Fault> {
    let peer = Peer { encrypted: true, ..Peer::default() };
    let mut conversation = Conversation::new(Mode::Record, peer, Value::Null);
    let mut host = Recorder::new();
    conversation.feed(&mut host, Side::Client, 0, 1, STARTUP)?;
    let mut offsets = [STARTUP.len() as u64, 0];
    let mut out: [Vec<u8>; 2] = Default::default();
    let mut others = host.take();
    for (from, bytes) in said {
        for chunk in bytes.chunks(cut) {
            let offset = &mut offsets[*from as usize];
            conversation.feed(&mut host, *from, *offset, 1, chunk)?;
            *offset += chunk.len() as u64;
            let effects = host.take();
            if !effects.iter().any(|effect| matches!(effect, Effect::Withhold { .. })) {
                out[1 - *from as usize].extend(chunk);
            }
            for effect in effects {
                match effect {
                    Effect::Withhold { len, .. } => assert_eq!(len, chunk.len() as u64),
                    Effect::Write { to, data } => out[to as usize].extend(data),
                    other => others.push(other),
                }
            }
        }
    }
    conversation.end(&mut host, Side::Client, 1)?;
    conversation.end(&mut host, Side::Server, 1)?;
    others.extend(host.take());
    Ok((out, others))
}
