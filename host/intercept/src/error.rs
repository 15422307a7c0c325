use std::{io, path::PathBuf};

use crate::Unsupported;

/// Why the application could not be started, or not be intercepted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    #[error(
        "cannot make a cgroup: {path}: {source}\nhint: the cgroup v2 mount must be writable; a container wants --privileged"
    )]
    Group { path: PathBuf, source: io::Error },
    #[error(
        "the kernel does not load the interception programs\nhint: please report this together with the output of `uname -a`"
    )]
    Load(#[from] aya::EbpfError),
    #[error(
        "the kernel does not take the program {name}\nhint: please report this together with the output of `uname -a`"
    )]
    Program { name: &'static str, source: aya::programs::ProgramError },
    #[error("the kernel does not take the relay's settings")]
    Map(#[from] aya::maps::MapError),
    #[error("the built-in interception programs have no {0}: this keploy was built from parts that do not fit")]
    Missing(&'static str),
    #[error("{what}: {source}")]
    System { what: &'static str, source: io::Error },
    #[error("user {0} has no entry in the user database\nhint: run keploy as a user that exists, or unset SUDO_UID")]
    UnknownUser(u32),
    #[error("the application's directory does not exist: {0}")]
    NoDirectory(PathBuf),
    #[error("cannot start /bin/sh as {user} in {directory}: {source}\nhint: may {user} enter that directory?")]
    Launch { user: String, directory: PathBuf, source: io::Error },
}

impl Error {
    /// For `map_err`.
    pub(crate) fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System { what, source: source.into() }
    }
}
