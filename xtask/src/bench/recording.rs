//! `keploy record` around an application, ours or a peer's, and what came of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::program::{Program, Used, used_by_all_of};
use crate::command::{Result, at};

/// Writing a million tests takes a while.
const PATIENCE: Duration = Duration::from_secs(900);

pub struct Recording {
    program: Program,
    binary: PathBuf,
    project: PathBuf,
}

/// What a recording came to.
pub struct Recorded {
    /// Requests to the application that are tests, and calls of its own that were read.
    pub tests: u64,
    pub calls: u64,
    /// Exchanges that were lost, connections that were not read to their end.
    pub lost: u64,
    /// All that keploy used, to its end.
    pub used: Used,
    /// From the end of the traffic, or of the application, to its own.
    pub ending: Duration,
    /// What the application printed, and keploy.
    pub printed: String,
}

impl Recording {
    /// Of `application`, as a shell runs it. `name` is for its files, in `folder`.
    pub fn start(binary: &Path, folder: &Path, name: &str, application: &str) -> Result<Self> {
        let binary = binary.canonicalize().map_err(at(binary))?;
        // A new one each time, and none is removed before all is measured: where thousands of files were just deleted, ext4
        // takes five times as long to make new ones.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let project = folder.join(&name);
        std::fs::create_dir_all(&project).map_err(at(&project))?;
        let mut record = Command::new(&binary);
        record.args(["record", "-c", application]).current_dir(&project);
        if binary.ends_with("release/keploy") {
            record.args(["--no-learn", "--json"]);
        }
        Ok(Self { program: Program::start(folder, &name, &mut record)?, binary, project })
    }

    /// Until the application listens on `port`.
    pub fn listens(mut self, port: u16) -> Result<Self> {
        self.program = self.program.listens(port)?;
        Ok(self)
    }

    /// What keploy itself has used; not the application.
    pub fn used(&self) -> Used {
        used_by_all_of(self.program.pid(), &self.binary)
    }

    /// Ends it as a user does.
    pub fn finish(self) -> Result<Recorded> {
        self.program.interrupt()?;
        self.ended()
    }

    /// Waits until the application has ended, and keploy after it.
    pub fn ended(mut self) -> Result<Recorded> {
        let began = Instant::now();
        let (mut used, pid) = (Used::default(), self.program.pid());
        let status = self.program.wait(PATIENCE, || used = used.or_later(used_by_all_of(pid, &self.binary)))?;
        if !status.success() {
            return Err(self.program.trouble(&format!("ended with {status}")));
        }
        let printed = self.program.printed();
        let summary: Value =
            printed.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        let number = |name: &str| summary[name].as_u64();
        Ok(Recorded {
            tests: number("tests").unwrap_or_else(|| files(&self.project, "tests").len() as u64),
            calls: number("exchanges").unwrap_or_else(|| documents(&self.project)),
            lost: number("lost").unwrap_or(0) + number("unparsed").unwrap_or(0),
            used,
            ending: began.elapsed(),
            printed,
        })
    }
}

/// The files of `keploy/test-set-0/FOLDER`.
fn files(project: &Path, folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(project.join("keploy/test-set-0").join(folder));
    entries.map_or_else(|_| Vec::new(), |entries| entries.flatten().map(|entry| entry.path()).collect())
}

/// The mocks on disk, for a peer that does not say how many there are.
fn documents(project: &Path) -> u64 {
    let mocks = files(project, "").into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "yaml"));
    let texts = mocks.map(|path| std::fs::read_to_string(path).unwrap_or_default());
    texts.map(|text| text.lines().filter(|line| line.starts_with("kind: ")).count() as u64).sum()
}
