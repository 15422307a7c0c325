//! A test set from its files: ours, and Keploy's.
//!
//! All that is wrong is collected, so that a person can mend it in one go.
use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use document::{
    Blob, Value,
    yaml::{self, Located},
};
use fs_err as fs;

use crate::{
    Assets, Foreign, Lifetime, Mapping, Record, Response, Source, TestSet, envelope,
    envelope::{Complaint, Envelope, Mould},
    error::advice,
    layout::{CONFIG, JOURNAL, MAPPINGS, MATCHERS, MOCKS, TESTS, natural},
    mappings, matchers, secrets, templates,
};

/// How documents that are not in today's shape become so: the plugins' business.
pub trait Upgrade {
    /// Today's schema of a kind; none when nobody knows the kind, and its documents are kept as they are.
    fn schema(&self, kind: &str) -> Option<u32>;

    /// Exchanges from the `spec` of a document with an older schema; 0 is Keploy's own. One document may hold several.
    /// `spec` is as it stands on disk, with a test's `timestamp` in its request and response.
    ///
    /// # Errors
    /// In words, when it cannot be read.
    fn upgrade(&mut self, kind: &str, schema: u32, spec: &Value) -> Result<Vec<Upgraded>, String>;
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
    pub fn load(directory: &Path, upgrade: &mut dyn Upgrade) -> Result<Self, Vec<LoadError>> {
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
        loader.file(&directory.join(MOCKS), Mould::Mock);
        loader.mappings();
        loader.matchers();
        loader.check_names();
        loader.check_blobs();
        loader.set.tests.sort_by_key(|test| test.started);
        if loader.errors.is_empty() { Ok(loader.set) } else { Err(loader.errors) }
    }
}

struct Loader<'a> {
    set: TestSet,
    upgrade: &'a mut dyn Upgrade,
    errors: Vec<LoadError>,
    /// Documents that became several: their name, and the names of what they became.
    split: HashMap<String, Vec<String>>,
    /// The bodies that are kept as files, and whose they are.
    blobs: Vec<(Blob, Source)>,
}

