//! Connections to the application's ports arrive at the relay; the application keeps its ports.
use core::ffi::c_void;

use aya_ebpf::{
    bindings::{bpf_sk_lookup, bpf_sock},
    macros::{btf_tracepoint, cgroup_sock, map, sk_lookup},
    maps::SockMap,
    programs::{BtfTracePointContext, SkLookupContext, SockContext},
};

use crate::{
    address::v4,
    connection::is_direct,
    context::{AF_INET, SOCK_STREAM, either, is_in_our_netns},
    egress::IPPROTO_TCP,
    layout::{Addr, Way},
    listeners::{started, stopped},
    socket::{BOUND, known, note},
};

/// The relay's listeners for steered connections: 0 IPv4, 1 IPv6.
#[map]
static RELAY: SockMap = SockMap::with_max_entries(2, 0);

#[cgroup_sock(post_bind4)]
pub fn on_bound4(ctx: SockContext) -> i32 {
    bound(ctx, |sk| v4(read!(sk, src_ip4)))
}
#[cgroup_sock(post_bind6)]
pub fn on_bound6(ctx: SockContext) -> i32 {
    bound(ctx, |sk| read_ip6!(sk, src_ip6))
}
#[inline(always)]
fn bound(ctx: SockContext, ip: impl Fn(*mut bpf_sock) -> [u32; 4]) -> i32 {
    let sk = ctx.sock;
    if read!(sk, type_) == SOCK_STREAM && is_in_our_netns(sk.cast()) {
        let addr = Addr { ip: ip(sk), port: read!(sk, src_port) };
        unsafe { note(sk.cast(), BOUND, addr) };
    }
    1
}

/// Fires before the listener enters the kernel's hash table: steering is on before the first connection. It needs no
/// offset into `struct sock`: only sockets bound inside the cgroup have storage.
#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn on_state(ctx: BtfTracePointContext) -> i32 {
    const LISTEN: i32 = 10;
    let (old, new): (i32, i32) = (ctx.arg(1), ctx.arg(2));
    if old != LISTEN && new != LISTEN {
        return 0;
    }
    let sk: *mut c_void = ctx.arg(0);
    if let Some(sock) = unsafe { known(sk) } {
        if new == LISTEN { started(sock) } else { stopped(sock) }
    }
    0
}

/// Runs for every new connection to this network namespace that no established socket claims.
#[sk_lookup]
pub fn steer(ctx: SkLookupContext) -> u32 {
    const PASS: u32 = 1;
    let lookup: *mut bpf_sk_lookup = ctx.lookup;
    if read!(lookup, protocol) != IPPROTO_TCP {
        return PASS;
    }
    let is_v4 = read!(lookup, family) == AF_INET;
    let (ip4, ip6) = (read!(lookup, local_ip4), read_ip6!(lookup, local_ip6));
    let to_port = read!(lookup, local_port);
    if !(Addr { ip: either(is_v4, ip4, ip6), port: to_port }).is_listened_on() {
        return PASS;
    }
    let (ip4, ip6) = (read!(lookup, remote_ip4), read_ip6!(lookup, remote_ip6));
    let client = Addr { ip: either(is_v4, ip4, ip6), port: u32::from(u16::from_be(read!(lookup, remote_port))) };
    if !is_direct(&Way { from: client, to_port }) {
        let _ = RELAY.redirect_sk_lookup(&ctx, u32::from(!is_v4), 0);
    }
    PASS
}
