//! The supervisor: a small process that starts the application and outlives us.
//!
//! It is this same program, called with a first argument of its own. Between us and it there is one socket, its standard
//! input: it tells the application's start and end, and takes the socket's end as our death, however we died. Then it kills
//! the application and removes the cgroup, so that nothing lives on half intercepted. If the application has a clock of its
//! own, its supervisor in that matter is the same process.
use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read as _},
    mem,
    os::{
        fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use clock::{Clock, Filter};
use nix::{
    mount::{MsFlags, mount},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sched::{CloneFlags, unshare},
    sys::{
        prctl::set_pdeathsig,
        signal::Signal,
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::{self, Gid, Pid, Uid},
};

use crate::{
    User, group, launch,
    message::{Message, send},
};

/// The first argument that makes this program the supervisor. Not for people.
const WORD: &str = "__supervise";

/// Must be the first thing that `main()` does: it never returns in the process that [`crate::Intercept::launch`] starts.
pub fn supervise_if_asked() {
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == WORD) {
        let order = Order::parse(arguments);
        process::exit(order.map_or(2, |order| order.carry_out().map_or(1, |()| 0)));
    }
}

/// The supervisor's command line, as [`Order::parse`] reads it.
pub fn arguments(group: &Path, user: &User, command: &launch::Command, clock: Option<&Clock>) -> Vec<OsString> {
    let groups: Vec<_> = user.groups.iter().map(u32::to_string).collect();
    let mut arguments = vec![
        WORD.into(),
        group.into(),
        user.uid.to_string().into(),
        user.gid.to_string().into(),
        groups.join(",").into(),
        command.directory.clone().into(),
        command.shell.clone().into(),
        command.scratch.clone().unwrap_or_default().into(),
        clock.map(|clock| clock.id().to_string()).unwrap_or_default().into(),
    ];
    arguments.extend(command.overlays.iter().flat_map(|(over, file)| [over.into(), file.into()]));
    arguments
}

#[derive(Debug, PartialEq, Eq)]
struct Order {
    group: PathBuf,
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
    directory: PathBuf,
    shell: OsString,
    /// Empty: none.
    scratch: PathBuf,
    /// [`Clock::id`]. None: real time.
    clock: Option<i32>,
    overlays: Vec<[PathBuf; 2]>,
}

impl Order {
    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let number = |text: &OsStr| text.to_str()?.parse().ok();
        let order = Self {
            group: arguments.next()?.into(),
            uid: Uid::from_raw(number(&arguments.next()?)?),
            gid: Gid::from_raw(number(&arguments.next()?)?),
            groups: {
                let list = arguments.next()?.into_string().ok()?;
                let numbers = list.split(',').filter(|text| !text.is_empty());
                numbers.map(|text| text.parse().ok().map(Gid::from_raw)).collect::<Option<_>>()?
            },
            directory: arguments.next()?.into(),
            shell: arguments.next()?,
            scratch: arguments.next()?.into(),
            clock: {
                let id = arguments.next()?;
                if id.is_empty() { None } else { Some(id.to_str()?.parse().ok()?) }
            },
            overlays: {
                let rest: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
                let (pairs, odd) = rest.as_chunks();
                odd.is_empty().then(|| pairs.to_vec())?
            },
        };
        Some(order)
    }

    fn carry_out(self) -> io::Result<()> {
        // Ctrl-C in the terminal is for keploy alone.
        unistd::setsid()?;
        let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let folder = File::open(&self.group)?;
        let clock = self.clock.map(Clock::open).transpose()?;
        let (ours, theirs) = UnixStream::pair()?;
        // SAFETY: this process has one thread.
        match unsafe { fork_into(folder.as_fd()) } {
            Ok(Some(pid)) => {
                drop(theirs);
                release_output()?;
                let told = Arc::new(Mutex::new(control.try_clone()?));
                if let Some(clock) = clock {
                    keep_time(&ours, clock, pid, told.clone())?;
                }
                thread::spawn(move || tell(&told, Message::Exited(wait(pid)?)));
                // Nothing is ever sent to us: this returns when the other end is closed.
                let _ = (&control).read(&mut [0])?;
            }
            Ok(None) => {
                drop(ours);
                process::exit(self.become_application(&control, theirs));
            }
            Err(error) => send(&control, Message::failed(error))?,
        }
        group::remove(&self.group);
        if !self.scratch.as_os_str().is_empty() {
            // Not there: somebody was quicker.
            let _ = std::fs::remove_dir_all(&self.scratch);
        }
        Ok(())
    }

    /// Returns only when there is no shell, with the code that a shell gives for that.
    fn become_application(&self, control: &UnixStream, keeper: UnixStream) -> i32 {
        if let Err((over, error)) = self.lay_files() {
            // It goes without: what it trusts is then up to its environment.
            eprintln!("keploy: no file can be laid over {}: {error}", over.display());
        }
        // While it is still root, which needs not give up `sudo` for that.
        if self.clock.is_some()
            && let Err(why) = leave_real_time(keeper)
        {
            let _ = send(control, Message::RealTime(why));
        }
        if let Err(error) = self.take_off_rights() {
            let _ = send(control, Message::failed(error));
            return 1;
        }
        // Its calls would fail without the supervisor; whatever it has started is killed with the cgroup. Not earlier:
        // changing users forgets it.
        let _ = set_pdeathsig(Signal::SIGKILL);
        let _ = send(control, Message::Started(unistd::getpid().as_raw()));
        let error = Command::new("/bin/sh").arg("-c").arg(&self.shell).stdin(Stdio::null()).exec();
        eprintln!("keploy: /bin/sh: {error}");
        127
    }

    /// In a mount namespace that only the application is in. Mounts made outside later still appear in it.
    fn lay_files(&self) -> Result<(), (PathBuf, nix::Error)> {
        let nothing = None::<&Path>;
        if self.overlays.is_empty() {
            return Ok(());
        }
        let root = Path::new("/");
        unshare(CloneFlags::CLONE_NEWNS)
            .and_then(|()| mount(nothing, root, nothing, MsFlags::MS_REC | MsFlags::MS_SLAVE, nothing))
            .map_err(|error| (root.to_owned(), error))?;
        for [over, file] in &self.overlays {
            let lay = |flags| mount(Some(file.as_path()), over.as_path(), nothing, MsFlags::MS_BIND | flags, nothing);
            lay(MsFlags::empty())
                .and_then(|()| lay(MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY))
                .map_err(|error| (over.clone(), error))?;
        }
        Ok(())
    }

    fn take_off_rights(&self) -> nix::Result<()> {
        unistd::setsid()?;
        if Uid::effective().is_root() {
            unistd::setgroups(&self.groups)?;
            unistd::setgid(self.gid)?;
            unistd::setuid(self.uid)?;
        }
        unistd::chdir(&self.directory)
    }
}