impl<'a> Loader<'a> {
    fn new(directory: &Path, upgrade: &'a mut dyn Upgrade) -> Self {
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
                Some("yaml" | "yml") => self.file(&path, Mould::Test),
                Some("json") => {
                    self.complain(&path, 0, "tests in JSON cannot be read", "record again with `storageFormat: yaml`");
                }
                _ => {}
            }
        }
    }

    /// Every document of a file.
    fn file(&mut self, path: &Path, mould: Mould) {
        let Some(text) = self.read(path) else { return };
        let path = &Arc::new(path.to_owned());
        let mut empty = true;
        // One after the other: a large file is not in memory twice, as documents and as what they become.
        for document in yaml::Documents::new(&text) {
            let Located { line, mut value } = match document {
                Ok(located) => located,
                Err(error) => return self.broken(path, &error),
            };
            if value == Value::Null {
                continue; // What stands behind a last `---`.
            }
            empty = false;
            if mould == Mould::Test {
                let name = value.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let places = templates::places(&value, name.unwrap_or(&stem), &self.set.templates);
                self.set.templated.extend(places);
                templates::resolve(&mut value, &self.set.templates);
            }
            if let Err(complaint) = self.document(path, line, value, mould) {
                let line = yaml::find_line(&text, line, &complaint.path);
                self.complain(path, line, &complaint.message, &complaint.hint);
            }
        }
        if empty && mould == Mould::Test {
            self.complain(path, 0, "the file is empty", "delete it, or restore it from version control");
        }
    }

    fn document(&mut self, path: &Arc<PathBuf>, line: usize, mut value: Value, mould: Mould) -> Result<(), Complaint> {
        if let Some(spec) = value.as_map_mut().and_then(|map| map.get_mut("spec")) {
            self.set.secrets.restore(spec);
            secrets::bodies::restore(spec, &self.set.directory);
        }
        let mut envelope = Envelope::open(value)?;
        if envelope.name.is_empty() {
            envelope.name = match mould {
                Mould::Test => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                Mould::Mock => {
                    return Err(Complaint::new(
                        &[],
                        "`name` is missing",
                        "add one that no other mock has, e.g. `name: mock-7`",
                    ));
                }
            };
        }
        let source = Source { file: path.clone(), line };
        let records = if [envelope::DNS, envelope::UNREACHABLE].contains(&envelope.kind.as_str()) {
            let schema = envelope.schema.unwrap_or_default();
            vec![envelope.record(mould, schema)?]
        } else {
            match (self.upgrade.schema(&envelope.kind), envelope.schema) {
                (None, _) => {
                    let (kind, name, document) = envelope.into_foreign();
                    self.set.foreign.push(Foreign { kind, name, document, source });
                    return Ok(());
                }
                (Some(today), Some(schema)) if schema == today => vec![envelope.record(mould, schema)?],
                (Some(today), Some(schema)) if schema > today => {
                    let message = format!(
                        "`{}` documents of schema {schema} are newer than the parser, which has {today}",
                        envelope.kind
                    );
                    return Err(Complaint::new(
                        &["spec", "metadata", "schema"],
                        message,
                        "update keploy, or the parser in --plugins",
                    ));
                }
                (Some(today), schema) => self.upgraded(envelope, mould, schema.unwrap_or_default(), today)?,
            }
        };
        for record in records {
            match record {
                Record::Test(mut test) => {
                    test.source = source.clone();
                    self.note_blobs(&mut test.request, &mut test.responses, &source);
                    self.set.tests.push(test);
                }
                Record::Mock(mut mock) => {
                    mock.source = source.clone();
                    self.note_blobs(&mut mock.request, &mut mock.responses, &source);
                    // Of a large recording, a run looks at few.
                    mock.request.pack();
                    mock.responses.iter_mut().for_each(|response| response.body.pack());
                    self.set.mocks.push(mock);
                }
            }
        }
        Ok(())
    }

    fn note_blobs(&mut self, request: &mut Value, responses: &mut [Response], source: &Source) {
        for document in std::iter::once(request).chain(responses.iter_mut().map(|response| &mut response.body)) {
            document.for_each_blob(&mut |blob| self.blobs.push((*blob, source.clone())));
        }
    }

    /// Has the plugin read the documents, and puts them into what stands around them.
    fn upgraded(
        &mut self,
        envelope: Envelope,
        mould: Mould,
        schema: u32,
        today: u32,
    ) -> Result<Vec<Record>, Complaint> {
        let exchanges = self.upgrade.upgrade(&envelope.kind, schema, envelope.spec()?).map_err(|reason| {
            let hint = "record this test set again, or report the document that cannot be read";
            Complaint::new(&["spec"], format!("the {} parser cannot read this: {reason}", envelope.kind), hint)
        })?;
        let name = envelope.name.clone();
        let names: Vec<String> = match exchanges.len() {
            1 => vec![name.clone()],
            many => (1..=many).map(|number| format!("{name}.{number}")).collect(),
        };
        let around = envelope.around(mould)?;
        let records =
            exchanges.into_iter().zip(&names).map(|(exchange, name)| fill(around.clone(), exchange, name, today));
        let records = records.collect();
        if names.len() != 1 {
            self.split.insert(name, names);
        }
        Ok(records)
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

fn fill(around: Record, exchange: Upgraded, name: &str, schema: u32) -> Record {
    let Upgraded { request, class, lifetime, responses } = exchange;
    let at = |ended| responses.into_iter().map(move |body| Response { body, at: ended }).collect();
    match around {
        Record::Test(test) => {
            let responses = at(test.ended);
            Record::Test(crate::TestCase { name: name.to_owned(), schema, class, request, responses, ..test })
        }
        Record::Mock(mock) => {
            let responses = at(mock.ended);
            Record::Mock(crate::Mock { name: name.to_owned(), schema, class, lifetime, request, responses, ..mock })
        }
    }
}

fn hint_of(error: &std::io::Error) -> &'static str {
    advice(error.kind()).trim_start_matches("\nhint: ")
}
