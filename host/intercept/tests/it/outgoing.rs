//! Connections that the application makes.
use intercept::Mode;
use libtest_mimic::Trial;

use crate::{run::Run, test};

pub fn tests() -> Vec<Trial> {
    vec![
        test("outgoing::the_relay_knows_where_a_connection_was_going", the_relay_knows_where_a_connection_was_going),
        test("outgoing::in_replay_too", in_replay_too),
        test("outgoing::nothing_is_mixed_up_under_fast_reuse", nothing_is_mixed_up_under_fast_reuse),
        test("outgoing::a_stranger_at_the_relay_was_going_nowhere", a_stranger_at_the_relay_was_going_nowhere),
    ]
}

fn dials_everywhere(mode: Mode) {
    let targets = "10.1.2.3:80 127.0.0.1:6379 127.9.9.9:1 [2001:db8::7]:443 [::1]:6379 [::ffff:10.4.5.6]:90";
    let output = Run::app(mode, &format!("dial {targets}")).output();
    let seen: Vec<_> = output.lines().collect();
    let want: Vec<_> = targets
        .split(' ')
        .map(|target| {
            // To the relay a mapped address is IPv4; the application sees what it dialled.
            let origin = target.replace("[::ffff:10.4.5.6]", "10.4.5.6");
            format!("{target} {origin} {target}")
        })
        .collect();
    assert_eq!(seen, want);
}

fn the_relay_knows_where_a_connection_was_going() {
    dials_everywhere(Mode::Record);
}

fn in_replay_too() {
    dials_everywhere(Mode::Replay);
}

fn nothing_is_mixed_up_under_fast_reuse() {
    let output = Run::app(Mode::Record, "dial-many 5000 32").output();
    assert!(output.ends_with("0 wrong of 5000\n"), "{output}");
}

fn a_stranger_at_the_relay_was_going_nowhere() {
    let run = Run::shell(Mode::Record, "exec sleep 1000");
    let port = run.relay.ports().egress4;
    let (_, answer) = crate::run::ask(([127, 0, 0, 1], port).into(), "").expect("the relay answers");
    assert_eq!(answer, "nowhere");
}
