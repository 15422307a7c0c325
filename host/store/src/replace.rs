//! One test set in the place of another: what was recorded anew.
use std::io;

use fs_err as fs;

use crate::{
    Error, Project, Source, TestCase, TestSet,
    layout::{CONFIG, TESTS},
};

impl Project {
    /// Removes a test set.
    ///
    /// # Errors
    /// When it cannot be removed; one that is not there is none.
    pub fn remove_set(&self, set: &str) -> Result<(), Error> {
        match fs::remove_dir_all(self.set_dir(set)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Writes the tests of `new` under the names that they have now, and puts that set in the place of the one called `old`.
    /// What people set up for the old one (`config.yaml`) stays.
    ///
    /// # Errors
    /// When a file cannot be written or moved. Until all is written, the old one is as it was.
    pub fn replace_set(&self, old: &str, new: &TestSet) -> Result<(), Error> {
        for test in &new.tests {
            fs::remove_file(&*test.source.file)?;
        }
        for test in &new.tests {
            let test = TestCase { source: Source::default(), ..test.clone() };
            self.write_test(&new.name, &test)?;
        }
        self.files.create_dir_all(&new.directory.join(TESTS))?;
        let (place, aside) = (self.set_dir(old), self.set_dir(&format!(".{old}")));
        let config = place.join(CONFIG);
        if config.exists() {
            fs::rename(&config, new.directory.join(CONFIG))?;
        }
        // A name with a point in front is no test set: what a crash leaves there is not run.
        fs::rename(&place, &aside)?;
        fs::rename(&new.directory, &place)?;
        fs::remove_dir_all(&aside)?;
        self.write_mappings(old, new.began, &new.mappings)
    }
}
