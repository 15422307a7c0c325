//! Reading the wall clock by a system call: rare, as all the languages read it in the vDSO.
use std::{fs, io};

use libc::pid_t;

use crate::{Clock, held::Held, page::SECOND, vdso::Vdso};

/// Answers `clock_gettime`, `gettimeofday` or `time`.
pub fn answer(call: Held<'_>, clock: &Clock, vdso: Option<&Vdso>) {
    // Where the machine has no clock that a program can read, the vDSO itself makes the call, and the wrapper around it adds
    // the offset.
    if vdso.is_some_and(|vdso| is_within(call.thread(), vdso, call.instruction())) {
        return;
    }
    let now = clock.now();
    let (seconds, nanoseconds) = ((now / SECOND as u64) as i64, (now % SECOND as u64) as i64);
    let Ok(memory) = call.memory() else { return }; // it is dead
    let outcome = match call.number() {
        libc::SYS_clock_gettime => memory.write_pair(call.argument(1), [seconds, nanoseconds]).map(|()| 0),
        libc::SYS_gettimeofday => {
            let day = unless_null(call.argument(0), |at| memory.write_pair(at, [seconds, nanoseconds / 1000]));
            // The kernel's time zone, which nobody sets any more.
            day.and_then(|()| unless_null(call.argument(1), |at| memory.write(at, &[0; 8]))).map(|()| 0)
        }
        _ => unless_null(call.argument(0), |at| memory.write(at, &seconds.to_ne_bytes())).map(|()| seconds),
    };
    call.answer(outcome.map_err(|_| libc::EFAULT));
}

fn unless_null(at: u64, write: impl FnOnce(u64) -> io::Result<()>) -> io::Result<()> {
    if at == 0 { Ok(()) } else { write(at) }
}

fn is_within(thread: pid_t, vdso: &Vdso, instruction: u64) -> bool {
    let Ok(Some(base)) = vdso_base(thread) else { return false };
    (base..base + vdso.image().len() as u64).contains(&instruction)
}

/// Where the vDSO is in a process of 64 bits.
pub fn vdso_base(pid: pid_t) -> io::Result<Option<u64>> {
    const AT_SYSINFO_EHDR: u64 = 33;
    let auxv = fs::read(format!("/proc/{pid}/auxv"))?;
    let (words, _) = auxv.as_chunks();
    let (pairs, _) = words.as_chunks();
    let entry = pairs.iter().find(|[key, _]| u64::from_ne_bytes(*key) == AT_SYSINFO_EHDR);
    Ok(entry.map(|[_, value]| u64::from_ne_bytes(*value)).filter(|base| *base != 0))
}
