//! Writing a test set while the application runs.
//!
//! Two threads stand between the traffic and the files, so that no disk ever holds up the application:
//!
//! ```text
//! JournalHandle --Record--> journal thread --written up to--> renderer thread
//!                           names, .journal                    tests/*.yaml, mocks.yaml
//! ```
//! The journal thread gives names and appends what has come in, one write(2) a batch. The renderer reads the journal at its
//! own pace, takes note of the secrets in it, and turns it into YAML when all of them are known: a value may be written long
//! before something shows that it is one. Until then it is in the journal only, which nobody else may read. A keploy that was killed leaves the journal behind, and [`Recording::recover`] goes on
//! from there: what was lost is at most what had not reached the journal. Nothing is synced to the disk on the way: that
//! guards against a lost machine, which a recording need not survive, and would cost most of the speed.
mod journal_thread;
mod render;

use std::{
    fs::TryLockError,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use fs_err as fs;

pub use journal_thread::JournalHandle;
use journal_thread::{Counts, Journal, Spool};
use render::Renderer;
pub(crate) use render::test_file;

use crate::{
    Assets, Error, Mapping, Naming, Project, Record, Timestamp,
    envelope::Mould,
    files::{Files, naming},
    journal::{self, Frames, Progress, START},
    layout::{JOURNAL, MAPPINGS, MOCKS, PARSERS, TESTS},
    mappings,
    parsers::{self, ParserSettings},
    secrets::Secrets,
};

/// How much may wait in memory for the disk before records are dropped.
const MEMORY: usize = 256 << 20;

/// A test set in the making.
pub struct Recording {
    set: String,
    directory: PathBuf,
    files: Files,
    spool: Arc<Spool>,
    /// None once the journal is complete.
    journal: Option<JoinHandle<Journal>>,
    /// None when there is nothing left to render.
    renderer: Option<JoinHandle<Renderer>>,
    /// Tells the renderer to leave the rest to who waits for it.
    ending: Arc<AtomicBool>,
    /// What the journal holds, once it is complete. Its file is open, and so locked, until the end.
    complete: Option<Journal>,
    /// Known when everything is rendered.
    secrets: Secrets,
    torn: u64,
}

/// What a recording came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub set: String,
    pub directory: PathBuf,
    pub tests: u64,
    pub mocks: u64,
    /// Records that the disk did not take in time, or that came after the end.
    pub dropped: u64,
    /// Secrets that have placeholders now.
    pub secrets: u64,
}

impl Recording {
    /// Creates the next free `keploy/test-set-N`.
    ///
    /// # Errors
    /// When a directory or the journal cannot be created.
    pub fn create(project: &Project, naming: Naming) -> Result<Self, Error> {
        Self::create_within(project, naming, MEMORY)
    }

    fn create_within(project: &Project, naming: Naming, memory: usize) -> Result<Self, Error> {
        let (set, directory) = project.create_set()?;
        project.files.create_dir(&directory.join(TESTS))?;
        let path = directory.join(JOURNAL);
        let file = project.files.create_private(&path)?;
        lock(&file)?;
        Progress::begin(&file)?;

        let renderer =
            Renderer::new(&directory, project.files, Progress::NOTHING, Secrets::none_yet(project.rules.clone()))?;
        let (written_tx, written_rx) = std::sync::mpsc::channel();
        let ending = Arc::new(AtomicBool::new(false));
        let renderer = spawn("render", {
            let ending = Arc::clone(&ending);
            move || renderer.follow(&written_rx, &ending)
        })?;
        let (spool, records_rx) = Spool::new(memory);
        let journal = spawn("journal", {
            let spool = Arc::clone(&spool);
            move || journal_thread::run(file, &spool, &records_rx, &written_tx, naming)
        })?;
        Ok(Self {
            set,
            directory,
            files: project.files,
            spool,
            journal: Some(journal),
            renderer: Some(renderer),
            ending,
            complete: None,
            secrets: Secrets::default(),
            torn: 0,
        })
    }

    /// Takes up a recording that was killed: cuts off what was half written and completes the YAML files. None when
    /// there is nothing to complete. Mappings are the caller's, as after an ordinary recording.
    ///
    /// # Errors
    /// When another keploy is still recording into it, or files cannot be read or written.
    pub fn recover(project: &Project, set: &str) -> Result<Option<Self>, Error> {
        let directory = project.set_dir(set);
        let path = directory.join(JOURNAL);
        if !path.exists() {
            return Ok(None);
        }
        let file = fs::File::options().read(true).write(true).open(&path)?;
        lock(&file)?;
        let Some(mut progress) = Progress::read(&file)? else {
            fs::remove_file(&path)?;
            return Ok(None);
        };
        let length = file.metadata()?.len();
        let (counts, end) = count(&path, length)?;
        let torn = length - end;
        if torn > 0 {
            tracing::warn!(
                "{}: the last {torn} bytes were half written when keploy was killed; cut off",
                path.display()
            );
            file.set_len(end)?;
        }
        let mocks = directory.join(MOCKS);
        let written = fs::metadata(&mocks).map_or(0, |metadata| metadata.len());
        // Secrets are known at the end only: what was rendered without them is rendered again.
        if written < progress.mocks || progress.rendered > end || project.rules.is_enabled() {
            progress = Progress::NOTHING;
        }
        if written > progress.mocks {
            fs::File::options().write(true).open(&mocks)?.set_len(progress.mocks)?;
        }
        let files = project.files;
        files.create_dir_all(&directory.join(TESTS))?;
        Assets::new(&directory, files.0).sweep()?;
        let mut renderer = Renderer::new(&directory, files, progress, Secrets::none_yet(project.rules.clone()))?;
        renderer.complete(end)?;
        Ok(Some(Self {
            set: set.to_owned(),
            directory,
            files,
            spool: Spool::closed(),
            journal: None,
            renderer: None,
            ending: Arc::default(),
            complete: Some(Journal { file, counts }),
            secrets: renderer.into_secrets(),
            torn,
        }))
    }

