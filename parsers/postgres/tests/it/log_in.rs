//! Log-ins that are bound to the server's certificate, done twice: what arrives on both sides, whole and torn.
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};
use keploy_sdk::{Connection, Fault, Mode, Pace, Peer, Session, Side, Value, testing::Effect};
use parser_postgres::Conversation;
use sha2::{Digest, Sha256};

use crate::{
    tls::SSL_REQUEST,
    wire::{LOGGED_IN, STARTUP, message, query},
};

const ASKS_FOR_PASSWORD: &[u8] = b"R\0\0\0\x08\0\0\0\x03";

fn offers_both() -> Vec<u8> {
    authentication(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
}

fn wrong() -> Vec<u8> {
    message(b'E', b"SFATAL\0C28P01\0Mpassword authentication failed\0\0")
}

fn notice() -> Vec<u8> {
    message(b'N', b"SNOTICE\0C00000\0Mhello\0\0")
}

/// A relay that does as it is told, a chunk at a time.
struct Relay {
    conversation: Conversation,
    host: keploy_sdk::testing::Recorder,
    chunk: usize,
    offsets: [u64; 2],
    /// What the client and the server got and have not read.
    arrived: [Vec<u8>; 2],
    lockstep: bool,
    left: Vec<String>,
    replies: Vec<Value>,
}

impl Relay {
    /// Inside TLS, behind the start-up packet.
    fn new(chunk: usize) -> Self {
        let peer = Peer { host: "db.test".into(), port: 5432, encrypted: true };
        let mut relay = Self {
            conversation: Conversation::new(Mode::Record, peer, Value::Null),
            host: keploy_sdk::testing::Recorder::new(),
            chunk,
            offsets: [0, 0],
            arrived: [Vec::new(), Vec::new()],
            lockstep: true,
            left: Vec::new(),
            replies: Vec::new(),
        };
        relay.client(STARTUP);
        assert_eq!(relay.at(Side::Server), STARTUP);
        relay
    }

    fn client(&mut self, data: &[u8]) {
        self.feed(Side::Client, data).expect("no fault");
    }

    fn server(&mut self, data: &[u8]) {
        self.feed(Side::Server, data).expect("no fault");
    }

    fn feed(&mut self, from: Side, data: &[u8]) -> Result<(), Fault> {
        for chunk in data.chunks(self.chunk) {
            let base = self.offsets[from as usize];
            let outcome = self.conversation.feed(&mut self.host, from, base, 7, chunk);
            if outcome.is_err() {
                self.arrived[1 - from as usize].extend(chunk);
                return outcome;
            }
            self.offsets[from as usize] += chunk.len() as u64;
            let mut goes_on = chunk.to_vec();
            let mut said: [Vec<u8>; 2] = Default::default();
            for effect in self.host.take() {
                match effect {
                    Effect::Withhold { from: side, offset, len } => {
                        assert!(self.lockstep && side == from, "{side:?}");
                        let at = (offset - base) as usize;
                        goes_on.drain(at..at + len as usize);
                    }
                    Effect::Write { to, data } => {
                        assert!(self.lockstep);
                        said[to as usize].extend(data);
                    }
                    Effect::SetPace(pace) => self.lockstep = pace == Pace::Lockstep,
                    Effect::LeaveEncrypted { reason } => self.left.push(reason),
                    Effect::Reply { response, .. } => self.replies.push(response),
                    _ => {}
                }
            }
            self.arrived[1 - from as usize].extend(goes_on);
            self.arrived[0].extend(&said[0]);
            self.arrived[1].extend(&said[1]);
        }
        Ok(())
    }

    /// What arrived there since it was looked at.
    fn at(&mut self, side: Side) -> Vec<u8> {
        std::mem::take(&mut self.arrived[side as usize])
    }

    /// Up to the server's challenge: returns what a server has to know to judge the proof.
    fn challenged(&mut self, password: &[u8]) -> Server {
        self.server(&offers_both());
        assert_eq!(self.at(Side::Client), ASKS_FOR_PASSWORD);
        assert_eq!(self.at(Side::Server), b"");
        self.client(&message(b'p', &[password, b"\0"].concat()));
        let first = self.at(Side::Server);
        let first = first.strip_prefix(b"p\0\0\0\x36SCRAM-SHA-256\0\0\0\0\x20n,,").expect("what a client says first");
        let first = String::from_utf8(first.to_vec()).expect("SCRAM is text");
        let nonce = first.strip_prefix("n=,r=").expect("PostgreSQL needs no user");
        let challenge = format!("r={nonce}more,s={},i=4096", BASE64.encode(b"salt"));
        self.server(&authentication(11, challenge.as_bytes()));
        Server { first, challenge }
    }
}

/// The other end of SCRAM-SHA-256, as the standard has it.
struct Server {
    first: String,
    challenge: String,
}

impl Server {
    /// Checks the proof; the signature that proves the server.
    fn judges(&self, proof: &[u8], password: &[u8]) -> Result<Vec<u8>, ()> {
        let proof = String::from_utf8(proof[5..].to_vec()).expect("SCRAM is text");
        let (bare, proof) = proof.split_once(",p=").expect("the proof comes last");
        assert!(self.challenge.starts_with(bare.strip_prefix("c=biws,").expect("no binding")));
        let said = format!("{},{},{bare}", self.first, self.challenge);
        let salted = keploy_sdk::testing::Recorder::new().derive_key(password, b"salt", 4096).expect("4096 rounds");
        let stored = Sha256::digest(hmac(&salted, b"Client Key"));
        let signature = hmac(&stored, said.as_bytes());
        let proof = BASE64.decode(proof).expect("proofs are base64");
        let key: Vec<u8> = proof.iter().zip(signature).map(|(proof, signature)| proof ^ signature).collect();
        match Sha256::digest(key) == stored {
            true => Ok(hmac(&hmac(&salted, b"Server Key"), said.as_bytes())),
            false => Err(()),
        }
    }
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).expect("any key").chain_update(data).finalize().into_bytes().to_vec()
}

