//! What a server says without being asked, and connections that end early.
use keploy_sdk::{
    Connection, Fault, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_mysql::Conversation;

use crate::wire::{self, packet};

struct Recording {
    conversation: Conversation,
    host: Recorder,
    offsets: [u64; 2],
}

impl Recording {
    fn new() -> Self {
        let conversation = Conversation::new(Mode::Record, Peer::default(), Value::Null);
        Self { conversation, host: Recorder::new(), offsets: [0, 0] }
    }

    fn logged_in() -> Self {
        let mut recording = Self::new();
        recording.feed(Side::Server, &wire::greeting(wire::CAPABILITIES)).expect("is well");
        recording.feed(Side::Client, &wire::log_in()).expect("is well");
        recording.feed(Side::Server, &packet(2, wire::OK)).expect("is well");
        recording.host.take();
        recording
    }

    fn feed(&mut self, from: Side, bytes: &[u8]) -> Result<(), Fault> {
        let offset = &mut self.offsets[usize::from(from == Side::Server)];
        let at = *offset;
        *offset += bytes.len() as u64;
        self.conversation.feed(&mut self.host, from, at, 1, bytes)
    }

    fn end(&mut self) -> Vec<Effect> {
        for side in [Side::Client, Side::Server] {
            self.conversation.end(&mut self.host, side, 1).expect("an end is well");
        }
        self.host.take()
    }
}

/// ER_CLIENT_INTERACTION_TIMEOUT: said to an idle client before the server hangs up.
const TIMEOUT: &[u8] = b"\xff\xbf\x0f#HY000The client was disconnected by the server because of inactivity.";

#[test]
fn an_idle_connection_that_the_server_ends_is_well() {
    let mut recording = Recording::logged_in();
    recording.feed(Side::Server, &packet(0, TIMEOUT)).expect("is no fault");
    assert_eq!(recording.end(), []);
}

/// The client finds it where it looks for its answer.
#[test]
fn what_was_said_unasked_answers_the_next_command() {
    let mut recording = Recording::logged_in();
    recording.feed(Side::Server, &packet(0, TIMEOUT)).expect("is no fault");
    recording.feed(Side::Client, &packet(0, b"\x03COMMIT")).expect("is well");
    let effects = recording.end();
    let [Effect::Open { .. }, Effect::Reply { response, .. }, Effect::Close { .. }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(response.get("error").and_then(|error| error.get("code")), Some(&Value::Int(4031)));
}

/// Health checks look whether somebody greets, and go.
#[test]
fn a_client_that_only_listens_is_well() {
    let mut recording = Recording::new();
    recording.feed(Side::Server, &wire::greeting(wire::CAPABILITIES)).expect("is well");
    assert!(matches!(recording.end().as_slice(), [Effect::Open { .. }, Effect::Reply { .. }, Effect::Close { .. }]));
}

#[test]
fn an_answer_that_was_cut_off_is_lost() {
    let mut recording = Recording::logged_in();
    recording.feed(Side::Client, &packet(0, b"\x03SELECT 1 FROM t")).expect("is well");
    recording.feed(Side::Server, &packet(1, &[1])).expect("is well");
    let effects = recording.end();
    assert!(matches!(effects.as_slice(), [Effect::Open { .. }, Effect::Abandon { .. }]), "{effects:?}");
}
