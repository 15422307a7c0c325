//! Changing a test set that exists: what a replay has learned, what a person has accepted.
use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use document::{
    Value,
    yaml::{self, Located},
};
use fs_err as fs;

use crate::{
    Error, Mapping, Matchers, Project, Record, SetReport, TestCase, Timestamp, envelope,
    layout::{MAPPINGS, MATCHERS, MOCKS, TESTS},
    mappings, matchers,
    recording::test_file,
    secrets::Secrets,
    templates,
};

/// What becomes of the calls of a test set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallEdits {
    /// Of a mock, by name: the request and the class that it has from now on.
    pub requests: HashMap<String, (Value, String)>,
    /// Test and mock: what the test does not make any more. A mock that no test makes goes.
    pub unmapped: HashSet<(String, String)>,
    /// Mocks that no test makes any more.
    pub removed: HashSet<String>,
}

impl Project {
    /// Replaces a test set's `mappings.yaml`. `began`: when the application was started.
    ///
    /// # Errors
    /// When it cannot be written; the old one is there then.
    pub fn write_mappings(&self, set: &str, began: Option<Timestamp>, mappings: &[Mapping]) -> Result<(), Error> {
        let secrets = self.secrets(set)?.vault;
        mappings::write(self.files, &self.set_dir(set).join(MAPPINGS), set, began, mappings, &secrets)
    }

    /// Replaces a test set's `matchers.yaml`.
    ///
    /// # Errors
    /// When it cannot be written; the old one is there then.
    pub fn write_matchers(&self, set: &str, learned: &Matchers) -> Result<(), Error> {
        let secrets = self.secrets(set)?.vault;
        matchers::write(self.files, &self.set_dir(set).join(MATCHERS), set, learned, &secrets)
    }

    /// Changes a test set's `matchers.yaml`, only the lines that differ.
    ///
    /// # Errors
    /// When it cannot be read or written; the old one is there then.
    pub fn edit_matchers(&self, set: &str, matchers: &Matchers) -> Result<(), Error> {
        self.edit_file(set, &self.set_dir(set).join(MATCHERS), &mut |_| {
            Some(Edited::Changed(matchers::document(set, matchers).into()))
        })
    }

    /// Replaces the secrets in what is said of a test set: those of the recording, and those that only the replay had.
    ///
    /// # Errors
    /// When the set's `secret.yaml` cannot be read.
    pub fn hide_secrets(&self, report: &mut SetReport) -> Result<(), Error> {
        self.secrets(&report.set)?.clean_report(report);
        Ok(())
    }

    /// What must not get into the files of a test set.
    pub(crate) fn secrets(&self, set: &str) -> Result<Secrets, Error> {
        Secrets::load(&self.set_dir(set), self.rules.clone())
    }

    /// Replaces a test, in the file it was loaded from; a new one goes to `tests/NAME.yaml`.
    ///
    /// # Errors
    /// When it cannot be written; the old one is there then.
    pub fn write_test(&self, set: &str, test: &TestCase) -> Result<(), Error> {
        let path = if test.source.file.as_os_str().is_empty() {
            self.set_dir(set).join(TESTS).join(format!("{}.yaml", test.name))
        } else {
            test.source.file.to_path_buf()
        };
        let keys = envelope::keys(&test.kind);
        let mut document = envelope::document(Record::Test(test.clone()));
        let mut secrets = self.secrets(set)?;
        if let Some(written) = fs::read_to_string(&path).ok().and_then(|text| yaml::parse_all(&text).ok()?.pop())
            && let (Some(spec), Some(written)) = (document.get_mut("spec"), written.value.get("spec"))
        {
            secrets.keep(spec, written);
            let templates = templates::read(&self.set_dir(set)).unwrap_or_default();
            for key in [keys.request, keys.response, "responses"] {
                let new = spec.as_map_mut().and_then(|spec| spec.get_mut(key));
                if let (Some(new), Some(written)) = (new, written.get(key)) {
                    templates::keep(new, written, &templates);
                }
            }
        }
        secrets.clean(&mut document);
        secrets.save(&self.set_dir(set), self.files)?;
        let text = test_file(document);
        Ok(self.files.replace(&path, |file| file.write_all(text.as_bytes()))?)
    }

    /// Gives a test other responses, as many as it has: only their lines change. A test that Keploy recorded is written anew,
    /// in our form.
    ///
    /// # Errors
    /// When it cannot be read or written; the old one is there then.
    pub fn edit_responses(&self, set: &str, test: &TestCase, responses: Vec<Value>) -> Result<(), Error> {
        let keys = envelope::keys(&test.kind);
        // What is no YAML was not loaded.
        let templates = templates::read(&self.set_dir(set)).unwrap_or_default();
        let mut is_ours = false;
        self.edit_file(set, &test.source.file, &mut |document| {
            is_ours = is_of_ours(document);
            let mut edited = document.clone();
            let of_written = |n: usize| match document.get("spec")?.get("responses") {
                Some(Value::Array(written)) => written.get(n)?.get(keys.response),
                _ => document.get("spec")?.get(keys.response),
            };
            let mut responses = responses.clone();
            for (n, response) in responses.iter_mut().enumerate() {
                templates::keep(response, of_written(n).unwrap_or(&Value::Null), &templates);
            }
            let spec = edited.as_map_mut().filter(|_| is_ours)?.get_mut("spec")?.as_map_mut()?;
            if let [only] = responses.as_slice() {
                replace(spec.get_mut(keys.response)?, only);
            } else {
                let Value::Array(entries) = spec.get_mut("responses")? else { return None };
                for (entry, response) in entries.iter_mut().zip(&responses) {
                    replace(entry.as_map_mut()?.get_mut(keys.response)?, response);
                }
            }
            Some(Edited::Changed(edited))
        })?;
        if is_ours {
            return Ok(());
        }
        let mut test = test.clone();
        for (response, body) in test.responses.iter_mut().zip(responses) {
            response.body = body;
        }
        self.write_test(set, &test)
    }

