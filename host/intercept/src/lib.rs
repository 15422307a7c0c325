//! Starts an application so that its connections arrive at the relay, and says where they were going.
//!
//! In go the command and the relay's ports; out come a running application, "it listens now" events, and for each
//! connection that the relay accepts its original destination. The application runs in a cgroup v2 of its own, and eBPF
//! programs (`ebpf/`) are attached to that cgroup: every child is covered and nobody else is. Nothing is pinned and no file
//! of the system is changed: all of it is gone when this process is, also after `kill -9`.
//!
//! If it is asked to, the application also lives at another time, which [`Application::clock`] moves.
//!
//! The relay's listening sockets must have SO_REUSEADDR, SO_REUSEPORT and, set by `fchown` before `bind`, the
//! application's user: a steered connection occupies the application's port with the options and the owner of the
//! listener that accepted it, and the application must still be able to bind that port again.

mod address;
mod attach;
mod check;
mod error;
mod events;
mod group;
mod kernel;
mod launch;
#[path = "../../../ebpf/src/layout.rs"] // shared with the other side of the kernel boundary
mod layout;
mod message;
mod supervise;
mod turns;
mod user;

use std::os::fd::BorrowedFd;

pub use ::clock::{Clock, Earlier, Uncovered};
pub use attach::{Intercept, read_ahead};
pub use check::{Unsupported, check};
pub use error::Error;
pub use events::Event;
pub use kernel::{Kernel, LetThrough, Origin, Protocol, Uncaught};
pub use launch::{Application, Command, Output, RealTime, Stdio, describe};
pub use supervise::supervise_if_asked;
pub use turns::{Turn, Turns};
pub use user::{User, caller};

/// The most DNS resolvers that one application can ask; each takes an entry of [`Ports::dns`].
pub const DNS_SLOTS: usize = layout::UDP_SLOTS as usize;

/// What becomes of traffic that is neither TCP nor DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It passes, and is counted.
    Record,
    /// It is refused (EPERM), and counted, unless it goes to a process of the application.
    Replay,
}

/// Where the relay listens on the loopback addresses, `127.0.0.1` and `::1`. `None`: the machine has no IPv6.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Outgoing TCP connections.
    pub egress4: u16,
    pub egress6: Option<u16>,
    /// UDP sockets: the IPv4 and the IPv6 port of each of [`DNS_SLOTS`] slots. Resolvers whose slots are missing are not
    /// redirected.
    pub dns: Vec<(u16, Option<u16>)>,
}

/// The listening sockets that get the connections to the application's ports; of SO_REUSEPORT groups, any member.
#[derive(Clone, Copy, Debug)]
pub struct Steered<'a> {
    pub ingress4: BorrowedFd<'a>,
    pub ingress6: Option<BorrowedFd<'a>>,
}
