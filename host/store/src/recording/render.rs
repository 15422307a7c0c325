//! The journal as YAML files.
use std::{
    io::Write,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use document::{Map, Value, yaml};
use fs_err as fs;

use crate::{
    Error, curl,
    envelope::{HEADER, Mould},
    files::Files,
    journal::{self, Frames, Progress, START},
    layout::{JOURNAL, MOCKS, TESTS},
    secrets::Secrets,
};

/// How much of the journal is rendered before progress is saved: what a recovery may have to do again.
const STEP: u64 = 1 << 20;

/// Turns frames into `tests/*.yaml` and `mocks.yaml`.
///
/// Everything it writes can be written again: a test's file has its name from the journal, and a mock's place in
/// `mocks.yaml` follows from the saved progress. That is why a test's file needs no rename here: a half-written one is
/// overwritten by the recovery.
pub(super) struct Renderer {
    directory: PathBuf,
    tests: PathBuf,
    mocks: PathBuf,
    journal: PathBuf,
    /// For the progress at its start; the journal thread has a handle of its own.
    header: fs::File,
    files: Files,
    progress: Progress,
    /// Up to where secrets were looked for.
    scanned: u64,
    /// Where the frames with secrets of their own begin, of those that were scanned; in order.
    secretive: Vec<u64>,
    secrets: Secrets,
    reported: bool,
}

impl Renderer {
    pub fn new(directory: &Path, files: Files, progress: Progress, secrets: Secrets) -> Result<Self, Error> {
        let journal = directory.join(JOURNAL);
        Ok(Self {
            directory: directory.to_owned(),
            tests: directory.join(TESTS),
            mocks: directory.join(MOCKS),
            header: fs::File::options().write(true).open(&journal)?,
            journal,
            files,
            progress,
            scanned: START,
            secretive: Vec::new(),
            secrets,
            reported: false,
        })
    }

    /// Takes up what the journal thread has written, until it ends: renders it; or looks for secrets in it, since the first
    /// file may hold what only the last one shows to be a secret. What fails is tried again with the next batch and, finally,
    /// by whoever gets the renderer back.
    ///
    /// `ending`: somebody waits for it now, who does the rest without this thread's patience.
    pub fn follow(mut self, written_rx: &mpsc::Receiver<u64>, ending: &AtomicBool) -> Self {
        give_way();
        while let Ok(first) = written_rx.recv() {
            let end = written_rx.try_iter().last().unwrap_or(first);
            let ended = || ending.load(Ordering::Relaxed);
            let done = if self.secrets.is_enabled() { self.scan(end, ended) } else { self.render(end, ended) };
            if let Err(error) = done
                && !self.reported
            {
                self.reported = true;
                tracing::error!("{error}\nthe recording itself is complete in {}", self.journal.display());
            }
        }
        self
    }

    /// Everything up to the journal's end, and the secrets beside it.
    pub fn complete(&mut self, end: u64) -> Result<(), Error> {
        if self.secrets.is_enabled() {
            self.scan(end, || false)?;
            self.secrets.save(&self.directory, self.files)?;
        }
        self.render(end, || false)
    }

    /// What was found to be secret, when everything is rendered.
    pub fn into_secrets(self) -> Secrets {
        self.secrets
    }

    /// Looks for secrets up to an offset of the journal, or until it is `ended`.
    fn scan(&mut self, end: u64, ended: impl Fn() -> bool) -> Result<(), Error> {
        let mut frames = Frames::open(&self.journal, self.scanned, end)?;
        while !ended()
            && let Some(payload) = frames.next()?
        {
            // One that cannot be read back is reported when it is rendered.
            if let Some(mut document) = journal::document(&payload) {
                if self.secrets.scan(&mut document) {
                    self.secretive.push(self.scanned);
                }
                self.secrets.scan_bodies(&mut document, &self.directory);
            }
            self.scanned = frames.offset();
        }
        Ok(())
    }

    /// Renders up to an offset of the journal, or until it is `ended`.
    fn render(&mut self, end: u64, ended: impl Fn() -> bool) -> Result<(), Error> {
        if self.progress.rendered >= end {
            return Ok(());
        }
        let mut frames = Frames::open(&self.journal, self.progress.rendered, end)?;
        let mut mocks = String::new();
        let mut at = frames.offset();
        while !ended()
            && let Some(payload) = frames.next()?
        {
            self.frame(std::mem::replace(&mut at, frames.offset()), &payload, &mut mocks)?;
            if frames.offset() - self.progress.rendered >= STEP {
                self.save(frames.offset(), &mut mocks)?;
            }
        }
        self.save(frames.offset(), &mut mocks)
    }

    /// `at`: where it begins.
    fn frame(&mut self, at: u64, payload: &[u8], mocks: &mut String) -> Result<(), Error> {
        let Some(mut document) = journal::document(payload) else {
            tracing::error!("an exchange is nested too deeply to be kept, and is lost from the recording");
            return Ok(());
        };
        if self.secrets.is_enabled() {
            if at < self.scanned && self.secretive.binary_search(&at).is_err() {
                self.secrets.hide(&mut document);
            } else {
                self.secrets.clean(&mut document);
            }
            self.secrets.clean_bodies(&mut document, &self.directory, self.files)?;
        }
        match journal::mould(&document) {
            Mould::Test => self.test(document),
            Mould::Mock => {
                let first = self.progress.mocks == 0 && mocks.is_empty();
                mocks.push_str(if first { HEADER } else { "---\n" });
                yaml::emit_into(&Value::Map(document), mocks);
                Ok(())
            }
        }
    }

    fn test(&self, document: Map) -> Result<(), Error> {
        let name = document.get("name").and_then(Value::as_str).unwrap_or_default();
        let path = self.tests.join(format!("{name}.yaml"));
        self.files.create(&path)?.write_all(test_file(document).as_bytes())?;
        Ok(())
    }

    fn save(&mut self, rendered: u64, mocks: &mut String) -> Result<(), Error> {
        let mut progress = Progress { rendered, ..self.progress };
        if !mocks.is_empty() {
            let file = match self.progress.mocks {
                0 => self.files.create(&self.mocks)?,
                _ => fs::File::options().write(true).open(&self.mocks)?,
            };
            file.file().write_all_at(mocks.as_bytes(), self.progress.mocks)?;
            progress.mocks += mocks.len() as u64;
            mocks.clear();
        }
        progress.save(&self.header)?;
        self.progress = progress;
        Ok(())
    }
}

/// This thread has the processor from now on when nobody else wants it: the application goes first, and its clients. Where
/// the kernel does not let it step back, it does not.
#[expect(unsafe_code, reason = "no crate that is here has this call")]
fn give_way() {
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: 0 is the calling thread, and `param` is read only during the call.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const param) };
}

/// A test's file: with the curl command, which only people read.
pub(crate) fn test_file(mut document: Map) -> String {
    let request = document.get("spec").and_then(|spec| spec.get("req"));
    if let Some(command) = request.and_then(curl::command) {
        document.insert("curl", command);
    }
    let mut text = HEADER.to_owned();
    yaml::emit_into(&Value::Map(document), &mut text);
    text
}
