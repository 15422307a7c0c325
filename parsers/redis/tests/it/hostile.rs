//! Bytes that no server would send: whatever comes, the parser faults or goes on. It never panics, and what it reads it
//! can write again.
use keploy_sdk::{
    Connection, Fault, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_redis::{
    Conversation,
    resp::{self, Scan, Scanner, Segments},
};

const REPLIES: &str = "$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n|1\r\n+ttl\r\n:1\r\n%1\r\n+a\r\n*2\r\n:+1\r\n*?\r\n,1.5\r\n.\r\n\
                       ~2\r\n#t\r\n_\r\n>2\r\n$1\r\nx\r\n$-1\r\n=5\r\ntxt:a\r\n!3\r\nERR\r\n(12\r\n*-1\r\n";
const COMMANDS: &str = "*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nx\r\nMULTI\r\nset \"a\\x41\" 'b'\r\n*1\r\n$4\r\nEXEC\r\n*0\r\n*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n";

/// Every byte of both texts, replaced by every byte that means something, and dropped, and the rest cut off.
#[test]
fn no_mutation_is_dangerous() {
    let telling = *b"\r\n$*%|~>:+-?;.,#_(!=0129 \"\\x\x00\xff";
    for (text, from) in [(REPLIES, Side::Server), (COMMANDS, Side::Client)] {
        for at in 0..text.len() {
            let mut mutant = text.as_bytes().to_vec();
            for byte in telling {
                mutant[at] = byte;
                run(&mutant, from);
            }
            mutant.remove(at);
            run(&mutant, from);
            run(&text.as_bytes()[..at], from);
        }
    }
}

/// Lengths and depths that would cost memory or time.
#[test]
fn what_is_too_large_is_refused() {
    let fault = |bytes: &[u8]| {
        let (mut conversation, mut host) = ready();
        conversation.feed(&mut host, Side::Server, 0, 1, bytes).expect_err("is refused").code
    };
    assert_eq!(fault("*1\r\n".repeat(1000).as_bytes()), "too-deep");
    assert_eq!(fault(b"=99999999999\r\n"), "value-too-large");
    assert_eq!(fault(&[b'+'; 100_000]), "line-too-long");
    assert_eq!(fault(b"$99999999999999999999\r\n"), "bad-length");
    assert_eq!(fault(b"$007\r\n"), "bad-length");
    assert_eq!(fault(b"hello\r\n"), "bad-type");
    // A count that is never fulfilled costs nothing.
    let (mut conversation, mut host) = ready();
    conversation.feed(&mut host, Side::Server, 0, 1, b"*999999999999999999\r\n").expect("waits");
}

#[test]
fn a_fault_says_where_and_what() {
    let (mut conversation, mut host) = ready();
    conversation.feed(&mut host, Side::Server, 0, 1, b"*2\r\n:1").expect("is well so far");
    let fault = conversation.feed(&mut host, Side::Server, 6, 1, b"\r\n<oops\r\n").expect_err("is refused");
    assert_eq!(
        fault.message,
        "byte 8 of the server: expected a RESP type, one of + - : $ * _ # , ( ! = % ~ > |, found `<oops`"
    );
}

fn ready() -> (Conversation, Recorder) {
    (Conversation::new(Mode::Record, Peer::default(), Value::Null), Recorder::new())
}

/// Whole and torn, it comes to the same; and nothing panics.
fn run(bytes: &[u8], from: Side) {
    let pings = b"PING\r\n".repeat(20);
    let (client, server): (&[u8], &[u8]) = if from == Side::Client { (bytes, b"+OK\r\n") } else { (&pings, bytes) };
    match (record(client, server, usize::MAX), record(client, server, 1)) {
        (Ok(whole), Ok(torn)) => assert_eq!(whole, torn),
        (Err(whole), Err(torn)) => assert_eq!(whole.code, torn.code),
        (whole, torn) => panic!("{}: whole: {whole:?}, torn: {torn:?}", bytes.escape_ascii()),
    }
    round_trip(bytes);
}

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

/// Whatever is read as a value is written as the same bytes.
fn round_trip(bytes: &[u8]) {
    let Ok(Scan::Whole(len)) = Scanner::default().scan(bytes, u64::MAX) else { return };
    let Ok(value) = resp::read(&bytes[..len], &[]) else { return };
    let (mut out, mut host) = (Segments::default(), Recorder::new());
    resp::write(&value, &mut out).expect("what was read can be written");
    out.send(&mut host, Side::Client);
    assert_eq!(host.take(), [Effect::Write { to: Side::Client, data: bytes[..len].to_vec() }], "{value:?}");
}
