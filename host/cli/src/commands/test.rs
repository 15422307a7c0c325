//! `keploy test`
mod reporting;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use store::{Project, RunReport, SetReport, Status, TestSet};

use self::reporting::Clock;
use crate::{
    arguments::{Application, TestSets},
    exit::{Code, Failure, Outcome},
    parsers,
    replaying::{HEALTH_POLL_TIMEOUT, Replayed, Replaying, Why},
    sets, stage, style,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    application: Application,
    #[command(flatten)]
    sets: TestSets,
    /// Seconds that the application may take for one answer; 5 without keploy.yml.
    #[arg(long, alias = "apiTimeout", value_name = "SECONDS")]
    api_timeout: Option<u64>,
    /// Seconds to wait before the first test. Not needed: the kernel says when the application listens.
    #[arg(short, long, value_name = "SECONDS")]
    delay: Option<u64>,
    /// Seconds within which the application has to listen.
    #[arg(long, alias = "healthPollTimeout", value_name = "SECONDS", default_value_t = HEALTH_POLL_TIMEOUT.as_secs())]
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
    /// Send up to so many tests at the same time: those that were in flight together when they were recorded, and make no
    /// equal calls.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    parallel: u8,
}

pub(crate) fn run(arguments: Arguments, config_path: &Path) -> Outcome {
    intercept::check()?;
    let (config, project) = sets::project(config_path, arguments.application.place.path.clone())?;
    let command = stage::command(arguments.application.command.clone(), &config)?;
    let registry = parsers::load(&arguments.application.directories)?;
    sets::recover(&project)?;
    // Everything is read before anything is run: a broken file is no reason to have started the application.
    let loaded = sets::selected(&arguments.sets.test_sets, &config, &project, &registry)?;
    let replaying = Replaying {
        api_timeout: Duration::from_secs(arguments.api_timeout.unwrap_or(config.test.api_timeout)),
        delay: Duration::from_secs(arguments.delay.unwrap_or(0)),
        health_poll_timeout: Duration::from_secs(arguments.health_poll_timeout),
        show_app: arguments.show_app,
        real_time: arguments.real_time,
        parallel: arguments.parallel.into(),
        ..Replaying::new(Arc::new(config), registry, command)
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
    let clock = if replaying.real_time { Clock::Real } else { Clock::Recorded { but: real_time } };
    let mut report = reporting::of_set(&replay, &sent, verdicts, started, error, clock);
    project.hide_secrets(&mut report)?;
    Ok((report, code))
}
