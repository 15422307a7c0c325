//! Waiting until a point of wall time: the kernel waits by the real clock, so for as long as it takes to read the point, it
//! finds the real one in the caller's memory.
//!
//! It has to be put back: `next.tv_sec += 1; clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &next, NULL)` in a loop is what
//! such calls are there for. And it has to be put back while the thread stands still: what is on a stack is something else
//! as soon as the wait is over (librdkafka crashed of a pointer that an old deadline was put over). So the thread is stopped
//! when its call has read the point, seen by nobody, and waits on by what was read. Calls that would read it once more are
//! watched instead, until they sleep.
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
    filter::{FUTEX_CMD_MASK, SYS_FUTEX_WAIT, WALL_CLOCKS},
    gate::{Gate, Status},
    held::{Held, Memory},
    page::{SECOND, real_now},
    tracee::{Gone, Tracee},
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

/// What became of a deadline.
enum Lending {
    /// The kernel finds the real one.
    Done,
    /// The same, and it is past.
    Past,
    /// The caller's was left: to wait for either is the same, or there is none.
    Needless,
}

impl Lent {
    /// Lets a thread make its call, with the point of time that it means. `Err`: it died meanwhile.
    pub fn translate(&self, call: Held<'_>, gate: &Gate) -> Result<(), Gone> {
        let Some(Deadline { at, is_kept, is_all }) = deadline(&call) else { return Ok(()) };
        let Ok(memory) = call.memory() else { return Ok(()) };
        let status = Status::of(call.thread());
        let place = (status.number("Tgid:").unwrap_or(call.thread()), at);
        match self.lend(&memory, place, &gate.clock) {
            Lending::Needless => Ok(()),
            Lending::Past if is_all => {
                self.put_back(&memory, place);
                call.answer(Ok(0));
                Ok(())
            }
            // Who has a filter of his own might be killed for the call that continues a wait.
            Lending::Past | Lending::Done if is_kept && call.is_steady() && !gate.has_other_filters(&status) => {
                self.stop(call, &memory, place)
            }
            Lending::Past | Lending::Done => {
                self.watch(call, &memory, place);
                Ok(())
            }
        }
    }

    /// Stops the thread when it has read the point, or has been let off without.
    fn stop(&self, mut call: Held<'_>, memory: &Memory, place: Place) -> Result<(), Gone> {
        // A debugger may have it.
        let Ok(mut tracee) = Tracee::seize(call.thread()) else {
            self.watch(call, memory, place);
            return Ok(());
        };
        tracee.interrupt();
        call.proceed();
        let stopped = tracee.wait();
        self.put_back(memory, place);
        stopped.and_then(|_| tracee.release())
    }

    /// Waits until the thread sleeps, or has had the time to read the point.
    fn watch(&self, mut call: Held<'_>, memory: &Memory, place: Place) {
        let reader = Reader::of(call.thread());
        call.proceed();
        reader.wait();
        self.put_back(memory, place);
    }

    fn lend(&self, memory: &Memory, place: Place, clock: &Clock) -> Lending {
        let mut loans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(found) = memory.read_pair(place.1) else { return Lending::Needless };
        let borrowers = loans.get(&place).map_or(0, |loan| loan.borrowers);
        if let Some(loan) = loans.get_mut(&place).filter(|loan| loan.ours == found) {
            loan.borrowers += 1;
            return Lending::Done;
        }
        let now = real_now();
        let ours = real(found, clock.ahead(), now).filter(|ours| memory.write_pair(place.1, *ours).is_ok());
        let Some(ours) = ours else { return Lending::Needless };
        // If there is a loan, then the caller has written a new point over it, and nobody wants the old one back.
        loans.insert(place, Loan { theirs: found, ours, borrowers: borrowers + 1 });
        if nanoseconds(ours) <= i128::from(now) { Lending::Past } else { Lending::Done }
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

/// Of a call that waits by the wall clock.
struct Deadline {
    at: u64,
    /// The kernel reads it once, also when the thread is stopped in the call.
    is_kept: bool,
    /// The call is nothing but waiting.
    is_all: bool,
}

fn deadline(call: &Held<'_>) -> Option<Deadline> {
    const VALUE: u64 = 16; // of `struct itimerspec`, behind the interval
    let thread = call.thread();
    let read_again = |at| Deadline { at, is_kept: false, is_all: false };
    let read_once = |at| Deadline { is_kept: true, ..read_again(at) };
    let timer = |clock: Option<u32>| {
        clock.filter(|clock| WALL_CLOCKS.contains(clock)).map(|_| read_once(call.argument(2) + VALUE))
    };
    match call.number() {
        libc::SYS_futex if waits_on(call.argument(1)) => Some(read_once(call.argument(3))),
        libc::SYS_futex | libc::SYS_futex_waitv => Some(read_again(call.argument(3))),
        libc::SYS_clock_nanosleep => {
            let is_all = call.argument(0) as i32 == libc::CLOCK_REALTIME;
            Some(Deadline { is_all, ..read_again(call.argument(2)) })
        }
        SYS_FUTEX_WAIT | libc::SYS_mq_timedsend | libc::SYS_mq_timedreceive => Some(read_again(call.argument(4))),
        libc::SYS_timerfd_settime => timer(clock_of_timerfd(thread, call.argument(0))),
        libc::SYS_timer_settime => timer(clock_of_timer(thread, call.argument(0))),
        _ => None,
    }
}

/// Does a futex operation, stopped, wait on until the point that it has read? Locks read it again.
fn waits_on(operation: u64) -> bool {
    operation as u32 & FUTEX_CMD_MASK & !(libc::FUTEX_CLOCK_REALTIME as u32) == libc::FUTEX_WAIT_BITSET as u32
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
    // Not a point of time, or zero, which stops a timer.
    if seconds < 0 || !(0..SECOND).contains(&nanoseconds) || (seconds, nanoseconds) == (0, 0) {
        return None;
    }
    let theirs = self::nanoseconds([seconds, nanoseconds]);
    let ours = (theirs - i128::from(ahead)).max(1);
    let both_past = theirs.max(ours) <= i128::from(now);
    (!both_past).then(|| [i64::try_from(ours / SECOND_WIDE).unwrap_or(i64::MAX), (ours % SECOND_WIDE) as i64])
}

const SECOND_WIDE: i128 = SECOND as i128;

fn nanoseconds([seconds, nanoseconds]: Point) -> i128 {
    i128::from(seconds) * SECOND_WIDE + i128::from(nanoseconds)
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