/// In the process that becomes the application.
fn leave_real_time(keeper: UnixStream) -> Result<(), String> {
    let filter = Filter::install().map_err(|error| error.to_string())?;
    filter.hand_over(&keeper).map_err(|error| format!("the supervisor can't keep the clock: {error}"))
}

/// In the supervisor: serves the application, if it has been able to leave real time.
fn keep_time(keeper: &UnixStream, clock: Clock, pid: Pid, told: Arc<Mutex<UnixStream>>) -> io::Result<()> {
    let Ok(filter) = Filter::receive(keeper) else { return Ok(()) };
    let report = move |uncovered| {
        // When keploy is gone nobody wants to know.
        let _ = tell(&told, Message::Uncovered(uncovered));
    };
    clock::supervise(filter, clock, Some(pid.as_raw().unsigned_abs()), report).map_err(io::Error::other)?;
    Ok(())
}

fn tell(control: &Mutex<UnixStream>, message: Message) -> io::Result<()> {
    send(&control.lock().unwrap_or_else(PoisonError::into_inner), message)
}

/// As fork(2), but the child is born in the cgroup: it is there before its first instruction, and to move it there would
/// take 10 ms (the kernel waits for all processors). None: we are the child.
///
/// # Safety
/// This process has one thread, so that the child finds no lock held.
unsafe fn fork_into(folder: BorrowedFd<'_>) -> io::Result<Option<Pid>> {
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000; // libc's has not enough bits
    // SAFETY: all zeros is what the kernel takes for "not asked for".
    let mut arguments: libc::clone_args = unsafe { mem::zeroed() };
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.cgroup = folder.as_raw_fd() as u64;
    // SAFETY: the arguments are valid and of the size given; without CLONE_VM the child has a memory of its own.
    match unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<libc::clone_args>()) } {
        0 => Ok(None),
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Some(Pid::from_raw(pid as i32))),
    }
}

