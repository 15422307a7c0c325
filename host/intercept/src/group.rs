//! The run's cgroup: a folder `keploy-<pid>-<n>` at the root of the cgroup v2 mount.
use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _},
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use nix::{
    fcntl::{Flock, FlockArg},
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use crate::{Error, check::cgroup2_mount};

const PREFIX: &str = "keploy-";
/// So often we look whether it is still there.
const GLANCE: Duration = Duration::from_millis(50);
static NEXT: AtomicU32 = AtomicU32::new(0);
/// Killed processes go within milliseconds; one that does not is stuck in the kernel.
const PATIENCE: Duration = Duration::from_secs(5);

/// Killed and removed when it is dropped. The lock on the folder says to others that the run is alive; the kernel gives it
/// up when this process ends, however it ends. (A process id would not do: other containers have others.)
#[derive(Debug)]
pub struct Group {
    path: PathBuf,
    lock: Flock<File>,
}

impl Group {
    /// Makes the folder, after those that dead runs left behind have been removed.
    pub fn create() -> Result<Self, Error> {
        let mount = cgroup2_mount()?;
        sweep(&mount);
        loop {
            // Never the same name twice: a supervisor may still be removing the folder of an earlier run.
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = mount.join(format!("{PREFIX}{}-{n}", process::id()));
            match fs::create_dir(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(Error::Group { path, source: error });
                }
                // A sweeping keploy may have locked, or removed, what we have just made.
                Ok(()) if let Some(lock) = lock(&path).filter(|_| path.exists()) => return Ok(Self { path, lock }),
                _ => {}
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends every process in it, and waits until they are gone.
    pub fn kill(&self) {
        // Whatever is not killed within the time is reported by the folder that stays.
        let _ = kill(&self.path);
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes the folders of runs that are no more, with the processes in them.
fn sweep(mount: &Path) {
    let Ok(folders) = fs::read_dir(mount) else { return };
    for folder in
        folders.flatten().filter(|folder| folder.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()))
    {
        if let Some(_lock) = lock(&folder.path()) {
            remove(&folder.path());
        }
    }
}

/// None: somebody else has it, or it is gone.
fn lock(folder: &Path) -> Option<Flock<File>> {
    Flock::lock(File::open(folder).ok()?, FlockArg::LockExclusiveNonblock).ok()
}

/// Kills what is in the cgroup and removes its folder. Two may do so at once: each is content when it is gone.
pub fn remove(path: &Path) {
    let _ = kill(path);
    remove_tree(path);
}

/// The application, as root, may have made cgroups of its own in it.
fn remove_tree(path: &Path) {
    let Ok(entries) = fs::read_dir(path) else { return };
    for folder in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_tree(&folder.path());
    }
    let _ = fs::remove_dir(path);
}

fn kill(path: &Path) -> io::Result<()> {
    fs::write(path.join("cgroup.kill"), "1")?;
    let mut events = File::open(path.join("cgroup.events"))?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut text = String::new();
        events.rewind()?;
        events.read_to_string(&mut text)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if text.contains("populated 0") || left.is_zero() {
            return Ok(());
        }
        // The kernel says when the file's content has changed since it was read, but not when somebody else has removed it.
        let timeout = PollTimeout::try_from(left.min(GLANCE)).unwrap_or(PollTimeout::MAX);
        poll(&mut [PollFd::new(events.as_fd(), PollFlags::POLLPRI)], timeout)?;
    }
}
