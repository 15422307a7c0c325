//! A program that was started, what it says, and how it ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{PATIENCE, World, built};

/// Between two looks at something that announces itself to nobody.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A running program. Dropping it kills it.
pub struct Process {
    name: String,
    pid: Pid,
    said: Arc<Said>,
    // its waiting thread --exit status--> us
    ended_rx: mpsc::Receiver<(ExitStatus, String)>,
    ended: bool,
}

/// How a program ended, and what it had printed.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// The standard error so far.
#[derive(Default)]
struct Said {
    text: Mutex<(String, Closed)>,
    more: Condvar,
}

#[derive(Default, PartialEq)]
enum Closed {
    #[default]
    No,
    Yes,
}

impl Process {
    /// In `world`, and killed with it.
    pub fn start(world: &World, command: &mut Command) -> Self {
        let name = command.get_program().display().to_string();
        let mut tied = tied(command, world.offset());
        tied.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = world.inside(move || tied.spawn()).expect("setpriv can be started");
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let pid = Pid::from_raw(child.id().try_into().expect("a pid is small"));
        let said = Arc::new(Said::default());
        let (listener, (ended_tx, ended_rx)) = (Arc::clone(&said), mpsc::channel());
        std::thread::spawn(move || listener.collect(BufReader::new(stderr)));
        std::thread::spawn(move || {
            let printed = collect(stdout);
            let status = child.wait().expect("nobody else waits for it");
            let _nobody_asks = ended_tx.send((status, printed));
        });
        Self { name, pid, said, ended_rx, ended: false }
    }

    pub fn pid(&self) -> Pid {
        self.pid
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("it was not waited for yet");
    }

    /// What it has said on standard error.
    pub fn stderr(&self) -> String {
        self.said.lock().0.clone()
    }

    /// Waits until it says `words` on standard error.
    ///
    /// # Panics
    /// When it ends first, or does not say it in time; with all it said.
    pub fn wait_for(&self, words: &str) {
        let said = self.said.lock();
        let waiting = |said: &mut (String, Closed)| !said.0.contains(words) && said.1 == Closed::No;
        let (said, _) =
            self.said.more.wait_timeout_while(said, PATIENCE, waiting).unwrap_or_else(PoisonError::into_inner);
        assert!(said.0.contains(words), "{} did not say {words:?}; it said:\n{}", self.name, said.0);
    }

    /// Waits until somebody listens on `port`.
    ///
    /// # Panics
    /// When the program ends first, or nobody listens in time.
    pub fn wait_for_port(&self, world: &World, port: u16) {
        let deadline = Instant::now() + PATIENCE;
        while !world.is_listened_on(port) {
            if let Ok((status, _)) = self.ended_rx.recv_timeout(LOOK_AGAIN) {
                panic!("{} ended ({status}) before it listened on port {port}:\n{}", self.name, self.stderr());
            }
            assert!(Instant::now() < deadline, "{} does not listen on port {port}:\n{}", self.name, self.stderr());
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time; with all it said.
    pub fn wait(mut self, patience: Duration) -> Ended {
        let Ok((status, stdout)) = self.ended_rx.recv_timeout(patience) else {
            panic!("{} did not end in {patience:?}; it said:\n{}", self.name, self.stderr());
        };
        self.ended = true;
        let said = self.said.lock();
        let open = |said: &mut (String, Closed)| said.1 == Closed::No;
        let said = self.said.more.wait_timeout_while(said, PATIENCE, open).unwrap_or_else(PoisonError::into_inner).0;
        Ended { status, stdout, stderr: said.0.clone() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.ended {
            let _gone_is_fine = kill(self.pid, Signal::SIGKILL);
            let _gone_is_fine = self.ended_rx.recv_timeout(PATIENCE);
        }
    }
}

impl Said {
    fn lock(&self) -> std::sync::MutexGuard<'_, (String, Closed)> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collect(&self, mut from: impl BufRead) {
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            self.lock().0.push_str(&String::from_utf8_lossy(&line));
            self.more.notify_all();
            line.clear();
        }
        self.lock().1 = Closed::Yes;
        self.more.notify_all();
    }
}

fn collect(mut from: impl Read) -> String {
    let mut all = Vec::new();
    let _what_came_counts = from.read_to_end(&mut all);
    String::from_utf8_lossy(&all).into_owned()
}

/// The same command, killed by the kernel when the thread that started it ends, and so far from the machine's time. `setpriv`
/// becomes the program, as `at-time` does, so the process id is the program's.
fn tied(command: &Command, offset: Option<&str>) -> Command {
    let mut tied = Command::new("setpriv");
    tied.args(["--pdeathsig", "KILL", "--"]);
    if let Some(offset) = offset {
        tied.arg(built("release/at-time")).arg(offset);
    }
    tied.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    tied
}