fn authentication(kind: u32, data: &[u8]) -> Vec<u8> {
    message(b'R', &[&kind.to_be_bytes(), data].concat())
}

fn signed(signature: &[u8]) -> Vec<u8> {
    authentication(12, format!("v={}", BASE64.encode(signature)).as_bytes())
}

#[test]
fn both_are_let_in_however_it_is_torn() {
    for chunk in [1, 2, 3, 5, 7, 11, 1000] {
        let mut relay = Relay::new(chunk);
        relay.server(&notice());
        assert_eq!(relay.at(Side::Client), notice());
        let server = relay.challenged(b"pencil");
        let signature = server.judges(&relay.at(Side::Server), b"pencil").expect("the proof is right");
        assert!(relay.lockstep);
        // The server is done, and begins to say something else.
        let notice = notice();
        let (begin, end) = notice.split_at(3);
        relay.server(&[&signed(&signature), LOGGED_IN, begin].concat());
        assert_eq!(relay.at(Side::Client), [LOGGED_IN, begin].concat(), "{chunk}");
        assert!(!relay.lockstep);
        relay.server(end);
        relay.client(&query("SELECT 1 FROM a"));
        assert_eq!(relay.at(Side::Server), query("SELECT 1 FROM a"), "{chunk}");
        relay.server(&[crate::wire::tag("SELECT 0"), crate::wire::ready()].concat());
        assert_eq!(relay.replies.len(), 2, "the log-in and the query: {:?}", relay.replies);
        let shown = format!("{:?} {:?}", relay.replies, relay.host.logged);
        assert!(!shown.contains("pencil") && relay.left.is_empty(), "{shown}");
    }
}

#[test]
fn a_wrong_password_is_the_servers_to_refuse() {
    for (password, left) in [(&b"pen"[..], 0), ("pén".as_bytes(), 1)] {
        let mut relay = Relay::new(3);
        let server = relay.challenged(password);
        assert_eq!(server.judges(&relay.at(Side::Server), b"pencil"), Err(()));
        relay.server(&wrong());
        assert_eq!(relay.at(Side::Client), wrong());
        assert_eq!(relay.replies[0].get("error").and_then(|error| error.get("code")), Some(&"28P01".into()));
        // Beyond ASCII it may be us who got it wrong: the next one is the driver's own.
        assert_eq!(relay.left.len(), left, "{:?}", relay.left);
    }
}

#[test]
fn an_impostor_is_not_believed() {
    for words in [signed(&[0; 32]), authentication(0, b""), authentication(12, b"e=other-error")] {
        let mut relay = Relay::new(1000);
        relay.challenged(b"pencil");
        let fault = relay.feed(Side::Server, &words).expect_err("nobody has proved anything");
        assert!(fault.code == "bad-signature" || fault.code == "bad-authentication", "{fault}");
        assert!(!fault.message.contains("pencil"));
    }
}

#[test]
fn a_client_that_keeps_its_password_is_left_alone_from_then_on() {
    let mut silent = Relay::new(1000);
    silent.server(&offers_both());
    silent.conversation.end(&mut silent.host, Side::Client, 9).expect("an end is no fault");
    let effects = silent.host.take();
    assert!(
        matches!(effects.as_slice(), [Effect::LeaveEncrypted { reason }] if reason.contains("hint:")),
        "{effects:?}"
    );

    let mut polite = Relay::new(2);
    polite.server(&offers_both());
    polite.client(&message(b'X', b""));
    assert_eq!((polite.at(Side::Server), polite.left.len()), (message(b'X', b""), 1));

    // There is nothing else than a bound log-in: the driver tries it, in vain, once.
    let mut strict = Relay::new(2);
    let offers = authentication(10, b"SCRAM-SHA-256-PLUS\0\0");
    strict.server(&offers);
    assert_eq!((strict.at(Side::Client), strict.left.len(), strict.lockstep), (offers, 1, false));

    // So many rounds that nobody derives the key.
    let mut slow = Relay::new(1000);
    slow.server(&offers_both());
    slow.client(&message(b'p', b"pencil\0"));
    let first = slow.at(Side::Server);
    let nonce = String::from_utf8_lossy(&first[first.len() - 24..]).into_owned();
    slow.server(&authentication(11, format!("r={nonce}x,s=AAAA,i=2000000000").as_bytes()));
    assert_eq!(slow.left.len(), 1);
}

#[test]
fn other_log_ins_are_none_of_our_business() {
    let others = [
        authentication(0, b""),
        authentication(3, b""),
        authentication(5, b"salt"),
        authentication(10, b"SCRAM-SHA-256\0\0"),
        wrong(),
    ];
    for chunk in [1, 4, 1000] {
        for other in &others {
            let mut relay = Relay::new(chunk);
            relay.server(other);
            assert_eq!((&relay.at(Side::Client), relay.lockstep), (other, false));
            relay.client(&message(b'p', b"secret\0"));
            assert_eq!(relay.at(Side::Server), message(b'p', b"secret\0"));
        }
    }
    // Without TLS nothing is bound to anything.
    let mut plain = crate::wire::Link::new(Mode::Record);
    plain.client(SSL_REQUEST);
    plain.server(b"N");
    assert!(plain.client(STARTUP).contains(&Effect::SetPace(Pace::Free)));
    assert_eq!(plain.server(&offers_both()), []);
}
