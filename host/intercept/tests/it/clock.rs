//! The application lives at another time.
use std::{fs, process, sync::Arc, time::Duration};

use clock::Clock;
use intercept::{Command, Mode, RealTime, User};
use libtest_mimic::Trial;

use crate::{
    run::{PATIENCE, Process, Run, app, ask, command, root, this_program},
    test,
};

pub fn tests() -> Vec<Trial> {
    vec![
        test("clock::it_starts_at_the_time_and_follows", it_starts_at_the_time_and_follows),
        test("clock::who_has_no_rights_has_it_too", who_has_no_rights_has_it_too),
        test("clock::without_one_it_lives_at_real_time", without_one_it_lives_at_real_time),
        test("clock::how_the_application_ends_is_told", how_the_application_ends_is_told),
        test("clock::an_application_that_has_just_started_is_ended", one_that_has_just_started_is_ended),
        test("clock::an_application_without_supervisor_ends", an_application_without_supervisor_ends),
        test("clock::what_has_a_debugger_is_named", what_has_a_debugger_is_named),
        test("clock::what_does_not_follow_is_named", what_does_not_follow_is_named),
        test("clock::a_32_bit_program_is_named", a_32_bit_program_is_named),
        test("clock::recording_works_at_another_time", recording_works_at_another_time),
        test("clock::where_it_cannot_be_had_it_is_said_why", where_it_cannot_be_had_it_is_said_why),
    ]
}

const SECOND: u64 = 1_000_000_000;
/// 2025-01-15T10:00:00Z.
const START: u64 = 1_736_935_200 * SECOND;

fn start(user: User, shell: &str) -> Run {
    let owner = user.uid;
    Run::start(Mode::Replay, owner, Command { user, clock: Some(START), ..command(shell) })
}

fn clock(run: &Run) -> Arc<Clock> {
    run.application.clock().expect("this machine can")
}

/// Numbers that are times of the application, in nanoseconds.
fn assert_present(text: &str, clock: &Clock, before: u64) {
    let after = clock.now();
    let times: Vec<u64> = text.split_whitespace().map(|time| time.parse().expect("a number")).collect();
    assert!(!times.is_empty() && times.iter().all(|time| (before..=after).contains(time)), "{text}: {before}..{after}");
}

fn it_starts_at_the_time_and_follows() {
    let mut run = start(root(), &app("serve 127.0.0.1:0 1"));
    let (addr, clock) = (run.listening(), clock(&run));
    assert!(clock.now() < START + PATIENCE.as_nanos() as u64);
    for to in [START, START + 86_400 * SECOND, START + 90 * 86_400 * SECOND] {
        let _ = clock.advance(to);
        let before = clock.now();
        assert_present(&ask(addr, "time").expect("it answers").1, &clock, before);
    }
    assert_eq!(run.application.uncovered(), []);
}

fn who_has_no_rights_has_it_too() {
    let daemon = User { uid: 1, gid: 1, groups: vec![1], name: "daemon".into(), home: "/usr/sbin".into() };
    let shell = "cd /; id -u; grep NoNewPrivs /proc/self/status; date +%s%N";
    let mut run = start(daemon, shell);
    let output = run.output();
    // It may still become somebody else, by sudo for example.
    let time = output.strip_prefix("1\nNoNewPrivs:\t0\n").unwrap_or_else(|| panic!("{output}"));
    assert_present(time, &clock(&run), START);
}

fn without_one_it_lives_at_real_time() {
    let mut run = Run::shell(Mode::Replay, "date +%s; grep Seccomp: /proc/self/status");
    assert_eq!(run.application.clock().map(|_| ()), Err(RealTime::Wanted));
    let output = run.output();
    let (time, filter) = output.split_once('\n').expect("two lines");
    assert!(time.parse::<u64>().expect("a number") * SECOND > START + 500 * 86_400 * SECOND);
    let ours = fs::read_to_string("/proc/self/status").expect("readable");
    assert!(ours.contains(filter.trim()), "no filter of ours: {filter}");
}

fn how_the_application_ends_is_told() {
    for (shell, code) in [("exit 3", 3), ("date >/dev/null", 0), ("exec no-such-program", 127)] {
        assert_eq!(start(root(), shell).wait().code(), Some(code), "{shell}");
    }
}

fn one_that_has_just_started_is_ended() {
    for _ in 0..10 {
        let run = start(root(), "while :; do date; done");
        run.terminate(Duration::ZERO);
    }
}

