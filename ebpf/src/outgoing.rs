//! `connect()`: to the relay instead, and `getpeername()` tells nothing of it.
use aya_ebpf::{bindings::bpf_sock_addr, macros::cgroup_sock_addr, programs::SockAddrContext};

use crate::{
    address::{LOOPBACK4, LOOPBACK6},
    context::{
        SOCK_DGRAM, SOCK_STREAM, is_in_our_netns, set_user_addr4, set_user_addr6, sk_of, user_addr4, user_addr6,
    },
    egress::{IPPROTO_TCP, count},
    layout::Addr,
    settings::{egress_port4, egress_port6, is_replay},
    socket::{ACCEPTED, INTERNAL, REDIRECTED, TO_NOBODY, known, note},
    udp,
    unreachable::{errno, fail, is_refused},
};

const ALLOW: i32 = 1;
/// The call fails: with EPERM, unless another errno was chosen.
const REFUSE: i32 = 0;

enum Verdict {
    Redirect(Addr),
    LeaveAlone,
    /// `connect()` fails with this errno.
    Fail(i32),
    /// We should have caught it and could not.
    Lost,
}

#[cgroup_sock_addr(connect4)]
pub fn on_connect4(ctx: SockAddrContext) -> i32 {
    let to = user_addr4(ctx.sock_addr);
    match route(ctx.sock_addr, to) {
        Verdict::Redirect(relay) => {
            set_user_addr4(ctx.sock_addr, &relay);
            ALLOW
        }
        Verdict::LeaveAlone => ALLOW,
        Verdict::Fail(errno) => {
            fail(errno);
            REFUSE
        }
        Verdict::Lost => lost(to),
    }
}
#[cgroup_sock_addr(connect6)]
pub fn on_connect6(ctx: SockAddrContext) -> i32 {
    let to = user_addr6(ctx.sock_addr);
    match route(ctx.sock_addr, to) {
        Verdict::Redirect(relay) => {
            set_user_addr6(ctx.sock_addr, &relay);
            ALLOW
        }
        Verdict::LeaveAlone => ALLOW,
        Verdict::Fail(errno) => {
            fail(errno);
            REFUSE
        }
        Verdict::Lost => lost(to),
    }
}

/// Where a connection goes; notes with the socket where it was going.
#[inline(always)]
fn route(sa: *mut bpf_sock_addr, to: Addr) -> Verdict {
    let kind = read!(sa, type_);
    if !is_in_our_netns(sa.cast()) {
        return if kind != SOCK_STREAM || to.is_loopback() { Verdict::LeaveAlone } else { Verdict::Lost };
    }
    let relay = if to.is_v4() {
        Addr { ip: LOOPBACK4, port: egress_port4() }
    } else {
        Addr { ip: LOOPBACK6, port: egress_port6() }
    };
    match kind {
        // The application talking to itself, or to another process of the cgroup, is nobody's business.
        SOCK_STREAM if to.is_local() && to.is_listened_on() => {
            unsafe { note(sk_of(sa), INTERNAL, to) };
            Verdict::LeaveAlone
        }
        // The kernel refuses it; `connection` sees it do so.
        SOCK_STREAM if is_refused(sa, &to) && unsafe { note(sk_of(sa), TO_NOBODY, to) }.is_some() => {
            Verdict::LeaveAlone
        }
        SOCK_STREAM if let Some(errno) = errno(&to) => Verdict::Fail(errno),
        SOCK_STREAM if relay.port != 0 && unsafe { note(sk_of(sa), REDIRECTED, to) }.is_some() => {
            Verdict::Redirect(relay)
        }
        SOCK_STREAM => Verdict::Lost,
        SOCK_DGRAM if to.port == udp::DNS => match udp::relay_port(&to) {
            Some(port) => {
                unsafe { note(sk_of(sa), REDIRECTED, to) };
                Verdict::Redirect(Addr { ip: relay.ip, port })
            }
            None => Verdict::LeaveAlone, // `egress` counts the question, and refuses it in replay
        },
        _ => Verdict::LeaveAlone,
    }
}

#[inline(always)]
fn lost(to: Addr) -> i32 {
    count(to, IPPROTO_TCP);
    if is_replay() { REFUSE } else { ALLOW }
}

#[cgroup_sock_addr(getpeername4)]
pub fn on_getpeername4(ctx: SockAddrContext) -> i32 {
    if let Some(peer) = peer(ctx.sock_addr) {
        set_user_addr4(ctx.sock_addr, &peer);
    }
    ALLOW
}
#[cgroup_sock_addr(getpeername6)]
pub fn on_getpeername6(ctx: SockAddrContext) -> i32 {
    if let Some(peer) = peer(ctx.sock_addr) {
        set_user_addr6(ctx.sock_addr, &peer);
    }
    ALLOW
}

/// For `getpeername()` and for the address that `accept()` returns: whom the application dialled, or who really dialled
/// it.
#[inline(always)]
fn peer(sa: *mut bpf_sock_addr) -> Option<Addr> {
    let known = unsafe { known(sk_of(sa)) }?;
    (known.kind == REDIRECTED || known.kind == ACCEPTED).then_some(known.addr)
}
