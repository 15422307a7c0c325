//! Starting programs is as it was, whichever way, and however many at once.
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use crate::{
    programs::c,
    test,
    under::{SECOND, START, clock, output, under},
};

pub fn tests() -> Vec<Trial> {
    vec![
        test("execs::from_a_thread_that_is_not_the_first", || have_the_time("thread", 1)),
        test("execs::with_the_parent_standing_still", || have_the_time("spawn", 2)),
        test("execs::along_the_path", || have_the_time("path", 1)),
        test("execs::nobody_sees_a_process_stop", || have_the_time("parent", 1)),
        test("execs::signals_break_nothing", || have_the_time("signals", 30)),
        test("execs::signals_end_and_stop_as_ever", || have_the_time("ends", 1)),
        test("execs::a_new_program_finds_what_it_would", a_new_program_finds_what_it_would),
        test("execs::two_hundred_eight_at_a_time", two_hundred_eight_at_a_time),
        test("execs::no_background_process_is_killed", no_background_process_is_killed),
        test("execs::an_exit_code_is_the_commands", an_exit_code_is_the_commands),
    ]
}

/// Every program started in this part of `execs.c` has the clock.
fn have_the_time(part: &str, programs: usize) {
    let clock = clock();
    let text = output(&mut under(&clock, &[&c("execs", "cc", &[]), part]));
    assert_times(&text, programs, clock.now());
}

fn assert_times(text: &str, count: usize, now: u64) {
    let times: Vec<u64> = text.lines().map(|line| line.parse().unwrap_or_else(|_| panic!("{text}"))).collect();
    assert_eq!(times.len(), count, "{text}");
    assert!(times.iter().all(|time| (START / SECOND..=now / SECOND).contains(time)), "{text}");
}

fn a_new_program_finds_what_it_would() {
    let (clock, program) = (clock(), c("execs", "cc", &[]));
    let natively = output(Command::new(&program).arg("state"));
    assert_eq!(output(&mut under(&clock, &[&program, "state"])), natively);
}

fn two_hundred_eight_at_a_time() {
    let clock = clock();
    let text = output(&mut under(&clock, &["sh", "-c", "seq 200 | xargs -P 8 -I{} sh -c 'date +%s'"]));
    assert_times(&text, 200, clock.now());
}

/// Each shell has a process group of its own, and is gone when its server starts: if the server were stopped by a signal just
/// then, the group would be an orphan with a stopped member, which the kernel kills.
fn no_background_process_is_killed() {
    let script =
        "for i in $(seq 100); do setsid sh -c 'sh -c \"echo alive; exec sleep 0.3\" & exit'; done | grep -c alive";
    let clock = clock();
    let mut command = under(&clock, &["sh", "-c", script]);
    assert_eq!(output(command.stdin(Stdio::null())), "100\n");
}

fn an_exit_code_is_the_commands() {
    let clock = clock();
    let status = under(&clock, &["sh", "-c", "exit 42"]).status().expect("it starts");
    assert_eq!(status.code(), Some(42));
}
