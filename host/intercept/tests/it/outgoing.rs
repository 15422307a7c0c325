//! Connections that the application makes.
use std::net::TcpListener;

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

/// Other machines, as both families and a mixture of them write them.
const ELSEWHERE: &str = "10.1.2.3:80 [2001:db8::7]:443 [::ffff:10.4.5.6]:90";

fn dials(mode: Mode, targets: &str) {
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
    let here = ["127.0.0.1:0", "127.9.9.9:0", "[::1]:0"].map(|addr| TcpListener::bind(addr).expect("a port"));
    let here = here.each_ref().map(|listener| listener.local_addr().expect("bound").to_string());
    dials(Mode::Record, &format!("{ELSEWHERE} {}", here.join(" ")));
}

/// There the upstreams need not exist.
fn in_replay_too() {
    dials(Mode::Replay, &format!("{ELSEWHERE} 127.0.0.1:6379 127.9.9.9:1 [::1]:6379"));
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
