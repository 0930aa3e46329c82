//! One conversation at a time over a channel that several threads share.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use dataplane::platform::Waiting;

/// Who talks to the broker takes a turn. Turns are rare and short, so waiting is yielding.
pub(super) struct Turns {
    taken: AtomicBool,
    waiting: Arc<dyn Waiting>,
}

/// A turn; over when dropped.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn new(waiting: Arc<dyn Waiting>) -> Self {
        Self { taken: AtomicBool::new(false), waiting }
    }

    pub(super) fn take(&self) -> Turn<'_> {
        while self.taken.swap(true, Ordering::Acquire) {
            self.waiting.yield_now();
        }
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::Release);
    }
}
