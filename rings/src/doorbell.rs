//! The doorbell decision: who sleeps says so, who publishes looks, and no wake-up is lost.
//!
//! ```text
//!   sleeper                              publisher
//!   need_wakeup = 1                      publish an entry
//!   fence(SeqCst)                        fence(SeqCst)
//!   look at every source once more       need_wakeup == 1? → ring
//!   sleep
//!   need_wakeup = 0
//! ```
//!
//! The two full fences order each side's store before its load, so at least one side sees the
//! other: either the sleeper finds the entry, or the publisher rings. Fences and not `SeqCst`
//! accesses, because loom models only the former. A spurious ring is allowed. A head that gives
//! slots back is published in the same sense as an entry: a service sleeps when it is out of them.

use crate::region::Word;
use crate::sync::{Ordering, Side, full_fence};

/// The side that is going to sleep; it owns the `need_wakeup` word.
#[derive(Debug)]
pub struct Sleeper<O> {
    need_wakeup: Word<O>,
}

impl<O> Sleeper<O> {
    /// `need_wakeup` is the word that this side writes.
    pub fn new(need_wakeup: Word<O>) -> Self {
        Self { need_wakeup }
    }

    /// Announces sleep. The caller must now look at every source once more, and may sleep only if
    /// all are empty.
    pub fn arm(&self) {
        self.need_wakeup.store(1, Ordering::Relaxed);
        full_fence(Side::Sleeper);
    }

    /// Takes the announcement back, after sleeping or instead of it.
    pub fn disarm(&self) {
        self.need_wakeup.store(0, Ordering::Relaxed);
    }
}

/// The side that publishes; it reads the peer's `need_wakeup` word.
#[derive(Debug)]
pub struct Ringer<O> {
    need_wakeup: Word<O>,
}

impl<O> Ringer<O> {
    /// `need_wakeup` is the word that the peer writes.
    pub fn new(need_wakeup: Word<O>) -> Self {
        Self { need_wakeup }
    }

    /// Whether the peer must be woken for what was published before this call.
    #[must_use]
    #[inline]
    pub fn must_ring(&self) -> bool {
        full_fence(Side::Ringer);
        self.need_wakeup.load(Ordering::Relaxed) != 0
    }
}
