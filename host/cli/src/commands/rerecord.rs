//! `keploy rerecord`: the same requests, answered anew, with the application's real dependencies.
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use plugins::Registry;
use record::Recorder;
use relay::Server;
use replay::{RealTime, Replay, Settings};
use store::{Config, Project, Recording, TestSet};

use crate::{
    arguments::{Application, TestSets},
    exit::{Code, Failure, Outcome},
    learning, parsers,
    replaying::HEALTH_POLL_TIMEOUT,
    sets,
    stage::{self, AsClient, Plan, Stage},
    style,
    tls::TlsArguments,
    words,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    application: Application,
    #[command(flatten)]
    sets: TestSets,
    #[command(flatten)]
    tls: TlsArguments,
    /// Do not replay the recordings afterwards to learn what differs from run to run.
    #[arg(long)]
    no_learn: bool,
}

pub(crate) fn run(arguments: Arguments, config_path: &Path) -> Outcome {
    let Arguments { application, sets: TestSets { test_sets }, tls, no_learn } = arguments;
    let Application { command, place, directories } = application;
    intercept::check()?;
    stage::ahead();
    let (config, project) = sets::project(config_path, place.path)?;
    let command = stage::command(command, &config)?;
    let registry = parsers::load(&directories)?;
    parsers::warn_of_untrusted(&registry);
    sets::recover(&project)?;
    let loaded = sets::selected(&test_sets, &config, &project, &registry)?;
    let rerecording = Rerecording { project, registry, config: Arc::new(config), command, tls };
    let runtime = stage::runtime()?;
    for set in loaded {
        let name = set.name.clone();
        runtime.block_on(rerecording.set(set))?;
        if !no_learn {
            let Rerecording { project, registry, config, command, .. } = &rerecording;
            runtime.block_on(learning::after_recording(&name, project, registry, config, command));
        }
    }
    Ok(Code::Success)
}

struct Rerecording {
    project: Project,
    registry: Registry,
    config: Arc<Config>,
    command: String,
    tls: TlsArguments,
}

impl Rerecording {
    /// Records a set anew beside the old one, which it then replaces. Nothing happens to the old one before that.
    async fn set(&self, old: TestSet) -> Result<(), Failure> {
        let recording = Recording::create(&self.project, self.config.record.naming)?;
        // By the same names: the requests are written by them, too.
        recording.keep(&old.settings)?;
        let recorder = Arc::new(Recorder::new(&recording));
        let (began, new) = (relay::now(), recording.set().to_owned());
        let sent = self.send(&old, &recorder).await;
        // One request at a time: when a call was made says whose it is, without what threads did.
        let summary = recorder.finish(recording, began, []);
        let replaced = match (sent, summary) {
            (Ok(()), Ok(_)) => self.replace(&old, &new),
            (Err(failure), _) => Err(failure),
            (_, Err(error)) => Err(error.into()),
        };
        if replaced.is_err() {
            self.project.remove_set(&new)?;
        }
        let (tests, mocks) = replaced?;
        style::say(format!(
            "{}: {} recorded again, with {}",
            style::bold(&old.name),
            words::count(tests, "test"),
            words::count(mocks, "mock")
        ));
        Ok(())
    }

    /// Sends the tests' requests, in recorded order. What the application makes up is followed from answer to request.
    async fn send(&self, old: &TestSet, recorder: &Arc<Recorder>) -> Result<(), Failure> {
        if let Some(sent) = old.tests.iter().find(|test| test.sender.is_some()) {
            let words = format!(
                "{}: {} was sent by a dependency: only requests can be sent again\nhint: record it anew",
                old.name, sent.name
            );
            return Err(Failure::words(Code::Usage, words));
        }
        let settings = Settings {
            api_timeout: Duration::from_secs(self.config.test.api_timeout),
            noise: self.config.noise_for(&old.name),
            ignore_ordering: false,
            patience: HEALTH_POLL_TIMEOUT,
            parallel: 1,
            learns: true,
        };
        let assets = store::Assets::new(&old.directory, None);
        let replay = Replay::prepare(old.clone(), &self.registry, assets, settings)?;
        let plan = Plan {
            mode: intercept::Mode::Record,
            command: self.command.clone(),
            output: intercept::Stdio::Inherit,
            user: intercept::caller()?,
            registry: self.registry.clone(),
            config: self.config.clone(),
            settings: old.settings.clone(),
            tls: self.tls.clone(),
            clock: None,
        };
        let stage = Stage::set(plan, Server::Record(recorder.clone()))?;
        let driven = tokio::select! {
            biased;
            driven = self.drive(&stage, &replay) => driven,
            status = stage.application.wait() => {
                let words = format!("the application {} while it was recorded", intercept::describe(status));
                Err(Failure::words(Code::Died, words))
            }
            () = stage::interrupted() => Err(Failure::words(Code::Interrupted, "interrupted: the recording is as it was")),
        };
        stage.application.terminate(Duration::from_secs(10)).await;
        stage.relay.drained(Duration::from_secs(5)).await;
        stage.say_uncaught("not recorded, passed on");
        driven
    }

    async fn drive(&self, stage: &Stage, replay: &Replay) -> Result<(), Failure> {
        if tokio::time::timeout(HEALTH_POLL_TIMEOUT, stage.listens(&replay.ports())).await.is_err() {
            let words = "the application did not listen on the recorded port";
            return Err(Failure::words(Code::NeverListened, words));
        }
        let failed = Mutex::new(None);
        let mut each = |test: &store::TestCase, outcome: replay::Outcome| match outcome.answered {
            Ok(_) => true,
            Err(error) => {
                *failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
                    Some(format!("{}: {error}", test.name));
                false
            }
        };
        let common = AsClient::common(&stage.common);
        replay.drive(&common, &|port| stage.listening(port), &RealTime, &mut each).await;
        match failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            None => Ok(()),
            Some(words) => Err(Failure::words(
                Code::Failed,
                format!("{words}\nhint: the recording is as it was; are the application's dependencies there?"),
            )),
        }
    }

    /// Gives the new tests the names of the old ones, with what people wrote into them, and takes the old set's place.
    fn replace(&self, old: &TestSet, new: &str) -> Result<(usize, usize), Failure> {
        let mut recorded = sets::read(&self.project, new, &self.registry)?;
        let mut olds: Vec<_> = old.tests.iter().collect();
        olds.sort_by(|a, b| (a.started, &a.name).cmp(&(b.started, &b.name)));
        recorded.tests.sort_by(|a, b| (a.started, &a.name).cmp(&(b.started, &b.name)));
        if recorded.tests.len() != olds.len() {
            let words = format!(
                "{} requests were sent and {} were recorded\nhint: the recording is as it was; does somebody else send requests to the application?",
                olds.len(),
                recorded.tests.len()
            );
            return Err(Failure::words(Code::Failed, words));
        }
        for (test, old) in recorded.tests.iter_mut().zip(olds) {
            for mapping in recorded.mappings.iter_mut().filter(|mapping| mapping.test == test.name) {
                // No test has a name with a slash in it: those that were renamed are not renamed again.
                mapping.test = format!("/{}", old.name);
            }
            test.name.clone_from(&old.name);
            test.noise.clone_from(&old.noise);
            test.assertions.clone_from(&old.assertions);
        }
        for mapping in &mut recorded.mappings {
            mapping.test = mapping.test.trim_start_matches('/').to_owned();
        }
        self.project.replace_set(&old.name, &recorded)?;
        Ok((recorded.tests.len(), recorded.mocks.len()))
    }
}
