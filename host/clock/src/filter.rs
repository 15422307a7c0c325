//! The seccomp filter: which system calls the supervisor gets to see.
use std::{
    io::{self, IoSlice, IoSliceMut},
    os::{
        fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
};

use libc::{c_long, sock_filter};
use nix::{
    cmsg_space,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg},
};

use crate::{Unsupported, vdso::Vdso};

/// The supervisor's end of the filter that a process and its children live under.
#[derive(Debug)]
pub struct Filter {
    listener: OwnedFd,
    steady: bool,
}

impl Filter {
    /// Puts this process under the filter. From now on its calls wait for the supervisor, to whom this has to be handed over
    /// before the next `exec`. Needs CAP_SYS_ADMIN; without, this process gives up gaining rights by `exec` (no `sudo`).
    /// For a process of one thread: others would not be under it.
    ///
    /// # Errors
    /// Says what the machine lacks; then this process goes on as it was.
    pub fn install() -> Result<Self, Unsupported> {
        /// A signal does not break a call that the supervisor has taken up. Since 5.19; older kernels start such calls anew.
        const STEADY: libc::c_ulong = libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
        /// Before 5.16 kernels slow down every process under a filter, in case it runs code that it does not trust.
        const TRUSTED: libc::c_ulong = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
        Vdso::own()?; // the supervisor will need it
        let code = program();
        let attempt = |flags| match install(&code, flags) {
            Err(error) if error.raw_os_error() == Some(libc::EACCES) => {
                // SAFETY: no pointers.
                unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
                install(&code, flags)
            }
            outcome => outcome,
        };
        let filter = |steady| move |listener| Self { listener, steady };
        let outcome = match attempt(STEADY | TRUSTED) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => attempt(TRUSTED).map(filter(false)),
            outcome => outcome.map(filter(true)),
        };
        outcome.map_err(|error| match error.raw_os_error() {
            Some(libc::EBUSY) => Unsupported::Taken,
            Some(libc::EINVAL | libc::ENOSYS) => Unsupported::Kernel,
            _ => Unsupported::Refused(error),
        })
    }

    /// this process --filter--> its supervisor.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn hand_over(self, socket: &UnixStream) -> io::Result<()> {
        let descriptors = [self.listener.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&descriptors)];
        let steady = [u8::from(self.steady)];
        sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(&steady)], &rights, MsgFlags::empty(), None)?;
        Ok(())
    }

    /// The other end of [`Filter::hand_over`].
    ///
    /// # Errors
    /// When the process ended, or found that it can't have a filter.
    pub fn receive(socket: &UnixStream) -> io::Result<Self> {
        let mut space = cmsg_space!(RawFd);
        let (mut byte, flags) = ([0], MsgFlags::MSG_CMSG_CLOEXEC);
        let mut buffers = [IoSliceMut::new(&mut byte)];
        let message = recvmsg::<()>(socket.as_raw_fd(), &mut buffers, Some(&mut space), flags)?;
        let descriptor = message.cmsgs()?.find_map(|part| match part {
            ControlMessageOwned::ScmRights(descriptors) => descriptors.first().copied(),
            _ => None,
        });
        let descriptor = descriptor.ok_or(io::ErrorKind::UnexpectedEof)?;
        // SAFETY: it came with the message, for us.
        let listener = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Self { listener, steady: byte != [0] })
    }

    /// Waits until no process is under it any more.
    ///
    /// # Errors
    /// Those of poll(2).
    pub fn ended(&self) -> io::Result<()> {
        loop {
            // Nothing is asked for: the end is always told.
            let mut one = [PollFd::new(self.listener.as_fd(), PollFlags::empty())];
            match poll(&mut one, PollTimeout::NONE) {
                Err(nix::errno::Errno::EINTR) => {}
                other => return other.map(drop).map_err(io::Error::from),
            }
        }
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.listener.as_raw_fd()
    }

    /// Does a call that was taken up wait for its answer whatever else the thread is asked to do?
    pub(crate) fn is_steady(&self) -> bool {
        self.steady
    }
}

