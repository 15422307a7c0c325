//! The gate that every new program passes: `execve` is held until we have seized the caller, and the process stops before the
//! first instruction of the new program, where it gets its clock.
//!
//! Not by signals: a process that is stopped by SIGSTOP is seen to be stopped, and background jobs die of it. Stops of a
//! traced process are seen by its tracer alone.
use std::{
    collections::HashSet,
    ffi::OsStr,
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::Path,
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use libc::pid_t;

use crate::{
    Clock, Uncovered,
    held::{Held, Memory},
    page::OFFSET_AT,
    reads::vdso_base,
    tracee::{Gone, Registers, Stop, Tracee},
    vdso::Vdso,
};

/// What all hands at the gate need.
pub struct Gate {
    pub clock: Clock,
    pub vdso: Option<&'static Vdso>,
    /// How many seccomp filters a process has that has made none itself.
    pub filters: u32,
    pub report: Box<dyn Fn(Uncovered) + Send + Sync>,
    /// What was reported: a program that is started a thousand times is told once.
    pub reported: Mutex<HashSet<(String, String)>>,
}

impl Gate {
    /// Lets a thread make its `exec`. `Err`: it died meanwhile.
    pub fn pass(&self, mut call: Held<'_>) -> Result<(), Gone> {
        let mut tracee = match Tracee::seize(call.thread()) {
            Ok(tracee) => tracee,
            Err(error) => {
                match (tracer(call.thread()), called(&call)) {
                    // Another hand is about to let it go after an `exec` that failed; it hasn't been able to stop it before
                    // it called again, and sees to this one, too.
                    (Some(tracer), _) if is_ours(tracer) => {}
                    (Some(tracer), Some(command)) => {
                        let tracer = Status::of(tracer).field("Name:").unwrap_or_default().to_owned();
                        self.uncovered(call.thread(), command, Why::Traced(tracer));
                    }
                    (None, Some(command)) => self.uncovered(call.thread(), command, Why::Untraceable(error)),
                    (_, None) => {}
                }
                return Ok(());
            }
        };
        call.proceed();
        // For an `exec` that fails, as most of a search along the PATH do: there is one stop either way.
        tracee.interrupt();
        if let Stop::Exec = tracee.wait()?
            && let Err(why) = self.cover(&mut tracee)?
        {
            self.uncovered(tracee.pid(), running(tracee.pid()), why);
        }
        tracee.release()
    }

    /// Gives a process that stands before its first instruction the clock.
    fn cover(&self, tracee: &mut Tracee) -> Result<Result<(), Why>, Gone> {
        let start = tracee.registers();
        if start.cs != CODE_SEGMENT_64 {
            return Ok(Err(Why::Narrow));
        }
        let Some(vdso) = self.vdso else { return Ok(Ok(())) }; // so all its reads are system calls
        let prepared = Memory::open(tracee.pid()).and_then(|memory| {
            let base = self.prepare(tracee.pid(), &memory, vdso)?;
            Ok(base.map(|base| (memory, base)))
        });
        let (memory, base) = match prepared {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return Ok(Err(Why::Strange)),
            Err(error) => return Ok(Err(Why::Unwritable(error))),
        };
        if self.has_other_filters(&Status::of(tracee.pid())) {
            return Ok(Err(Why::Sandboxed)); // it might be killed for a call that it isn't meant to make
        }
        let after = tracee.run(&Registers { rip: vdso.attach(base), ..start })?;
        // The new program finds what `execve` leaves.
        tracee.set_registers(&Registers { rax: 0, orig_rax: u64::MAX, ..start });
        Ok(self.share(&memory, vdso.page(base), after.rax.cast_signed()))
    }

    /// Writes to the vDSO. From here on the process lives at the right time, but for itself. None: there is another vDSO in
    /// it than in us.
    fn prepare(&self, pid: pid_t, memory: &Memory, vdso: &Vdso) -> io::Result<Option<u64>> {
        let Some(base) = vdso_base(pid)? else { return Ok(None) };
        let mut image = vec![0; vdso.image().len()];
        memory.read(base, &mut image)?;
        if image != vdso.image() {
            return Ok(None);
        }
        for (at, bytes) in [vdso.wrappers(base, self.clock.id(), self.clock.word()), vdso.symbols()] {
            memory.write(base + at, &bytes)?;
        }
        Ok(Some(base))
    }

    /// Makes it use the page that it has mapped. `mapped`: what the kernel said to that.
    fn share(&self, memory: &Memory, at: u64, mapped: i64) -> Result<(), Why> {
        if (-4095..0).contains(&mapped) {
            return Err(Why::Apart(io::Error::from_raw_os_error(-mapped as i32)));
        }
        let (page, mut mark) = (mapped.cast_unsigned(), [0; 8]);
        memory.read(page, &mut mark).map_err(Why::Unwritable)?;
        if mark != self.clock.mark() {
            // Another segment, that has the same number in the namespace that the process is in.
            return Err(Why::Apart(io::ErrorKind::NotFound.into()));
        }
        memory.write(at, &(page + OFFSET_AT).to_ne_bytes()).map_err(Why::Unwritable)
    }

    /// Has it made a seccomp filter itself?
    pub fn has_other_filters(&self, status: &Status) -> bool {
        status.filters() > self.filters
    }

    fn uncovered(&self, pid: pid_t, command: String, why: Why) {
        let why = why.to_string();
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.insert((command.clone(), why.clone())) {
            drop(reported);
            (self.report)(Uncovered { pid: pid.unsigned_abs(), command, why });
        }
    }
}

/// Why a process has not got the clock, or not wholly.
#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("is traced by {0:?}, a debugger perhaps: it lives at real time")]
    Traced(String),
    #[error("can't be held at its start ({0}): it lives at real time")]
    Untraceable(io::Error),
    #[error("is a 32-bit program: it lives at real time")]
    Narrow,
    #[error("has another vDSO than this kernel gives to us: it lives at real time")]
    Strange,
    #[error("can't be written to at its start ({0}): it lives at real time")]
    Unwritable(io::Error),
    #[error(
        "has a seccomp filter of its own: it starts at the application's time, but doesn't follow when that is moved"
    )]
    Sandboxed,
    #[error(
        "can't map the clock's page, in another IPC namespace perhaps ({0}): it starts at the application's time, but doesn't follow when that is moved"
    )]
    Apart(io::Error),
}

