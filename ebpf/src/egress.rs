//! The last door: every IP packet that a socket of the cgroup sends. What the other programs did not catch is counted here
//! for the report; in replay it is refused, so that nothing leaves the machine.
//!
//! Packets rather than calls, because a `connect()` over UDP sends nothing (getaddrinfo() does it to sort addresses), and
//! because no way around it is known: raw, ping and SCTP sockets send packets, too.
use aya_ebpf::{
    bindings::bpf_sock_tuple__bindgen_ty_1__bindgen_ty_2 as Tuple6,
    bindings::{bpf_sock_tuple, bpf_sock_tuple__bindgen_ty_1, bpf_sock_tuple__bindgen_ty_1__bindgen_ty_1 as Tuple4},
    helpers::{bpf_sk_cgroup_id, bpf_sk_lookup_udp, bpf_sk_release, bpf_skb_cgroup_id},
    macros::{cgroup_skb, map},
    maps::LruHashMap,
    programs::SkBuffContext,
};

use crate::{
    address::v4,
    layout::{Addr, Destination},
    settings::is_replay,
    udp,
};

/// Where it went -> how many packets (for TCP: connections) did.
#[map]
static UNCAUGHT: LruHashMap<Destination, u64> = LruHashMap::with_max_entries(1024, 0);

pub const IPPROTO_TCP: u32 = 6;
const IPPROTO_UDP: u32 = 17;
const ETH_P_IP: u32 = 0x0800_u16.to_be() as u32;

#[cgroup_skb(egress)]
pub fn on_egress(ctx: SkBuffContext) -> i32 {
    const PASS: i32 = 1;
    const DROP: i32 = 0; // the sender gets EPERM
    let is_v4 = read!(ctx.skb.skb, protocol) == ETH_P_IP;
    let caught = if is_v4 { is_caught4(&ctx) } else { is_caught6(&ctx) };
    if caught == Some(true) || !is_replay() { PASS } else { DROP }
}

#[inline(always)]
fn is_caught4(ctx: &SkBuffContext) -> Option<bool> {
    let protocol = u32::from(ctx.load::<u8>(9).ok()?);
    let [saddr, daddr] = ctx.load::<[u32; 2]>(12).ok()?;
    let header = usize::from(ctx.load::<u8>(0).ok()? & 0xf) * 4;
    is_caught(ctx, protocol, v4(daddr), header, |sport, dport| {
        (bpf_sock_tuple__bindgen_ty_1 { ipv4: Tuple4 { saddr, daddr, sport, dport } }, size_of::<Tuple4>())
    })
}

/// The kernel itself puts hop-by-hop options before TCP, for packets of more than 64 KiB on their way to the device (BIG
/// TCP). Other extension headers, which hardly anybody sends, are counted as protocols of their own.
#[inline(always)]
fn is_caught6(ctx: &SkBuffContext) -> Option<bool> {
    const HEADER: usize = 40;
    const HOP_BY_HOP: u8 = 0;
    let [saddr, daddr] = ctx.load::<[[u32; 4]; 2]>(8).ok()?;
    let (protocol, header) = match ctx.load::<u8>(6).ok()? {
        HOP_BY_HOP => {
            let [next, units] = ctx.load::<[u8; 2]>(HEADER).ok()?;
            (next, HEADER + 8 * (usize::from(units) + 1))
        }
        next => (next, HEADER),
    };
    is_caught(ctx, u32::from(protocol), daddr, header, |sport, dport| {
        (bpf_sock_tuple__bindgen_ty_1 { ipv6: Tuple6 { saddr, daddr, sport, dport } }, size_of::<Tuple6>())
    })
}

#[inline(always)]
fn is_caught(
    ctx: &SkBuffContext,
    protocol: u32,
    ip: [u32; 4],
    ports_at: usize,
    tuple: impl FnOnce(u16, u16) -> (bpf_sock_tuple__bindgen_ty_1, usize),
) -> Option<bool> {
    let mut to = Addr { ip, port: 0 };
    let is_caught = match protocol {
        // Redirected when it was opened. A reply to a client on another machine is not the application's to send: the
        // relay has that connection.
        IPPROTO_TCP if !is_replay() || to.is_local() => return Some(true),
        IPPROTO_UDP => {
            let [sport, dport] = ctx.load::<[u16; 2]>(ports_at).ok()?;
            to.port = u32::from(u16::from_be(dport));
            let (tuple, size) = tuple(sport, dport);
            udp::is_relay(&to) || is_inside(ctx, tuple, size)
        }
        _ => false,
    };
    if !is_caught {
        count(to, protocol);
    }
    Some(is_caught)
}

/// Does this datagram go to a socket of the same cgroup?
#[inline(always)]
fn is_inside(ctx: &SkBuffContext, tuple: bpf_sock_tuple__bindgen_ty_1, size: usize) -> bool {
    const SAME_NETNS: u64 = u64::MAX;
    let mut tuple = bpf_sock_tuple { __bindgen_anon_1: tuple };
    unsafe {
        let skb = ctx.skb.skb;
        let receiver = bpf_sk_lookup_udp(skb.cast(), &raw mut tuple, size as u32, SAME_NETNS, 0);
        if receiver.is_null() {
            return false;
        }
        let inside = bpf_sk_cgroup_id(receiver.cast()) == bpf_skb_cgroup_id(skb);
        bpf_sk_release(receiver.cast());
        inside
    }
}

#[inline(always)]
pub fn count(addr: Addr, protocol: u32) {
    let key = Destination { addr, protocol };
    match UNCAUGHT.get_ptr_mut(key) {
        Some(n) => unsafe { *n += 1 }, // a packet lost by a race of two processors is no matter for a report
        None => {
            let _ = UNCAUGHT.insert(key, 1, 0);
        }
    }
}
