//! Destinations that cannot be reached. To redirect to the relay is to succeed: its listener completes the handshake. So in
//! record a connection that this machine itself would refuse is left to be refused, and in replay `connect()` fails as it
//! did in record.
use aya_ebpf::{
    bindings::bpf_sock_tuple__bindgen_ty_1__bindgen_ty_2 as Tuple6,
    bindings::{
        bpf_sock, bpf_sock_addr, bpf_sock_tuple, bpf_sock_tuple__bindgen_ty_1,
        bpf_sock_tuple__bindgen_ty_1__bindgen_ty_1 as Tuple4,
    },
    helpers::{bpf_set_retval, bpf_sk_lookup_tcp, bpf_sk_release},
    macros::map,
    maps::{HashMap, LruHashMap},
};

use crate::{
    address::{ANY4, ANY6, LOOPBACK4, LOOPBACK6},
    egress::{IPPROTO_TCP, count},
    layout::{Addr, REFUSED},
    listeners::tell,
    settings::{can_fail_connect, is_replay},
};

/// Destination -> the errno with which `connect()` fails. User space fills it, in replay.
#[map]
static FAIL: HashMap<Addr, i32> = HashMap::with_max_entries(4096, 0);
/// Local destinations that were left alone and, against expectation, answered.
#[map]
static ANSWERS: LruHashMap<Addr, u32> = LruHashMap::with_max_entries(1024, 0);

/// How user space wants this connection to fail. Nothing: it does not, or this kernel's programs cannot choose the errno.
#[inline(always)]
pub fn errno(to: &Addr) -> Option<i32> {
    if !can_fail_connect() {
        return None;
    }
    unsafe { FAIL.get(to) }.copied()
}

/// `connect()` fails with `errno` if the program that called this returns 0. Only after [`errno`] has returned one, or the
/// verifier of an old kernel meets a helper that it does not know.
#[inline(always)]
pub fn fail(errno: i32) {
    unsafe { bpf_set_retval(-errno) };
}

/// In record: will this machine itself refuse the connection?
///
/// The answer may be wrong, in one direction only: a listener appears between now and the SYN, or there is one that cannot
/// be found from here (it is bound to a device, or behind a DNAT rule, as a Kubernetes node port is). [`answered`] is told
/// of those, and from then on they are redirected: one connection goes unrecorded, and is counted.
#[inline(always)]
pub fn is_refused(sa: *mut bpf_sock_addr, to: &Addr) -> bool {
    !is_replay() && to.is_local() && !is_anybody_listening(sa, to) && unsafe { ANSWERS.get(to) }.is_none()
}

/// In the network namespace of the socket that dials.
#[inline(always)]
fn is_anybody_listening(sa: *mut bpf_sock_addr, to: &Addr) -> bool {
    // From nobody's address and port: an established connection never matches, a listener does.
    let dport = (to.port as u16).to_be();
    if to.is_v4() {
        let daddr = if to.ip == ANY4 { LOOPBACK4[3] } else { to.ip[3] };
        let ipv4 = Tuple4 { saddr: 0, daddr, sport: 0, dport };
        finds_listener(sa, bpf_sock_tuple__bindgen_ty_1 { ipv4 }, size_of::<Tuple4>())
    } else {
        let daddr = if to.ip == ANY6 { LOOPBACK6 } else { to.ip };
        let ipv6 = Tuple6 { saddr: ANY6, daddr, sport: 0, dport };
        finds_listener(sa, bpf_sock_tuple__bindgen_ty_1 { ipv6 }, size_of::<Tuple6>())
    }
}

#[inline(always)]
fn finds_listener(sa: *mut bpf_sock_addr, tuple: bpf_sock_tuple__bindgen_ty_1, size: usize) -> bool {
    const SAME_NETNS: u64 = u64::MAX;
    const TCP_LISTEN: u32 = 10;
    let mut tuple = bpf_sock_tuple { __bindgen_anon_1: tuple };
    let found: *mut bpf_sock = unsafe { bpf_sk_lookup_tcp(sa.cast(), &raw mut tuple, size as u32, SAME_NETNS, 0) };
    if found.is_null() {
        return false;
    }
    let listens = read!(found, state) == TCP_LISTEN;
    unsafe { bpf_sk_release(found.cast()) };
    listens
}

/// The connection was refused, as expected.
#[inline(always)]
pub fn refused(to: Addr) {
    tell(REFUSED, to);
}

/// The connection was left alone and succeeded all the same.
#[inline(always)]
pub fn answered(to: &Addr) {
    let _ = ANSWERS.insert(to, 1, 0);
    count(*to, IPPROTO_TCP);
}
