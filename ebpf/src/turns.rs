//! Which thread reads and writes on a connection: evidence of which call was made for which request.
//!
//! Told once a turn, not once a call: when the direction has changed since the last time, or the thread has. The
//! tracepoints fire for every socket of the machine; only those that cross the relay have a number in their storage.
use core::{
    ffi::c_void,
    intrinsics::{AtomicOrdering, atomic_xadd},
};

use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_tai_ns},
    macros::{btf_tracepoint, map},
    maps::{Array, RingBuf},
    programs::BtfTracePointContext,
};

use crate::{
    layout::{READ, Turn, WROTE},
    socket::known,
};

const SIZE: u32 = 2 << 20;
#[map]
static TURNS: RingBuf = RingBuf::with_byte_size(SIZE, 0);
/// How many turns found no room.
#[map]
static TURNS_LOST: Array<u64> = Array::with_max_entries(1, 0);

#[btf_tracepoint(function = "sock_send_length")]
pub fn on_sent(ctx: BtfTracePointContext) -> i32 {
    turn(&ctx, WROTE)
}
#[btf_tracepoint(function = "sock_recv_length")]
pub fn on_received(ctx: BtfTracePointContext) -> i32 {
    turn(&ctx, READ)
}

/// `(sk, bytes, flags)`, after the call: negative bytes are an errno.
#[inline(always)]
fn turn(ctx: &BtfTracePointContext, kind: u32) -> i32 {
    let bytes: i32 = ctx.arg(1);
    let sk: *mut c_void = ctx.arg(0);
    if bytes > 0
        && let Some(sock) = unsafe { known(sk) }
        && sock.socket != 0
    {
        let who = bpf_get_current_pid_tgid();
        let (process, thread) = ((who >> 32) as u32, who as u32);
        let (at_ns, socket, offset) = (unsafe { bpf_ktime_get_tai_ns() }, sock.socket, sock.written);
        if kind == WROTE {
            sock.written += bytes as u64;
        }
        if sock.turn != kind || sock.thread != thread {
            (sock.turn, sock.thread) = (kind, thread);
            tell(Turn { at_ns, socket, offset, process, thread, kind, zero: 0 });
        }
    }
    0
}

/// The reader is woken when there is much to read, and not before: that would cost more than all the rest.
#[inline(always)]
fn tell(turn: Turn) {
    const AVAILABLE: u64 = 0;
    const NO_WAKEUP: u64 = 1;
    const WAKEUP: u64 = 2;
    if let Some(mut entry) = TURNS.reserve::<Turn>(0) {
        let much = TURNS.query(AVAILABLE) > u64::from(SIZE / 4);
        entry.write(turn);
        entry.submit(if much { WAKEUP } else { NO_WAKEUP });
    } else if let Some(lost) = TURNS_LOST.get_ptr_mut(0) {
        // core's AtomicU64 has no fetch_add on this target, though the instruction exists.
        unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(lost, 1) };
    }
}
