//! Programs that are started, looked at from outside, and ended.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::command::{Failure, Result, at};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running program, with what it prints in two files. Dropping it kills it.
pub struct Program {
    child: Child,
    name: String,
    printed: PathBuf,
    said: PathBuf,
}

/// What programs have used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Seconds of processor time, all threads.
    pub seconds: f64,
    /// Bytes of memory in use, and the most there ever were.
    pub memory: u64,
    pub peak: u64,
}

impl Program {
    /// `name` is for its files, in `folder`.
    pub fn start(folder: &Path, name: &str, command: &mut Command) -> Result<Self> {
        let (printed, said) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.err")));
        let file = |path: &Path| File::create(path).map_err(at(path));
        command.stdin(Stdio::piped()).stdout(file(&printed)?).stderr(file(&said)?);
        let program = command.get_program().display().to_string();
        let child = command
            .spawn()
            .map_err(|error| Failure::new(format!("{program}: {error}")).hint("cargo xtask bench installs it"))?;
        Ok(Self { child, name: name.to_owned(), printed, said })
    }

    /// Until somebody listens on `port`.
    pub fn listens(mut self, port: u16) -> Result<Self> {
        self.until(&format!("does not listen on port {port}"), || is_listened_on(port))?;
        Ok(self)
    }

    /// Until it has printed a line.
    pub fn line(&mut self) -> Result<String> {
        let printed = self.printed.clone();
        let read = move || std::fs::read_to_string(&printed).unwrap_or_default();
        self.until("prints nothing", || read().contains('\n'))?;
        Ok(read())
    }

    fn until(&mut self, otherwise: &str, is_so: impl Fn() -> bool) -> Result {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.trouble(&format!("ended ({status})")));
            }
            if Instant::now() > deadline {
                return Err(self.trouble(otherwise));
            }
            look_again_soon();
        }
        Ok(())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn interrupt(&self) -> Result {
        let kill = Command::new("kill").args(["-INT", &self.pid().to_string()]).status();
        kill.map(drop).map_err(|error| Failure::new(format!("kill: {error}")))
    }

    /// Waits for its end; `each_time` is done again and again meanwhile.
    pub fn wait(&mut self, patience: Duration, mut each_time: impl FnMut()) -> Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().map_err(|error| self.trouble(&error.to_string()))? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err(self.trouble(&format!("did not end in {} s", patience.as_secs())));
            }
            each_time();
            look_again_soon();
        }
    }

    /// What it has printed.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(&self.printed).unwrap_or_default()
    }

    /// An error of this program's, with its last words.
    pub fn trouble(&self, what: &str) -> Failure {
        let said = std::fs::read_to_string(&self.said).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let last = lines[lines.len().saturating_sub(10)..].join("\n");
        Failure::new(format!("{} {what}\n{last}", self.name)).hint(format!("all it said is in {}", self.said.display()))
    }

    pub fn used(&self) -> Used {
        used(self.pid())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _gone_is_fine = self.child.kill();
        let _gone_is_fine = self.child.wait();
    }
}

impl Used {
    /// What was known, or what was seen later; of who has ended in between, less was seen.
    pub fn or_later(self, later: Self) -> Self {
        let Self { seconds, memory, peak } = later;
        Self { seconds: self.seconds.max(seconds), memory, peak: self.peak.max(peak) }
    }
}

/// Of this process and its descendants, those that run this very file.
pub fn used_by_all_of(pid: u32, binary: &Path) -> Used {
    let is_of = |pid: u32| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == binary);
    let each = descendants(pid).into_iter().filter(|&pid| is_of(pid)).map(used);
    each.fold(Used::default(), |all, one| Used {
        seconds: all.seconds + one.seconds,
        memory: all.memory + one.memory,
        peak: all.peak + one.peak,
    })
}

/// A process that is gone has used nothing.
fn used(pid: u32) -> Used {
    const TICKS: f64 = 100.0;
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let (stat, status, shares) = (read("stat"), read("status"), read("smaps_rollup"));
    // The name may hold anything; after it, the 12th and 13th are user and system time.
    let times = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let seconds = times.filter_map(|time| time.parse::<f64>().ok()).sum::<f64>() / TICKS;
    let bytes = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap_or_default() << 10
    };
    // A page that is mapped many times is there once: VmRSS counts a parser's code and data for each connection.
    Used { seconds, memory: bytes(&shares, "Pss:"), peak: bytes(&status, "VmHWM:") }
}

/// It and all below it.
fn descendants(pid: u32) -> Vec<u32> {
    // Each thread has its own.
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = threads.map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let children: Vec<u32> = children
        .flat_map(|pids| pids.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect();
    std::iter::once(pid).chain(children.into_iter().flat_map(descendants)).collect()
}

/// Looked up, not tried: a connection would be recorded.
pub fn is_listened_on(port: u16) -> bool {
    const LISTEN: &str = "0A";
    let address = format!(":{port:04X}");
    let listens = |line: &str| {
        let mut columns = line.split_whitespace().skip(1);
        columns.next().is_some_and(|local| local.ends_with(&address)) && columns.nth(1) == Some(LISTEN)
    };
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    tables.iter().any(|table| std::fs::read_to_string(table).unwrap_or_default().lines().any(listens))
}

#[expect(clippy::disallowed_methods, reason = "programs that are not ours tell nobody when they are ready")]
fn look_again_soon() {
    std::thread::sleep(Duration::from_millis(20));
}
