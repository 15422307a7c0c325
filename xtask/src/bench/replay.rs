//! How fast tests are sent, beside one client that sends the same requests to the bare application one after the other.

use std::process::Stdio;

use serde_json::Value;

use super::figures::{self, Recording, Running};
use super::{Bench, Row};
use crate::command::{Failure, Result, Run};
use crate::ports::free_ports;

/// One kind of tests.
struct Kind {
    name: &'static str,
    path: &'static str,
    goal: f64,
}

const KINDS: [Kind; 2] = [
    Kind { name: "replay, tests/s", path: "/items/", goal: 0.5 },
    Kind { name: "replay, tests/s with a call each", path: "/call/", goal: 0.35 },
];

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (rounds, tests) = if bench.quick { (3, 1000) } else { (7, 5000) };
    let [port, peer_port] = free_ports()?;
    let mut peer = bench.program("at-once");
    let _peer = Running::serve(peer.args(["peer", &peer_port.to_string()]), peer_port)?;
    let at_once = bench.program("at-once").get_program().display().to_string();
    let application = format!("{at_once} {port} 127.0.0.1:{peer_port}");
    KINDS.iter().map(|kind| rows_of(bench, kind, (rounds, tests), (&application, port))).collect()
}

fn rows_of(bench: &Bench, kind: &Kind, (rounds, tests): (usize, u64), app: (&str, u16)) -> Result<Row> {
    let (application, port) = app;
    let name = kind.path.trim_matches('/');
    let (folder, count) = (bench.new_folder(name)?, tests.to_string());
    let mut client = bench.program("one-client");
    client.args([&port.to_string(), kind.path, &count]);

    let recording = Recording::start(bench.keploy(name)?, application, &["--no-learn"], &folder.join("said"))?;
    figures::one(&mut client)?;
    recording.finish()?;
    let (mut ratios, mut speeds, mut whole, mut passed) = (Vec::new(), Vec::new(), Vec::new(), u64::MAX);
    for _ in 0..rounds {
        let mut words = application.split(' ');
        let mut bare = std::process::Command::new(words.next().unwrap_or_default());
        let bare = Running::serve(bare.args(words), port)?;
        let alone = figures::one(&mut client)?.value()?;
        drop(bare);

        let mut keploy = bench.keploy(name)?;
        keploy.args(["test", "--json", "-c", application]).stderr(Stdio::null());
        let report = serde_json::from_str(&keploy.text()?);
        let report = report.map_err(|error| Failure::new(format!("keploy test --json: {error}")))?;
        let replayed = Replayed::of(&report).ok_or_else(|| Failure::new("keploy test --json has no tests"))?;
        passed = passed.min(replayed.passed);
        ratios.push(replayed.speed / alone);
        speeds.push(replayed.speed);
        whole.push(replayed.whole);
    }
    let middle = |numbers: &[f64]| super::row::median(numbers).unwrap_or_default();
    let row = Row::new(kind.name, "of one client on the bare application", ratios).at_least(kind.goal);
    let (speed, whole) = (middle(&speeds), middle(&whole));
    Ok(row.counted(passed, tests).note(format!("{speed:.0} tests/s; the whole set, start to end, {whole:.2} s")))
}

struct Replayed {
    /// Tests a second, from the first one's start to the last one's end.
    speed: f64,
    /// Seconds, with the application's start and end.
    whole: f64,
    passed: u64,
}

impl Replayed {
    fn of(report: &Value) -> Option<Self> {
        let set = report["sets"].as_array()?.first()?;
        let tests = set["tests"].as_array()?;
        let seconds = |of: &Value, from: &str, to: &Value, until: &str| {
            Some((to[until].as_u64()?.saturating_sub(of[from].as_u64()?)) as f64 / 1e9)
        };
        let passed = tests.iter().filter(|test| test["status"] == "PASSED").count();
        let sending = seconds(tests.first()?, "started", tests.last()?, "ended")?;
        let whole = seconds(set, "started", set, "ended")?;
        Some(Self { speed: tests.len() as f64 / sending, whole, passed: passed as u64 })
    }
}
