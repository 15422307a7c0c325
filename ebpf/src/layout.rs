//! What both sides of the kernel boundary agree on. `host/intercept` includes this file as it is.

/// How many DNS resolvers one application can ask; each has a relay port of its own.
pub const UDP_SLOTS: u32 = 64;

/// An address and port. IPv4 is kept as `::ffff:a.b.c.d`; `ip` is in network order, `port` in host order.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Addr {
    pub ip: [u32; 4],
    pub port: u32,
}

/// A connection to a port of this machine, by where it comes from: one port may dial several others at once.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Way {
    pub from: Addr,
    pub to_port: u32,
}

/// Key of a UDP port of the relay: IPv4 and IPv6 number theirs apart.
pub const fn udp_port_key(port: u32, is_v4: bool) -> u32 {
    port << 1 | is_v4 as u32
}

/// What user space is told through the ring buffer `EVENTS`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Event {
    /// CLOCK_MONOTONIC, nanoseconds.
    pub at_ns: u64,
    pub addr: Addr,
    /// [`LISTENING`], [`CLOSED`] or [`REFUSED`].
    pub kind: u32,
}
pub const LISTENING: u32 = 1;
pub const CLOSED: u32 = 2;
/// The application dialled `addr`, where nobody listens.
pub const REFUSED: u32 = 3;

/// The other end of a connection of the application's, as the relay knows it.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Names the connection in [`Turn`]s; a number of the kernel's that no other socket ever has.
    pub socket: u64,
    pub addr: Addr,
    /// So that there is no padding.
    pub zero: u32,
}

/// A thread began to write or to read on a connection that crosses the relay: it, or the direction, is another one than
/// the last time. Told through the ring buffer `TURNS`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Turn {
    /// CLOCK_TAI, nanoseconds: when the bytes had been written or read.
    pub at_ns: u64,
    /// [`End::socket`]
    pub socket: u64,
    /// How many bytes the application had written on this connection before.
    pub offset: u64,
    pub process: u32,
    pub thread: u32,
    /// [`WROTE`] or [`READ`].
    pub kind: u32,
    /// So that there is no padding.
    pub zero: u32,
}
pub const WROTE: u32 = 1;
pub const READ: u32 = 2;

/// Where something went that is neither a TCP connection nor a DNS question: key of `UNCAUGHT`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    pub addr: Addr,
    /// The number of the protocol above IP.
    pub protocol: u32,
}
