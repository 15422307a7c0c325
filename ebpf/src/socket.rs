//! What the kernel keeps with a socket, for as long as the socket lives.
use core::{ffi::c_void, ptr};

use aya_ebpf::{btf_maps::SkStorage, helpers::generated::bpf_sk_storage_get, macros::btf_map};

use crate::layout::{Addr, End};

#[btf_map]
static SOCK: SkStorage<Sock> = SkStorage::new();

/// What a socket's storage says about it. `addr` is, in turn: nothing, the address bound, the address dialled, the real
/// client of an accepted connection.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Sock {
    pub addr: Addr,
    pub kind: u32,
    /// [`End::socket`]; 0: nobody asks which threads use it.
    pub socket: u64,
    /// Bytes that the application has written.
    pub written: u64,
    /// Who used it last, and how: see `turns`.
    pub thread: u32,
    pub turn: u32,
}

impl Sock {
    /// What the relay is told of it.
    #[inline(always)]
    pub fn end(&self) -> End {
        End { socket: self.socket, addr: self.addr, zero: 0 }
    }
}

// The meanings of `Sock::kind`.
pub const BOUND: u32 = 1;
pub const LISTENS: u32 = 2;
pub const REDIRECTED: u32 = 3;
/// Dials another socket of the cgroup.
pub const INTERNAL: u32 = 4;
pub const ACCEPTED: u32 = 5;
/// Dials an address of this machine on which nobody listens.
pub const TO_NOBODY: u32 = 6;

/// The storage of a socket, if it has any. `sk` may be a context or a socket, as the program type wants it.
///
/// `SkStorage`'s own methods take `bpf_sock_addr` contexts only.
///
/// # Safety
/// `sk` is what the program type wants.
#[inline(always)]
pub unsafe fn known<'a>(sk: *mut c_void) -> Option<&'a mut Sock> {
    unsafe { bpf_sk_storage_get(map(), sk, ptr::null_mut(), 0).cast::<Sock>().as_mut() }
}

/// Notes `addr` with the socket. None: there was no memory for it.
///
/// # Safety
/// As for [`known`].
#[inline(always)]
pub unsafe fn note<'a>(sk: *mut c_void, kind: u32, addr: Addr) -> Option<&'a mut Sock> {
    const CREATE: u64 = 1;
    let mut new = Sock { addr, kind, socket: 0, written: 0, thread: 0, turn: 0 };
    unsafe {
        let kept = bpf_sk_storage_get(map(), sk, (&raw mut new).cast(), CREATE).cast::<Sock>().as_mut()?;
        *kept = new;
        Some(kept)
    }
}

#[inline(always)]
fn map() -> *mut c_void {
    (&raw const SOCK).cast_mut().cast()
}
