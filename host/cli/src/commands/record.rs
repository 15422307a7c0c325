//! `keploy record`
use std::{path::Path, sync::Arc, time::Duration};

use intercept::Turns;
use record::{Recorder, Summary};
use relay::Server;
use replay::lesson::Learned;
use store::Recording;

use crate::{
    arguments::{Application, Protos},
    exit::{Code, Failure, Outcome},
    learning, parsers, protos, sets, settings,
    stage::{self, Plan, Stage},
    style,
    tls::TlsArguments,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    application: Application,
    /// End after this time, e.g. 90s or 5m.
    #[arg(long, alias = "recordTimer", value_parser = duration, value_name = "TIME")]
    record_timer: Option<Duration>,
    #[command(flatten)]
    tls: TlsArguments,
    #[command(flatten)]
    protos: Protos,
    /// Do not replay the recording afterwards to learn what differs from run to run.
    #[arg(long)]
    no_learn: bool,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: Arguments, config_path: &Path) -> Outcome {
    let Arguments { application, record_timer, tls, protos, no_learn, json } = arguments;
    let Application { command, place, directories } = application;
    intercept::check()?;
    stage::ahead();
    let (config, project) = sets::project(config_path, place.path)?;
    let command = stage::command(command, &config)?;
    let timer = record_timer.or(Some(config.record.record_timer).filter(|timer| !timer.is_zero()));
    let registry = parsers::load(&directories)?;
    parsers::warn_of_untrusted(&registry);
    let settings = settings::to_keep(&config, &registry, &protos::descriptors(protos, &config)?);
    sets::recover(&project)?;
    let recording = Recording::create(&project, config.record.naming)?;
    recording.keep(&settings)?;
    let recorder = Arc::new(Recorder::new(&recording));
    let config = Arc::new(config);
    let plan = Plan {
        mode: intercept::Mode::Record,
        command: command.clone(),
        output: intercept::Stdio::Inherit,
        user: intercept::caller()?,
        registry: registry.clone(),
        config: config.clone(),
        settings,
        tls,
        clock: None,
    };
    let runtime = stage::runtime()?;
    let began = relay::now();
    let ended = runtime.block_on(async {
        let mut stage = Stage::set(plan, Server::Record(recorder.clone()))?;
        style::say(format!("recording into {}; Ctrl-C ends", recording.directory().display()));
        let ended = until_the_end(&stage, &recorder, timer).await;
        // Connections end with the application; what they held is complete then.
        if !stage.relay.drained(Duration::from_secs(5)).await {
            style::say(format!("{} connections did not end with the application", stage.relay.active()));
        }
        stage.say_uncaught("not recorded, passed on");
        Ok::<_, Failure>((ended, stage.turns.take().map(Turns::finish)))
    });
    let (ended, turns) = match ended {
        Ok((ended, turns)) => (Ok(ended), turns.unwrap_or_default()),
        Err(failure) => (Err(failure), Default::default()),
    };
    let (turns, missed) = turns;
    tracing::debug!("{} turns of threads, {missed} missed", turns.len());
    let turns = turns.into_iter().map(|turn| {
        let intercept::Turn { at, socket, offset, process, thread, wrote } = turn;
        (socket, record::Turn { at, offset, process, thread, wrote })
    });
    let summary = recorder.finish(recording, began, turns);
    let (ended, summary) = (ended?, summary?);
    print(&summary);
    let by_user = matches!(ended, Ended::ByUser);
    let learned = match by_user && !no_learn && summary.tests > 0 {
        true => runtime.block_on(learning::after_recording(&summary.test_set, &project, &registry, &config, &command)),
        false => None,
    };
    if json {
        println!("{}", to_json(&summary, learned.as_ref()));
    }
    match ended {
        Ended::ByUser => Ok(Code::Success),
        Ended::ByItself(status) if status.success() => Ok(Code::Success),
        Ended::ByItself(status) => {
            Err(Failure::words(Code::Died, format!("the application {}", intercept::describe(status))))
        }
    }
}

enum Ended {
    ByUser,
    ByItself(std::process::ExitStatus),
}

