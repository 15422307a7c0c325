//! What can go wrong with files, and what to do about it.
use std::{io, path::PathBuf};

/// Its text says what happened, to which file, and, on a line that starts with `hint:`, what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{error}{}", advice(error.kind()))]
    Io {
        // Not a `source`: its text is in ours already.
        error: io::Error,
    },
    #[error(
        "{} is being recorded by another keploy right now\n\
         hint: wait until that recording has ended, or end it with Ctrl-C", .0.display()
    )]
    Busy(PathBuf),
    #[error(
        "{} is not a journal of this version of keploy\n\
         hint: finish the recording with the keploy that began it, or delete that file: what is in the YAML files stays",
        .0.display()
    )]
    StrangeJournal(PathBuf),
    #[error("the thread that writes {} ended with a panic\nhint: this is a bug in keploy; the journal was left, and the next run completes the files from it", .0.display())]
    Panicked(PathBuf),
    #[error(transparent)]
    Secrets(crate::LoadError),
    #[error("{file}:{line}: {message}\nhint: {hint}", file = .file.display())]
    Document { file: PathBuf, line: usize, message: String, hint: String },
    #[error("the report cannot be written as {format}: {reason}")]
    Report { format: &'static str, reason: String },
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io { error }
    }
}

/// The hint that goes with an I/O error, on a line of its own; empty when there is none worth giving.
pub(crate) fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull => "\nhint: the disk is full; free some space and run the command again",
        io::ErrorKind::QuotaExceeded => "\nhint: your disk quota is used up; free some space and run the command again",
        io::ErrorKind::ReadOnlyFilesystem => {
            "\nhint: that file system is read-only; give a writable directory with --path"
        }
        io::ErrorKind::PermissionDenied => {
            "\nhint: you may not write there; give another directory with --path, or make the files yours again: \
             sudo chown -R \"$USER\" keploy"
        }
        _ => "",
    }
}
