//! One replay of one test set: for `test`, and for learning after `record`.
mod output;

use std::{
    cell::{Cell, RefCell},
    process::ExitStatus,
    sync::Arc,
    time::Duration,
};

use intercept::Stdio;
use plugins::Registry;
use relay::Server;
use replay::{Outcome as Sent, PrepareError, Replay, Settings, TestVerdict};
use store::{Config, TestCase, TestSet};

use self::output::LastLines;
use crate::{
    exit::{Code, Failure},
    stage::{self, Plan, Stage},
    style,
    tls::TlsArguments,
};

/// Within which an application listens, if nobody says otherwise.
pub(crate) const HEALTH_POLL_TIMEOUT: Duration = Duration::from_secs(60);

/// How test sets are replayed.
pub(crate) struct Replaying {
    pub config: Arc<Config>,
    pub registry: Registry,
    pub command: String,
    pub api_timeout: Duration,
    pub delay: Duration,
    /// Within which the application has to listen.
    pub health_poll_timeout: Duration,
    /// Show what the application writes.
    pub show_app: bool,
    pub real_time: bool,
    /// So many tests may run at the same time, where they can be told apart.
    pub parallel: usize,
    /// What goes before the progress.
    pub title: String,
}

/// What a replay is for.
#[derive(Clone, Copy)]
pub(crate) enum Why {
    Judge,
    /// The code is known to be the same. With a clock that is ahead of the recording, what goes with time shows itself.
    Learn {
        ahead: Duration,
        /// What it gains on the recording from the first test to the last.
        gain: Duration,
    },
}

/// A replay that was made.
pub(crate) struct Replayed {
    pub replay: Replay,
    pub sent: Vec<Sent>,
    pub verdicts: Vec<TestVerdict>,
    pub code: Code,
    /// About the set as a whole.
    pub error: Option<String>,
    pub started: u64,
    pub ended: u64,
    /// What lived by another clock than the recorded one.
    pub real_time: Vec<String>,
}

/// How the driving of a set came to its end.
enum End {
    Driven,
    Died,
    DiedBeforeTheFirst,
    NeverListened,
    /// It listened; but it never took what the first test sends it.
    NeverTook,
    Interrupted,
}

/// The clock of an application that has one of its own.
struct AppClock {
    clock: Arc<intercept::Clock>,
    /// Nanoseconds that it is to be ahead of the recording.
    ahead: Cell<u64>,
    /// By how much more with each test.
    gain: u64,
}

/// How far ahead of the recording the application is to live, in nanoseconds.
#[derive(Clone, Copy)]
struct Ahead {
    at_first: u64,
    more_each_test: u64,
}

impl replay::Clock for AppClock {
    fn move_to(&self, recorded: u64) -> i64 {
        // It may be past that: the replay was slower than the recording.
        let _ = self.clock.advance(recorded + self.ahead.get());
        self.ahead.set(self.ahead.get() + self.gain);
        let (app, real) = (self.clock.now(), relay::now());
        i64::try_from(i128::from(app) - i128::from(real)).unwrap_or_default()
    }
}

impl Replaying {
    /// As keploy.yml says.
    pub fn new(config: Arc<Config>, registry: Registry, command: String) -> Self {
        Self {
            api_timeout: Duration::from_secs(config.test.api_timeout),
            delay: Duration::ZERO,
            health_poll_timeout: HEALTH_POLL_TIMEOUT,
            show_app: false,
            real_time: false,
            parallel: 1,
            title: String::new(),
            config,
            registry,
            command,
        }
    }

