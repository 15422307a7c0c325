//! A system call that waits for the supervisor.
use std::{
    fs::File,
    io, mem,
    os::{fd::RawFd, unix::fs::FileExt as _},
};

use libc::{c_int, pid_t, seccomp_notif, seccomp_notif_resp};

use crate::{Filter, filter::AUDIT_ARCH_I386};

/// The caller waits until it is answered; when this is dropped it makes the call.
pub struct Held<'a> {
    filter: &'a Filter,
    call: seccomp_notif,
    answered: bool,
}

impl<'a> Held<'a> {
    /// Waits for the next one. None: no process is under the filter any more.
    pub fn next(filter: &'a Filter) -> Option<Self> {
        loop {
            // SAFETY: all zeros is a valid value, and the one that the kernel wants.
            let mut call: seccomp_notif = unsafe { mem::zeroed() };
            match ioctl(filter.descriptor(), libc::SECCOMP_IOCTL_NOTIF_RECV, &mut call) {
                Ok(()) => return Some(Self { filter, call, answered: false }),
                // The second: the caller died before we had its call.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::ENOENT)) => {}
                Err(_) => return None,
            }
        }
    }

    /// The thread that calls.
    pub fn thread(&self) -> pid_t {
        self.call.pid.cast_signed()
    }

    pub fn number(&self) -> i64 {
        i64::from(self.call.data.nr)
    }

    /// Is it `execve` or `execveat`, also of a 32-bit program?
    pub fn is_exec(&self) -> bool {
        let narrow = self.call.data.arch == AUDIT_ARCH_I386;
        narrow || matches!(self.number(), libc::SYS_execve | libc::SYS_execveat)
    }

    pub fn argument(&self, n: usize) -> u64 {
        self.call.data.args[n]
    }

    /// Where the call is made from.
    pub fn instruction(&self) -> u64 {
        self.call.data.instruction_pointer
    }

    /// Does it wait for its answer also when the caller is asked to stop?
    pub fn is_steady(&self) -> bool {
        self.filter.is_steady()
    }

    /// The caller's memory.
    pub fn memory(&self) -> io::Result<Memory> {
        let memory = Memory::open(self.thread())?;
        // Only now it is sure that it wasn't somebody else's: the number of a dead thread may be used again.
        let mut id = self.call.id;
        ioctl(self.filter.descriptor(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &mut id)?;
        Ok(memory)
    }

    /// The call returns this.
    pub fn answer(mut self, outcome: Result<i64, c_int>) {
        let (value, error) = match outcome {
            Ok(value) => (value, 0),
            Err(errno) => (0, -errno),
        };
        self.send(value, error, 0);
    }

    /// Lets the caller make the call.
    pub fn proceed(&mut self) {
        self.send(0, 0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32);
    }

    fn send(&mut self, val: i64, error: i32, flags: u32) {
        if !mem::replace(&mut self.answered, true) {
            let mut response = seccomp_notif_resp { id: self.call.id, val, error, flags };
            // When the caller is dead, nobody wants it.
            let _ = ioctl(self.filter.descriptor(), libc::SECCOMP_IOCTL_NOTIF_SEND, &mut response);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.proceed();
    }
}

/// The memory of a process, also what it can't write itself.
pub struct Memory(File);

impl Memory {
    pub fn open(thread: pid_t) -> io::Result<Self> {
        File::options().read(true).write(true).open(format!("/proc/{thread}/mem")).map(Self)
    }

    pub fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(bytes, at)
    }

    pub fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, at)
    }

    /// As `struct timespec` and its like have them.
    pub fn read_pair(&self, at: u64) -> io::Result<[i64; 2]> {
        let mut bytes = [0; 16];
        self.read(at, &mut bytes)?;
        let (pair, _) = bytes.as_chunks();
        Ok([i64::from_ne_bytes(pair[0]), i64::from_ne_bytes(pair[1])])
    }

    pub fn write_pair(&self, at: u64, [a, b]: [i64; 2]) -> io::Result<()> {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&a.to_ne_bytes());
        bytes[8..].copy_from_slice(&b.to_ne_bytes());
        self.write(at, &bytes)
    }
}

fn ioctl<T>(descriptor: RawFd, request: libc::Ioctl, argument: &mut T) -> io::Result<()> {
    // SAFETY: the argument is what the request wants, which the callers above see to.
    match unsafe { libc::ioctl(descriptor, request, &raw mut *argument) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
