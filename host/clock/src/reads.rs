//! Reading the wall clock by a system call: rare, as all the languages read it in the vDSO.
use std::{fs, io};

use libc::pid_t;

use crate::{
    Clock,
    held::{Held, Memory},
    page::SECOND,
    vdso::Vdso,
};

/// Answers `clock_gettime`, `gettimeofday` or `time`.
pub fn answer(mut call: Held<'_>, clock: &Clock, vdso: Option<&Vdso>) {
    // Where the machine has no clock that a program can read, the vDSO itself makes the call, and the wrapper around it adds
    // the offset.
    if vdso.is_some_and(|vdso| is_within(call.thread(), vdso, call.instruction())) {
        return call.proceed();
    }
    let now = clock.now();
    let (seconds, nanoseconds) = ((now / SECOND as u64) as i64, (now % SECOND as u64) as i64);
    let memory = match call.memory() {
        Ok(memory) => memory,
        Err(_) => return call.proceed(), // it is dead, or nobody may look at it
    };
    let write = |argument, pair| write(&memory, call.argument(argument), pair);
    let outcome = match call.number() {
        libc::SYS_clock_gettime => memory.write_pair(call.argument(1), [seconds, nanoseconds]).map(|()| 0),
        // The kernel's time zone, which nobody sets any more.
        libc::SYS_gettimeofday => {
            write(0, [seconds, nanoseconds / 1000]).and_then(|()| write_word(&memory, call.argument(1), 0)).map(|()| 0)
        }
        _ => write_word(&memory, call.argument(0), seconds).map(|()| seconds),
    };
    call.answer(outcome.map_err(|_| libc::EFAULT));
}

fn write(memory: &Memory, at: u64, pair: [i64; 2]) -> io::Result<()> {
    if at == 0 { Ok(()) } else { memory.write_pair(at, pair) }
}

fn write_word(memory: &Memory, at: u64, word: i64) -> io::Result<()> {
    if at == 0 { Ok(()) } else { memory.write(at, &word.to_ne_bytes()) }
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
