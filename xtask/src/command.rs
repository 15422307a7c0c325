//! Running other programs, and saying what went wrong.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

pub type Result<T = ()> = std::result::Result<T, Failure>;

/// Something did not work: what, and what a person can do about it.
#[derive(Debug)]
pub struct Failure {
    what: String,
    hint: Option<String>,
}

impl Failure {
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\nhint: {hint}"))
    }
}

/// `Command` with the two endings that are needed here. Standard input is empty: nothing may ask questions.
pub trait Run {
    /// Runs it with its output on the screen.
    fn run(&mut self) -> Result;
    /// Runs it in silence; its output is shown only when it fails.
    fn run_quietly(&mut self) -> Result;
    /// Its standard output, trimmed.
    fn text(&mut self) -> Result<String>;
}

impl Run for Command {
    fn run(&mut self) -> Result {
        let status = self.stdin(Stdio::null()).status().map_err(|error| not_started(self, &error))?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("{} ended with {status}", shown(self)))) }
    }

    fn run_quietly(&mut self) -> Result {
        self.text().map(drop)
    }

    fn text(&mut self) -> Result<String> {
        let output = self.stdin(Stdio::null()).output().map_err(|error| not_started(self, &error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let tail: Vec<&str> = said.trim_end().lines().rev().take(30).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        Err(Failure::new(format!("{} ended with {}:\n{}", shown(self), output.status, tail.join("\n"))))
    }
}

/// Is there a program of this name in PATH, or in the directories where Debian keeps the administrator's?
pub fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|directory| directory.join(program).is_file())
}

/// An I/O error that names the file.
pub fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::new(format!("{path}: {error}"))
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} could not be started: {error}", command.get_program().display())).hint("cargo xtask setup")
}

fn shown(command: &Command) -> String {
    let arguments = command.get_args().map(|a| a.to_string_lossy());
    std::iter::once(command.get_program().to_string_lossy()).chain(arguments).collect::<Vec<_>>().join(" ")
}
