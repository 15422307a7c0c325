//! A thread that we trace for the time of one `exec`.
use std::{io, mem, ptr};

use libc::{c_long, c_uint, c_void, pid_t};

/// Only the thread that seized it may use it, and only one at a time; it has to [release](Tracee::release) it.
pub struct Tracee {
    pid: pid_t,
    /// What it gets when it is let go: a signal that it was about to take, or 0.
    signal: i32,
}

/// Why a traced thread stands still.
pub enum Stop {
    /// Its `exec` has succeeded, and nothing of the new program has run.
    Exec,
    /// It has executed a breakpoint, or is about to take this signal.
    Signal(i32),
    /// We asked for it, or the whole process is stopped.
    Other,
}

/// The thread is no more.
pub struct Gone {
    pub pid: pid_t,
}

impl Tracee {
    /// It goes on, and will stop when its `exec` succeeds.
    pub fn seize(pid: pid_t) -> io::Result<Self> {
        ptrace(libc::PTRACE_SEIZE, pid, 0, libc::PTRACE_O_TRACEEXEC as usize)?;
        Ok(Self { pid, signal: 0 })
    }

    pub fn pid(&self) -> pid_t {
        self.pid
    }

    /// Makes it stop as soon as it would return to its program.
    pub fn interrupt(&self) {
        // Not there: the wait will tell.
        let _ = ptrace(libc::PTRACE_INTERRUPT, self.pid, 0, 0);
    }

    /// Waits for its next stop. The process id changes when it isn't the first thread of its process that has called `exec`.
    pub fn wait(&mut self) -> Result<Stop, Gone> {
        // Not those of other threads. What a dead child of ours has to say is left for whoever waits for it.
        let options = libc::WEXITED | libc::WSTOPPED | libc::WNOWAIT | libc::__WALL | libc::__WNOTHREAD;
        // SAFETY: all zeros is a valid value.
        let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
        // SAFETY: `info` is valid.
        while unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) } != 0 {
            if io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
                // ECHILD: another thread's `exec` has done away with it.
                return Err(self.gone());
            }
        }
        // SAFETY: waitid() has filled these in.
        let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
        self.pid = pid;
        self.signal = 0;
        if info.si_code != libc::CLD_TRAPPED && info.si_code != libc::CLD_STOPPED {
            return Err(self.gone());
        }
        // Take the stop away: the kernel refuses to deal with a process that has changed its number until its tracer was told.
        let options = libc::WSTOPPED | libc::WNOHANG | libc::__WALL | libc::__WNOTHREAD;
        // SAFETY: `info` is valid.
        unsafe { libc::waitid(libc::P_PID, pid.unsigned_abs(), &raw mut info, options) };
        Ok(match (status >> 8, status & 0x7f) {
            (libc::PTRACE_EVENT_EXEC, _) => Stop::Exec,
            (0, signal) => {
                self.signal = signal;
                Stop::Signal(signal)
            }
            _ => Stop::Other,
        })
    }

    /// Runs it from here until it meets a breakpoint (`int3`), or faults, whatever else wants it to stop meanwhile, and returns
    /// its registers there. `from` are those to start with.
    pub fn run(&mut self, from: &Registers) -> Result<Registers, Gone> {
        const END: [i32; 5] = [libc::SIGTRAP, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGSYS];
        self.set_registers(from);
        let blocked = self.block_signals();
        let mut kept = 0;
        loop {
            let _ = ptrace(libc::PTRACE_CONT, self.pid, 0, 0);
            match self.wait()? {
                Stop::Signal(signal) if END.contains(&signal) => break,
                // SIGSTOP can't be blocked; it gets it afterwards.
                Stop::Signal(signal) => kept = signal,
                Stop::Exec | Stop::Other => {}
            }
        }
        self.signal = kept;
        self.set_blocked(blocked);
        Ok(self.registers())
    }

    pub fn registers(&self) -> Registers {
        // SAFETY: all zeros is a valid value.
        let mut registers: Registers = unsafe { mem::zeroed() };
        // It stands still, so only its death makes this fail, which the next wait will tell.
        let _ = ptrace(libc::PTRACE_GETREGS, self.pid, 0, (&raw mut registers).addr());
        registers
    }

    pub fn set_registers(&self, registers: &Registers) {
        let _ = ptrace(libc::PTRACE_SETREGS, self.pid, 0, ptr::from_ref(registers).addr());
    }

    /// All but the breakpoint's. Returns what was blocked.
    fn block_signals(&self) -> u64 {
        let mut blocked = 0_u64;
        let size = size_of::<u64>();
        let _ = ptrace(libc::PTRACE_GETSIGMASK, self.pid, size, (&raw mut blocked).addr());
        self.set_blocked(!(1 << (libc::SIGTRAP - 1)));
        blocked
    }

    fn set_blocked(&self, mask: u64) {
        let _ = ptrace(libc::PTRACE_SETSIGMASK, self.pid, size_of::<u64>(), (&raw const mask).addr());
    }

    fn gone(&mut self) -> Gone {
        Gone { pid: mem::take(&mut self.pid) }
    }

    /// Lets it go on.
    pub fn release(mut self) -> Result<(), Gone> {
        while ptrace(libc::PTRACE_DETACH, self.pid, 0, self.signal as usize).is_err() {
            // It does not stand still any more, because it has been killed, by the `exec` of another thread perhaps. If it
            // were not waited for, it would stay our tracee, dead.
            self.wait()?;
        }
        Ok(())
    }
}

impl Gone {
    /// Takes the dead thread away, so that its process or its parent learns of its end.
    pub fn reap(self) {
        // SAFETY: a null pointer is allowed.
        unsafe { libc::waitpid(self.pid, ptr::null_mut(), libc::__WALL | libc::__WNOTHREAD | libc::WNOHANG) };
    }
}

pub type Registers = libc::user_regs_struct;

fn ptrace(request: c_uint, pid: pid_t, address: usize, data: usize) -> io::Result<c_long> {
    // SAFETY: `data` is a number, or the address of something valid of the size that the request wants.
    let outcome = unsafe {
        libc::ptrace(
            request,
            pid,
            ptr::without_provenance_mut::<c_void>(address),
            ptr::with_exposed_provenance_mut::<c_void>(data),
        )
    };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(outcome) }
}
