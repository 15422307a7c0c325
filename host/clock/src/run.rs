//! Any command at another time.
use std::{
    fs::File,
    io,
    os::unix::{net::UnixStream, process::CommandExt as _},
    process::{self, Command},
};

use nix::unistd::{self, ForkResult, fork};

use crate::{Clock, Filter, Unsupported, supervise};

/// Becomes the command, which lives by this clock, as all that it starts. Returns only if that fails.
///
/// The supervisor is a process of its own, that is nobody's child and ends with the last process that needs it; programs that
/// can't be covered are not told. For a user who is not root, Yama's `ptrace_scope` has to be 0, and nothing in there can gain
/// rights (`sudo`).
///
/// # Safety
/// This process has one thread: it is forked, and the copies go on.
pub unsafe fn exec(command: &mut Command, clock: Clock) -> Failure {
    // SAFETY: the caller vouches for the single thread.
    match unsafe { begin(clock) } {
        Ok(()) => Failure::Exec(command.exec()),
        Err(unsupported) => Failure::Clock(unsupported),
    }
}

/// Why there is no command.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It can't have the clock.
    #[error(transparent)]
    Clock(#[from] Unsupported),
    /// It can't be started.
    #[error("{0}")]
    Exec(io::Error),
}

/// # Safety
/// As for [`exec`].
unsafe fn begin(clock: Clock) -> Result<(), Unsupported> {
    let system = |error: io::Error| Unsupported::Supervisor(error);
    let (here, there) = UnixStream::pair().map_err(system)?;
    // SAFETY: the caller vouches for the single thread.
    match unsafe { fork() }.map_err(|error| system(error.into()))? {
        ForkResult::Parent { child } => {
            drop(there);
            Filter::install()?.hand_over(&here).map_err(system)?;
            nix::sys::wait::waitpid(child, None).map_err(|error| system(error.into()))?;
            Ok(())
        }
        ForkResult::Child => {
            drop(here);
            let _ = unistd::setsid();
            // The command must not find a child that it hasn't started.
            // SAFETY: as above.
            if let Ok(ForkResult::Child) = unsafe { fork() } {
                let _ = stand_by(&there, clock);
            }
            process::exit(0)
        }
    }
}

/// What the supervisor's process does.
fn stand_by(socket: &UnixStream, clock: Clock) -> io::Result<()> {
    let filter = Filter::receive(socket)?;
    // Who waits for the end of the command's output waits for the command, not for us.
    let nowhere = File::options().read(true).write(true).open("/dev/null")?;
    unistd::dup2_stdin(&nowhere)?;
    unistd::dup2_stdout(&nowhere)?;
    unistd::dup2_stderr(&nowhere)?;
    unistd::chdir("/")?;
    let filter = supervise(filter, clock, None, |_| ()).map_err(io::Error::other)?;
    filter.ended()
}
