//! Time, and sleeping on words of shared regions: futexes that other processes may wake.
//!
//! The kernel compares 32 bits, the low half of a word: a word that is slept on must change there
//! whenever it changes. Sleeping needs only a readable mapping, so a peer's words will do.
//!
//! A signal ends a sleep on one word, whatever its handler asks for. A sleep on several is resumed
//! by the kernel behind a handler that was installed with `SA_RESTART`.
#![expect(unsafe_code, reason = "the kernel is told of a word by a reference to its low half")]

use crate::clock;
use dataplane::Word;
use dataplane::platform::{Instant, Timestamp, Waiting, Wake};
use rings::sync::Ordering;
use rustix::io::Errno;
use rustix::thread::futex::{self, ClockId, Flags, Wait, WaitFlags, WaitPtr, WaitvFlags};
use std::num::NonZeroU32;
use std::sync::atomic::AtomicU32;

/// Most words that the kernel watches in one call (`FUTEX_WAITV_MAX`).
const MAX_WATCHED: usize = 128;
/// How often the words are looked at that the kernel does not watch: those above
/// [`MAX_WATCHED`], and all but one before Linux 5.16.
const LOOK_NS: u64 = 1_000_000;
/// "All": the kernel takes the count for a signed number.
const ALL: u32 = i32::MAX.unsigned_abs();

/// Waiting by futexes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LinuxWaiting;

impl Waiting for LinuxWaiting {
    fn now(&self) -> Instant {
        clock::now()
    }

    fn wall_clock(&self) -> Timestamp {
        clock::wall_clock()
    }

    fn cpu(&self) -> u64 {
        rustix::thread::sched_getcpu() as u64
    }

    fn yield_now(&self) {
        rustix::thread::sched_yield();
    }

    fn sleep_on(&self, words: &[(&Word, u64)], deadline: Option<Instant>) -> Wake {
        // The kernel sees changes of the low halves only, and of the first words only.
        if words.iter().any(|(word, value)| word.load(Ordering::Acquire) != *value) {
            return Wake::Woken;
        }
        // A wait without a timeout is resumed behind a handler that asks for it; one with a
        // timeout, even of centuries, returns.
        let deadline = deadline.unwrap_or(Instant(u64::MAX));
        match words {
            [] => sleep_until(deadline),
            [(word, value)] => wait_for_one(word, *value, deadline),
            _ => wait_for_many(words, deadline),
        }
    }

    fn wake(&self, word: &Word) {
        // The word is mapped, so waking cannot fail.
        let _ = futex::wake(low_half(word), Flags::empty(), ALL);
    }
}

/// The half of a word that the kernel compares.
fn low_half(word: &Word) -> &AtomicU32 {
    let low = word.address().cast::<AtomicU32>();
    // SAFETY: a word is 8 mapped, aligned bytes of which the low half is first, and stays mapped
    // while `word` is borrowed. The reference is only passed to the kernel, never read through.
    unsafe { low.as_ref() }
}

#[expect(clippy::cast_possible_truncation, reason = "the kernel compares the low half")]
fn low(value: u64) -> u32 {
    value as u32
}

/// Not `clock_nanosleep`, which rustix resumes behind a signal.
fn sleep_until(deadline: Instant) -> Wake {
    let left = clock::timespec(clock::until_ns(deadline));
    let slept = rustix::event::poll(&mut [], Some(&left));
    outcome(slept.map(drop)).unwrap_or(Wake::Deadline)
}

fn wait_for_one(word: &Word, value: u64, deadline: Instant) -> Wake {
    let until = clock::timespec(deadline.0);
    // Unlike plain `wait`, this takes an instant, not a duration.
    let waited = futex::wait_bitset(
        low_half(word),
        Flags::empty(),
        low(value),
        Some(&until),
        NonZeroU32::MAX,
    );
    outcome(waited).unwrap_or(Wake::Woken)
}

fn wait_for_many(words: &[(&Word, u64)], deadline: Instant) -> Wake {
    let mut watched = [Wait::new(); MAX_WATCHED];
    for (slot, (word, value)) in watched.iter_mut().zip(words) {
        slot.val = u64::from(low(*value));
        slot.uaddr = WaitPtr::new(word.address().as_ptr().cast());
        slot.flags = WaitFlags::SIZE_U32;
    }
    let watched = watched.get(..words.len()).unwrap_or(&watched);
    let look = clock::now().after_ns(LOOK_NS);
    let unwatched = words.len() > MAX_WATCHED;
    let until = if unwatched { deadline.min(look) } else { deadline };
    let timeout = clock::timespec(until.0);
    let woken = match futex::waitv(watched, WaitvFlags::empty(), Some(&timeout), ClockId::Monotonic)
    {
        Err(Errno::NOSYS) => match words.first() {
            Some((word, value)) => {
                return looked(wait_for_one(word, *value, deadline.min(look)), deadline);
            }
            None => Wake::Woken,
        },
        waited => outcome(waited.map(drop)).unwrap_or(Wake::Woken),
    };
    looked(woken, deadline)
}

/// A time-out that came only because it was time to look is no deadline.
fn looked(wake: Wake, deadline: Instant) -> Wake {
    match wake {
        Wake::Deadline if clock::now() < deadline => Wake::Woken,
        wake => wake,
    }
}

/// What a wait's result means; `None` for what is the caller's to name.
fn outcome(waited: rustix::io::Result<()>) -> Option<Wake> {
    match waited {
        Err(Errno::TIMEDOUT) => Some(Wake::Deadline),
        Err(Errno::INTR) => Some(Wake::Signal),
        _ => None,
    }
}
