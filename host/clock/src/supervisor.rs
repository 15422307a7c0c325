//! The supervisor: a few threads that take up what the filter reports.
use std::{
    collections::HashSet,
    process,
    sync::{Arc, Mutex},
    thread,
};

use crate::{
    Clock, Filter, Uncovered, Unsupported,
    deadlines::Lent,
    gate::{Gate, Status},
    held::Held,
    reads,
    vdso::Vdso,
};

/// So many calls are taken up at once: an `exec` may take long, for it waits for a disk or for other threads, which may
/// wait for us.
const HANDS: usize = 8;

/// Serves the processes under the filter until there are none, in threads of its own, and returns at once. When this process
/// ends, their calls fail (ENOSYS): they have to end with it.
///
/// In this process, others may wait for `child` only after its pidfd has become readable: until then, a wait would see it
/// stop on our account. `report` hears of each program that can't be covered, once.
///
/// # Errors
/// When the kernel's vDSO is not understood, or there can't be a thread.
pub fn supervise(
    filter: Filter,
    clock: Clock,
    child: Option<u32>,
    report: impl Fn(Uncovered) + Send + Sync + 'static,
) -> Result<Arc<Filter>, Unsupported> {
    // The processes have those that we have, and this one.
    let gate = Gate {
        clock,
        vdso: Vdso::own()?,
        filters: Status::of(process::id().cast_signed()).filters() + 1,
        report: Box::new(report),
        reported: Mutex::new(HashSet::new()),
    };
    let (filter, gate, lent) = (Arc::new(filter), Arc::new(gate), Arc::new(Lent::default()));
    for _ in 0..HANDS {
        let (filter, gate, lent) = (filter.clone(), gate.clone(), lent.clone());
        let hand = thread::Builder::new().name("clock".into());
        hand.spawn(move || serve(&filter, &gate, &lent, child)).map_err(Unsupported::Supervisor)?;
    }
    Ok(filter)
}

fn serve(filter: &Filter, gate: &Gate, lent: &Lent, child: Option<u32>) {
    while let Some(call) = Held::next(filter) {
        let served = match call.number() {
            libc::SYS_clock_gettime | libc::SYS_gettimeofday | libc::SYS_time => {
                reads::answer(call, &gate.clock, gate.vdso);
                Ok(())
            }
            _ if call.is_exec() => gate.pass(call),
            _ => lent.translate(call, gate),
        };
        if let Err(gone) = served {
            if Some(gone.pid.unsigned_abs()) == child {
                return; // this thread stays its tracer until somebody has waited for it
            }
            gone.reap();
        }
    }
}
