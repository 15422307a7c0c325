//! DNS over UDP: every resolver that is asked gets a relay port of its own. So the relay knows the resolver by the port it
//! was asked on, and there is no state by socket that could race.
use aya_ebpf::{
    macros::{cgroup_sock_addr, map},
    maps::HashMap,
    programs::SockAddrContext,
};

use crate::{
    address::{LOOPBACK4, LOOPBACK6},
    context::{set_user_addr4, set_user_addr6, user_addr4, user_addr6},
    layout::{Addr, UDP_SLOTS, udp_port_key},
};

pub const DNS: u32 = 53;

/// Slot -> the resolver that has it.
#[map]
static UDP_SLOT: HashMap<u32, Addr> = HashMap::with_max_entries(UDP_SLOTS, 0);
/// The relay's port of slot n: key 2n for IPv4, 2n+1 for IPv6.
#[map]
static UDP_PORT: HashMap<u32, u32> = HashMap::with_max_entries(2 * UDP_SLOTS, 0);
/// And back again, by [`udp_port_key`].
#[map]
static UDP_PORT_SLOT: HashMap<u32, u32> = HashMap::with_max_entries(2 * UDP_SLOTS, 0);

#[cgroup_sock_addr(sendmsg4)]
pub fn on_sendmsg4(ctx: SockAddrContext) -> i32 {
    let to = user_addr4(ctx.sock_addr);
    if to.port == DNS
        && let Some(port) = relay_port(&to)
    {
        set_user_addr4(ctx.sock_addr, &Addr { ip: LOOPBACK4, port });
    }
    1
}
#[cgroup_sock_addr(sendmsg6)]
pub fn on_sendmsg6(ctx: SockAddrContext) -> i32 {
    let to = user_addr6(ctx.sock_addr);
    if to.port == DNS
        && let Some(port) = relay_port(&to)
    {
        set_user_addr6(ctx.sock_addr, &Addr { ip: if to.is_v4() { LOOPBACK4 } else { LOOPBACK6 }, port });
    }
    1
}
#[cgroup_sock_addr(recvmsg4)]
pub fn on_recvmsg4(ctx: SockAddrContext) -> i32 {
    if let Some(from) = resolver(&user_addr4(ctx.sock_addr)) {
        set_user_addr4(ctx.sock_addr, &from);
    }
    1
}
#[cgroup_sock_addr(recvmsg6)]
pub fn on_recvmsg6(ctx: SockAddrContext) -> i32 {
    if let Some(from) = resolver(&user_addr6(ctx.sock_addr)) {
        set_user_addr6(ctx.sock_addr, &from);
    }
    1
}

/// The relay's port that stands for this resolver: open addressing, race-free by BPF_NOEXIST. None: all that it might have
/// are taken, or the relay has no IPv6.
#[inline(always)]
pub fn relay_port(to: &Addr) -> Option<u32> {
    const NOEXIST: u64 = 1; // whoever was first keeps the slot
    const TRIES: u32 = 8; // the verifier follows each: more would cost every start milliseconds
    let spread = (to.ip[0] ^ to.ip[1] ^ to.ip[2] ^ to.ip[3]).wrapping_mul(0x9e37_79b1);
    let hash = spread >> (32 - UDP_SLOTS.ilog2()); // the highest bits depend on all of the address
    for i in 0..TRIES {
        let slot = (hash + i) % UDP_SLOTS;
        let key = 2 * slot + u32::from(!to.is_v4());
        let Some(port) = (unsafe { UDP_PORT.get(key) }) else { continue };
        let _ = UDP_SLOT.insert(slot, to, NOEXIST);
        if unsafe { UDP_SLOT.get(slot) } == Some(to) {
            return Some(*port);
        }
    }
    None
}

/// Is this where the relay answers DNS?
#[inline(always)]
pub fn is_relay(to: &Addr) -> bool {
    to.is_loopback() && unsafe { UDP_PORT_SLOT.get(udp_port_key(to.port, to.is_v4())) }.is_some()
}

/// Who sent this datagram, in the application's eyes. None: who it seems to be.
#[inline(always)]
fn resolver(from: &Addr) -> Option<Addr> {
    let key = udp_port_key(from.port, from.is_v4());
    let slot = unsafe { UDP_PORT_SLOT.get(key) }.filter(|_| from.is_loopback())?;
    unsafe { UDP_SLOT.get(slot) }.copied()
}
