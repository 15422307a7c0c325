//! A test set from its files: ours, and Keploy's.
//!
//! All that is wrong is collected, so that a person can mend it in one go.
mod document;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::document::{
    Blob, Value,
    yaml::{self, Located},
};
use fs_err as fs;

use self::document::{Reader, Sorted};
use crate::{
    Assets, Lifetime, Mapping, Record, Source, TestSet,
    envelope::{Complaint, Mould},
    error::advice,
    in_order::in_order,
    layout::{CONFIG, JOURNAL, MAPPINGS, MATCHERS, MOCKS, PARSERS, TESTS, natural},
    mappings, matchers, parsers, secrets, templates,
};

/// How documents that are not in today's shape become so: the plugins' business.
pub trait Upgrade: Sync {
    /// Today's schema of a kind; none when nobody knows the kind, and its documents are kept as they are.
    fn schema(&self, kind: &str) -> Option<u32>;

    /// Exchanges from the `spec` of a document with an older schema; 0 is Keploy's own. One document may hold several.
    /// `spec` is as it stands on disk, with a test's `timestamp` in its request and response.
    ///
    /// # Errors
    /// In words, when it cannot be read.
    fn upgrade(&self, kind: &str, schema: u32, spec: &Value) -> Result<Vec<Upgraded>, String>;
}

/// One exchange of an older document.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Upgraded {
    pub request: Value,
    pub class: String,
    pub lifetime: Lifetime,
    pub responses: Vec<Value>,
}

/// What is wrong with a file, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    pub file: PathBuf,
    /// 1-based; 0 when it is about the file as a whole.
    pub line: usize,
    pub message: String,
    /// May be empty.
    pub hint: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        write!(f, " {}", self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "\nhint: {}", self.hint) }
    }
}

impl std::error::Error for LoadError {}

impl TestSet {
    /// Reads the test set in `directory`.
    ///
    /// # Errors
    /// Everything that is wrong with its files. What is sound is not given out then: half a test set would pass for a
    /// whole one.
    pub fn load(directory: &Path, upgrade: &dyn Upgrade) -> Result<Self, Vec<LoadError>> {
        let mut loader = Loader::new(directory, upgrade);
        if !directory.is_dir() {
            loader.complain(directory, 0, "there is no such test set", "`keploy record` makes one");
            return Err(loader.errors);
        }
        loader.refuse_unreadable();
        match secrets::vault(directory) {
            Ok(vault) => loader.set.secrets = vault,
            Err(error) => loader.errors.push(error),
        }
        loader.templates();
        loader.tests();
        loader.mocks();
        loader.mappings();
        loader.matchers();
        loader.parsers();
        loader.check_names();
        loader.check_blobs();
        loader.set.tests.sort_by_key(|test| test.started);
        if loader.errors.is_empty() { Ok(loader.set) } else { Err(loader.errors) }
    }
}

struct Loader<'a> {
    set: TestSet,
    upgrade: &'a dyn Upgrade,
    errors: Vec<LoadError>,
    /// Documents that became several: their name, and the names of what they became.
    split: HashMap<String, Vec<String>>,
    /// The bodies that are kept as files, and whose they are.
    blobs: Vec<(Blob, Source)>,
}

impl<'a> Loader<'a> {
    fn new(directory: &Path, upgrade: &'a dyn Upgrade) -> Self {
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let set = TestSet { name, directory: directory.to_owned(), ..TestSet::default() };
        Self { set, upgrade, errors: Vec::new(), split: HashMap::new(), blobs: Vec::new() }
    }

    /// What would be missed without a word otherwise.
    fn refuse_unreadable(&mut self) {
        let files = [
            (
                JOURNAL,
                "this recording was not finished",
                "wait for the keploy that is recording, or let `keploy test` complete it",
            ),
            (
                "mocks.gob",
                "mocks in Go's own binary form cannot be read",
                "record again with `record.mockFormat: yaml`",
            ),
            ("mocks.json", "mocks in JSON cannot be read", "record again with `storageFormat: yaml`"),
        ];
        for (name, message, hint) in files {
            let path = self.set.directory.join(name);
            if path.exists() {
                self.complain(&path, 0, message, hint);
            }
        }
    }

    fn templates(&mut self) {
        match templates::read(&self.set.directory) {
            Ok(templates) => {
                let restored = |(name, value)| {
                    let mut value = Value::Text(value);
                    self.set.secrets.restore(&mut value);
                    (name, value.as_str().unwrap_or_default().to_owned())
                };
                self.set.templates = templates.into_iter().map(restored).collect();
            }
            Err(error) => {
                let (path, hint) = (self.set.directory.join(CONFIG), error.hint.unwrap_or_default());
                self.complain(&path, error.line, &error.message, &hint);
            }
        }
    }