/// The reader of the application's output must see its end when the application has ended.
fn release_output() -> io::Result<()> {
    let nowhere = File::options().write(true).open("/dev/null")?;
    unistd::dup2_stdout(&nowhere)?;
    unistd::dup2_stderr(&nowhere)?;
    Ok(())
}

/// Waits for the end and leaves the dead process where it is, so that nobody else gets its number while keploy may still
/// send signals to it.
fn wait(pid: Pid) -> io::Result<i32> {
    wait_for_death(pid)?;
    let status = loop {
        match waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            Err(nix::errno::Errno::EINTR) => {}
            other => break other?,
        }
    };
    // As wait(2) encodes it.
    Ok(match status {
        WaitStatus::Exited(_, code) => (code & 0xff) << 8,
        WaitStatus::Signaled(_, signal, _) => signal as i32,
        _ => 0,
    })
}

/// waitid() would also tell that it stops on account of its clock.
fn wait_for_death(pid: Pid) -> io::Result<()> {
    // SAFETY: a system call without pointers.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is new and ours.
    let process = unsafe { OwnedFd::from_raw_fd(descriptor as i32) };
    loop {
        match poll(&mut [PollFd::new(process.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => {}
            other => return other.map(drop).map_err(io::Error::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(groups: &[u32]) -> User {
        User { uid: 1000, gid: 100, groups: groups.to_vec(), name: "ann".into(), home: "/home/ann".into() }
    }

    fn command() -> launch::Command {
        launch::Command {
            shell: "a b; c".into(),
            directory: "/d".into(),
            user: user(&[]),
            environment: Vec::new(),
            output: launch::Stdio::Inherit,
            overlays: vec![("/over".into(), "/file".into())],
            scratch: Some("/s".into()),
            clock: Some(1),
        }
    }

    #[test]
    fn an_order_is_read_as_it_was_written() {
        for groups in [&[][..], &[100, 27]] {
            let clock = Clock::starting_at(1).expect("shared memory");
            let mut arguments = arguments(Path::new("/g"), &user(groups), &command(), Some(&clock)).into_iter();
            assert_eq!(arguments.next(), Some(WORD.into()));
            let order = Order::parse(arguments).expect("well-formed");
            assert_eq!(order.groups, groups.iter().copied().map(Gid::from_raw).collect::<Vec<_>>());
            assert_eq!((order.uid.as_raw(), order.gid.as_raw()), (1000, 100));
            assert_eq!((order.shell, order.directory), ("a b; c".into(), "/d".into()));
            assert_eq!((order.scratch, order.overlays), ("/s".into(), vec![["/over".into(), "/file".into()]]));
            assert_eq!(order.clock, Some(clock.id()));
        }
    }

    #[test]
    fn half_an_order_is_none() {
        let whole = arguments(Path::new("/g"), &user(&[1]), &command(), None);
        let without_overlays = whole.len() - 3;
        for n in (0..whole.len() - 1).filter(|n| *n != without_overlays) {
            assert_eq!(Order::parse(whole[1..].iter().take(n).cloned()), None, "{n}");
        }
    }
}