async fn until_the_end(stage: &Stage, recorder: &Recorder, timer: Option<Duration>) -> Ended {
    let progress = style::Progress::new();
    let time_is_up = async {
        match timer {
            Some(timer) => tokio::time::sleep(timer).await,
            None => std::future::pending().await,
        }
    };
    let show = async {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let (requests, exchanges) = recorder.progress();
            progress.show(format_args!("{requests} requests, {exchanges} calls"));
        }
    };
    let ended = tokio::select! {
        status = stage.application.wait() => Ended::ByItself(status),
        () = stage::interrupted() => Ended::ByUser,
        () = time_is_up => Ended::ByUser,
        () = show => unreachable!("it never ends"),
    };
    drop(progress);
    stage.application.terminate(Duration::from_secs(10)).await;
    ended
}

fn print(summary: &Summary) {
    let Summary { requests, tests, exchanges, mocks, connections, .. } = summary;
    if requests + exchanges + mocks == 0 {
        style::say("nothing was recorded\nhint: send the application some requests while it is being recorded");
    } else {
        style::say(format!(
            "{}: {requests} requests -> {tests} tests; {exchanges} calls -> {mocks} mocks; {connections} connections",
            style::bold(&summary.test_set)
        ));
    }
    let (losses, unread) = (summary.losses(), summary.unparsed.values().sum::<u64>());
    style::say(match (losses, unread) {
        (0, 0) => style::green("nothing was lost"),
        (0, unread) => {
            style::red(format!("{unread} connections were not read to their end: what they said then is not recorded"))
        }
        (losses, _) => style::red(format!("{losses} exchanges were lost")),
    });
    if summary.secrets > 0 {
        let file = format!("keploy/{}/secret.yaml", summary.test_set);
        style::say(format!("{} secrets have placeholders; their values are in {file}, not for git", summary.secrets));
    }
    for (reason, count) in &summary.lost {
        style::say(format!("  {count} x {reason}"));
    }
    if summary.dropped > 0 {
        style::say(format!("  {} x the disk did not take them", summary.dropped));
    }
    for (reason, count) in &summary.unsettled {
        style::say(format!("  {count} messages make no tests: {reason}"));
    }
    for (reason, count) in &summary.unparsed {
        style::say(format!("  {count} connections not read further: {reason}"));
    }
    if summary.unreachable > 0 {
        style::say(format!("  {} calls reached nobody; replay will show the same", summary.unreachable));
    }
}

fn to_json(summary: &Summary, learned: Option<&Learned>) -> serde_json::Value {
    let changed = |learned: &Learned| -> serde_json::Value {
        let tests = learned.changed.iter().map(|(test, how)| (test.clone(), how.clone().into()));
        serde_json::Value::Object(tests.collect())
    };
    let flaky = |learned: &Learned| -> serde_json::Value {
        let tests = learned.matchers.flaky.iter().map(|flaky| (flaky.test.clone(), flaky.what.clone().into()));
        serde_json::Value::Object(tests.collect())
    };
    serde_json::json!({
        "learned": learned.is_some(),
        "flaky": learned.map(flaky),
        "changed": learned.map(changed),
        "test_set": summary.test_set,
        "requests": summary.requests,
        "tests": summary.tests,
        "exchanges": summary.exchanges,
        "mocks": summary.mocks,
        "connections": summary.connections,
        "lost": summary.losses(),
        "lost_by_reason": summary.lost,
        "unsettled": summary.unsettled.values().sum::<u64>(),
        "unsettled_by_reason": summary.unsettled,
        "unparsed": summary.unparsed.values().sum::<u64>(),
        "unparsed_by_reason": summary.unparsed,
        "unreachable": summary.unreachable,
        "secrets": summary.secrets,
    })
}

/// `90s`, `5m`, `1h`, `500ms`, or a number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is no time: 90s, 5m, 1h"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        "h" => Ok(Duration::from_secs(number * 3600)),
        _ => Err(format!("{unit:?} is no unit of time: ms, s, m, h")),
    }
}
