//! `keploy accept`: the new behaviour becomes the recorded one.
use std::path::Path;

use crate::{
    accepting::{self, Accepted, Accepting, Take},
    arguments::{Place, PluginDirectories, TestSets},
    exit::{Code, Outcome},
    parsers, sets, style, words,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// TEST, or SET/TEST; every test that failed, if none is said.
    tests: Vec<String>,
    #[command(flatten)]
    sets: TestSets,
    /// The run whose findings are accepted: 3 or test-run-3. The last one, if not said.
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    directories: PluginDirectories,
}

pub(crate) fn run(arguments: Arguments, config_path: &Path) -> Outcome {
    let Arguments { tests, sets: TestSets { test_sets }, run, place, directories } = arguments;
    let (_, project) = sets::project(config_path, place.path)?;
    let registry = parsers::load(&directories)?;
    let names = sets::names(&project, &test_sets)?;
    let run = sets::run(&project, run.as_deref())?;
    let mut reports = run.read()?;
    reports.retain(|report| names.contains(&report.set));
    let (mut done, mut all) = (0, true);
    for (report, failed) in accepting::failed(&reports, &tests, &run)? {
        let set = sets::read(&project, &report.set, &registry)?;
        let mut accepting = Accepting::new(&project, &registry, &set, &run)?;
        for told in failed {
            let accepted = accepting.take(told, Take::All);
            all &= accepted.left.is_empty();
            done += usize::from(!accepted.taken.is_empty());
            print(&told.name, &accepted);
        }
        for mock in accepting.write()? {
            all = false;
            style::say(format!(
                "{mock} was recorded by Keploy and stays as it is\nhint: `keploy rerecord` replaces it"
            ));
        }
    }
    style::say(match (done, all) {
        (0, true) => format!("nothing to accept: no such test failed in {}", run.name),
        (done, _) => format!("{} changed: see `git diff`, then run `keploy test`", words::count(done, "test")),
    });
    Ok(if all { Code::Success } else { Code::Failed })
}

pub(crate) fn print(test: &str, accepted: &Accepted) {
    for taken in &accepted.taken {
        style::say(format!("{} {}: {taken}", style::green("accepted"), style::bold(test)));
    }
    for left in &accepted.left {
        style::say(format!("{} {}: {left}", style::red("left"), style::bold(test)));
    }
}
