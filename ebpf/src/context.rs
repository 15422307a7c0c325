//! Reading and writing the programs' contexts: each field by itself and volatile, the verifier allows nothing else.
use core::ffi::c_void;

use aya_ebpf::{bindings::bpf_sock_addr, helpers::bpf_get_netns_cookie};

use crate::{address::v4, layout::Addr, settings::netns_cookie};

macro_rules! read {
    ($ctx:expr, $($field:tt)+) => { unsafe { core::ptr::read_volatile(&raw const (*$ctx).$($field)+) } };
}
macro_rules! write {
    ($ctx:expr, $value:expr, $($field:tt)+) => {
        unsafe { core::ptr::write_volatile(&raw mut (*$ctx).$($field)+, $value) }
    };
}
macro_rules! read_ip6 {
    ($ctx:expr, $field:ident) => {
        [read!($ctx, $field[0]), read!($ctx, $field[1]), read!($ctx, $field[2]), read!($ctx, $field[3])]
    };
}

pub const SOCK_STREAM: u32 = 1;
pub const SOCK_DGRAM: u32 = 2;
pub const AF_INET: u32 = 2;

/// The address that the application passed to the call, or that the call is about to return.
#[inline(always)]
pub fn user_addr4(sa: *mut bpf_sock_addr) -> Addr {
    Addr { ip: v4(read!(sa, user_ip4)), port: u32::from((read!(sa, user_port) as u16).swap_bytes()) }
}
#[inline(always)]
pub fn user_addr6(sa: *mut bpf_sock_addr) -> Addr {
    Addr { ip: read_ip6!(sa, user_ip6), port: u32::from((read!(sa, user_port) as u16).swap_bytes()) }
}
#[inline(always)]
pub fn set_user_addr4(sa: *mut bpf_sock_addr, to: &Addr) {
    write!(sa, to.ip[3], user_ip4);
    write!(sa, u32::from((to.port as u16).swap_bytes()), user_port);
}
#[inline(always)]
pub fn set_user_addr6(sa: *mut bpf_sock_addr, to: &Addr) {
    write!(sa, to.ip[0], user_ip6[0]);
    write!(sa, to.ip[1], user_ip6[1]);
    write!(sa, to.ip[2], user_ip6[2]);
    write!(sa, to.ip[3], user_ip6[3]);
    write!(sa, u32::from((to.port as u16).swap_bytes()), user_port);
}
#[inline(always)]
pub fn sk_of(sa: *mut bpf_sock_addr) -> *mut c_void {
    read!(sa, __bindgen_anon_1.sk).cast()
}

/// Read both and choose afterwards: of two branches that read, LLVM makes one read at a computed offset, which the
/// verifier refuses ("dereference of modified ctx ptr").
#[inline(always)]
pub fn either(is_v4: bool, ip4: u32, ip6: [u32; 4]) -> [u32; 4] {
    if is_v4 { v4(ip4) } else { ip6 }
}

/// Is the context's socket in the relay's network namespace? One of the application's own (`unshare -n`) has ports and
/// a loopback of its own, in which there is no relay.
#[inline(always)]
pub fn is_in_our_netns(ctx: *mut c_void) -> bool {
    let cookie = unsafe { bpf_get_netns_cookie(ctx) };
    cookie == netns_cookie()
}
