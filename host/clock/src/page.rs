//! The clock: one page, shared with every process that lives by it.
use std::{
    fmt, io,
    ptr::{self, NonNull},
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use nix::time::{ClockId, clock_gettime};

use crate::Unsupported;

pub(crate) const SECOND: i64 = 1_000_000_000;

/// A wall clock that runs as the real one does, by an offset apart, and can be moved forward.
///
/// It lives in a segment of System V shared memory, because a process can map that by a number alone: no descriptor has to
/// get into the application. The segment is marked for removal as soon as it is there, so that it goes with its last user,
/// however that ends. The application maps it read-only.
#[derive(Debug)]
pub struct Clock {
    id: i32,
    page: NonNull<Page>,
}

/// What is in the segment.
#[repr(C)]
#[derive(Debug)]
struct Page {
    /// Tells this segment from others that have the same number, in another IPC namespace.
    mark: AtomicI64,
    offset: AtomicI64,
}

/// Where [`Page::offset`] is.
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "for the supervisor, which is not there"))]
pub(crate) const OFFSET_AT: u64 = size_of::<AtomicI64>() as u64;

// SAFETY: the page is mapped until the clock is dropped, and there are only atomics in it.
unsafe impl Send for Clock {}
// SAFETY: as above.
unsafe impl Sync for Clock {}

impl Clock {
    /// A clock that shows `start` now. In nanoseconds since 1970, as all times here.
    ///
    /// # Errors
    /// When the machine has no shared memory left.
    pub fn starting_at(start: u64) -> Result<Self, Unsupported> {
        Self::with_offset(signed(start) - real_now())
    }

    /// A clock that is ahead of the real one by `ahead` nanoseconds, or behind it.
    ///
    /// # Errors
    /// When the machine has no shared memory left.
    pub fn with_offset(ahead: i64) -> Result<Self, Unsupported> {
        // Whoever the application runs as has to be able to map it.
        const WE_WRITE_ALL_READ: i32 = 0o644;
        // SAFETY: no pointers.
        let id = unsafe { libc::shmget(libc::IPC_PRIVATE, size_of::<Page>(), libc::IPC_CREAT | WE_WRITE_ALL_READ) };
        if id < 0 {
            return Err(Unsupported::Memory(io::Error::last_os_error()));
        }
        let clock = Self::attach(id, 0).map_err(Unsupported::Memory);
        // It stays until the last process that maps it is gone, and new ones may still map it.
        // SAFETY: the null pointer is what this command takes.
        unsafe { libc::shmctl(id, libc::IPC_RMID, ptr::null_mut()) };
        let clock = clock?;
        clock.page().mark.store(real_now() ^ i64::from(id), Ordering::Relaxed);
        clock.page().offset.store(pack(ahead), Ordering::Release);
        Ok(clock)
    }

    /// The clock that another process made, by its [`Clock::id`]. It can be read, not moved.
    ///
    /// # Errors
    /// When it is gone.
    pub fn open(id: i32) -> io::Result<Self> {
        Self::attach(id, libc::SHM_RDONLY)
    }

