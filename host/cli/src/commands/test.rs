//! `keploy test`
mod output;
mod reporting;

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use intercept::Stdio;
use plugins::Registry;
use relay::Server;
use replay::{Outcome as Sent, PrepareError, Replay, Settings, TestVerdict};
use store::{Config, Project, RunReport, SetReport, Status, TestCase, TestSet};

use self::output::LastLines;
use crate::{
    exit::{Code, Failure, Outcome},
    parsers, sets,
    stage::{self, Plan, Stage},
    style,
    tls::TlsArguments,
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
}

pub(crate) fn run(arguments: Arguments, config_path: &Path) -> Outcome {
    intercept::check()?;
    let (config, project) = sets::project(config_path, arguments.path.clone())?;
    let command = stage::command(arguments.command.clone(), &config)?;
    let registry = parsers::load(&arguments.directories)?;
    sets::recover(&project)?;
    // Everything is read before anything is run: a broken file is no reason to have started the application.
    let loaded = load(&arguments, &config, &project, &registry)?;
    let test = Test {
        api_timeout: Duration::from_secs(arguments.api_timeout.unwrap_or(config.test.api_timeout)),
        delay: Duration::from_secs(arguments.delay.unwrap_or(0)),
        arguments,
        config: Arc::new(config),
        project,
        registry,
        command,
    };
    let run_dir = test.project.next_run()?;
    let mut report = RunReport {
        name: run_dir.name.clone(),
        command: test.command.clone(),
        started: relay::now(),
        ..RunReport::default()
    };
    let runtime = stage::runtime()?;
    let mut worst = Code::Success;
    for set in loaded {
        let (set_report, code) = runtime.block_on(test.set(set))?;
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
    if let Some(file) = &test.arguments.junit {
        test.project.write_file(file, &report.to_junit()?)?;
    }
    if test.arguments.json {
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

struct Test {
    arguments: Arguments,
    config: Arc<Config>,
    project: Project,
    registry: Registry,
    command: String,
    api_timeout: Duration,
    delay: Duration,
}

/// How the driving of a set came to its end.
enum End {
    Driven,
    Died,
    DiedBeforeTheFirst,
    NeverListened,
    Interrupted,
}

impl Test {
    async fn set(&self, set: TestSet) -> Result<(SetReport, Code), Failure> {
        let name = set.name.clone();
        let settings =
            Settings { api_timeout: self.api_timeout, noise: self.config.noise_for(&name), ignore_ordering: false };
        let assets = store::Assets::new(&set.directory, None);
        let replay = Replay::prepare(set, &self.registry, assets, settings).map_err(|error| match error {
            PrepareError::ParserMissing { .. } => Failure::new(Code::ParserMissing, error),
            PrepareError::NoTests { .. } => Failure::new(Code::Nothing, error),
            other => Failure::from(other),
        })?;
        let started = relay::now();
        let plan = Plan {
            mode: intercept::Mode::Replay,
            command: self.command.clone(),
            output: Stdio::Pipe,
            user: intercept::caller()?,
            registry: self.registry.clone(),
            config: self.config.clone(),
            tls: TlsArguments::default(),
        };
        let mut stage = Stage::set(plan, Server::Replay(replay.answers()))?;
        let last_lines = LastLines::follow(stage.application.take_output(), self.arguments.show_app);
        let sent = RefCell::new(Vec::new());
        let end = tokio::select! {
            end = self.drive(&stage, &replay, &sent) => end,
            () = stage::interrupted() => End::Interrupted,
        };
        let exited = stage.application.exited();
        stage.application.terminate(Duration::from_secs(5)).await;
        stage.relay.drained(Duration::from_secs(2)).await;
        stage.say_uncaught("refused, since a replay reaches nobody");
        let sent = sent.into_inner();
        let verdicts = replay.judge(&sent);
        let (code, error) = self.outcome(&end, exited, &verdicts, &stage, &replay, &last_lines);
        if code == Code::Success
            && let Some(mappings) = replay.learned()
        {
            self.project.write_mappings(&name, &mappings)?;
        }
        for line in replay.outside_tests() {
            style::say(format!("outside of any test: {line}"));
        }
        let report = reporting::of_set(&replay, &sent, verdicts, started, error);
        Ok((report, code))
    }

    async fn drive(&self, stage: &Stage, replay: &Replay, sent: &RefCell<Vec<Sent>>) -> End {
        let patience = Duration::from_secs(self.arguments.health_poll_timeout);
        let ports = replay.ports();
        tokio::select! {
            biased;
            () = stage.listens(&ports) => {}
            _ = stage.application.wait() => return End::DiedBeforeTheFirst,
            () = tokio::time::sleep(patience) => return End::NeverListened,
        }
        tokio::time::sleep(self.delay).await;
        let progress = style::Progress::new();
        let total = replay.tests().len();
        let mut each = |test: &TestCase, outcome: Sent| {
            sent.borrow_mut().push(outcome);
            progress.show(format_args!("{} of {total}: {}", sent.borrow().len(), test.name));
            // Tests that nobody can answer did not run.
            stage.application.exited().is_none()
        };
        let listening = |port| stage.listening(port);
        replay.drive(&stage.common, &listening, &mut each).await;
        if stage.application.exited().is_some() { End::Died } else { End::Driven }
    }

    /// The exit code, and what to say about the set as a whole.
    fn outcome(
        &self,
        end: &End,
        exited: Option<std::process::ExitStatus>,
        verdicts: &[TestVerdict],
        stage: &Stage,
        replay: &Replay,
        last_lines: &LastLines,
    ) -> (Code, Option<String>) {
        let passed = verdicts.iter().all(TestVerdict::passed);
        let how = || exited.map_or_else(|| "ended".to_owned(), intercept::describe);
        let last = || last_lines.said();
        match end {
            End::Driven if passed => (Code::Success, None),
            End::Driven => (Code::Failed, None),
            // A server that is told by its last test to end, say.
            End::Died if passed => (Code::Success, None),
            End::Died => (Code::Failed, Some(format!("the application {} while it was tested{}", how(), last()))),
            End::DiedBeforeTheFirst => (
                Code::Died,
                Some(format!(
                    "the application {} before the first test{}\nhint: does it start with the same command without keploy, and without its dependencies?",
                    how(),
                    last()
                )),
            ),
            End::NeverListened => {
                let ports = |ports: Vec<u16>| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
                let instead = match stage.ports() {
                    none if none.is_empty() => "it listens nowhere".to_owned(),
                    some => format!("it listens on {}", ports(some)),
                };
                let words = format!(
                    "the application did not listen on port {} within {} s: {instead}\nhint: --health-poll-timeout allows more{}",
                    ports(replay.ports()),
                    self.arguments.health_poll_timeout,
                    last(),
                );
                (Code::NeverListened, Some(words))
            }
            End::Interrupted => (Code::Interrupted, Some("interrupted".to_owned())),
        }
    }
}
