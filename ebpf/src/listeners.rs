//! Which addresses the application listens on, and telling user space when that changes.
use core::intrinsics::{AtomicOrdering, atomic_xadd};

use aya_ebpf::{
    helpers::bpf_ktime_get_ns,
    macros::map,
    maps::{HashMap, RingBuf},
};

use crate::{
    address::{ANY4, ANY6},
    layout::{Addr, CLOSED, Event, LISTENING},
    socket::{BOUND, LISTENS, Sock},
};

/// Addresses on which a socket of the cgroup listens, and how many sockets do (SO_REUSEPORT): the last worker to go ends
/// the steering.
#[map]
static LISTEN: HashMap<Addr, i64> = HashMap::with_max_entries(4096, 0);
#[map]
static EVENTS: RingBuf = RingBuf::with_byte_size(1 << 20, 0);

impl Addr {
    /// Does a socket of the cgroup listen here? The address itself, then the wildcards that cover it.
    #[inline(always)]
    pub fn is_listened_on(&self) -> bool {
        is_listening(self)
            || (self.is_v4() && is_listening(&Self { ip: ANY4, port: self.port }))
            || is_listening(&Self { ip: ANY6, port: self.port })
    }
}

#[inline(always)]
fn is_listening(addr: &Addr) -> bool {
    matches!(unsafe { LISTEN.get(addr) }, Some(n) if *n > 0)
}

/// A bound socket starts to listen. Told twice of one socket, it counts once.
#[inline(always)]
pub fn started(sock: &mut Sock) {
    const NOEXIST: u64 = 1;
    if sock.kind != BOUND || sock.addr.port == 0 {
        return;
    }
    sock.kind = LISTENS;
    let addr = sock.addr;
    let _ = LISTEN.insert(addr, 0, NOEXIST);
    add(&addr, 1);
}

/// User space may connect: the socket is in the kernel's hash table.
#[inline(always)]
pub fn is_reachable(sock: &Sock) {
    if sock.kind == LISTENS {
        tell(LISTENING, sock.addr);
    }
}

#[inline(always)]
pub fn stopped(sock: &mut Sock) {
    if sock.kind != LISTENS {
        return;
    }
    sock.kind = BOUND;
    let addr = sock.addr;
    add(&addr, -1);
    tell(CLOSED, addr);
}

#[inline(always)]
fn add(addr: &Addr, by: i64) {
    if let Some(n) = LISTEN.get_ptr_mut(addr) {
        // core's AtomicI64 has no fetch_add on this target, though the instruction exists.
        unsafe { atomic_xadd::<i64, i64, { AtomicOrdering::Relaxed }>(n, by) };
    }
}

#[inline(always)]
pub fn tell(kind: u32, addr: Addr) {
    if let Some(mut entry) = EVENTS.reserve::<Event>(0) {
        entry.write(Event { at_ns: unsafe { bpf_ktime_get_ns() }, addr, kind });
        entry.submit(0);
    }
}
