//! Waiting until a point of wall time: the kernel waits by the real clock, so for as long as it takes to read the point, it
//! finds the real one in the caller's memory.
//!
//! It has to be put back: `next.tv_sec += 1; clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &next, NULL)` in a loop is what
//! such calls are there for.
use std::{
    collections::{HashMap, hash_map::Entry},
    fs,
    os::unix::fs::FileExt as _,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use libc::pid_t;

use crate::{
    Clock,
    filter::{SYS_FUTEX_WAIT, WALL_CLOCKS},
    gate::status,
    held::{Held, Memory},
    page::{SECOND, real_now},
};

/// A `struct timespec`.
type Point = [i64; 2];

/// Deadlines that are not the caller's at the moment. Threads may use one at the same time: the last one puts it back.
#[derive(Default)]
pub struct Lent(Mutex<HashMap<Place, Loan>>);

/// A process, and an address in it.
type Place = (pid_t, u64);

struct Loan {
    theirs: Point,
    ours: Point,
    borrowers: u32,
}

impl Lent {
    /// Lets a thread make its call, with the point of time that it means.
    pub fn translate(&self, mut call: Held<'_>, clock: &Clock) {
        let Some(at) = deadline(&call) else { return };
        let place = (process(call.thread()), at);
        let reader = Reader::of(call.thread());
        if let Ok(memory) = call.memory()
            && self.lend(&memory, place, clock)
        {
            call.proceed();
            reader.wait();
            self.put_back(&memory, place);
        }
    }

    fn lend(&self, memory: &Memory, place: Place, clock: &Clock) -> bool {
        let mut loans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(found) = memory.read_pair(place.1) else { return false };
        let borrowers = loans.get(&place).map_or(0, |loan| loan.borrowers);
        if let Some(loan) = loans.get_mut(&place).filter(|loan| loan.ours == found) {
            loan.borrowers += 1;
            return true;
        }
        let ours = real(found, clock.ahead(), real_now()).filter(|ours| memory.write_pair(place.1, *ours).is_ok());
        // If there is a loan, then the caller has written a new point over it, and nobody wants the old one back.
        ours.map(|ours| loans.insert(place, Loan { theirs: found, ours, borrowers: borrowers + 1 })).is_some()
    }

    fn put_back(&self, memory: &Memory, place: Place) {
        let mut loans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Entry::Occupied(mut loan) = loans.entry(place) else { return };
        loan.get_mut().borrowers -= 1;
        if loan.get().borrowers == 0 {
            let Loan { theirs, ours, .. } = loan.remove();
            // Unless the caller has something else there by now.
            if memory.read_pair(place.1).is_ok_and(|found| found == ours) {
                let _ = memory.write_pair(place.1, theirs);
            }
        }
    }
}

/// Where the deadline of a call is. None: it is not by the wall clock.
fn deadline(call: &Held<'_>) -> Option<u64> {
    const VALUE: u64 = 16; // of `struct itimerspec`, behind the interval
    let thread = call.thread();
    let behind =
        |clock: Option<u32>| clock.filter(|clock| WALL_CLOCKS.contains(clock)).map(|_| call.argument(2) + VALUE);
    match call.number() {
        libc::SYS_futex | libc::SYS_futex_waitv => Some(call.argument(3)),
        libc::SYS_clock_nanosleep => Some(call.argument(2)),
        SYS_FUTEX_WAIT | libc::SYS_mq_timedsend | libc::SYS_mq_timedreceive => Some(call.argument(4)),
        libc::SYS_timerfd_settime => behind(clock_of_timerfd(thread, call.argument(0))),
        libc::SYS_timer_settime => behind(clock_of_timer(thread, call.argument(0))),
        _ => None,
    }
}

fn clock_of_timerfd(thread: pid_t, descriptor: u64) -> Option<u32> {
    let info = fs::read_to_string(format!("/proc/{thread}/fdinfo/{}", descriptor as u32)).ok()?;
    info.lines().find_map(|line| line.strip_prefix("clockid:"))?.trim().parse().ok()
}

/// Kernels without CONFIG_CHECKPOINT_RESTORE don't tell: the timer then goes by the real clock.
fn clock_of_timer(thread: pid_t, timer: u64) -> Option<u32> {
    let timers = fs::read_to_string(format!("/proc/{thread}/timers")).ok()?;
    let mut lines = timers.lines().skip_while(|line| *line != format!("ID: {}", timer as u32));
    lines.find_map(|line| line.strip_prefix("ClockID: "))?.parse().ok()
}

/// What the machine's clock shows at a point of the application's time. None: to wait for either is the same. That matters
/// because a thread that does not have to wait goes on before we have put anything back.
fn real([seconds, nanoseconds]: Point, ahead: i64, now: i64) -> Option<Point> {
    const SECOND_WIDE: i128 = SECOND as i128;
    // Not a point of time, or zero, which stops a timer.
    if seconds < 0 || !(0..SECOND).contains(&nanoseconds) || (seconds, nanoseconds) == (0, 0) {
        return None;
    }
    let theirs = i128::from(seconds) * SECOND_WIDE + i128::from(nanoseconds);
    let ours = (theirs - i128::from(ahead)).max(1);
    let both_past = theirs.max(ours) <= i128::from(now);
    (!both_past).then(|| [i64::try_from(ours / SECOND_WIDE).unwrap_or(i64::MAX), (ours % SECOND_WIDE) as i64])
}

/// A thread that is about to read a deadline.
struct Reader {
    state: Option<fs::File>,
    used: Option<fs::File>,
    before: u64,
}

impl Reader {
    /// To be asked for while it is held.
    fn of(thread: pid_t) -> Self {
        let open = |name| fs::File::open(format!("/proc/{thread}/{name}")).ok();
        let mut reader = Self { state: open("stat"), used: open("schedstat"), before: 0 };
        reader.before = reader.processor_time();
        reader
    }

    /// Waits until it has read it. Before the call goes on the thread is made runnable; reading is the first thing the call
    /// does, and what it does next is to sleep, or to return.
    #[expect(clippy::disallowed_methods, reason = "the kernel has no event for it")]
    fn wait(&self) {
        const SURELY: u64 = 1_000_000; // a millisecond of processor time; to read it takes less than a thousandth
        while matches!(self.state(), Some(b'R' | b'D')) && self.processor_time() < self.before + SURELY {
            thread::sleep(Duration::from_micros(20));
        }
    }

    fn state(&self) -> Option<u8> {
        let mut bytes = [0; 64];
        let length = self.state.as_ref()?.read_at(&mut bytes, 0).ok()?;
        // `pid (name) state ...`; a name has 15 bytes at most, and may have anything in it.
        let end = bytes[..length].iter().rposition(|byte| *byte == b')')?;
        bytes.get(end + 2).copied()
    }

    fn processor_time(&self) -> u64 {
        let mut bytes = [0; 64];
        let length = self.used.as_ref().and_then(|file| file.read_at(&mut bytes, 0).ok()).unwrap_or(0);
        let text = str::from_utf8(&bytes[..length]).unwrap_or_default();
        text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

fn process(thread: pid_t) -> pid_t {
    status(thread, "Tgid:").and_then(|pid| pid.parse().ok()).unwrap_or(thread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_of_the_applications_time_is_one_of_real_time() {
        const YEAR: i64 = 365 * 86_400;
        const NOW: i64 = 50 * YEAR * SECOND;
        assert_eq!(real([50 * YEAR, 5], -YEAR * SECOND, NOW), Some([51 * YEAR, 5]));
        assert_eq!(real([51 * YEAR, 1], SECOND - 1, NOW), Some([51 * YEAR - 1, 2]));
        assert_eq!(real([i64::MAX, 0], -YEAR * SECOND, NOW), Some([i64::MAX, 0]));
        // It is past for the application, which is ahead, but not for the kernel.
        assert_eq!(real([51 * YEAR, 0], 60 * YEAR * SECOND, NOW), Some([0, 1]));
        // It is past for both.
        assert_eq!(real([49 * YEAR - 1, 0], -YEAR * SECOND, NOW), None);
        for not_one in [[0, 0], [-1, 0], [1, SECOND], [1, -1]] {
            assert_eq!(real(not_one, -YEAR * SECOND, NOW), None, "{not_one:?}");
        }
    }
}
