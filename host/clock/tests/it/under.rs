//! A command that lives by a clock.
use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
};

use clock::Clock;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

pub const SECOND: u64 = 1_000_000_000;
/// 2025-01-15T10:00:00Z: long ago, whenever this runs.
pub const START: u64 = 1_736_935_200 * SECOND;
pub const DAY: u64 = 86_400 * SECOND;

pub fn clock() -> Clock {
    Clock::starting_at(START).expect("shared memory")
}

/// The command under the clock, as whoever runs the tests.
pub fn under(clock: &Clock, command: &[&str]) -> Command {
    as_user(clock, "me", command)
}

/// As somebody who has no rights at all.
pub fn under_as_nobody(clock: &Clock, command: &[&str]) -> Command {
    as_user(clock, "nobody", command)
}

fn as_user(clock: &Clock, user: &str, command: &[&str]) -> Command {
    let mut under = Command::new(env::current_exe().expect("Linux knows"));
    under.args(["under", &clock.id().to_string(), user]).args(command);
    under
}

/// The other end of [`under`].
pub fn become_command(clock: &str, user: &str, command: &[&str]) {
    let clock = Clock::open(clock.parse().expect("a number")).expect("it is there");
    if user == "nobody" {
        let (group, user) = (Gid::from_raw(65534), Uid::from_raw(65534));
        setgroups(&[]).and_then(|()| setgid(group)).and_then(|()| setuid(user)).expect("it was root");
    }
    let (program, arguments) = command.split_first().expect("a command");
    // SAFETY: no thread has been started.
    let failure = unsafe { clock::exec(Command::new(program).args(arguments), clock) };
    panic!("{program}: {failure}");
}

/// What the command prints.
pub fn output(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{:?}: {text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    text
}

/// A program that says what its clocks show, once for each line that it is sent.
pub struct Teller {
    program: Child,
    lines: BufReader<ChildStdout>,
}

impl Teller {
    pub fn start(command: &mut Command) -> Self {
        let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(program.stdout.take().expect("a pipe"));
        Self { program, lines }
    }

    /// Pairs of a name and what is said: nanoseconds, or seconds if the name ends so.
    pub fn tell(&mut self) -> Vec<(String, u64)> {
        self.program.stdin.as_ref().expect("a pipe").write_all(b"now\n").expect("it reads");
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("text");
        let pairs = line.split_whitespace().map(|pair| {
            let (name, number) = pair.split_once('=').unwrap_or_else(|| panic!("{line}"));
            (name.to_owned(), number.parse().unwrap_or_else(|_| panic!("{line}")))
        });
        pairs.collect()
    }

    /// Everything that it says is between the clock's time before and after. Returns how many clocks there were.
    pub fn tells(&mut self, clock: &Clock) -> usize {
        let before = clock.now();
        let told = self.tell();
        let after = clock.now();
        let checked = told.iter().filter(|(name, _)| name != "monotonic");
        for (name, time) in checked.clone() {
            let (from, to) = match name.strip_suffix("_s") {
                Some(_) => (before / SECOND, after / SECOND),
                // Some tell milliseconds, or microseconds.
                None => (before - SECOND / 1000, after),
            };
            // Atomic time is up to 37 s ahead, if the machine knows it.
            let to = if name == "tai" { to + 40 * SECOND } else { to };
            assert!((from..=to).contains(time), "{name}={time} is not between {from} and {to}: {told:?}");
        }
        checked.count()
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        // The end of its input is its end.
        drop(self.program.stdin.take());
        let _ = self.program.wait();
    }
}
