//! Heartbeats.
use keploy_sdk::{Mode, Side};

use crate::wire::{ACK, CHANNEL_OPEN, Talk, frame, method, written};

const SECOND: u64 = 1_000_000_000;
/// connection.tune-ok with a heartbeat of four seconds.
const TUNE_OK: &[u8] = b"\x00\x0a\x00\x1f\x00\x00\x00\x02\x00\x00\x00\x04";

fn heartbeat() -> Vec<u8> {
    frame(8, 0, b"")
}

#[test]
fn a_heartbeat_is_answered() {
    let mut mock = Talk::new(Mode::Mock);
    let effects = mock.feed(Side::Client, 1, &heartbeat()).expect("it is well");
    assert_eq!(written(&effects), heartbeat());
}

/// It need not send heartbeats, and nothing that it says is answered.
#[test]
fn a_client_that_only_talks_sees_that_we_live() {
    let mut mock = Talk::new(Mode::Mock);
    let (exchange, _) = mock.ask(&frame(1, 0, TUNE_OK));
    mock.miss(exchange);
    let (exchange, _) = mock.ask(&method(CHANNEL_OPEN));
    mock.miss(exchange);
    for (at, expected) in [(SECOND / 2, vec![]), (2 * SECOND, heartbeat()), (5 * SECOND / 2, vec![])] {
        let effects = mock.feed(Side::Client, at, &method(ACK)).expect("it is well");
        assert_eq!(written(&effects), expected, "after {at} ns");
    }
}

#[test]
fn a_recording_has_none_of_it() {
    let mut recording = Talk::new(Mode::Record);
    for side in [Side::Client, Side::Server] {
        assert_eq!(recording.feed(side, 1, &heartbeat()), Ok(vec![]));
    }
}
