//! Wakers of requests that are answered later: set a flag, and wake the reactor if it sleeps.
//!
//! A waker may be used from any thread. The same decision as at a ring's doorbell keeps a wake-up
//! from being lost: flag, full fence, is the reactor asleep? — against — asleep, full fence, flags.

use crate::platform::Doorbell;
use alloc::sync::Arc;
use alloc::task::Wake;
use rings::sync::{AtomicU64, Ordering, Side, full_fence};

/// A flag that one side raises and the other takes.
struct Flag(AtomicU64);

impl Flag {
    fn new(raised: bool) -> Self {
        Self(AtomicU64::new(u64::from(raised)))
    }

    /// Not a plain store: who takes a flag that several have raised must see what each of them did
    /// before.
    fn raise(&self) {
        self.0.swap(1, Ordering::Release);
    }

    fn is_raised(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0
    }

    /// Whether it was raised; it is not any more.
    #[inline]
    fn take(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0 && self.0.swap(0, Ordering::AcqRel) != 0
    }
}

/// What all wakers of one reactor share.
pub(super) struct WakeHub {
    any: Flag,
    asleep: AtomicU64,
    doorbell: Arc<dyn Doorbell>,
}

impl WakeHub {
    pub(super) fn new(doorbell: Arc<dyn Doorbell>) -> Arc<Self> {
        Arc::new(Self { any: Flag::new(false), asleep: AtomicU64::new(0), doorbell })
    }

    /// Announces that the reactor is about to sleep; false if something was woken meanwhile.
    pub(super) fn arm(&self) -> bool {
        self.asleep.store(1, Ordering::Relaxed);
        full_fence(Side::Sleeper);
        !self.any.is_raised()
    }

    pub(super) fn disarm(&self) {
        self.asleep.store(0, Ordering::Relaxed);
    }

    /// Whether anything was woken since the last call.
    #[inline]
    pub(super) fn take_any(&self) -> bool {
        self.any.take()
    }

    fn note(&self) {
        self.any.raise();
        full_fence(Side::Ringer);
        if self.asleep.load(Ordering::Relaxed) != 0 {
            self.doorbell.ring();
        }
    }
}

/// The waker of one task.
pub(super) struct TaskWaker {
    woken: Flag,
    hub: Arc<WakeHub>,
}

impl TaskWaker {
    /// A waker that counts as woken, so that its task is polled a first time.
    pub(super) fn new(hub: &Arc<WakeHub>) -> Arc<Self> {
        Arc::new(Self { woken: Flag::new(true), hub: Arc::clone(hub) })
    }

    pub(super) fn take(&self) -> bool {
        self.woken.take()
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.raise();
        self.hub.note();
    }
}
