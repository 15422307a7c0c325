//! Secrets out of test sets that exist: ours from before, or Keploy's.
use std::path::{Path, PathBuf};

use document::{Value, yaml};
use fs_err as fs;

use crate::{
    Error, LoadError, Project, curl,
    error::advice,
    files::Files,
    layout::{JOURNAL, PLACEHOLDERS, SECRET, TESTS, natural},
    secrets::Secrets,
};

/// What to do with what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sanitize {
    /// Files stay as they are.
    Check,
    Replace,
}

/// What was found in a test set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sanitized {
    /// Secrets that had no placeholder: what each got, and where it was first seen.
    pub found: Vec<(String, String)>,
    /// The files that hold a secret, new or known.
    pub files: Vec<PathBuf>,
    /// Files that cannot be looked into.
    pub unread: Vec<PathBuf>,
}

impl Project {
    /// Replaces the secrets in the files of a test set by placeholders, and keeps them in its `secret.yaml`.
    ///
    /// # Errors
    /// When a file cannot be read, is no YAML, or cannot be written. What was written by then is sound.
    pub fn sanitize(&self, set: &str, how: Sanitize) -> Result<Sanitized, Error> {
        let directory = self.set_dir(set);
        let mut secrets = Secrets::load(&directory, self.rules.clone())?;
        let known = secrets.vault.entries().len();
        let mut sanitized = Sanitized::default();
        let mut files = Vec::new();
        for path in paths(&directory)? {
            if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                files.push(File::read(&path, &mut secrets)?);
            } else {
                sanitized.unread.push(path);
            }
        }
        // The last file may show what the first one holds.
        files.iter().for_each(|file| file.scan(&directory, &mut secrets));
        let found = secrets.vault.entries().iter().skip(known);
        sanitized.found = found.map(|entry| (entry.name.clone(), entry.at.clone())).collect();
        if how == Sanitize::Replace {
            secrets.save(&directory, self.files)?;
        }
        for file in files {
            let bodies = (how == Sanitize::Replace).then_some((directory.as_path(), self.files));
            let Some((path, text)) = file.cleaned(&mut secrets, bodies)? else { continue };
            if how == Sanitize::Replace {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let clean = secrets.vault.hidden(&name).map_or_else(|| path.clone(), |name| path.with_file_name(name));
                self.files.replace(&clean, |file| file.write_all(text.as_bytes()))?;
                if clean != path {
                    fs::remove_file(&path)?;
                }
            }
            sanitized.files.push(path);
        }
        secrets.remove_bodies()?;
        Ok(sanitized)
    }
}

/// A file of documents.
struct File {
    path: PathBuf,
    /// The comments that it begins with.
    head: String,
    documents: Vec<Value>,
}

impl File {
    fn read(path: &Path, secrets: &mut Secrets) -> Result<Self, Error> {
        let wrong = |line, message, hint: &str| {
            let (file, hint) = (path.to_owned(), hint.to_owned());
            Error::Secrets(LoadError { file, line, message, hint })
        };
        let text = fs::read_to_string(path)
            .map_err(|error| wrong(0, error.to_string(), advice(error.kind()).trim_start_matches("\nhint: ")))?;
        secrets.vault.reserve(&text);
        let documents = yaml::parse_all(&text).map_err(|error| {
            wrong(error.line, error.message, "mend it by hand, or restore the file from version control")
        })?;
        let documents = documents.into_iter().map(|document| document.value).filter(|value| *value != Value::Null);
        let head = text.split_inclusive('\n').take_while(|line| line.starts_with('#')).collect();
        Ok(Self { path: path.to_owned(), head, documents: documents.collect() })
    }

    fn scan(&self, directory: &Path, secrets: &mut Secrets) {
        for document in self.documents.iter().filter_map(Value::as_map) {
            secrets.scan(document);
            secrets.scan_bodies(&mut document.clone(), directory);
        }
    }

    /// The file without secrets; none: it has none. `bodies`: of which test set those are cleaned, too.
    fn cleaned(
        self,
        secrets: &mut Secrets,
        bodies: Option<(&Path, Files)>,
    ) -> Result<Option<(PathBuf, String)>, Error> {
        let mut documents = self.documents.clone();
        for document in &mut documents {
            match document {
                Value::Map(map) if map.get("spec").is_some() => {
                    secrets.clean(map);
                    if let Some((directory, files)) = bodies {
                        secrets.clean_bodies(map, directory, files)?;
                    }
                    if map.get("curl").is_some() {
                        let request = map.get("spec").and_then(|spec| spec.get("req"));
                        match request.and_then(curl::command) {
                            Some(command) => map.insert("curl", command),
                            None => drop(map.remove("curl")),
                        }
                    }
                }
                other => secrets.vault.hide(other),
            }
        }
        if documents == self.documents {
            return Ok(None);
        }
        let texts: Vec<String> = documents.iter().map(yaml::emit).collect();
        Ok(Some((self.path, format!("{}{}", self.head, texts.join("---\n")))))
    }
}

/// The files of a test set that may hold secrets, in their order.
fn paths(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    const OWN: [&str; 4] = [SECRET, PLACEHOLDERS, JOURNAL, ".gitignore"];
    let mut paths = Vec::new();
    for directory in [directory.join(TESTS), directory.to_owned()] {
        if !directory.is_dir() {
            continue;
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_file() && !OWN.contains(&&*name) {
                files.push(path);
            }
        }
        files.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
        paths.extend(files);
    }
    Ok(paths)
}