/// `USER_CS` with its privilege level: the processor runs 64-bit code.
const CODE_SEGMENT_64: u64 = 0x33;

/// The program that a held `exec` asks for. None: there is no such file, so it will fail.
fn called(call: &Held<'_>) -> Option<String> {
    let argument = if call.number() == libc::SYS_execveat { 1 } else { 0 };
    let memory = call.memory().ok()?;
    let mut path = vec![0; 256];
    // It may be at the end of what is mapped: then its last bytes are all there is.
    let read = |length: usize, path: &mut Vec<u8>| memory.read(call.argument(argument), &mut path[..length]).is_ok();
    [256, 64, 16].into_iter().find(|length| read(*length, &mut path))?;
    let length = path.iter().position(|byte| *byte == 0)?;
    let path = Path::new(OsStr::from_bytes(&path[..length]));
    let from = format!("/proc/{}/cwd", call.thread());
    let seen = if path.is_absolute() { path.to_owned() } else { Path::new(&from).join(path) };
    seen.exists().then(|| path.display().to_string())
}

/// What runs in a process, with the start of its arguments.
fn running(pid: pid_t) -> String {
    const LONGEST: usize = 80;
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    line.trim_end().chars().take(LONGEST).collect()
}

/// The thread that traces this one.
fn tracer(pid: pid_t) -> Option<pid_t> {
    Status::of(pid).number("TracerPid:").filter(|pid| *pid != 0)
}

fn is_ours(thread: pid_t) -> bool {
    fs::exists(format!("/proc/self/task/{thread}")).unwrap_or(false)
}

/// What the kernel tells of a thread and its process.
pub struct Status(String);

impl Status {
    pub fn of(thread: pid_t) -> Self {
        Self(fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default())
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
    }

    pub fn number<T: FromStr>(&self, name: &str) -> Option<T> {
        self.field(name)?.parse().ok()
    }

    /// How many seccomp filters it is under. 0: the kernel doesn't tell (before 5.9).
    pub fn filters(&self) -> u32 {
        self.number("Seccomp_filters:").unwrap_or(0)
    }
}
