//! What the loader sets before the programs are loaded. To the verifier these are constants, so that unused branches cost
//! nothing.
//!
//! The initial values must be unlike every other constant: LLVM merges equal constants, and a `&0` somewhere else would
//! then read what the loader has put into a global that was 0.
use core::ptr::read_volatile;

#[unsafe(no_mangle)]
static EGRESS_PORT4: u32 = 0x5eed_0004;
#[unsafe(no_mangle)]
static EGRESS_PORT6: u32 = 0x5eed_0006;
#[unsafe(no_mangle)]
static NETNS_COOKIE: u64 = 0x5eed_5eed_5eed_0001;
#[unsafe(no_mangle)]
static REPLAY: u32 = 0x5eed_0002;
#[unsafe(no_mangle)]
static CAN_FAIL_CONNECT: u32 = 0x5eed_0003;

/// The relay's port for outgoing IPv4 connections.
#[inline(always)]
pub fn egress_port4() -> u32 {
    unsafe { read_volatile(&raw const EGRESS_PORT4) }
}
/// The relay's port for outgoing IPv6 connections; 0: the machine has no IPv6.
#[inline(always)]
pub fn egress_port6() -> u32 {
    unsafe { read_volatile(&raw const EGRESS_PORT6) }
}
/// The relay's network namespace.
#[inline(always)]
pub fn netns_cookie() -> u64 {
    unsafe { read_volatile(&raw const NETNS_COOKIE) }
}
/// In replay nothing leaves the machine: what is not caught is refused.
#[inline(always)]
pub fn is_replay() -> bool {
    (unsafe { read_volatile(&raw const REPLAY) }) == 1
}
/// Has the kernel the helper that chooses the errno (5.18)? Where this is false, the verifier never sees the call.
#[inline(always)]
pub fn can_fail_connect() -> bool {
    (unsafe { read_volatile(&raw const CAN_FAIL_CONNECT) }) == 1
}
