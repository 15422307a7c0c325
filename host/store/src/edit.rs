//! Changing a test set that exists: what a replay has learned, what a person has accepted.
use document::yaml;
use fs_err as fs;

use crate::{
    Error, Mapping, Matchers, Project, Record, SetReport, TestCase, Timestamp, envelope,
    layout::{MAPPINGS, MATCHERS, TESTS},
    mappings, matchers,
    recording::test_file,
    secrets::Secrets,
};

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

    /// Replaces the secrets in what is said of a test set: those of the recording, and those that only the replay had.
    ///
    /// # Errors
    /// When the set's `secret.yaml` cannot be read.
    pub fn hide_secrets(&self, report: &mut SetReport) -> Result<(), Error> {
        self.secrets(&report.set)?.clean_report(report);
        Ok(())
    }

    /// What must not get into the files of a test set.
    fn secrets(&self, set: &str) -> Result<Secrets, Error> {
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
            test.source.file.clone()
        };
        let mut document = envelope::document(Record::Test(test.clone()));
        let mut secrets = self.secrets(set)?;
        if let Some(written) = fs::read_to_string(&path).ok().and_then(|text| yaml::parse_all(&text).ok()?.pop())
            && let (Some(spec), Some(written)) = (document.get_mut("spec"), written.value.get("spec"))
        {
            secrets.keep(spec, written);
        }
        secrets.clean(&mut document);
        secrets.save(&self.set_dir(set), self.files)?;
        let text = test_file(document);
        Ok(self.files.replace(&path, |file| file.write_all(text.as_bytes()))?)
    }
}
