//! `keploy test`
mod reporting;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use plugins::Registry;
use store::{Config, Project, RunReport, SetReport, Status, TestSet};

use crate::{
    exit::{Code, Failure, Outcome},
    parsers,
    replaying::{Replayed, Replaying, Why},
    sets, stage, style,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The command that starts the application, as a shell would run it.
    #[arg(short, long)]
    command: Option<String>,
    /// The directory that holds the folder keploy/.
    #[arg(short, long, value_name = "DIR")]
    path: Option<PathBuf>,
    #[command(flatten)]
    directories: stage::PluginDirectories,
    /// Only these test sets.
    #[arg(short, long, alias = "testsets", value_delimiter = ',', value_name = "SET")]
    test_sets: Vec<String>,
    /// Seconds that the application may take for one answer; 5 without keploy.yml.
    #[arg(long, alias = "apiTimeout", value_name = "SECONDS")]
    api_timeout: Option<u64>,
    /// Seconds to wait before the first test. Not needed: the kernel says when the application listens.
    #[arg(short, long, value_name = "SECONDS")]
    delay: Option<u64>,
    /// Seconds within which the application has to listen.
    #[arg(long, alias = "healthPollTimeout", value_name = "SECONDS", default_value_t = 60)]
    health_poll_timeout: u64,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Write a JUnit report.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Show what the application writes as it writes it.
    #[arg(long)]
    show_app: bool,
    /// Leave the application the machine's clock. Otherwise it lives at the recorded time.
    #[arg(long)]
    real_time: bool,
}

pub(crate) fn run(arguments: Arguments, config_path: &Path) -> Outcome {
    intercept::check()?;
    let (config, project) = sets::project(config_path, arguments.path.clone())?;
    let command = stage::command(arguments.command.clone(), &config)?;
    let registry = parsers::load(&arguments.directories)?;
    sets::recover(&project)?;
    // Everything is read before anything is run: a broken file is no reason to have started the application.
    let loaded = load(&arguments, &config, &project, &registry)?;
    let replaying = Replaying {
        api_timeout: Duration::from_secs(arguments.api_timeout.unwrap_or(config.test.api_timeout)),
        delay: Duration::from_secs(arguments.delay.unwrap_or(0)),
        health_poll_timeout: Duration::from_secs(arguments.health_poll_timeout),
        show_app: arguments.show_app,
        real_time: arguments.real_time,
        config: Arc::new(config),
        registry,
        command,
        title: String::new(),
    };
    let run_dir = project.next_run()?;
    let mut report = RunReport {
        name: run_dir.name.clone(),
        command: replaying.command.clone(),
        started: relay::now(),
        ..RunReport::default()
    };
    let runtime = stage::runtime()?;
    let mut worst = Code::Success;
    for set in loaded {
        let (set_report, code) = runtime.block_on(test_set(&replaying, &project, set))?;
        report.sets.push(set_report);
        if worst == Code::Success || code == Code::Interrupted {
            worst = code;
        }
        if code == Code::Interrupted {
            break;
        }
    }
    report.ended = relay::now();
    report.status = if worst == Code::Success { Status::Passed } else { Status::Failed };
    run_dir.write(&report)?;
    if let Some(file) = &arguments.junit {
        project.write_file(file, &report.to_junit()?)?;
    }
    if arguments.json {
        println!("{}", report.to_json()?);
    }
    reporting::print(&report, &run_dir.path);
    Ok(worst)
}

/// The test sets that were asked for, in natural order, with only the tests that were asked for.
fn load(
    arguments: &Arguments,
    config: &Config,
    project: &Project,
    registry: &Registry,
) -> Result<Vec<TestSet>, Failure> {
    let selected = &config.test.selected_tests;
    let mut names = project.sets()?;
    if let Some(unknown) = arguments.test_sets.iter().find(|name| !names.contains(name)) {
        let words = format!("there is no test set {unknown}\nhint: there are: {}", names.join(", "));
        return Err(Failure::words(Code::Usage, words));
    }
    if !arguments.test_sets.is_empty() {
        names.retain(|name| arguments.test_sets.contains(name));
    } else if !selected.is_empty() {
        names.retain(|name| selected.contains_key(name));
    }
    let mut loaded = Vec::new();
    for name in names {
        match sets::load(project, &name, registry) {
            Ok(set) => loaded.push(set),
            Err(errors) => {
                let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
                return Err(Failure::words(Code::Usage, words.join("\n")));
            }
        }
    }
    for set in &mut loaded {
        if let Some(only) = selected.get(&set.name).filter(|only| !only.is_empty()) {
            set.tests.retain(|test| only.contains(&test.name));
        }
        if let Some(ignored) = config.test.ignored_tests.get(&set.name) {
            set.tests.retain(|test| !ignored.is_empty() && !ignored.contains(&test.name));
        }
    }
    // Documents that nobody can read are no reason to say that there are none.
    loaded.retain(|set| !set.tests.is_empty() || !set.foreign.is_empty());
    if loaded.is_empty() {
        let words = format!(
            "there is nothing to test in {}\nhint: keploy record -c \"...\" records tests; or selectedTests in keploy.yml leaves none",
            project.root().display()
        );
        return Err(Failure::words(Code::Nothing, words));
    }
    Ok(loaded)
}

async fn test_set(replaying: &Replaying, project: &Project, set: TestSet) -> Result<(SetReport, Code), Failure> {
    let (name, began) = (set.name.clone(), set.began);
    let Replayed { replay, sent, verdicts, code, error, started, real_time } =
        replaying.replay(set, Why::Judge).await?;
    if code == Code::Success
        && let Some(mappings) = replay.learned()
    {
        project.write_mappings(&name, began, &mappings)?;
    }
    for line in replay.outside_tests() {
        style::say(format!("outside of any test: {line}"));
    }
    for line in &real_time {
        style::say(format!("at real time: {line}"));
    }
    Ok((reporting::of_set(&replay, &sent, verdicts, started, error), code))
}
