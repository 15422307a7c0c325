//! A test set's secrets: in `secret.yaml`, beside the documents that have placeholders instead.
//!
//! ```text
//! secret.yaml        NAME: VALUE        Keploy's file; for its owner's eyes only, and not for git
//! placeholders.yaml  NAME, shape, place  what was replaced: for everybody
//! ```
//! With the first, a test set is what was recorded. Without it (a fresh clone, CI), the second says what may stand in
//! for the values. `KEPLOY_SECRETS` names another `secret.yaml`, or a directory that has `SET/secret.yaml`.
pub(crate) mod bodies;
mod report;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::secrets::{Entry, Rules, Shape, Vault, find};
use document::{Map, Value, yaml};
use fs_err as fs;

use crate::{
    Error, LoadError,
    envelope::{Complaint, Fields, HEADER, VERSION},
    error::advice,
    files::Files,
    layout::{PLACEHOLDERS, SECRET, SECRETS},
};

const KIND: &str = "Placeholders";
const VARIABLE: &str = "KEPLOY_SECRETS";

/// Replaces the secrets of one test set's documents, before they are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets {
    pub vault: Vault,
    rules: Arc<Rules>,
    /// Files that no document names any more.
    bodies: Vec<PathBuf>,
    /// How many of the vault's entries the files have.
    saved: usize,
}

impl Secrets {
    /// Of a test set that has none yet.
    pub fn none_yet(rules: Arc<Rules>) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Those of a test set on disk.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn load(directory: &Path, rules: Arc<Rules>) -> Result<Self, Error> {
        let vault = vault(directory).map_err(Error::Secrets)?;
        Ok(Self { saved: vault.entries().len(), vault, rules, bodies: Vec::new() })
    }

    pub fn is_enabled(&self) -> bool {
        self.rules.is_enabled()
    }

    /// Takes note of the secrets of a test or a mock, and takes them out. Returns whether there are any.
    pub fn scan(&mut self, document: &mut Map) -> bool {
        let of = name(document).to_owned();
        document.get_mut("spec").is_some_and(|spec| find(spec, &self.rules, &mut self.vault, &of))
    }

    /// Replaces the secrets of a test or a mock, and every value that is known as one, in its name, too.
    pub fn clean(&mut self, document: &mut Map) {
        self.scan(document);
        self.hide(document);
    }

    /// Replaces every value that is known as a secret: of a document that has none of its own.
    pub fn hide(&self, document: &mut Map) {
        let of = name(document).to_owned();
        if let Some(spec) = document.get_mut("spec") {
            self.vault.hide(spec);
        } else {
            document.iter_mut().for_each(|(_, value)| self.vault.hide(value));
        }
        if let Some(name) = self.vault.hidden(&of) {
            document.insert("name", name);
        }
    }

    /// Keeps what has not changed as it is written: what stands in for a value does not say how that would be spelled.
    pub fn keep(&self, new: &mut Value, written: &Value) {
        match (new, written) {
            (Value::Map(new), Value::Map(written)) => {
                for (name, item) in new.iter_mut() {
                    if let Some(written) = written.get(name) {
                        self.keep(item, written);
                    }
                }
            }
            (Value::Array(new), Value::Array(written)) => {
                new.iter_mut().zip(written).for_each(|(item, written)| self.keep(item, written));
            }
            (new, written) => {
                let mut restored = written.clone();
                self.vault.restore(&mut restored);
                if restored == *new {
                    new.clone_from(written);
                }
            }
        }
    }

    /// Writes both files, where there is something new, and has git leave the first alone.
    pub fn save(&mut self, directory: &Path, files: Files) -> Result<(), Error> {
        let entries = self.vault.entries();
        if entries.len() == self.saved {
            return Ok(());
        }
        let ignore = directory.join(".gitignore");
        let ignored = fs::read_to_string(&ignore).unwrap_or_default();
        if !ignored.lines().any(|line| line.trim_start_matches('/') == SECRET) {
            files.replace(&ignore, |file| writeln!(file, "{ignored}/{SECRET}\n/{SECRETS}/"))?;
        }
        let values = entries.iter().filter_map(|entry| Some((entry.name.clone(), value(entry)?)));
        let values = Value::Map(Map::from_entries(values.collect()).unwrap_or_default());
        let text =
            format!("{HEADER}# Not for git: CI gets it by {VARIABLE}, or goes without.\n{}", yaml::emit(&values));
        files.replace_private(&directory.join(SECRET), |file| file.write_all(text.as_bytes()))?;
        let listed: Vec<Value> = entries.iter().map(|entry| listed(entry).into()).collect();
        let mut listed = Value::from(listed);
        // Of a test whose name has a secret in it.
        self.vault.hide(&mut listed);
        let list = Map::new().with("version", VERSION).with("kind", KIND).with("placeholders", listed);
        let text = format!("{HEADER}{}", yaml::emit(&list.into()));
        files.replace(&directory.join(PLACEHOLDERS), |file| file.write_all(text.as_bytes()))?;
        self.saved = entries.len();
        Ok(())
    }
}

