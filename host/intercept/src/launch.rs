//! Starts the application by way of the supervisor (`supervise.rs`), and ends it.
use std::{
    ffi::OsString,
    io::{self, PipeReader},
    net::Shutdown,
    os::{
        fd::OwnedFd,
        unix::{
            net::UnixStream,
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    path::PathBuf,
    process::{self, Child, ExitStatus},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use clock::{Clock, Uncovered};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{sync::watch, time::timeout};

use crate::{
    Error, User,
    group::Group,
    message::{Message, receive},
    supervise,
};

/// How to start the application. Its environment is ours, except for what is said here.
#[derive(Clone, Debug)]
pub struct Command {
    /// What `/bin/sh -c` runs.
    pub shell: String,
    pub directory: PathBuf,
    pub user: User,
    /// Variables to set, or to remove.
    pub environment: Vec<(OsString, Option<OsString>)>,
    /// Its output; its input is `/dev/null`.
    pub output: Stdio,
    /// Files that it sees in place of others, and nobody else does: the other, and what is seen. Takes root.
    pub overlays: Vec<(PathBuf, PathBuf)>,
    /// A folder of ours that goes when the application has gone.
    pub scratch: Option<PathBuf>,
    /// What time it is for the application when it starts, in nanoseconds since 1970. None: real time.
    pub clock: Option<u64>,
}

/// Where the application's output and error output go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdio {
    /// Where ours go.
    Inherit,
    /// To [`Application::take_output`].
    Pipe,
}

/// What the application writes.
#[derive(Debug)]
pub struct Output {
    pub stdout: PipeReader,
    pub stderr: PipeReader,
}

/// The running application. Dropping it ends it.
#[derive(Debug)]
pub struct Application {
    pid: Pid,
    group: Arc<Group>,
    control: UnixStream,
    exited_rx: watch::Receiver<Option<ExitStatus>>,
    /// Ends when the supervisor does.
    watcher: Option<JoinHandle<()>>,
    output: Option<Output>,
    clock: Result<Arc<Clock>, RealTime>,
    uncovered: Arc<Mutex<Vec<Uncovered>>>,
}

/// The application lives at the machine's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RealTime {
    /// As [`Command::clock`] wants it.
    Wanted,
    /// Because it can't have another one here: a message for people, with a hint.
    Forced(String),
}

impl Application {
    /// The shell's process id, which is its process group's and its session's, too.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Waits for the shell to exit. Any number may wait, and waiting may be given up.
    pub async fn wait(&self) -> ExitStatus {
        let mut exited_rx = self.exited_rx.clone();
        let exited = exited_rx.wait_for(Option::is_some).await;
        // The sender sends before it goes.
        exited.ok().and_then(|status| *status).unwrap_or_else(killed)
    }

    /// How the shell exited, if it has.
    pub fn exited(&self) -> Option<ExitStatus> {
        *self.exited_rx.borrow()
    }

    /// Asks the application to end, as Ctrl-C does: SIGINT to its process group, after half of the time SIGTERM. When the time
    /// is over, or the shell has exited, whatever of it is left is killed.
    pub async fn terminate(&self, grace: Duration) -> ExitStatus {
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            // The number is not somebody else's: the supervisor keeps the dead shell until we are done with it.
            let _ = killpg(self.pid, signal);
            if timeout(grace / 2, self.wait()).await.is_ok() {
                break;
            }
        }
        self.group.kill();
        self.wait().await
    }

    /// The clock that it lives by, its children included. To move it takes no time: they all look at the same one.
    ///
    /// # Errors
    /// It is the machine's.
    pub fn clock(&self) -> Result<Arc<Clock>, RealTime> {
        self.clock.clone()
    }

    /// The programs of it that do not live by its clock, or don't follow it, as far as they have been started. Each is there
    /// once.
    pub fn uncovered(&self) -> Vec<Uncovered> {
        locked(&self.uncovered).clone()
    }

    /// The output, when [`Command::output`] asked for pipes; once.
    pub fn take_output(&mut self) -> Option<Output> {
        self.output.take()
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        // The supervisor takes it as our death, and does what is to be done.
        let _ = self.control.shutdown(Shutdown::Both);
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}

/// How an application ended, for people. `status` is that of a shell, so 127 and 126 have a meaning.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(127), _) => {
            "exited with code 127: its shell did not find the command\nhint: is it on the PATH that keploy \
                           runs with? sudo may have another one"
                .into()
        }
        (Some(126), _) => "exited with code 126: its shell may not execute the command\nhint: chmod +x".into(),
        // What a shell makes of a signal that ended its command.
        (Some(code @ 129..=192), _) => match Signal::try_from(code - 128) {
            Ok(signal) => format!("was ended by {signal} (its shell exited with code {code})"),
            Err(_) => format!("exited with code {code}"),
        },
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(number)) => {
            let name =
                Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |signal| signal.to_string());
            format!("was ended by {name}")
        }
        (None, None) => status.to_string(),
    }
}