fn an_application_without_supervisor_ends() {
    let run = start(root(), "exec sleep 1000");
    let status = fs::read_to_string(format!("/proc/{}/status", run.application.pid())).expect("it runs");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("everybody has one");
    let application = Process::open(run.application.pid());
    Process::open(parent.trim().parse().expect("a number")).kill(libc::SIGKILL);
    assert!(application.ends());
    run.wait();
}

/// Twice, and named once.
fn what_has_a_debugger_is_named() {
    let shell = format!("{0}; {0}", app("traced /usr/bin/env true").replace("exec ", ""));
    let mut run = start(root(), &shell);
    run.output();
    let uncovered = run.application.uncovered();
    let named: Vec<_> = uncovered.iter().map(|program| program.command.rsplit('/').next()).collect();
    assert_eq!(named, [Some("env"), Some("true")], "{uncovered:?}");
    assert!(uncovered.iter().all(|program| program.why.contains("a debugger perhaps")), "{uncovered:?}");
}

/// They start at the application's time all the same.
fn what_does_not_follow_is_named() {
    for (shell, why) in
        [(app("sandboxed date +%s%N"), "has a seccomp filter"), ("unshare -i date +%s%N".into(), "IPC namespace")]
    {
        let mut run = start(root(), &shell);
        let output = run.output();
        assert_present(&output, &clock(&run), START);
        let uncovered = run.application.uncovered();
        assert_eq!(uncovered.len(), 1, "{uncovered:?}");
        assert!(uncovered[0].command.starts_with("date +") && uncovered[0].why.contains(why), "{uncovered:?}");
    }
}

fn a_32_bit_program_is_named() {
    // exit(0), in the smallest ELF file there is.
    let mut program = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x03\0\x01\0\0\0\x54\x80\x04\x08\x34\0\0\0".to_vec();
    program.extend(b"\0\0\0\0\0\0\0\0\x34\0\x20\0\x01\0\0\0\0\0\0\0");
    program.extend(b"\x01\0\0\0\0\0\0\0\0\x80\x04\x08\0\x80\x04\x08\x5d\0\0\0\x5d\0\0\0\x05\0\0\0\0\x10\0\0");
    program.extend(b"\x31\xc0\x40\x31\xdb\xcd\x80\xf4\xf4");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("narrow");
    fs::write(&path, program).expect("written");
    let runs = process::Command::new("chmod").arg("+x").arg(&path).status().is_ok_and(|status| status.success())
        && process::Command::new(&path).status().is_ok_and(|status| status.success());
    if !runs {
        eprintln!("clock::a_32_bit_program_is_named: this kernel runs none");
        return;
    }
    let mut run = start(root(), &format!("{} && echo it ran", path.display()));
    assert_eq!(run.output(), "it ran\n");
    let uncovered = run.application.uncovered();
    assert!(uncovered.len() == 1 && uncovered[0].why.contains("32-bit"), "{uncovered:?}");
}

/// Tests record a year ago and replay today.
fn recording_works_at_another_time() {
    let output = at_another_time("record-date");
    let seconds: u64 = output.lines().next().and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{output}"));
    let real = process::Command::new("date").arg("+%s").output().expect("it runs");
    let real: u64 = String::from_utf8_lossy(&real.stdout).trim().parse().expect("a number");
    let behind = real - seconds;
    assert!((86_400..86_400 + PATIENCE.as_secs()).contains(&behind), "{behind}");
}

fn where_it_cannot_be_had_it_is_said_why() {
    let output = at_another_time("record-date");
    let why = output.lines().nth(1).expect("two lines");
    assert!(why.contains("there can be only one") && output.contains("hint: "), "{output}");
}

/// What this program prints a day ago.
fn at_another_time(argument: &str) -> String {
    let program = this_program();
    let output = process::Command::new(&program).arg("at-another-time").arg(&program).arg(argument).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The other end of [`at_another_time`].
pub fn become_program(command: &[&str]) {
    const DAY: i64 = 86_400 * SECOND as i64;
    let clock = Clock::with_offset(-DAY).expect("shared memory");
    // SAFETY: no thread has been started.
    let failure = unsafe { clock::exec(process::Command::new(command[0]).args(&command[1..]), clock) };
    panic!("{failure}");
}

/// Prints the application's time, and why it has no clock.
pub fn record_date() {
    let mut run = Run::start(Mode::Record, 0, Command { clock: Some(START), ..command("date +%s") });
    print!("{}", run.output());
    match run.application.clock() {
        Err(RealTime::Forced(why)) => println!("{why}"),
        other => println!("{other:?}"),
    }
}
