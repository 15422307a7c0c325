//! Where things are: `keploy/test-set-N/`, `keploy/reports/test-run-N/`.
use std::{
    cmp::Ordering,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::secrets::Rules;
use fs_err as fs;

use crate::{
    Error, Owner,
    files::{Files, naming},
};

/// What a test set's files are called.
pub(crate) const TESTS: &str = "tests";
pub(crate) const MOCKS: &str = "mocks.yaml";
pub(crate) const MAPPINGS: &str = "mappings.yaml";
pub(crate) const MATCHERS: &str = "matchers.yaml";
pub(crate) const PARSERS: &str = "parsers.yaml";
pub(crate) const CONFIG: &str = "config.yaml";
pub(crate) const ASSETS: &str = "assets";
pub(crate) const SECRET: &str = "secret.yaml";
/// Bodies as they were recorded, whose files have placeholders.
pub(crate) const SECRETS: &str = "secret";
pub(crate) const PLACEHOLDERS: &str = "placeholders.yaml";
pub(crate) const JOURNAL: &str = ".journal";

/// Directories under `keploy/` that are never test sets.
const RESERVED: [&str; 4] = [REPORTS, "testReports", "schema", "api-tests"];
const REPORTS: &str = "reports";
/// How the files in a run's directory end.
const REPORT: &str = "-report.yaml";
const TEST_SET: &str = "test-set-";
const TEST_RUN: &str = "test-run-";

/// The directory that contains `keploy/`.
#[derive(Clone, Debug)]
pub struct Project {
    root: PathBuf,
    pub(crate) files: Files,
    /// What is a secret, and is not written into documents.
    pub(crate) rules: Arc<Rules>,
}

impl Project {
    /// Touches nothing yet. What is created later is given to `owner`, when there is one.
    pub fn open(path: &Path, owner: Option<Owner>) -> Self {
        Self { root: path.join("keploy"), files: Files(owner), rules: Arc::default() }
    }

    /// With the user's own rules of what is a secret.
    #[must_use]
    pub fn with_secrets(self, rules: Rules) -> Self {
        Self { rules: Arc::new(rules), ..self }
    }

    /// The `keploy` directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn set_dir(&self, set: &str) -> PathBuf {
        self.root.join(set)
    }

    /// The test sets, `test-set-2` before `test-set-10`; none when nothing was recorded yet.
    ///
    /// # Errors
    /// When the directory is there and cannot be read.
    pub fn sets(&self) -> Result<Vec<String>, Error> {
        let mut sets = directories(&self.root)?;
        sets.retain(|name| !name.starts_with('.') && !RESERVED.contains(&name.as_str()));
        sets.sort_by(|a, b| natural(a, b));
        Ok(sets)
    }

    /// The test sets whose recording did not end properly: keploy was killed, or is still at it.
    ///
    /// # Errors
    /// As for [`Project::sets`].
    pub fn unfinished(&self) -> Result<Vec<String>, Error> {
        let mut sets = self.sets()?;
        sets.retain(|set| self.set_dir(set).join(JOURNAL).exists());
        Ok(sets)
    }

    /// Creates the next free `test-set-N`.
    pub(crate) fn create_set(&self) -> Result<(String, PathBuf), Error> {
        self.prepare()?;
        Ok(self.create_numbered(&self.root, TEST_SET)?)
    }

    /// Creates the next free `reports/test-run-N`.
    ///
    /// # Errors
    /// When a directory cannot be created.
    pub fn next_run(&self) -> Result<RunDir, Error> {
        self.prepare()?;
        let reports = self.root.join(REPORTS);
        self.files.create_dir_all(&reports)?;
        let (name, path) = self.create_numbered(&reports, TEST_RUN)?;
        Ok(RunDir { name, path, files: self.files })
    }

    /// A run that there was, by its number or its name; the last one for none. None when there was no such run.
    ///
    /// # Errors
    /// When the directory is there and cannot be read.
    pub fn run(&self, wanted: Option<&str>) -> Result<Option<RunDir>, Error> {
        let reports = self.root.join(REPORTS);
        let number = |name: &String| name.strip_prefix(TEST_RUN)?.parse::<u64>().ok();
        let runs = directories(&reports)?.into_iter().filter(|name| number(name).is_some());
        let is_wanted = |name: &String| match wanted {
            Some(wanted) => name == wanted || name.strip_prefix(TEST_RUN) == Some(wanted),
            None => true,
        };
        let name = runs.filter(is_wanted).max_by_key(number);
        Ok(name.map(|name| RunDir { path: reports.join(&name), name, files: self.files }))
    }

    /// `keploy/` and the `.gitignore` in it; one that a person wrote is left as it is.
    fn prepare(&self) -> io::Result<()> {
        self.files.create_dir_all(&self.root)?;
        let ignore = self.root.join(".gitignore");
        if ignore.exists() {
            return Ok(());
        }
        self.files.replace(&ignore, |file| write!(file, "/{REPORTS}/\n{SECRET}\n{JOURNAL}\n"))
    }

    fn create_numbered(&self, parent: &Path, prefix: &str) -> io::Result<(String, PathBuf)> {
        let taken = directories(parent)?.iter().filter_map(|n| n.strip_prefix(prefix)?.parse::<u64>().ok()).max();
        let mut number = taken.map_or(0, |n| n + 1);
        loop {
            let name = format!("{prefix}{number}");
            let path = parent.join(&name);
            match self.files.create_dir(&path) {
                Ok(()) => return Ok((name, path)),
                // Another keploy was faster: the next one is ours.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Where the reports of one run go.
#[derive(Clone, Debug)]
pub struct RunDir {
    /// `test-run-N`.
    pub name: String,
    pub path: PathBuf,
    pub(crate) files: Files,
}

impl RunDir {
    /// The files of its test sets, in natural order.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn reports(&self) -> Result<Vec<PathBuf>, Error> {
        let entries = fs::read_dir(&self.path)?.collect::<io::Result<Vec<_>>>()?;
        let mut files: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        files.retain(|file| file.to_string_lossy().ends_with(REPORT));
        files.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
        Ok(files)
    }

    pub(crate) fn report(&self, set: &str) -> PathBuf {
        self.path.join(format!("{set}{REPORT}"))
    }
}

fn directories(parent: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().is_dir() {
            let name = entry.file_name().into_string();
            names.push(name.map_err(|_| {
                naming("read the name of", &entry.path(), &io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
            })?);
        }
    }
    Ok(names)
}

/// By name, with runs of digits compared as numbers.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a, b);
    loop {
        let (number_x, rest_x) = split_number(x);
        let (number_y, rest_y) = split_number(y);
        // Of equal length once the zeros are gone, so comparing the text compares the numbers.
        let order = (number_x.len(), number_x).cmp(&(number_y.len(), number_y));
        let (mut chars_x, mut chars_y) = (rest_x.chars(), rest_y.chars());
        let order = order.then_with(|| chars_x.next().cmp(&chars_y.next()));
        if order != Ordering::Equal {
            return order;
        }
        if rest_x.is_empty() {
            return a.cmp(b);
        }
        (x, y) = (chars_x.as_str(), chars_y.as_str());
    }
}

/// The digits a text starts with, without leading zeros, and what follows.
fn split_number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.trim_start_matches('0'), rest)
}
