//! Waiting until a point of wall time takes as long as that is away.
use libtest_mimic::Trial;

use crate::{
    programs::c,
    test,
    under::{DAY, START, clock, output, under},
};

pub fn tests() -> Vec<Trial> {
    vec![
        test("deadlines::long_ago", || are_kept(&[], START)),
        // In 2035.
        test("deadlines::in_the_future", || are_kept(&[], START + 3650 * DAY)),
        test("deadlines::static", || are_kept(&["-static"], START)),
    ]
}

/// Lines: name, milliseconds, `same` or `changed`. A hundred milliseconds, or what the name says.
fn are_kept(flags: &[&str], start: u64) {
    let clock = clock();
    let _ = clock.advance(start);
    let text = output(&mut under(&clock, &[&c("deadlines", "cc", flags)]));
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
    assert!(lines.len() >= 24, "{text}");
    for line in lines {
        let [name, took, state] = line[..] else { panic!("{text}") };
        let expected: f64 = name.rsplit_once('_').and_then(|(_, n)| n.parse().ok()).unwrap_or(100.0);
        // The machine may be busy; what would wait for ever is cut short after four seconds.
        let took: f64 = took.parse().expect("a number");
        assert!((expected - 5.0..expected + 2_000.0).contains(&took), "{name}: {took} ms\n{text}");
        assert_eq!(state, "same", "{name} finds another point than it waited for\n{text}");
    }
}
