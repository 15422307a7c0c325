//! Changing a test set that exists: what a replay has learned, what a person has accepted.
use crate::{
    Error, Mapping, Matchers, Project, Record, TestCase, Timestamp, envelope,
    layout::{MAPPINGS, MATCHERS, TESTS},
    mappings, matchers,
    recording::test_file,
};

impl Project {
    /// Replaces a test set's `mappings.yaml`. `began`: when the application was started.
    ///
    /// # Errors
    /// When it cannot be written; the old one is there then.
    pub fn write_mappings(&self, set: &str, began: Option<Timestamp>, mappings: &[Mapping]) -> Result<(), Error> {
        mappings::write(self.files, &self.set_dir(set).join(MAPPINGS), set, began, mappings)
    }

    /// Replaces a test set's `matchers.yaml`.
    ///
    /// # Errors
    /// When it cannot be written; the old one is there then.
    pub fn write_matchers(&self, set: &str, learned: &Matchers) -> Result<(), Error> {
        matchers::write(self.files, &self.set_dir(set).join(MATCHERS), set, learned)
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
        let text = test_file(envelope::document(Record::Test(test.clone())));
        Ok(self.files.replace(&path, |file| file.write_all(text.as_bytes()))?)
    }
}
