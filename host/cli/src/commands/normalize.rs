//! `keploy normalize`: what was answered becomes what is expected, under Keploy's name and flags.
use std::path::Path;

use store::{Difference, DifferenceKind, TestReport};

use super::accept;
use crate::{
    accepting::{self, Accepting, Take},
    arguments::{Place, PluginDirectories},
    exit::{Code, Failure, Outcome},
    parsers, sets, style, words,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    directories: PluginDirectories,
    /// The run whose answers are accepted, e.g. test-run-3. The last one, if not said.
    #[arg(long, alias = "testRun", value_name = "RUN")]
    test_run: Option<String>,
    /// Only these: test sets, each with its tests or all of them, e.g. "test-set-0:get-a-1 get-a-2,test-set-1".
    #[arg(long, value_name = "TESTS", default_value = "")]
    tests: String,
    /// Also where the status, the type of a value or a field that is gone says that clients would break.
    #[arg(long, alias = "allowHighRisk")]
    allow_high_risk: bool,
}

pub(crate) fn run(arguments: Arguments, config_path: &Path) -> Outcome {
    let Arguments { place, directories, test_run, tests, allow_high_risk } = arguments;
    let (_, project) = sets::project(config_path, place.path)?;
    let registry = parsers::load(&directories)?;
    let run = sets::run(&project, test_run.as_deref())?;
    let mut reports = run.read()?;
    let selected = selected(&tests);
    if let Some((unknown, _)) = selected.iter().find(|(set, _)| reports.iter().all(|report| report.set != *set)) {
        let names: Vec<&str> = reports.iter().map(|report| report.set.as_str()).collect();
        let words = format!("there is no test set {unknown} in {}\nhint: there are: {}", run.name, names.join(", "));
        return Err(Failure::words(Code::Usage, words));
    }
    reports.retain(|report| selected.is_empty() || selected.iter().any(|(set, _)| report.set == *set));
    let named = |(set, tests): &(String, Vec<String>)| -> Vec<String> {
        let all = reports.iter().filter(|report| report.set == *set).flat_map(|report| &report.tests);
        if tests.is_empty() {
            return all.map(|test| format!("{set}/{}", test.name)).collect();
        }
        tests.iter().map(|test| format!("{set}/{test}")).collect()
    };
    let wanted: Vec<String> = selected.iter().flat_map(named).collect();
    let (mut done, mut all) = (0, true);
    for (report, failed) in accepting::failed(&reports, &wanted, &run)? {
        let set = sets::read(&project, &report.set, &registry)?;
        let mut accepting = Accepting::new(&project, &registry, &set, &run)?;
        for told in failed {
            if let Some(risk) = high_risk(told).filter(|_| !allow_high_risk) {
                all = false;
                let words = format!("{}: {}", style::bold(&told.name), words::difference(risk));
                style::say(format!("{} {words}\nhint: --allow-high-risk accepts it", style::red("high risk")));
                continue;
            }
            let accepted = accepting.take(told, Take::Answers);
            all &= accepted.left.is_empty();
            done += usize::from(!accepted.taken.is_empty());
            accept::print(&told.name, &accepted);
        }
        accepting.write()?;
    }
    style::say(format!("{} normalized: see `git diff`", words::count(done, "test")));
    Ok(if all { Code::Success } else { Code::Failed })
}

/// `ts1:tc1 tc2,ts2`: no tests are all of them.
fn selected(tests: &str) -> Vec<(String, Vec<String>)> {
    let set = |part: &str| {
        let (set, tests) = part.split_once(':').unwrap_or((part, ""));
        (set.trim().to_owned(), tests.split_whitespace().map(str::to_owned).collect())
    };
    tests.split(',').map(str::trim).filter(|part| !part.is_empty()).map(set).collect()
}

/// What breaks clients: something is gone or has another type; or what stands at the top of the document beside its content
/// is another number, as a status is.
fn high_risk(told: &TestReport) -> Option<&Difference> {
    let is_number = |value: &Option<String>| value.as_ref().is_some_and(|value| value.parse::<i64>().is_ok());
    told.differences.iter().find(|difference| match difference.kind {
        DifferenceKind::Missing | DifferenceKind::Type => true,
        DifferenceKind::Changed => {
            !difference.path.contains(['.', '[']) && is_number(&difference.expected) && is_number(&difference.actual)
        }
        DifferenceKind::Added => false,
    })
}