fn install(code: &[sock_filter], flags: libc::c_ulong) -> io::Result<OwnedFd> {
    // The kernel only reads it.
    let program = libc::sock_fprog { len: code.len() as u16, filter: code.as_ptr().cast_mut() };
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | flags;
    // SAFETY: the program is valid for as long as the call takes.
    let fd = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is new and ours.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Since 6.7; not in `libc` for this machine yet.
pub(crate) const SYS_FUTEX_WAIT: c_long = 455;

/// The calls that are reported, with what has to be true of their arguments. Where the kernel reads a deadline, see
/// [`crate::deadlines`].
#[rustfmt::skip]
const REPORTED: &[(c_long, &[Test])] = &[
    (libc::SYS_execve, &[]),
    (libc::SYS_execveat, &[]),
    (libc::SYS_clock_gettime, &[Test::OneOf(0, !0, WALL_CLOCKS)]),
    (libc::SYS_gettimeofday, &[]),
    (libc::SYS_time, &[]),
    // The timeout is looked at first: most waits have none.
    (libc::SYS_futex, &[Test::Given(3), Test::OneOf(1, FUTEX_CMD_MASK, &[
        (libc::FUTEX_WAIT_BITSET | libc::FUTEX_CLOCK_REALTIME) as u32,
        (libc::FUTEX_WAIT_REQUEUE_PI | libc::FUTEX_CLOCK_REALTIME) as u32,
        // Always by the wall clock, with and without the flag.
        libc::FUTEX_LOCK_PI as u32,
        (libc::FUTEX_LOCK_PI | libc::FUTEX_CLOCK_REALTIME) as u32,
        (FUTEX_LOCK_PI2 | libc::FUTEX_CLOCK_REALTIME) as u32,
    ])]),
    (SYS_FUTEX_WAIT, &[Test::Given(4), Test::OneOf(5, !0, &[libc::CLOCK_REALTIME as u32])]),
    (libc::SYS_futex_waitv, &[Test::Given(3), Test::OneOf(4, !0, &[libc::CLOCK_REALTIME as u32])]),
    (libc::SYS_clock_nanosleep, &[Test::OneOf(1, ABSOLUTE, &[ABSOLUTE]), Test::OneOf(0, !0, WALL_CLOCKS)]),
    (libc::SYS_timerfd_settime, &[Test::OneOf(1, ABSOLUTE, &[ABSOLUTE])]),
    (libc::SYS_timer_settime, &[Test::OneOf(1, ABSOLUTE, &[ABSOLUTE])]),
    (libc::SYS_mq_timedsend, &[Test::Given(4)]),
    (libc::SYS_mq_timedreceive, &[Test::Given(4)]),
];

/// A 32-bit program may start a 64-bit one: `execve` and `execveat` of i386. Its other calls pass.
const REPORTED_OF_I386: &[(c_long, &[Test])] = &[(11, &[]), (358, &[])];

/// REALTIME, REALTIME_COARSE, REALTIME_ALARM, TAI.
pub(crate) const WALL_CLOCKS: &[u32] = &[0, 5, 8, 11];
/// TIMER_ABSTIME and TFD_TIMER_ABSTIME.
const ABSOLUTE: u32 = 1;
/// All but FUTEX_PRIVATE_FLAG.
pub(crate) const FUTEX_CMD_MASK: u32 = 0x17f;
const FUTEX_LOCK_PI2: i32 = 13;

const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
pub(crate) const AUDIT_ARCH_I386: u32 = 0x4000_0003;

enum Test {
    /// The low half of this argument, with this mask, is one of these.
    OneOf(usize, u32, &'static [u32]),
    /// This argument is not a null pointer.
    Given(usize),
}

/// As the kernel wants it.
fn program() -> Vec<sock_filter> {
    let native = reports(REPORTED);
    let i386 = reports(REPORTED_OF_I386);
    let mut code = vec![load(ARCH), is(AUDIT_ARCH_X86_64, 0, jump(1 + native.len())), load(NR)];
    code.extend(native);
    code.extend([is(AUDIT_ARCH_I386, 1, 0), RETURN_ALLOW, load(NR)]);
    code.extend(i386);
    code
}

/// For each call: is it that one, are its arguments so, then report it. At the end, allow.
fn reports(calls: &[(c_long, &[Test])]) -> Vec<sock_filter> {
    let mut code = Vec::new();
    for (nr, tests) in calls {
        let mut body: Vec<_> = tests.iter().flat_map(test).collect();
        body.push(RETURN_NOTIFY);
        code.push(is(*nr as u32, 0, jump(body.len())));
        code.extend(body);
    }
    code.push(RETURN_ALLOW);
    code
}

/// Falls through when it holds, else allows.
fn test(test: &Test) -> Vec<sock_filter> {
    match *test {
        Test::OneOf(argument, mask, values) => {
            let mut code = vec![load(low_half(argument)), and(mask)];
            // Over the values that are left, and over the return behind them.
            code.extend((1..=values.len()).rev().zip(values).map(|(left, value)| is(*value, jump(left), 0)));
            code.push(RETURN_ALLOW);
            code
        }
        Test::Given(argument) => {
            let (low, high) = (low_half(argument), low_half(argument) + 4);
            vec![load(low), is(0, 0, 3), load(high), is(0, 0, 1), RETURN_ALLOW]
        }
    }
}

fn jump(over: usize) -> u8 {
    u8::try_from(over).expect("the program is short, which a test checks")
}

// Where things are in `struct seccomp_data`, on a little-endian machine.
const NR: u32 = 0;
const ARCH: u32 = 4;
const fn low_half(argument: usize) -> u32 {
    16 + 8 * argument as u32
}

const RETURN_ALLOW: sock_filter = statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW);
const RETURN_NOTIFY: sock_filter = statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_USER_NOTIF);