    fn attach(id: i32, flags: i32) -> io::Result<Self> {
        // SAFETY: the kernel chooses an address that is free.
        let address = unsafe { libc::shmat(id, ptr::null(), flags) };
        match NonNull::new(address.cast()) {
            Some(page) if address as isize != -1 => Ok(Self { id, page }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// For [`Clock::open`].
    pub fn id(&self) -> i32 {
        self.id
    }

    /// What it shows.
    pub fn now(&self) -> u64 {
        (real_now() + self.ahead()).try_into().unwrap_or(0)
    }

    /// Moves it forward to `to`. Every process that lives by it sees that at its next look.
    ///
    /// # Errors
    /// When it shows a later time already: it then stays as it is, because applications break when time goes back.
    pub fn advance(&self, to: u64) -> Result<(), Earlier> {
        let now = real_now();
        let wanted = signed(to) - now;
        // The offset of a clock that goes with the real one only grows when the clock is moved forward.
        let had = unpack(self.page().offset.fetch_max(pack(wanted), Ordering::AcqRel));
        let by = had - wanted;
        if by > 0 { Err(Earlier { by: Duration::from_nanos(by.unsigned_abs()) }) } else { Ok(()) }
    }

    /// How far it is ahead of the real clock, in nanoseconds; negative: behind.
    pub fn ahead(&self) -> i64 {
        unpack(self.word())
    }

    /// The same, packed as it is in the page.
    pub(crate) fn word(&self) -> i64 {
        self.page().offset.load(Ordering::Acquire)
    }

    /// The bytes at the start of the segment, by which it can be recognised in another process.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "for the supervisor, which is not there"))]
    pub(crate) fn mark(&self) -> [u8; 8] {
        self.page().mark.load(Ordering::Relaxed).to_ne_bytes()
    }

    fn page(&self) -> &Page {
        // SAFETY: it is mapped as long as `self` is there, page-aligned, and zeros are a valid `Page`.
        unsafe { self.page.as_ref() }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        // SAFETY: it was mapped by `attach`, and nobody has a reference that outlives `self`.
        unsafe { libc::shmdt(self.page.as_ptr().cast()) };
    }
}

/// The clock was to be moved to a time that it is past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// By so much.
    pub by: Duration,
}

impl fmt::Display for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the application's clock is past that time by {:?} and never goes back", self.by)
    }
}

impl std::error::Error for Earlier {}

/// The machine's own clock.
pub(crate) fn real_now() -> i64 {
    // Only a clock that does not exist fails.
    clock_gettime(ClockId::CLOCK_REALTIME).map_or(0, |now| now.tv_sec() * SECOND + now.tv_nsec())
}

/// Times after the year 2262 are that year.
fn signed(time: u64) -> i64 {
    time.try_into().unwrap_or(i64::MAX)
}

/// Seconds and nanoseconds in one word: one store changes both, and the code in the vDSO needs no division. Packed words
/// are in the order of what they hold.
fn pack(nanoseconds: i64) -> i64 {
    nanoseconds.div_euclid(SECOND) << 30 | nanoseconds.rem_euclid(SECOND)
}

fn unpack(word: i64) -> i64 {
    (word >> 30) * SECOND + (word & 0x3fff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: i64 = 365 * 86_400 * SECOND;

    #[test]
    fn packed_words_hold_what_they_were_given_and_keep_its_order() {
        let offsets = [-100 * YEAR - 1, -SECOND - 1, -SECOND, -1, 0, 1, SECOND - 1, SECOND, 100 * YEAR + 7];
        for offset in offsets {
            assert_eq!(unpack(pack(offset)), offset);
        }
        assert!(offsets.map(pack).is_sorted());
    }

    #[test]
    fn it_moves_forward_only() {
        let start = 1_736_935_200 * SECOND as u64;
        let clock = Clock::starting_at(start).expect("shared memory");
        assert!((start..start + SECOND as u64).contains(&clock.now()));
        let later = start + 60 * SECOND as u64;
        assert_eq!(clock.advance(later), Ok(()));
        assert!((later..later + SECOND as u64).contains(&clock.now()));
        let refused = clock.advance(start).expect_err("it is past that");
        assert!(refused.by >= Duration::from_secs(60), "{refused}");
        assert!(clock.now() >= later);
    }

    #[test]
    fn others_open_it_by_its_number_and_see_it_move() {
        let clock = Clock::with_offset(-YEAR).expect("shared memory");
        let other = Clock::open(clock.id()).expect("it is there");
        assert_eq!((other.ahead(), other.mark()), (-YEAR, clock.mark()));
        clock.advance(u64::try_from(real_now()).expect("after 1970")).expect("forward");
        assert_eq!(other.ahead(), clock.ahead());
        let id = clock.id();
        drop((clock, other));
        assert!(Clock::open(id).is_err(), "nothing is left");
    }
}