    /// Runs the application against a test set.
    pub async fn replay(&self, set: TestSet, why: Why) -> Result<Replayed, Failure> {
        let noise = self.config.noise_for(&set.name);
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or_default();
        let (learns, ahead) = match why {
            Why::Judge => (false, Ahead { at_first: 0, more_each_test: 0 }),
            Why::Learn { ahead, gain } => {
                let more_each_test = nanoseconds(gain) / set.tests.len().max(1) as u64;
                (true, Ahead { at_first: nanoseconds(ahead), more_each_test })
            }
        };
        let settings = Settings {
            api_timeout: self.api_timeout,
            patience: self.health_poll_timeout,
            noise,
            ignore_ordering: false,
            parallel: self.parallel,
            learns,
        };
        let (assets, kept) = (store::Assets::new(&set.directory, None), set.settings.clone());
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
            settings: kept,
            tls: TlsArguments::default(),
            clock: (!self.real_time).then(|| replay.began() + ahead.at_first),
        };
        let mut stage = Stage::set(plan, Server::Replay(replay.answers()))?;
        let last_lines = LastLines::follow(stage.application.take_output(), self.show_app);
        let sent = RefCell::new(Vec::new());
        let end = tokio::select! {
            end = self.drive(&stage, &replay, ahead, &sent) => end,
            () = stage::interrupted() => End::Interrupted,
        };
        let exited = stage.application.exited();
        stage.application.terminate(Duration::from_secs(5)).await;
        replay.release();
        stage.relay.drained(Duration::from_secs(2)).await;
        stage.say_uncaught("refused, since a replay reaches nobody");
        let sent = sent.into_inner();
        let verdicts = replay.judge(&sent);
        let (code, error) = self.outcome(&end, exited, &verdicts, &stage, &replay, &last_lines);
        let (ended, real_time) = (relay::now(), real_time(&stage));
        Ok(Replayed { replay, sent, verdicts, code, error, started, ended, real_time })
    }

    async fn drive(&self, stage: &Stage, replay: &Replay, ahead: Ahead, sent: &RefCell<Vec<Sent>>) -> End {
        let (ports, senders) = (replay.ports(), replay.senders());
        let is_up = async {
            stage.listens(&ports).await;
            replay.taken(&stage.common, &senders).await;
        };
        let listens = || ports.iter().all(|port| stage.listening(*port).is_some());
        tokio::select! {
            biased;
            () = is_up => {}
            _ = stage.application.wait() => return End::DiedBeforeTheFirst,
            () = tokio::time::sleep(self.health_poll_timeout) => {
                return if listens() { End::NeverTook } else { End::NeverListened };
            }
        }
        tokio::time::sleep(self.delay).await;
        let progress = style::Progress::new();
        let total = replay.tests().len();
        let mut each = |test: &TestCase, outcome: Sent| {
            sent.borrow_mut().push(outcome);
            progress.show(format_args!("{}{} of {total}: {}", self.title, sent.borrow().len(), test.name));
            // Tests that nobody can answer did not run.
            stage.application.exited().is_none()
        };
        let listening = |port| stage.listening(port);
        let clock: Box<dyn replay::Clock> = match stage.application.clock() {
            Ok(clock) => Box::new(AppClock { clock, ahead: Cell::new(ahead.at_first), gain: ahead.more_each_test }),
            Err(_) => Box::new(replay::RealTime),
        };
        replay.drive(&stage.common, &listening, &*clock, &mut each).await;
        if stage.application.exited().is_some() { End::Died } else { End::Driven }
    }

    /// The exit code, and what to say about the set as a whole.
    fn outcome(
        &self,
        end: &End,
        exited: Option<ExitStatus>,
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
                    self.health_poll_timeout.as_secs(),
                    last(),
                );
                (Code::NeverListened, Some(words))
            }
            End::NeverTook => {
                let senders = replay.senders();
                let senders = senders.iter().map(|sender| format!("`{}` of {}", sender.subject, sender.destination));
                let words = format!(
                    "the application did not take what is sent to {} within {} s\nhint: --health-poll-timeout allows more{}",
                    senders.collect::<Vec<_>>().join(" and "),
                    self.health_poll_timeout.as_secs(),
                    last(),
                );
                (Code::NeverListened, Some(words))
            }
            End::Interrupted => (Code::Interrupted, Some("interrupted".to_owned())),
        }
    }
}

/// Who had another clock than the recorded one, though it should have.
fn real_time(stage: &Stage) -> Vec<String> {
    if let Err(intercept::RealTime::Forced(why)) = stage.application.clock() {
        return vec![format!("the application: {why}")];
    }
    let line = |uncovered: intercept::Uncovered| format!("{} {}", uncovered.command, uncovered.why);
    stage.application.uncovered().into_iter().map(line).collect()
}