const fn load(at: u32) -> sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at)
}

const fn and(mask: u32) -> sock_filter {
    statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, mask)
}

/// Skips `yes` instructions if it is, `no` if not.
const fn is(value: u32, yes: u8, no: u8) -> sock_filter {
    sock_filter { code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, jt: yes, jf: no, k: value }
}

const fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's side, for the instructions that we use.
    fn reported(arch: u32, nr: c_long, arguments: [u64; 6]) -> bool {
        let mut data = [0_u8; 64];
        data[..4].copy_from_slice(&(nr as u32).to_ne_bytes());
        data[4..8].copy_from_slice(&arch.to_ne_bytes());
        for (n, argument) in arguments.into_iter().enumerate() {
            data[16 + 8 * n..24 + 8 * n].copy_from_slice(&argument.to_ne_bytes());
        }
        let code = program();
        let (mut at, mut accumulator) = (0, 0_u32);
        loop {
            let sock_filter { code: operation, jt, jf, k } = code[at];
            at += 1;
            match u32::from(operation) & 7 {
                libc::BPF_LD => {
                    let at = k as usize;
                    accumulator = u32::from_ne_bytes(data[at..at + 4].try_into().expect("four"));
                }
                libc::BPF_ALU => accumulator &= k,
                libc::BPF_JMP => at += usize::from(if accumulator == k { jt } else { jf }),
                _ => return k == libc::SECCOMP_RET_USER_NOTIF,
            }
        }
    }

    #[test]
    fn only_what_has_to_do_with_wall_time_is_reported() {
        const P: u64 = 0x7fff_0000_0000; // a pointer whose low half is zero
        let futex = |operation: u64, timeout| (libc::SYS_futex, [P, operation, 0, timeout, 0, 0]);
        let nanosleep = |clock, flags| (libc::SYS_clock_nanosleep, [clock, flags, P, 0, 0, 0]);
        let cases = [
            ((libc::SYS_execve, [P; 6]), true),
            ((libc::SYS_execveat, [P; 6]), true),
            ((libc::SYS_read, [0; 6]), false),
            ((libc::SYS_time, [0; 6]), true),
            ((libc::SYS_gettimeofday, [P; 6]), true),
            ((libc::SYS_clock_gettime, [0; 6]), true),
            ((libc::SYS_clock_gettime, [1, P, 0, 0, 0, 0]), false),
            ((libc::SYS_clock_gettime, [11, P, 0, 0, 0, 0]), true),
            (futex(0x189, P), true),
            (futex(0x189, 0), false),
            (futex(0x89, P), false),
            (futex(0x80, P), false),
            (futex(0x86, P), true),
            (futex(0x8d, P), false),
            (futex(0x18d, P), true),
            (futex(0x18b, P), true),
            ((SYS_FUTEX_WAIT, [P, 0, 0, 0, P, 0]), true),
            ((SYS_FUTEX_WAIT, [P, 0, 0, 0, P, 1]), false),
            ((libc::SYS_futex_waitv, [P, 1, 0, P, 0, 0]), true),
            ((libc::SYS_futex_waitv, [P, 1, 0, P, 1, 0]), false),
            (nanosleep(0, 1), true),
            (nanosleep(0, 0), false),
            (nanosleep(1, 1), false),
            ((libc::SYS_timerfd_settime, [3, 3, P, 0, 0, 0]), true),
            ((libc::SYS_timerfd_settime, [3, 0, P, 0, 0, 0]), false),
            ((libc::SYS_mq_timedsend, [3, P, 1, 0, 0, 0]), false),
            ((libc::SYS_mq_timedreceive, [3, P, 1, 0, P, 0]), true),
        ];
        for ((nr, arguments), expected) in cases {
            assert_eq!(reported(AUDIT_ARCH_X86_64, nr, arguments), expected, "call {nr} {arguments:x?}");
        }
    }

    #[test]
    fn a_32_bit_program_is_only_held_when_it_starts_another() {
        assert!(reported(AUDIT_ARCH_I386, 11, [0; 6]));
        assert!(reported(AUDIT_ARCH_I386, 358, [0; 6]));
        for nr in (0..500).filter(|nr| ![11, 358].contains(nr)) {
            assert!(!reported(AUDIT_ARCH_I386, nr, [0; 6]), "{nr}");
        }
        assert!(!reported(0xc000_00b7, libc::SYS_execve, [0; 6]), "another machine");
    }
}