    fn tests(&mut self) {
        let directory = self.set.directory.join(TESTS);
        if !directory.is_dir() {
            return; // A set of mocks only.
        }
        let entries = fs::read_dir(&directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut paths: Vec<PathBuf> = match entries {
            Ok(entries) => entries.iter().map(fs::DirEntry::path).collect(),
            Err(error) => return self.complain(&directory, 0, &error.to_string(), hint_of(&error)),
        };
        paths.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
        for path in paths {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("yaml" | "yml") => self.test(&path),
                Some("json") => {
                    self.complain(&path, 0, "tests in JSON cannot be read", "record again with `storageFormat: yaml`");
                }
                _ => {}
            }
        }
    }

    /// The documents of a test's file.
    fn test(&mut self, path: &Path) {
        let Some(text) = self.read(path) else { return };
        let file = Arc::new(path.to_owned());
        let mut empty = true;
        for document in yaml::Documents::new(&text) {
            let Located { line, mut value } = match document {
                Ok(located) => located,
                Err(error) => return self.broken(path, &error),
            };
            if value == Value::Null {
                continue; // What stands behind a last `---`.
            }
            empty = false;
            let name = value.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let places = templates::places(&value, name.unwrap_or(&stem), &self.set.templates);
            self.set.templated.extend(places);
            templates::resolve(&mut value, &self.set.templates);
            let source = Source { file: file.clone(), line };
            let reader = Reader { directory: &self.set.directory, secrets: &self.set.secrets, upgrade: self.upgrade };
            let read = reader.read(source.clone(), value, Mould::Test);
            self.take(&text, source, read);
        }
        if empty {
            self.complain(path, 0, "the file is empty", "delete it, or restore it from version control");
        }
    }

