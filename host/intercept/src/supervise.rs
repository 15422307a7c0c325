//! The supervisor: a small process that starts the application and outlives us.
//!
//! It is this same program, called with a first argument of its own. Between us and it there is one socket, its standard
//! input: it tells the application's start and end, and takes the socket's end as our death, however we died. Then it kills
//! the application and removes the cgroup, so that nothing lives on half intercepted.
use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read as _, Write as _},
    mem,
    os::{
        fd::{AsFd as _, AsRawFd as _, BorrowedFd},
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    thread,
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::wait::{Id, WaitPidFlag, WaitStatus, waitid},
    unistd::{self, Gid, Pid, Uid},
};

use crate::{User, group, launch};

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

/// What the supervisor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The application's process id.
    Started(i32),
    /// The `errno` of its start.
    Failed(i32),
    /// Its status, as `wait()` gives it.
    Exited(i32),
}

impl Message {
    fn failed(error: impl Into<io::Error>) -> Self {
        Self::Failed(error.into().raw_os_error().unwrap_or(libc::EIO))
    }
}

/// supervisor --Message--> us
pub fn receive(mut control: &UnixStream) -> io::Result<Message> {
    let mut bytes = [0; 5];
    control.read_exact(&mut bytes)?;
    let [kind, number @ ..] = bytes;
    let number = i32::from_ne_bytes(number);
    match kind {
        b's' => Ok(Message::Started(number)),
        b'f' => Ok(Message::Failed(number)),
        b'e' => Ok(Message::Exited(number)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn send(mut control: &UnixStream, message: Message) -> io::Result<()> {
    let (kind, number) = match message {
        Message::Started(pid) => (b's', pid),
        Message::Failed(errno) => (b'f', errno),
        Message::Exited(status) => (b'e', status),
    };
    let mut bytes = vec![kind];
    bytes.extend(number.to_ne_bytes());
    control.write_all(&bytes)
}

/// The supervisor's command line, as [`Order::parse`] reads it.
pub fn arguments(group: &Path, user: &User, command: &launch::Command) -> Vec<OsString> {
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
        // SAFETY: this process has one thread.
        match unsafe { fork_into(folder.as_fd()) } {
            Ok(Some(pid)) => {
                release_output()?;
                let told = control.try_clone()?;
                thread::spawn(move || send(&told, Message::Exited(wait(pid)?)));
                // Nothing is ever sent to us: this returns when the other end is closed.
                let _ = (&control).read(&mut [0])?;
            }
            Ok(None) => process::exit(self.become_application(&control)),
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
    fn become_application(&self, control: &UnixStream) -> i32 {
        if let Err((over, error)) = self.lay_files() {
            // It goes without: what it trusts is then up to its environment.
            eprintln!("keploy: no file can be laid over {}: {error}", over.display());
        }
        if let Err(error) = self.take_off_rights() {
            let _ = send(control, Message::failed(error));
            return 1;
        }
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
        }
    }

    #[test]
    fn an_order_is_read_as_it_was_written() {
        for groups in [&[][..], &[100, 27]] {
            let mut arguments = arguments(Path::new("/g"), &user(groups), &command()).into_iter();
            assert_eq!(arguments.next(), Some(WORD.into()));
            let order = Order::parse(arguments).expect("well-formed");
            assert_eq!(order.groups, groups.iter().copied().map(Gid::from_raw).collect::<Vec<_>>());
            assert_eq!((order.uid.as_raw(), order.gid.as_raw()), (1000, 100));
            assert_eq!((order.shell, order.directory), ("a b; c".into(), "/d".into()));
            assert_eq!((order.scratch, order.overlays), ("/s".into(), vec![["/over".into(), "/file".into()]]));
        }
    }

    #[test]
    fn half_an_order_is_none() {
        let whole = arguments(Path::new("/g"), &user(&[1]), &command());
        let without_overlays = whole.len() - 3;
        for n in (0..whole.len() - 1).filter(|n| *n != without_overlays) {
            assert_eq!(Order::parse(whole[1..].iter().take(n).cloned()), None, "{n}");
        }
    }

    #[test]
    fn messages_cross_the_socket() {
        let (here, there) = UnixStream::pair().expect("two sockets");
        for message in [Message::Started(7), Message::Failed(-1), Message::Exited(256)] {
            send(&here, message).expect("sent");
            assert_eq!(receive(&there).expect("received"), message);
        }
        drop(here);
        assert!(receive(&there).is_err());
    }
}
