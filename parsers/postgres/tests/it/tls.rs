//! Encryption that begins in mid-stream.
use keploy_sdk::{Mode, Side, testing::Effect};

use crate::wire::{LOGGED_IN, Link, STARTUP};

pub const SSL_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const GSSENC_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";

#[test]
fn tls_begins_behind_the_servers_word() {
    let mut link = Link::new(Mode::Record);
    assert_eq!(link.client(GSSENC_REQUEST), []);
    assert_eq!(link.server(b"N"), []);
    assert_eq!(link.client(SSL_REQUEST), []);
    let effects = link.server(b"S");
    assert_eq!(effects.last(), Some(&Effect::UpgradeTls { client: 16, server: 2 }), "{effects:?}");
    link.client(STARTUP);
    let effects = link.server(LOGGED_IN);
    assert!(matches!(effects.as_slice(), [.., Effect::Reply { .. }, Effect::Close { .. }]), "{effects:?}");
}

/// Which it was when it was recorded; without a recording, encryption is what a driver is more likely to insist on.
#[test]
fn a_mock_encrypts_as_the_server_did() {
    let said = |accepted| keploy_sdk::Map::new().with("accepted", accepted).into();
    let outcome = |answer: Option<bool>| {
        let mut link = Link::new(Mode::Mock);
        assert!(matches!(link.client(SSL_REQUEST).as_slice(), [Effect::Open { exchange: 1, .. }]));
        match answer {
            Some(accepted) => {
                keploy_sdk::Connection::answer(&mut link.conversation, &mut link.host, 1, vec![said(accepted)])
            }
            None => keploy_sdk::Connection::miss(&mut link.conversation, &mut link.host, 1, "not recorded"),
        }
        .expect("it can be answered");
        link.host.take()
    };
    let write = |byte: &[u8]| Effect::Write { to: Side::Client, data: byte.to_vec() };
    let upgrade = Effect::UpgradeTls { client: 8, server: 0 };
    assert_eq!(outcome(Some(false)), [write(b"N")]);
    assert_eq!(outcome(Some(true)), [write(b"S"), upgrade.clone()]);
    assert_eq!(outcome(None), [write(b"S"), upgrade]);
}
