//! The kernel half of the interception: every program is attached to the application's cgroup, or looks only at sockets
//! that were made in it.
//!
//! Everything that belongs to one socket lives in that socket's own storage (`socket.rs`), so that nothing is evicted and
//! nothing leaks. Hash maps hold only what has to be found by address.
//!
//! Read in this order: `outgoing`, `unreachable`, `udp`, `connection`, `incoming`, `turns`, `egress`.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![allow(internal_features, reason = "core's atomics lack fetch_add on this target")]

#[macro_use]
mod context;
mod address;
mod connection;
mod egress;
mod incoming;
mod layout;
mod listeners;
mod outgoing;
mod settings;
mod socket;
mod turns;
mod udp;
mod unreachable;

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
