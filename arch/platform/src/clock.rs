//! The system's two clocks, and how a deadline is told to the system.

use dataplane::platform::{Instant, Timestamp};
use rustix::time::{ClockId, Timespec, clock_gettime};

const NS_PER_SECOND: i64 = 1_000_000_000;

/// Monotonic time; the same for all processes of the machine.
pub(crate) fn now() -> Instant {
    Instant(u64::try_from(nanoseconds(clock_gettime(ClockId::Monotonic))).unwrap_or(0))
}

/// Time of day.
pub(crate) fn wall_clock() -> Timestamp {
    Timestamp(nanoseconds(clock_gettime(ClockId::Realtime)))
}

/// A duration, or an instant of monotonic time, for a system call.
pub(crate) fn timespec(ns: u64) -> Timespec {
    let per_second = NS_PER_SECOND.unsigned_abs();
    Timespec {
        // Neither is above u64::MAX / 10⁹, so both fit.
        tv_sec: i64::try_from(ns / per_second).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(ns % per_second).unwrap_or(0),
    }
}

/// How long it is until a deadline; 0 if it has passed.
pub(crate) fn until_ns(deadline: Instant) -> u64 {
    deadline.since_ns(now())
}

fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(NS_PER_SECOND).saturating_add(time.tv_nsec)
}
