//! Another wall clock for an unchanged application and all its children.
//!
//! In go a clock and a process that is about to become the application; the application then lives at that clock's time,
//! moving, from its first instruction on, and follows when the clock is moved. Native speed, any language, static binaries,
//! threads and children. Nothing else on the machine notices.
//!
//! How: a seccomp filter, which children inherit, reports three kinds of system calls to a supervisor.
//!
//! * `execve`: while it is held, the supervisor takes hold of the process, so that it stops before its first instruction
//!   and nobody but the supervisor sees it stop. Its private copy of the vDSO gets clock functions that add an offset, and a
//!   page with that offset is mapped, which all processes share: to move time is one store (`gate.rs`, `vdso.rs`, [`Clock`]).
//! * Reading the wall clock by a real system call, past the vDSO: answered (`reads.rs`).
//! * Waiting until a point of wall time: the point is translated for as long as the kernel needs to read it (`deadlines.rs`).
//! * Everything else passes in the filter; most calls do not even reach it.
//!
//! What stays real: times of files, `CLOCK_MONOTONIC`, `/proc/uptime`, time stamps of packets, deadlines given to io_uring,
//! and whatever sets the machine's clock. A wait that has begun ends no earlier because time was moved.
//!
//! What is different for the application: it can't have a supervisor of this kind itself (a container runtime may want that),
//! and a signal with a handler without SA_RESTART makes a reported call fail with EINTR if it comes in the microseconds before
//! the supervisor has taken the call up.
//!
//! x86-64 only; on other machines [`Filter::install`] says so.
#![warn(missing_docs)]

mod error;
mod page;

#[cfg(target_arch = "x86_64")]
mod deadlines;
#[cfg(not(target_arch = "x86_64"))]
#[path = "elsewhere.rs"]
mod filter;
#[cfg(target_arch = "x86_64")]
mod filter;
#[cfg(target_arch = "x86_64")]
mod gate;
#[cfg(target_arch = "x86_64")]
mod held;
#[cfg(target_arch = "x86_64")]
mod reads;
mod run;
#[cfg(target_arch = "x86_64")]
mod supervisor;
#[cfg(target_arch = "x86_64")]
mod tracee;
#[cfg(target_arch = "x86_64")]
mod vdso;

pub use error::Unsupported;
pub use filter::Filter;
#[cfg(not(target_arch = "x86_64"))]
pub use filter::supervise;
pub use page::{Clock, Earlier};
pub use run::{Failure, exec};
#[cfg(target_arch = "x86_64")]
pub use supervisor::supervise;

/// A process of the application that does not live at the application's time, or does not follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered {
    /// Its process id, as it was.
    pub pid: u32,
    /// What runs in it.
    pub command: String,
    /// A sentence without a subject: "is a 32-bit program: it lives at real time".
    pub why: String,
}