    /// The documents of the mocks' file, which may be a million: they are read on all processors.
    fn mocks(&mut self) {
        /// A hundred documents or more, so that handing them over is no work.
        const PART: usize = 1 << 17;
        let path = self.set.directory.join(MOCKS);
        let Some(text) = self.read(&path) else { return };
        let file = Arc::new(path);
        // Taken out, so that what is read can be put into the set meanwhile.
        let (directory, secrets) = (self.set.directory.clone(), std::mem::take(&mut self.set.secrets));
        let reader = Reader { directory: &directory, secrets: &secrets, upgrade: self.upgrade };
        let mut documents = yaml::Documents::new(&text);
        let parts = std::iter::from_fn(|| documents.part(PART));
        let read = |part: yaml::Documents<'_>| {
            let full = part.filter(|document| !matches!(document, Ok(Located { value: Value::Null, .. })));
            let read = full.map(|document| {
                let Located { line, value } = document?;
                let source = Source { file: file.clone(), line };
                Ok((source.clone(), reader.read(source, value, Mould::Mock)))
            });
            read.collect::<Vec<Result<_, yaml::Error>>>()
        };
        in_order(parts, read, |part| {
            for document in part {
                match document {
                    Ok((source, read)) => self.take(&text, source, read),
                    Err(error) => {
                        self.broken(&file, &error);
                        return ControlFlow::Break(());
                    }
                }
            }
            ControlFlow::Continue(())
        });
        self.set.secrets = secrets;
    }

    /// What a document is, or what is wrong with it.
    fn take(&mut self, text: &str, source: Source, read: Result<Sorted, Complaint>) {
        match read {
            Ok(Sorted::Foreign(foreign)) => self.set.foreign.push(foreign),
            Ok(Sorted::Records { records, blobs, split }) => {
                for record in records {
                    match record {
                        Record::Test(test) => self.set.tests.push(test),
                        Record::Mock(mock) => self.set.mocks.push(mock),
                    }
                }
                self.blobs.extend(blobs.into_iter().map(|blob| (blob, source.clone())));
                self.split.extend(split);
            }
            Err(complaint) => {
                let line = yaml::find_line(text, source.line, &complaint.path);
                self.complain(&source.file, line, &complaint.message, &complaint.hint);
            }
        }
    }

    fn mappings(&mut self) {
        let path = self.set.directory.join(MAPPINGS);
        let Some((text, documents)) = self.parse(&path) else { return };
        for Located { line, value } in documents {
            match mappings::read(value) {
                Ok((began, mappings)) => {
                    self.set.began = began;
                    self.set.mappings.extend(mappings);
                }
                Err(complaint) => {
                    let line = yaml::find_line(&text, line, &complaint.path);
                    self.complain(&path, line, &complaint.message, &complaint.hint);
                }
            }
        }
        for Mapping { mocks, .. } in &mut self.set.mappings {
            let expanded = mocks.drain(..).flat_map(|mock| match self.split.get(&mock.name) {
                Some(names) => {
                    names.iter().map(|name| crate::MappedMock { name: name.clone(), ..mock.clone() }).collect()
                }
                None => vec![mock],
            });
            let expanded = expanded.collect();
            *mocks = expanded;
        }
    }

    fn matchers(&mut self) {
        let path = self.set.directory.join(MATCHERS);
        let Some((text, documents)) = self.parse(&path) else { return };
        for Located { line, mut value } in documents {
            self.set.secrets.restore(&mut value);
            match matchers::read(value) {
                Ok(matchers) => self.set.matchers = Some(matchers),
                Err(complaint) => {
                    let line = yaml::find_line(&text, line, &complaint.path);
                    self.complain(&path, line, &complaint.message, &complaint.hint);
                }
            }
        }
    }

    fn parsers(&mut self) {
        let path = self.set.directory.join(PARSERS);
        let Some((text, documents)) = self.parse(&path) else { return };
        for Located { line, value } in documents {
            match parsers::read(value) {
                Ok(settings) => self.set.settings = settings,
                Err(complaint) => {
                    let line = yaml::find_line(&text, line, &complaint.path);
                    self.complain(&path, line, &complaint.message, &complaint.hint);
                }
            }
        }
    }

    /// Mappings and reports speak of tests and mocks by name.
    fn check_names(&mut self) {
        let tests = self.set.tests.iter().map(|test| ("tests", &test.name, &test.source));
        let mocks = self.set.mocks.iter().map(|mock| ("mocks", &mock.name, &mock.source));
        let mut seen = HashSet::new();
        let twice: Vec<_> = tests.chain(mocks).filter(|(what, name, _)| !seen.insert((*what, *name))).collect();
        let errors = twice.into_iter().map(|(what, name, source)| LoadError {
            file: source.file.to_path_buf(),
            line: source.line,
            message: format!("two {what} are called `{name}`"),
            hint: "give one of them another name".to_owned(),
        });
        self.errors.extend(errors.collect::<Vec<_>>());
    }

    fn check_blobs(&mut self) {
        let assets = Assets::new(&self.set.directory, None);
        for (blob, source) in std::mem::take(&mut self.blobs) {
            let path = assets.path(&blob);
            if !path.exists() {
                let message = format!("its body is kept in {}, which is not there", path.display());
                let hint = "restore that file from version control, or record again";
                self.complain(&source.file, source.line, &message, hint);
            }
        }
    }

    /// None when there is no such file, or when it cannot be read, which is then said.
    fn parse(&mut self, path: &Path) -> Option<(String, Vec<Located>)> {
        let text = self.read(path)?;
        match yaml::parse_all(&text) {
            Ok(documents) => Some((text, documents)),
            Err(error) => {
                self.broken(path, &error);
                None
            }
        }
    }

    /// As [`Self::parse`], but for what is in it.
    fn read(&mut self, path: &Path) -> Option<String> {
        let text = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                self.complain(path, 0, &error.to_string(), hint_of(&error));
                return None;
            }
        };
        match String::from_utf8(text) {
            Ok(text) => Some(text),
            Err(error) => {
                let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + sound.iter().filter(|&&byte| byte == b'\n').count();
                self.complain(
                    path,
                    line,
                    "this is not UTF-8",
                    "save the file as UTF-8; binary bodies are `!!binary` in base64",
                );
                None
            }
        }
    }

    fn broken(&mut self, path: &Path, error: &yaml::Error) {
        let message = format!("{} (column {})", error.message, error.column);
        let hint = error.hint.as_deref();
        let hint = hint.unwrap_or("mend it by hand, restore the file from version control, or record again");
        self.complain(path, error.line, &message, hint);
    }

    fn complain(&mut self, file: &Path, line: usize, message: &str, hint: &str) {
        self.errors.push(LoadError { file: file.to_owned(), line, message: message.to_owned(), hint: hint.to_owned() });
    }
}

fn hint_of(error: &std::io::Error) -> &'static str {
    advice(error.kind()).trim_start_matches("\nhint: ")
}
