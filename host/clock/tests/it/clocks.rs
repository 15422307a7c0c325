//! What clocks show: in every language, in threads and forked processes from before, in programs started later, and when the
//! clock is moved meanwhile.
use std::process::Command;

use libtest_mimic::Trial;

use crate::{
    programs::{c, go, source, there_is},
    test,
    under::{DAY, SECOND, START, Teller, clock, output, under, under_as_nobody},
};

pub fn tests() -> Vec<Trial> {
    let mut tests = vec![
        test("clocks::c", || follows(&[&c("clocks", "cc", &[])], 30)),
        test("clocks::c_static", || follows(&[&c("clocks", "cc", &["-static"])], 30)),
        test("clocks::nobody_has_it_too", nobody_has_it_too),
        test("clocks::nobody_else_has_it", nobody_else_has_it),
        test("clocks::monotonic_time_is_real", monotonic_time_is_real),
        test("clocks::an_offset_on_the_command_line", an_offset_on_the_command_line),
        test("clocks::there_is_one_supervisor_at_most", there_is_one_supervisor_at_most),
    ];
    let languages: [(&str, &str, fn()); 6] = [
        ("musl-gcc", "c_musl", || follows(&[&c("clocks", "musl-gcc", &["-static"])], 30)),
        ("go", "go", || follows(&[&go("clocks")], 3)),
        ("python3", "python", || follows(&["python3", &source("clocks.py")], 5)),
        ("node", "node", || follows(&["node", &source("clocks.js")], 4)),
        ("ruby", "ruby", || follows(&["ruby", &source("clocks.rb")], 5)),
        ("javac", "java", || follows(&["java", &source("Clocks.java")], 4)),
    ];
    for (tool, name, body) in languages {
        if there_is(tool) {
            tests.push(test(format!("clocks::{name}"), body));
        } else {
            eprintln!("clocks::{name} is left out: there is no {tool} here");
        }
    }
    tests
}

/// `least`: how many clocks it shows.
fn follows(command: &[&str], least: usize) {
    let clock = clock();
    let mut teller = Teller::start(&mut under(&clock, command));
    assert!(teller.tells(&clock) >= least);
    // By a day; by a year, to a time just after a whole second, where coarse clocks show the one before; not at all.
    for to in [START + DAY, START + 365 * DAY + 1] {
        clock.advance(to).expect("forward");
        teller.tells(&clock);
        teller.tells(&clock);
    }
    let now = clock.now();
    clock.advance(START).expect_err("it never goes back");
    assert!(clock.now() >= now);
    teller.tells(&clock);
}

/// Without root the kernel wants `no_new_privs`.
fn nobody_has_it_too() {
    let clock = clock();
    let text = output(&mut under_as_nobody(&clock, &["sh", "-c", "id -u; date +%s; date +%s & wait"]));
    let numbers: Vec<u64> = text.lines().map(|line| line.parse().expect("a number")).collect();
    assert_eq!((numbers.len(), numbers[0]), (3, 65534));
    assert!(numbers[1..].iter().all(|time| (START / SECOND..=clock.now() / SECOND).contains(time)), "{text}");
}

fn nobody_else_has_it() {
    let clock = clock();
    let program = c("clocks", "cc", &[]);
    let (mut theirs, mut ours) =
        (Teller::start(&mut under(&clock, &[&program])), Teller::start(&mut Command::new(&program)));
    theirs.tells(&clock);
    let told = ours.tell();
    // Later than when this was written.
    assert!(told.iter().filter(|(name, _)| name == "realtime").all(|(_, time)| *time > START + 500 * DAY), "{told:?}");
}

fn monotonic_time_is_real() {
    let monotonic = |teller: &mut Teller| {
        let told = teller.tell();
        told.into_iter().find_map(|(name, time)| (name == "monotonic").then_some(time)).expect("it tells")
    };
    let clock = clock();
    let program = c("clocks", "cc", &[]);
    let (mut theirs, mut ours) =
        (Teller::start(&mut under(&clock, &[&program])), Teller::start(&mut Command::new(&program)));
    let first = monotonic(&mut ours);
    clock.advance(START + 100 * DAY).expect("forward");
    let second = monotonic(&mut theirs);
    assert!((first..=monotonic(&mut ours)).contains(&second));
}

fn an_offset_on_the_command_line() {
    let at_time =
        |offset, command: &[&str]| output(Command::new(env!("CARGO_BIN_EXE_at-time")).arg(offset).args(command));
    let seconds = |text: String| text.trim().parse::<u64>().expect("a number");
    let real = || seconds(output(Command::new("date").arg("+%s")));
    let behind = 365 * 86_400 + 3 * 3_600;
    let (before, theirs, after) = (real(), seconds(at_time("-365d3h", &["date", "+%s"])), real());
    assert!((before..=after).contains(&(theirs + behind)), "{theirs}");
    let missing = Command::new(env!("CARGO_BIN_EXE_at-time")).args(["1s", "no-such-program"]).output();
    let missing = missing.expect("it starts");
    assert_eq!(missing.status.code(), Some(127));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no-such-program"));
}

fn there_is_one_supervisor_at_most() {
    let at_time = env!("CARGO_BIN_EXE_at-time");
    let nested = Command::new(at_time).args(["-1d", at_time, "-1d", "true"]).output().expect("it starts");
    let text = String::from_utf8_lossy(&nested.stderr);
    assert!(nested.status.code() == Some(1) && text.contains("hint: "), "{text}");
}
