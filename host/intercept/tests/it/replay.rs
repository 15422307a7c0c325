//! What is neither TCP nor DNS: it passes in record, and is refused in replay; both are counted.
use intercept::{Mode, Protocol, Uncaught};
use libtest_mimic::Trial;

use crate::{
    run::{Run, outsider},
    test,
};

pub fn tests() -> Vec<Trial> {
    vec![
        test("replay::other_traffic_is_refused_and_counted", other_traffic_is_refused_and_counted),
        test("replay::other_traffic_passes_in_record_and_is_counted", other_traffic_passes_in_record_and_is_counted),
    ]
}

fn uncaught(to: &str, protocol: u8, times: u64) -> Uncaught {
    Uncaught { to: to.parse().expect("an address"), protocol: Protocol(protocol), times }
}

fn other_traffic_is_refused_and_counted() {
    let outsider = outsider();
    let there = outsider.local_addr().expect("bound");
    let mut run = Run::app(Mode::Replay, &format!("udp {there} 127.0.0.1:9"));
    assert_eq!(
        run.output().lines().collect::<Vec<_>>(),
        [
            "itself ok",
            &format!("{there} PermissionDenied"),
            &format!("connected {there} PermissionDenied"),
            "127.0.0.1:9 PermissionDenied",
            "connected 127.0.0.1:9 PermissionDenied",
            "raw PermissionDenied",
        ]
    );
    assert_eq!(
        run.kernel.uncaught(),
        [uncaught("127.0.0.1:0", 1, 1), uncaught("127.0.0.1:9", 17, 2), uncaught(&there.to_string(), 17, 2)]
    );
    outsider.set_nonblocking(true).expect("a socket");
    assert!(outsider.recv(&mut [0; 9]).is_err(), "nothing arrived");
}

fn other_traffic_passes_in_record_and_is_counted() {
    let outsider = outsider();
    let there = outsider.local_addr().expect("bound");
    let mut run = Run::app(Mode::Record, &format!("udp {there}"));
    let output = run.output();
    assert!(output.lines().all(|line| line.ends_with(" ok")), "{output}");
    assert_eq!(run.kernel.uncaught(), [uncaught("127.0.0.1:0", 1, 1), uncaught(&there.to_string(), 17, 2)]);
    assert_eq!(outsider.recv(&mut [0; 9]).expect("it arrived"), 5);
}
