//! `mocks generate COUNT DIRECTORY`: a recording with so many mocks. `mocks read DIRECTORY`: what it costs to load it, as
//! `keploy test` does before anything else, and to look calls up in it.
use std::path::Path;

use bench_product::{memory, registry, say, sets, timed};
use relay::Answer;
use replay::RealTime;

/// Calls that are looked up, of tests all over the recording.
const LOOK_UPS: usize = 1000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["generate", count, directory] => {
            let count = count.parse().expect("a number of mocks");
            sets::generate(Path::new(directory), count, &sets::Schemas::of(&registry()));
        }
        ["read", directory] => read(Path::new(directory)),
        _ => panic!("usage: mocks generate COUNT DIRECTORY | mocks read DIRECTORY"),
    }
}

fn read(directory: &Path) {
    let registry = registry();
    let (before, _) = memory();
    let (loading, set) = timed(|| sets::load(&directory.join("keploy/test-set-0"), &registry));
    let (tests, mocks) = (set.tests.len(), set.mocks.len());
    let (preparing, replay) = timed(|| sets::prepare(set, &registry));
    let (most, now) = memory();
    say(
        "mocks load",
        loading + preparing,
        &[("mocks", &mocks), ("tests", &tests), ("reading", &loading), ("preparing", &preparing)],
    );
    say("mocks memory", most, &[("mocks", &mocks), ("left", &now), ("before", &before)]);

    let (answers, asks, facts) = (replay.answers(), sets::destination(), sets::facts());
    let step = (mocks / LOOK_UPS).max(1);
    let mut took = Vec::new();
    for number in (0..mocks).step_by(step) {
        let test = number / sets::CALLS as usize;
        replay.begin(test..test + 1, &RealTime);
        let request = sets::request(number as u64);
        let (seconds, answer) = timed(|| answers.answer(&asks, "Redis", &facts, request, 0));
        assert!(matches!(answer, Answer::Recorded(_)), "call {number} was recorded");
        took.push(seconds * 1e6);
    }
    took.sort_by(f64::total_cmp);
    let at = |part: usize| took[(took.len() - 1) * part / 100];
    say("mocks look-up", at(50), &[("mocks", &mocks), ("p99", &at(99))]);
}
