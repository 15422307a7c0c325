//! `keploy test`
mod reporting;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use store::{Project, Proof, RunReport, SetReport, Status, TestSet};

use self::reporting::Clock;
use crate::{
    arguments::{Application, Protos, TestSets},
    exit::{Code, Failure, Outcome},
    parsers, proving,
    replaying::{HEALTH_POLL_TIMEOUT, Replaying, Why},
    sets, stage, style,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    application: Application,
    #[command(flatten)]
    sets: TestSets,
    #[command(flatten)]
    protos: Protos,
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
    /// When all passed, break what was recorded, one value at a time, and name what no test notices.
    #[arg(long)]
    prove: bool,
    /// So many replays for breaking what mocks answer.
    #[arg(long, value_name = "N", default_value_t = 20, requires = "prove")]
    prove_replays: usize,
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
    stage::ahead();
    let (config, project) = sets::project(config_path, arguments.application.place.path.clone())?;
    let command = stage::command(arguments.application.command.clone(), &config)?;
    let registry = parsers::load(&arguments.application.directories)?;
    sets::recover(&project)?;
    // Everything is read before anything is run: a broken file is no reason to have started the application.
    let loaded = sets::selected(&arguments.sets.test_sets, &config, &project, &registry)?;
    if !arguments.protos.proto_path.is_empty() {
        style::say(
            "--proto-path does nothing here: a recording brings along what it was recorded with\nhint: `keploy record --proto-path`",
        );
    }
    let mut replaying = Replaying {
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
        let replays = arguments.prove.then_some(arguments.prove_replays);
        let (set_report, code, proof) = runtime.block_on(test_set(&mut replaying, &project, set, replays))?;
        report.sets.push(set_report);
        if let Some(proof) = proof {
            report.prove.get_or_insert_default().add(proof);
        }
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
    if let Some(proof) = &report.prove {
        proving::print(proof);
    }
    Ok(worst)
}

/// Tests a set, and with a number of `replays` looks for its blind spots, if it passes.
async fn test_set(
    replaying: &mut Replaying,
    project: &Project,
    set: TestSet,
    replays: Option<usize>,
) -> Result<(SetReport, Code, Option<Proof>), Failure> {
    let mut replayed = replaying.replay(set.clone(), Why::Judge).await?;
    if replayed.code == Code::Success
        && let Some(mappings) = replayed.replay.learned()
    {
        project.write_mappings(&set.name, set.began, &mappings)?;
    }
    for line in replayed.replay.outside_tests() {
        style::say(format!("outside of any test: {line}"));
    }
    for line in &replayed.real_time {
        style::say(format!("at real time: {line}"));
    }
    let proof = match replays {
        Some(replays) if replayed.code == Code::Success => {
            Some(proving::prove(replaying, &set, &replayed, replays).await?)
        }
        _ => None,
    };
    let but = std::mem::take(&mut replayed.real_time);
    let clock = if replaying.real_time { Clock::Real } else { Clock::Recorded { but } };
    let code = replayed.code;
    let mut report = reporting::of_set(replayed, clock);
    project.hide_secrets(&mut report)?;
    Ok((report, code, proof))
}