/// What the files of a test set say of its secrets.
///
/// # Errors
/// When one of them cannot be read.
pub(crate) fn vault(directory: &Path) -> Result<Vault, LoadError> {
    let mut entries = read(&directory.join(PLACEHOLDERS), placeholders)?;
    let mut values: HashMap<String, Value> = HashMap::new();
    let mut order = Vec::new();
    for path in [directory.join(SECRET)].into_iter().chain(elsewhere(directory)) {
        for (name, value) in read(&path, |map| Ok(map.into_iter().collect::<Vec<_>>()))? {
            order.push(name.clone());
            values.insert(name, value);
        }
    }
    for entry in &mut entries {
        entry.value = values.remove(&entry.name).and_then(text);
    }
    // Keploy's, and those whose line was lost.
    entries.extend(order.into_iter().filter_map(|name| {
        let value = values.remove(&name)?;
        let shape = if matches!(value, Value::Int(_)) { Shape::Number } else { Shape::Text };
        Some(Entry { name, shape, value: text(value), at: String::new() })
    }));
    Ok(Vault::new(entries))
}

/// Where `KEPLOY_SECRETS` says that the values are.
fn elsewhere(directory: &Path) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(VARIABLE).filter(|path| !path.is_empty())?);
    Some(if path.is_dir() { path.join(directory.file_name()?).join(SECRET) } else { path })
}

fn name(document: &Map) -> &str {
    document.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// A file's one document; nothing where there is no file.
fn read<T: Default>(path: &Path, of: impl FnOnce(Map) -> Result<T, Complaint>) -> Result<T, LoadError> {
    let bad = |line: usize, message: String, hint: &str| LoadError {
        file: path.to_owned(),
        line,
        message,
        hint: hint.to_owned(),
    };
    const HINT: &str = "mend it, or delete it: without the values, others of their shape stand in for them";
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(T::default()),
        Err(error) => return Err(bad(0, error.to_string(), advice(error.kind()).trim_start_matches("\nhint: "))),
    };
    let documents = yaml::parse_all(&text).map_err(|error| bad(error.line, error.message, HINT))?;
    match documents.into_iter().next().map(|document| document.value) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(Value::Map(map)) => of(map).map_err(|complaint| {
            let line = yaml::find_line(&text, 1, &complaint.path);
            bad(line, complaint.message, &complaint.hint)
        }),
        Some(_) => Err(bad(1, "this is no map".to_owned(), HINT)),
    }
}

fn placeholders(map: Map) -> Result<Vec<Entry>, Complaint> {
    let entry = |mut fields: Fields| {
        let name = fields.text("name")?.ok_or_else(|| fields.missing("name", "it is what stands in the documents"))?;
        let shape = fields.text("is")?.unwrap_or_default();
        let shape = shape.parse().unwrap_or_default();
        Ok(Entry { name, value: None, shape, at: fields.text("at")?.unwrap_or_default() })
    };
    Fields::top(map).list("placeholders")?.into_iter().map(entry).collect()
}

fn listed(entry: &Entry) -> Map {
    let listed = Map::new().with("name", entry.name.as_str()).with("is", entry.shape.to_string());
    if entry.at.is_empty() { listed } else { listed.with("at", entry.at.as_str()) }
}

/// As it stands in `secret.yaml`.
fn value(entry: &Entry) -> Option<Value> {
    let text = entry.value.as_deref()?;
    let number = if entry.shape == Shape::Number { text.parse().ok().map(Value::Int) } else { None };
    Some(number.unwrap_or_else(|| text.into()))
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text),
        Value::Int(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}
