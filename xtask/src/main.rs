//! `cargo xtask VERB`: the one door to everything that is done with this repository. What CI runs, a person runs.
//!
//! Next to no dependencies, so that it builds in seconds on a fresh machine and can install the rest.

mod bench;
mod check;
mod command;
mod demo;
mod kernel;
mod place;
mod ports;
mod product;
mod setup;

use std::process::ExitCode;

use bench::instructions;
use command::{Failure, Result};
use place::Place;

const USAGE: &str = "\
usage: cargo xtask VERB

  setup                     install what building and testing need; quick when all is there
  build                     the parsers, then target/release/keploy with the parsers inside
  test [--long] [--only STEP]
                            everything CI checks; --only runs one step, --long repeats the replays more often
  demo                      record and replay a sample application
  bench [OPTION...]         measure speed beside HAProxy's; cargo xtask bench --help
  ebpf [--check]            rebuild the committed kernel object; --check only compares it

environment: KEPLOY_DEV_CACHE   where tools and drivers are kept (default ~/.cache/keploy-dev)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[&str]) -> Result {
    if let [] | ["help" | "--help" | "-h"] = arguments {
        print!("{USAGE}");
        return Ok(());
    }
    let place = Place::find()?;
    match arguments {
        ["setup"] => setup::all(&place),
        ["build"] => product::build(&place),
        ["demo"] => demo::run(&place),
        ["ebpf"] => kernel::rebuild(&place),
        ["ebpf", "--check"] => kernel::check(&place),
        ["bench", "--help"] => {
            print!("{}", bench::USAGE);
            Ok(())
        }
        ["bench", "--instructions"] => instructions::run(&place, instructions::Wanted::Shown),
        ["bench", "--instructions", "--check"] => instructions::run(&place, instructions::Wanted::Checked),
        ["bench", "--instructions", "--update"] => instructions::run(&place, instructions::Wanted::Updated),
        ["bench", options @ ..] => bench::run(&place, &bench::Options::parse(options)?),
        ["test", options @ ..] => check::run(&place, &check::Options::parse(options)?),
        _ => Err(Failure::new(format!("unknown arguments: {}", arguments.join(" "))).hint("cargo xtask --help")),
    }
}