    /// Writes down what parsers are told and have to be told again in a replay.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, settings: &ParserSettings) -> Result<(), Error> {
        if settings.is_empty() {
            return Ok(());
        }
        parsers::write(self.files, &self.directory.join(PARSERS), &self.set, settings)
    }

    /// `test-set-N`.
    pub fn set(&self) -> &str {
        &self.set
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn assets(&self) -> Assets {
        Assets::new(&self.directory, self.files.0)
    }

    /// Bytes of a half-written last record that [`Recording::recover`] cut off.
    pub fn torn(&self) -> u64 {
        self.torn
    }

    /// Where records go. Once the recording is sealed, what is sent counts as dropped.
    pub fn journal(&self) -> JournalHandle {
        JournalHandle::to(Arc::clone(&self.spool))
    }

    /// Every record, in the order of the journal, names filled in. Seals the recording.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn for_each(&mut self, f: &mut dyn FnMut(&Record)) -> Result<(), Error> {
        self.seal()?;
        let path = self.directory.join(JOURNAL);
        let end = fs::metadata(&path)?.len();
        let mut frames = Frames::open(&path, START, end)?;
        while let Some(payload) = frames.next()? {
            // One that cannot be read back was reported by the renderer.
            if let Some(record) = journal::record(&payload) {
                f(&record);
            }
        }
        Ok(())
    }

    /// Waits until every file is written, writes the mappings, and removes the journal. A test set in which nothing was
    /// recorded is removed again.
    ///
    /// # Errors
    /// When files cannot be written: the journal stays, and [`Recording::recover`] can try again.
    pub fn finish(mut self, began: Option<Timestamp>, mappings: &[Mapping]) -> Result<Finished, Error> {
        self.seal()?;
        if let Some(renderer) = self.renderer.take() {
            self.ending.store(true, Ordering::Relaxed);
            let mut renderer = renderer.join().map_err(|_| Error::Panicked(self.directory.clone()))?;
            // What failed for want of space may have space by now.
            renderer.complete(fs::metadata(self.directory.join(JOURNAL))?.len())?;
            self.secrets = renderer.into_secrets();
        }
        let Counts { tests, mocks } = self.complete.as_ref().map_or_else(Counts::default, |journal| journal.counts);
        if !mappings.is_empty() {
            mappings::write(
                self.files,
                &self.directory.join(MAPPINGS),
                &self.set,
                began,
                mappings,
                &self.secrets.vault,
            )?;
        }
        self.secrets.remove_bodies()?;
        fs::remove_file(self.directory.join(JOURNAL))?;
        if tests + mocks == 0 {
            let _ = fs::remove_file(self.directory.join(PARSERS));
            // They stay when something else is in them, and that is fine.
            let _ = fs::remove_dir(self.directory.join(TESTS));
            let _ = fs::remove_dir(&self.directory);
        }
        Ok(Finished {
            set: self.set.clone(),
            directory: self.directory.clone(),
            tests,
            mocks,
            dropped: self.spool.dropped(),
            secrets: self.secrets.vault.entries().len() as u64,
        })
    }

    /// Ends the journal behind everything that was sent before.
    fn seal(&mut self) -> Result<(), Error> {
        if let Some(journal) = self.journal.take() {
            self.spool.seal();
            let complete = journal.join().map_err(|_| Error::Panicked(self.directory.join(JOURNAL)))?;
            self.complete = Some(complete);
        }
        Ok(())
    }
}

impl Drop for Recording {
    /// Without [`Recording::finish`] the journal stays, for [`Recording::recover`]; no thread does.
    fn drop(&mut self) {
        // Whoever drops a recording has an error of their own to tell.
        let _ = self.seal();
        if let Some(renderer) = self.renderer.take() {
            let _ = renderer.join();
        }
    }
}

/// The whole records of a journal, and where the last of them ends.
fn count(path: &Path, length: u64) -> Result<(Counts, u64), Error> {
    let mut frames = Frames::open(path, START, length)?;
    let mut counts = Counts::default();
    while let Some(payload) = frames.next()? {
        match journal::document(&payload).map(|document| journal::mould(&document)) {
            Some(Mould::Test) => counts.tests += 1,
            Some(Mould::Mock) => counts.mocks += 1,
            None => {}
        }
    }
    Ok((counts, frames.offset()))
}

/// One keploy at a time writes a journal. The lock goes with the open file, also when we are killed.
fn lock(file: &fs::File) -> Result<(), Error> {
    match file.file().try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::Busy(file.path().to_owned())),
        Err(TryLockError::Error(error)) => Err(naming("lock", file.path(), &error).into()),
    }
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, Error> {
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(run)?)
}

#[cfg(test)]
mod tests;