    /// Changes mocks and mappings, only the lines that differ. Gives back the mocks whose requests could not be changed,
    /// because Keploy recorded them.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn edit_calls(&self, set: &str, edits: &CallEdits) -> Result<Vec<String>, Error> {
        let directory = self.set_dir(set);
        let mut left: HashSet<String> = edits.requests.keys().cloned().collect();
        if !edits.requests.is_empty() || !edits.removed.is_empty() {
            self.edit_file(set, &directory.join(MOCKS), &mut |document| {
                let name = document.get("name")?.as_str()?;
                if edits.removed.contains(name) {
                    return Some(Edited::Removed);
                }
                let (request, class) = edits.requests.get(name).filter(|_| is_of_ours(document))?;
                left.remove(name);
                let kind = document.get("kind")?.as_str()?;
                let mut edited = document.clone();
                let spec = edited.as_map_mut()?.get_mut("spec")?.as_map_mut()?;
                replace(spec.get_mut(envelope::keys(kind).request)?, request);
                let metadata = spec.get_mut("metadata")?.as_map_mut()?;
                if metadata.get("class").is_some() {
                    metadata.insert("class", class.as_str());
                }
                Some(Edited::Changed(edited))
            })?;
        }
        let mappings = directory.join(MAPPINGS);
        if !edits.unmapped.is_empty() && mappings.exists() {
            self.edit_file(set, &mappings, &mut |document| {
                let mut edited = document.clone();
                let Value::Array(tests) = edited.as_map_mut()?.get_mut("tests")? else { return None };
                for test in tests.iter_mut().filter_map(Value::as_map_mut) {
                    let id = test.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                    let is_gone = |mock: &Value| {
                        let name = mock.get("name").and_then(Value::as_str).unwrap_or_default();
                        edits.unmapped.contains(&(id.clone(), name.to_owned()))
                    };
                    if let Some(Value::Array(mocks)) = test.get_mut("mock_entries") {
                        mocks.retain(|mock| !is_gone(mock));
                    }
                }
                Some(Edited::Changed(edited))
            })?;
        }
        let mut left: Vec<String> = left.into_iter().collect();
        left.sort();
        Ok(left)
    }

    /// Asks about every document of a file what becomes of it; none: nothing. All else in the file stays as it is. What is
    /// secret in the new ones is replaced.
    pub(crate) fn edit_file(
        &self,
        set: &str,
        path: &Path,
        change: &mut dyn FnMut(&Value) -> Option<Edited>,
    ) -> Result<(), Error> {
        let mut secrets = self.secrets(set)?;
        let old = fs::read_to_string(path)?;
        let documents = yaml::parse_all(&old).map_err(|error| Error::Document {
            file: path.to_owned(),
            line: error.line,
            message: error.message,
            hint: error.hint.unwrap_or_else(|| "mend it by hand, or restore the file from version control".to_owned()),
        })?;
        let mut text = old.clone();
        // From the last to the first: the lines of those that are left to do stay where they are.
        for Located { line, value } in documents.iter().rev() {
            match change(value) {
                None => {}
                Some(Edited::Changed(mut new)) => {
                    if let Some(new) = new.as_map_mut() {
                        if let (Some(spec), Some(written)) = (new.get_mut("spec"), value.get("spec")) {
                            secrets.keep(spec, written);
                        }
                        secrets.clean(new);
                    }
                    text = yaml::edit(&text, *line, value, &new).unwrap_or_else(|| rewrite(&text, *line, &new));
                }
                Some(Edited::Removed) => text = remove(&text, *line),
            }
        }
        if text == old {
            return Ok(());
        }
        secrets.save(&self.set_dir(set), self.files)?;
        Ok(self.files.replace(path, |file| file.write_all(text.as_bytes()))?)
    }
}

pub(crate) enum Edited {
    Changed(Value),
    Removed,
}

/// Keploy's documents have another shape on disk than in memory.
fn is_of_ours(document: &Value) -> bool {
    let metadata = document.get("spec").and_then(|spec| spec.get("metadata"));
    metadata.is_some_and(|metadata| metadata.get("schema").is_some())
}

/// A document has the time beside its content.
fn replace(old: &mut Value, new: &Value) {
    let timestamp = old.get("timestamp").cloned();
    *old = new.clone();
    if let (Some(map), Some(timestamp)) = (old.as_map_mut(), timestamp) {
        map.insert("timestamp", timestamp);
    }
}

/// Where the document that starts at a line ends: lines from 0, the last one not included.
fn end(lines: &[&str], start: usize) -> usize {
    let next = lines.iter().skip(start).position(|line| line.starts_with("---") || line.starts_with("..."));
    next.map_or(lines.len(), |next| start + next)
}

/// Puts a document in the place of the one that starts at a line.
pub(crate) fn rewrite(text: &str, line: usize, new: &Value) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let start = line - 1;
    format!("{}{}{}", lines[..start].concat(), yaml::emit(new), lines[end(&lines, start)..].concat())
}

/// With the line of dashes that parts it from the one before; of the first one, from the one behind it.
fn remove(text: &str, line: usize) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let end = end(&lines, line - 1);
    match lines[..line - 1].iter().rposition(|line| line.starts_with("---")) {
        Some(dashes) => format!("{}{}", lines[..dashes].concat(), lines[end..].concat()),
        None => format!("{}{}", lines[..line - 1].concat(), lines.get(end + 1..).unwrap_or_default().concat()),
    }
}
