//! How files come into being: whole, and owned by the user who ran the command.
use std::{
    io::{self, Write},
    os::unix::fs::{PermissionsExt, chown, fchown},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use fs_err::{self as fs, os::unix::fs::OpenOptionsExt};

/// To whom created files are given: the user behind `sudo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}

/// Creates files and directories for one owner; none: whoever we are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Files(pub Option<Owner>);

impl Files {
    /// Creates a directory and those above it that are missing.
    pub fn create_dir_all(self, path: &Path) -> io::Result<()> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.create_dir_all(parent)?;
        }
        match self.create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            other => other,
        }
    }

    /// Creates one directory; fails when it exists.
    pub fn create_dir(self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)?;
        match self.0 {
            Some(Owner { uid, gid }) => chown(path, Some(uid), Some(gid)).map_err(|e| naming("give away", path, &e)),
            None => Ok(()),
        }
    }

    /// Opens a file for writing, creating or emptying it.
    pub fn create(self, path: &Path) -> io::Result<fs::File> {
        self.give_away(fs::File::create(path)?)
    }

    /// The same, for nobody but the owner to read.
    pub fn create_private(self, path: &Path) -> io::Result<fs::File> {
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).and_then(|file| {
            // One that was there has the mode that it had.
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
            self.give_away(file)
        })
    }

    fn give_away(self, file: fs::File) -> io::Result<fs::File> {
        if let Some(Owner { uid, gid }) = self.0 {
            fchown(file.file(), Some(uid), Some(gid)).map_err(|e| naming("give away", file.path(), &e))?;
        }
        Ok(file)
    }

    /// Writes a file so that a reader finds the old content or the new, never a part of it.
    pub fn replace(self, path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        Temporary::beside(path, self)?.fill(write)?.rename(path)
    }

    /// The same, for nobody but the owner to read.
    pub fn replace_private(self, path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let temporary = Temporary::beside(path, self)?;
        temporary.file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        temporary.fill(write)?.rename(path)
    }
}

/// A file under a name nobody looks for, deleted unless it is renamed.
pub(crate) struct Temporary {
    pub file: fs::File,
    path: Option<PathBuf>,
}

/// What the names of temporary files start with.
pub(crate) const TEMPORARY: &str = ".tmp-";

impl Temporary {
    /// In the directory of `path`, so that the rename stays within one file system.
    pub fn beside(path: &Path, files: Files) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = path.with_file_name(format!("{TEMPORARY}{}-{number}", std::process::id()));
        Ok(Self { file: files.create(&path)?, path: Some(path) })
    }

    fn fill(mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Self> {
        let mut buffered = io::BufWriter::new(&mut self.file);
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        Ok(self)
    }

    pub fn rename(mut self, to: &Path) -> io::Result<()> {
        if let Some(from) = &self.path {
            fs::rename(from, to)?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Nothing to tell anybody: it is a leftover either way.
            let _ = fs::remove_file(path);
        }
    }
}

/// The standard library's error, with the file's name in it.
pub(crate) fn naming(verb: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("failed to {verb} `{}`: {error}", path.display()))
}
