//! The moments of a TCP connection.
use core::ffi::c_void;

use aya_ebpf::{
    bindings::bpf_sock_ops,
    helpers::bpf_get_socket_cookie,
    macros::{map, sock_ops},
    maps::LruHashMap,
    programs::SockOpsContext,
};

use crate::{
    context::{AF_INET, either, is_in_our_netns},
    layout::{Addr, End, Way},
    listeners::{is_reachable, started, stopped},
    socket::{ACCEPTED, BOUND, INTERNAL, REDIRECTED, TO_NOBODY, known, note},
    unreachable::{answered, refused},
};

/// Connections that go straight to the application's listener -> the real client (zero: the application itself).
#[map]
static DIRECT: LruHashMap<Way, End> = LruHashMap::with_max_entries(16384, 0);
/// The application's end of a redirected connection -> where it was going. It is written before the SYN is sent, so it is
/// there when the relay's `accept()` returns; the relay takes it out.
#[map]
static ORIGIN: LruHashMap<Addr, End> = LruHashMap::with_max_entries(16384, 0);

/// connect(): the source port is chosen, the SYN not yet sent.
const TCP_CONNECT: u32 = 3;
/// The handshake succeeded.
const ACTIVE_ESTABLISHED: u32 = 4;
/// Before `accept()` can return.
const PASSIVE_ESTABLISHED: u32 = 5;
const STATE: u32 = 10;
/// listen(): already in the hash table.
const TCP_LISTEN: u32 = 11;
/// The flag that asks for `STATE`.
const WANT_STATE: i32 = 4;
const STATE_SYN_SENT: u32 = 2;
const STATE_CLOSE: i32 = 7;

#[sock_ops]
pub fn on_tcp(ctx: SockOpsContext) -> u32 {
    let ops = ctx.ops;
    let sk: *mut c_void = read!(ops, __bindgen_anon_2.sk).cast();
    if sk.is_null() {
        return 0;
    }
    match read!(ops, op) {
        TCP_CONNECT => {
            if let Some(known) = unsafe { known(sk) } {
                let here = local(ops, known.addr.is_v4());
                if known.kind == REDIRECTED {
                    known.socket = unsafe { bpf_get_socket_cookie(ops.cast()) };
                    let _ = ORIGIN.insert(here, known.end(), 0);
                } else if known.kind == INTERNAL {
                    let way = Way { from: here, to_port: known.addr.port };
                    let _ = DIRECT.insert(way, End { socket: 0, addr: Addr::ZERO, zero: 0 }, 0);
                    let _ = ctx.set_cb_flags(WANT_STATE);
                } else if known.kind == TO_NOBODY {
                    let _ = ctx.set_cb_flags(WANT_STATE);
                }
            }
        }
        ACTIVE_ESTABLISHED => {
            if let Some(known) = unsafe { known(sk) }
                && known.kind == TO_NOBODY
            {
                answered(&known.addr);
            }
        }
        PASSIVE_ESTABLISHED => {
            let _ = ctx.set_cb_flags(0); // inherited from the listener
            let way = Way { from: remote(ops), to_port: read!(ops, local_port) };
            if let Some(client) = unsafe { DIRECT.get(way) }
                && client.addr.port != 0
                && let Some(accepted) = unsafe { note(sk, ACCEPTED, client.addr) }
            {
                accepted.socket = client.socket;
            }
        }
        TCP_LISTEN => {
            let _ = ctx.set_cb_flags(WANT_STATE);
            // A socket that was never bound got its port only now, and has no storage yet.
            let sock = match unsafe { known(sk) } {
                None if is_in_our_netns(ops.cast()) => unsafe { note(sk, BOUND, local(ops, false)) },
                sock => sock,
            };
            if let Some(sock) = sock {
                started(sock);
                is_reachable(sock);
            }
        }
        STATE if ctx.arg(1) as i32 == STATE_CLOSE => {
            if let Some(known) = unsafe { known(sk) } {
                if known.kind == INTERNAL {
                    let way = Way { from: local(ops, known.addr.is_v4()), to_port: known.addr.port };
                    let _ = DIRECT.remove(way);
                } else if known.kind == TO_NOBODY {
                    // Before `connect()` returns, or `poll()` tells.
                    if ctx.arg(0) == STATE_SYN_SENT {
                        refused(known.addr);
                    }
                } else {
                    stopped(known);
                }
            }
        }
        _ => {}
    }
    0
}

/// Does this connection go straight to the application: ours, or the application's to itself?
#[inline(always)]
pub fn is_direct(way: &Way) -> bool {
    unsafe { DIRECT.get(way) }.is_some()
}

#[inline(always)]
fn local(ops: *mut bpf_sock_ops, dialled_v4: bool) -> Addr {
    // An IPv6 socket that dials an IPv4 address has its IPv6 fields filled only after the SYN is sent.
    let is_v4 = dialled_v4 || read!(ops, family) == AF_INET;
    let (ip4, ip6) = (read!(ops, local_ip4), read_ip6!(ops, local_ip6));
    Addr { ip: either(is_v4, ip4, ip6), port: read!(ops, local_port) }
}
#[inline(always)]
fn remote(ops: *mut bpf_sock_ops) -> Addr {
    let is_v4 = read!(ops, family) == AF_INET;
    let (ip4, ip6) = (read!(ops, remote_ip4), read_ip6!(ops, remote_ip6));
    Addr { ip: either(is_v4, ip4, ip6), port: u32::from_be(read!(ops, remote_port)) }
}
