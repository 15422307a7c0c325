//! `cargo xtask test`: everything CI checks, a step at a time, with one screen of summary.

use std::time::{Duration, Instant};

use crate::bench::instructions;
use crate::command::{Failure, Result, Run};
use crate::place::Place;
use crate::{kernel, product, setup};

pub struct Options {
    only: Option<String>,
    length: Length,
}

#[derive(Clone, Copy, PartialEq)]
enum Length {
    Normal,
    /// Twenty replays instead of two, and the large volumes.
    Long,
}

impl Options {
    pub fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self { only: None, length: Length::Normal };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match (*argument, rest.as_slice()) {
                ("--long", _) => options.length = Length::Long,
                ("--only", [name, ..]) if STEPS.iter().any(|step| step.name == *name) => {
                    options.only = rest.next().map(|&name| name.to_owned());
                }
                _ => {
                    let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
                    return Err(Failure::new(format!("unknown argument {argument}"))
                        .hint(format!("--long, or --only with one of: {}", names.join(" "))));
                }
            }
        }
        Ok(options)
    }
}

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Place, Length) -> Result,
    /// Nothing after it can work when it fails.
    needed: bool,
}

const STEPS: &[Step] = &[
    Step { name: "setup", what: "tools and drivers are there", run: |place, _| setup::all(place), needed: true },
    Step {
        name: "build",
        what: "parsers, the binary, all tests",
        run: |place, _| product::build_all(place),
        needed: true,
    },
    Step { name: "fmt", what: "rustfmt", run: |place, _| fmt(place), needed: false },
    Step { name: "clippy", what: "lints, warnings are errors", run: |place, _| clippy(place), needed: false },
    Step { name: "deny", what: "licences, bans, sources", run: |place, _| deny(place), needed: false },
    Step { name: "ebpf", what: "the kernel object is current", run: |place, _| kernel::check(place), needed: false },
    Step {
        name: "instructions",
        what: "hot paths cost what they did",
        run: |place, _| instructions::run(place, instructions::Wanted::Checked),
        needed: false,
    },
    Step { name: "tests", what: "each crate's own, and end to end", run: tests, needed: false },
];

pub fn run(place: &Place, options: &Options) -> Result {
    let chosen = STEPS.iter().filter(|step| options.only.as_ref().is_none_or(|name| step.name == name));
    let mut done: Vec<(&Step, Duration, Result)> = Vec::new();
    for step in chosen {
        eprintln!("\n==> {}: {}", step.name, step.what);
        let started = Instant::now();
        let result = (step.run)(place, options.length);
        if let Err(failure) = &result {
            eprintln!("{failure}");
        }
        let stop = step.needed && result.is_err();
        done.push((step, started.elapsed(), result));
        if stop {
            break;
        }
    }
    summary(&done)
}

fn summary(done: &[(&Step, Duration, Result)]) -> Result {
    eprintln!("\nstep         seconds");
    for (step, took, result) in done {
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        eprintln!("{:<12} {:>7.1}  {verdict:<6}  {}", step.name, took.as_secs_f64(), step.what);
    }
    eprintln!("not checked: security advisories, which need the network (cargo deny check advisories)");
    let failed: Vec<&str> = done.iter().filter(|(.., result)| result.is_err()).map(|(step, ..)| step.name).collect();
    let Some(first) = failed.first() else { return Ok(()) };
    Err(Failure::new(format!("failed: {}", failed.join(", "))).hint(format!("cargo xtask test --only {first}")))
}

fn fmt(place: &Place) -> Result {
    place.cargo(&["fmt", "--all", "--", "--check"]).run()?;
    // Neither is in the workspace.
    for alone in ["ebpf/Cargo.toml", "tests/apps/rustdb/Cargo.toml"] {
        place.cargo(&["fmt", "--manifest-path", alone, "--", "--check"]).run()?;
    }
    Ok(())
}

fn clippy(place: &Place) -> Result {
    place.cargo(&["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()
}

fn deny(place: &Place) -> Result {
    std::process::Command::new(place.cache.join("bin/cargo-deny"))
        .args(["--offline", "--workspace", "check", "bans", "licenses", "sources"])
        .current_dir(&place.root)
        .run()
}

/// Only in the long round. The last two, and the noisy applications, do not pass every time yet: the README's table says so.
const LONG: &[&str] = &["suites::", "noise::", "grpc::grpc_go", "secrets::of_overlapping_sessions_may_be_lost"];

/// The whole workspace, as `build` built it.
fn tests(place: &Place, length: Length) -> Result {
    let mut cargo = place.cargo(&["test", "--release", "--workspace", "--no-fail-fast"]);
    match length {
        Length::Long => cargo.env("KEPLOY_TEST_LONG", "1"),
        // Drivers' own test suites, and the noisy applications with all their regressions, take minutes each.
        Length::Normal => cargo.arg("--").args(LONG.iter().flat_map(|name| ["--skip", name])),
    };
    cargo.run()
}