pub(crate) fn launch(command: &Command, group: &Arc<Group>) -> Result<Application, Error> {
    if !command.directory.is_dir() {
        return Err(Error::NoDirectory(command.directory.clone()));
    }
    let failed =
        |source| Error::Launch { user: command.user.name.clone(), directory: command.directory.clone(), source };
    let mut clock = match command.clock {
        Some(start) => Clock::starting_at(start).map(Arc::new).map_err(|error| RealTime::Forced(error.to_string())),
        None => Err(RealTime::Wanted),
    };
    let (control, theirs) = UnixStream::pair().map_err(failed)?;
    let (mut supervisor, output) = spawn(command, clock.as_deref().ok(), group, theirs).map_err(failed)?;
    let pid = loop {
        match receive(&control) {
            Ok(Message::Started(pid)) => break Pid::from_raw(pid),
            Ok(Message::RealTime(why)) => clock = Err(RealTime::Forced(why)),
            other => {
                drop(control); // the supervisor waits for that
                let _ = supervisor.wait();
                return Err(failed(match other {
                    Ok(Message::Failed(errno)) => io::Error::from_raw_os_error(errno),
                    Ok(_) => io::Error::other("the supervisor speaks out of turn"),
                    Err(error) => error,
                }));
            }
        }
    };
    let uncovered = Arc::default();
    let (exited_rx, watcher) = watch(supervisor, &control, group, Arc::clone(&uncovered)).map_err(failed)?;
    Ok(Application { pid, group: group.clone(), control, exited_rx, watcher: Some(watcher), output, clock, uncovered })
}

/// Starts the supervisor: this same program again, with its end of the control socket as standard input.
fn spawn(
    command: &Command,
    clock: Option<&Clock>,
    group: &Group,
    control: UnixStream,
) -> io::Result<(Child, Option<Output>)> {
    let user = &command.user;
    let mut supervisor = process::Command::new("/proc/self/exe");
    supervisor.arg0("keploy").args(supervise::arguments(group.path(), user, command, clock));
    supervisor.stdin(OwnedFd::from(control));
    // A program under sudo sees root's.
    supervisor.env("HOME", &user.home).env("USER", &user.name).env("LOGNAME", &user.name);
    for sudo in ["SUDO_UID", "SUDO_GID", "SUDO_USER", "SUDO_COMMAND"] {
        supervisor.env_remove(sudo);
    }
    for (name, value) in &command.environment {
        match value {
            Some(value) => supervisor.env(name, value),
            None => supervisor.env_remove(name),
        };
    }
    let output = match command.output {
        Stdio::Inherit => None,
        Stdio::Pipe => {
            let ((stdout, stdout_tx), (stderr, stderr_tx)) = (io::pipe()?, io::pipe()?);
            supervisor.stdout(stdout_tx).stderr(stderr_tx);
            Some(Output { stdout, stderr })
        }
    };
    Ok((supervisor.spawn()?, output))
}

/// supervisor --exit status--> whoever waits; supervisor --uncovered programs--> whoever asks.
fn watch(
    mut supervisor: Child,
    control: &UnixStream,
    group: &Arc<Group>,
    uncovered: Arc<Mutex<Vec<Uncovered>>>,
) -> io::Result<(watch::Receiver<Option<ExitStatus>>, JoinHandle<()>)> {
    let (exited_tx, exited_rx) = watch::channel(None);
    let (control, group) = (control.try_clone()?, group.clone());
    let watcher = thread::Builder::new().name("application".into()).spawn(move || {
        // It also goes on when the shell has exited, for the sake of what the shell has left running.
        while let Ok(message) = receive(&control) {
            match message {
                Message::Exited(status) => {
                    exited_tx.send_replace(Some(ExitStatus::from_raw(status)));
                }
                Message::Uncovered(program) => locked(&uncovered).push(program),
                _ => {}
            }
        }
        let _ = supervisor.wait();
        if exited_tx.borrow().is_none() {
            // We have let go of the application, or somebody has killed the supervisor, which then did not kill it.
            group.kill();
            exited_tx.send_replace(Some(killed()));
        }
    })?;
    Ok((exited_rx, watcher))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn killed() -> ExitStatus {
    ExitStatus::from_raw(libc::SIGKILL)
}
