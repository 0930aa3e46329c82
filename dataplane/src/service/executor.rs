//! Wakers of requests that are answered later: set a flag, and wake the reactor if it sleeps.
//!
//! A waker may be used from any thread. The same decision as at a ring's doorbell keeps a wake-up
//! from being lost: flag, full fence, is the reactor asleep? — against — asleep, full fence, flags.

use crate::platform::Doorbell;
use alloc::sync::Arc;
use alloc::task::Wake;
use core::sync::atomic::{AtomicBool, Ordering, fence};

/// What all wakers of one reactor share.
pub(super) struct WakeHub {
    any: AtomicBool,
    asleep: AtomicBool,
    doorbell: Arc<dyn Doorbell>,
}

impl WakeHub {
    pub(super) fn new(doorbell: Arc<dyn Doorbell>) -> Arc<Self> {
        Arc::new(Self { any: AtomicBool::new(false), asleep: AtomicBool::new(false), doorbell })
    }

    /// Announces that the reactor is about to sleep; false if something was woken meanwhile.
    pub(super) fn arm(&self) -> bool {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        !self.any.load(Ordering::Acquire)
    }

    pub(super) fn disarm(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Whether anything was woken since the last call.
    #[inline]
    pub(super) fn take_any(&self) -> bool {
        self.any.load(Ordering::Relaxed) && self.any.swap(false, Ordering::AcqRel)
    }

    fn note(&self) {
        self.any.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) {
            self.doorbell.ring();
        }
    }
}

/// The waker of one task.
pub(super) struct TaskWaker {
    woken: AtomicBool,
    hub: Arc<WakeHub>,
}

impl TaskWaker {
    /// A waker that counts as woken, so that its task is polled a first time.
    pub(super) fn new(hub: &Arc<WakeHub>) -> Arc<Self> {
        Arc::new(Self { woken: AtomicBool::new(true), hub: Arc::clone(hub) })
    }

    pub(super) fn take(&self) -> bool {
        self.woken.load(Ordering::Relaxed) && self.woken.swap(false, Ordering::AcqRel)
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.hub.note();
    }
}
