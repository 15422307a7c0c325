//! The product, as a user runs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::apps::App;
use crate::{Ended, PATIENCE, Process, World, built};

/// A project folder in which keploy is run on an application.
#[derive(Clone)]
pub struct Project {
    pub folder: PathBuf,
    pub app: App,
    options: Vec<String>,
}

/// A recording going on.
pub struct Recording {
    process: Process,
}

/// What `--json` printed at the end, beside how it ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub json: Value,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    /// A new, empty one, in the world's folder.
    pub fn new(world: &World, app: App) -> Self {
        let folder = world.folder().join(app.name);
        std::fs::create_dir_all(&folder).expect("the world's folder is ours");
        Self { folder, app, options: Vec::new() }
    }

    /// The same folder and options, another application.
    pub fn with_app(&self, app: App) -> Self {
        Self { app, ..self.clone() }
    }

    /// With one more option, for `record` and `test`.
    pub fn option(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.options.extend([name.to_owned(), value.as_ref().display().to_string()]);
        self
    }

    /// Starts recording and waits until the application listens. When it ends, nothing is learned.
    pub fn record(&self, world: &World) -> Recording {
        self.record_with(world, &["--no-learn"])
    }

    /// The same, and learns: the recording is replayed twice when it ends.
    pub fn record_and_learn(&self, world: &World) -> Recording {
        self.record_with(world, &[])
    }

    fn record_with(&self, world: &World, options: &[&str]) -> Recording {
        self.record_until(world, options, "application is listening")
    }

    /// Starts recording and waits until the application, which need not listen, says `words`.
    pub fn record_until(&self, world: &World, options: &[&str], words: &str) -> Recording {
        let process = Process::start(world, self.command("record").args(options));
        process.wait_for(words);
        Recording { process }
    }

    /// Replays, with a regression planted into the application ("" for none).
    pub fn test(&self, world: &World, mutation: &str) -> Outcome {
        let mut command = self.command("test");
        command.env("MUTATE", mutation);
        Outcome::of(Process::start(world, &mut command).wait(5 * PATIENCE))
    }

    /// Learns from two replays, and says what.
    pub fn learn(&self, world: &World) -> Ended {
        let mut command = keploy();
        command.args(["learn", "-c", &self.app.command]).args(&self.options).current_dir(&self.folder);
        command.envs(self.app.environment.iter().map(|(name, value)| (name, value)));
        Process::start(world, &mut command).wait(4 * PATIENCE)
    }

    /// Replays, with more options.
    pub fn test_with(&self, world: &World, options: &[&str]) -> Outcome {
        Outcome::of(Process::start(world, self.command("test").args(options)).wait(5 * PATIENCE))
    }

    /// Records the same requests again.
    pub fn rerecord(&self, world: &World) -> Outcome {
        let mut keploy = keploy();
        keploy.args(["rerecord", "-c", &self.app.command]).current_dir(&self.folder);
        keploy.envs(self.app.environment.iter().map(|(name, value)| (name, value)));
        Outcome::of(Process::start(world, &mut keploy).wait(5 * PATIENCE))
    }

    /// `keploy ARGUMENTS`, without the application.
    pub fn keploy(&self, world: &World, arguments: &[&str]) -> Outcome {
        Outcome::of(Process::start(world, keploy().args(arguments).current_dir(&self.folder)).wait(PATIENCE))
    }

    /// `keploy VERB -c APP --json`, in the project's folder.
    pub fn command(&self, verb: &str) -> Command {
        let mut keploy = keploy();
        keploy.args([verb, "-c", &self.app.command, "--json"]).args(&self.options).current_dir(&self.folder);
        keploy.envs(self.app.environment.iter().map(|(name, value)| (name, value)));
        keploy
    }

    /// The recorded set.
    pub fn test_set(&self) -> PathBuf {
        self.folder.join("keploy/test-set-0")
    }

    /// How many test files there are.
    pub fn test_files(&self) -> usize {
        std::fs::read_dir(self.test_set().join("tests")).map_or(0, Iterator::count)
    }
}

impl Recording {
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// For an end of another kind.
    pub fn into_process(self) -> Process {
        self.process
    }

    /// As a user ends it: Ctrl-C.
    pub fn finish(self) -> Outcome {
        self.process.signal(Signal::SIGINT);
        Outcome::of(self.process.wait(4 * PATIENCE))
    }
}

impl Outcome {
    pub fn of(ended: Ended) -> Self {
        let json = serde_json::from_str(ended.stdout.trim()).unwrap_or(Value::Null);
        Self { code: ended.status.code(), json, stdout: ended.stdout, stderr: ended.stderr }
    }

    /// What it said, for a failure's message: the first and the last lines, each cut to a screen's width.
    pub fn said(&self) -> String {
        const ENDS: usize = 25;
        let lines: Vec<String> = self.stderr.lines().map(|line| line.chars().take(200).collect()).collect();
        let hidden = lines.len().saturating_sub(2 * ENDS);
        let shown = |(n, line): (usize, &String)| match n {
            n if hidden > 0 && n == ENDS => Some(format!("... {hidden} lines ...")),
            n if n > ENDS && n < ENDS + hidden => None,
            _ => Some(line.clone()),
        };
        let shown: Vec<String> = lines.iter().enumerate().filter_map(shown).collect();
        format!("ended with {:?}; {}\n{}", self.code, self.json_line(), shown.join("\n"))
    }

    fn json_line(&self) -> String {
        self.json.to_string().chars().take(400).collect()
    }

    /// A number of the `--json` object.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn number(&self, name: &str) -> u64 {
        self.json[name].as_u64().unwrap_or_else(|| panic!("no number {name:?}: {}", self.said()))
    }

    /// # Panics
    /// When it did not end with `code`; with all it said.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.said());
        self
    }

    /// # Panics
    /// When standard error does not contain every one of `words`.
    #[track_caller]
    pub fn expect_words(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} was not said: {}", self.said());
        }
        self
    }
}

/// The binary under test.
pub fn keploy() -> Command {
    Command::new(built("release/keploy"))
}
