//! Bodies too large for a document, kept as files named after their content.
use std::{
    fmt::Write as _,
    io::{self, Write},
    path::{Path, PathBuf},
};

use document::Blob;
use fs_err as fs;
use sha2::{Digest, Sha256};

use crate::{
    Error, Owner,
    files::{Files, TEMPORARY, Temporary},
    layout::ASSETS,
    secrets::bodies,
};

/// The `assets` directory of a test set. It comes into being with the first blob.
#[derive(Clone, Debug)]
pub struct Assets {
    directory: PathBuf,
    files: Files,
}

impl Assets {
    /// Of the test set in `set_dir`.
    pub fn new(set_dir: &Path, owner: Option<Owner>) -> Self {
        Self { directory: set_dir.join(ASSETS), files: Files(owner) }
    }

    /// Starts a blob.
    ///
    /// # Errors
    /// When no file can be created.
    pub fn write(&self) -> Result<BlobWriter, Error> {
        self.files.create_dir_all(&self.directory)?;
        let file = Temporary::beside(&self.directory.join("blob"), self.files)?;
        Ok(BlobWriter { file, directory: self.directory.clone(), hash: Sha256::new(), size: 0 })
    }

    /// The content of a blob.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn open(&self, blob: &Blob) -> Result<fs::File, Error> {
        Ok(fs::File::open(self.path(blob))?)
    }

    pub fn path(&self, blob: &Blob) -> PathBuf {
        let path = self.directory.join(name(blob));
        if path.exists() {
            return path;
        }
        let secret = self.directory.parent().and_then(|set| bodies::path(set, &name(blob)));
        secret.unwrap_or(path)
    }

    /// Removes what a killed recording had begun.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// A blob in the making; dropped without [`BlobWriter::finish`] it leaves nothing.
pub struct BlobWriter {
    file: Temporary,
    directory: PathBuf,
    hash: Sha256,
    size: u64,
}

impl BlobWriter {
    /// # Errors
    /// When the disk does not take it; the blob cannot be finished then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Puts the file in its place; content that is there already is not kept twice.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn finish(self) -> Result<Blob, Error> {
        let blob = Blob { id: 0, size: self.size, sha256: self.hash.finalize().into() };
        let path = self.directory.join(name(&blob));
        if !path.exists() {
            self.file.rename(&path)?;
        }
        Ok(blob)
    }
}

/// Its file's name: the hash in hexadecimal.
pub(crate) fn name(blob: &Blob) -> String {
    blob.sha256.iter().fold(String::with_capacity(64), |mut name, byte| {
        write!(name, "{byte:02x}").expect("writing to a String cannot fail");
        name
    })
}
