//! The atomics everything here is built from: core's, or loom's while a model is checked.
//!
//! The orderings that the protocol stands on have names here, so that a model can also be checked
//! with each of them broken (`mutant`). Outside of models the names are those orderings.

#[cfg(not(loom))]
pub use core::sync::atomic::{AtomicU64, Ordering, fence};

#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU64, Ordering, fence};

/// Who executes a full fence between its own store and its load of what the other side stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that announced its sleep.
    Sleeper,
    /// The one that published.
    Ringer,
}

/// The full fence of a side; also for other flags that decide as a doorbell does.
#[cfg(not(loom))]
#[inline(always)]
pub fn full_fence(_: Side) {
    fence(Ordering::SeqCst);
}

/// The ordering of the store that publishes an entry.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) const fn publishing() -> Ordering {
    Ordering::Release
}

#[cfg(loom)]
pub use crate::mutant::full_fence;
#[cfg(loom)]
pub(crate) use crate::mutant::publishing;
