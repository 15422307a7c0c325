//! Secrets out of test sets that exist: ours from before, or Keploy's.
use std::path::{Path, PathBuf};

use document::{
    Map, Value,
    yaml::{self, Located},
};
use fs_err as fs;

use crate::{
    Error, LoadError, Project, curl, edit,
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
    text: String,
    documents: Vec<Located>,
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
        Ok(Self { path: path.to_owned(), text, documents })
    }

    fn scan(&self, directory: &Path, secrets: &mut Secrets) {
        for document in self.documents.iter().filter_map(|document| document.value.as_map()) {
            secrets.scan(&mut document.clone());
            secrets.scan_bodies(&mut document.clone(), directory);
        }
    }

    /// The file without secrets, and otherwise as it is; none: it has none. `bodies`: of which test set those are cleaned, too.
    fn cleaned(
        self,
        secrets: &mut Secrets,
        bodies: Option<(&Path, Files)>,
    ) -> Result<Option<(PathBuf, String)>, Error> {
        let mut documents: Vec<Value> = self.documents.iter().map(|document| document.value.clone()).collect();
        for document in &mut documents {
            match document {
                Value::Map(map) if map.get("spec").is_some() => clean(map, secrets, bodies)?,
                other => secrets.vault.hide(other),
            }
        }
        let mut text = self.text.clone();
        // From the last to the first: the lines of those that are left to do stay where they are.
        for (Located { line, value }, new) in self.documents.iter().zip(&documents).rev() {
            if value != new {
                text = yaml::edit(&text, *line, value, new).unwrap_or_else(|| edit::rewrite(&text, *line, new));
            }
        }
        if text == self.text {
            return Ok(None);
        }
        // A comment may have one, too; those that the file begins with are Keploy's and ours.
        if secrets.vault.hidden(&text).is_some_and(|hidden| hidden != text) {
            let head: String = self.text.split_inclusive('\n').take_while(|line| line.starts_with('#')).collect();
            let texts: Vec<String> = documents.iter().filter(|value| **value != Value::Null).map(yaml::emit).collect();
            text = format!("{head}{}", texts.join("---\n"));
        }
        Ok(Some((self.path, text)))
    }
}

/// A test or a mock. Its `curl:` line says again what the request says.
fn clean(document: &mut Map, secrets: &mut Secrets, bodies: Option<(&Path, Files)>) -> Result<(), Error> {
    let before = document.clone();
    secrets.clean(document);
    if let Some((directory, files)) = bodies {
        secrets.clean_bodies(document, directory, files)?;
    }
    let Some(mut curl) = document.get("curl").cloned() else { return Ok(()) };
    secrets.vault.hide(&mut curl);
    if *document == before && document.get("curl") == Some(&curl) {
        return Ok(());
    }
    match document.get("spec").and_then(|spec| spec.get("req")).and_then(curl::command) {
        Some(command) => document.insert("curl", command),
        None => drop(document.remove("curl")),
    }
    Ok(())
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
