//! What the models share: memory, the two ways to sleep, and the bound of the search.

use loom::sync::atomic::AtomicU64;
use loom::sync::{Condvar, Mutex};
use rings::sync::Ordering;
use rings::{Region, Word};
use std::sync::Arc;

/// Memory of a model; leaked, because loom's threads borrow nothing.
pub(crate) type Memory = Region<&'static [AtomicU64]>;

/// Fresh memory of zeros.
pub(crate) fn memory(bytes: usize) -> Memory {
    let words: Vec<_> = (0..bytes / 8).map(|_| AtomicU64::new(0)).collect();
    Region::over(words.leak())
}

/// Explores a model with at most `preemptions` involuntary switches in one execution, unless
/// `LOOM_MAX_PREEMPTIONS` says otherwise.
pub(crate) fn check(preemptions: usize, model: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 10_000;
    builder.check(model);
}

// Both share themselves by std's Arc: loom's cannot be dropped while a failed model unwinds.

/// Remembers that it was rung until somebody waits, as an eventfd does.
#[derive(Clone)]
pub(crate) struct Doorbell(Arc<(Mutex<bool>, Condvar)>);

impl Doorbell {
    pub(crate) fn new() -> Self {
        Self(Arc::new((Mutex::new(false), Condvar::new())))
    }

    pub(crate) fn ring(&self) {
        let (rung, changed) = &*self.0;
        *rung.lock().unwrap() = true;
        changed.notify_one();
    }

    pub(crate) fn wait(&self) {
        let (rung, changed) = &*self.0;
        let mut rung = rung.lock().unwrap();
        while !*rung {
            rung = changed.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// Sleeps while a word has a value, as a futex does.
#[derive(Clone)]
pub(crate) struct Futex(Arc<(Mutex<()>, Condvar)>);

impl Futex {
    pub(crate) fn new() -> Self {
        Self(Arc::new((Mutex::new(()), Condvar::new())))
    }

    /// May return early, as a futex may.
    pub(crate) fn wait(&self, word: &Word<&'static [AtomicU64]>, value: u64) {
        let (lock, changed) = &*self.0;
        let guard = lock.lock().unwrap();
        if word.load(Ordering::Relaxed) == value {
            drop(changed.wait(guard).unwrap());
        }
    }

    pub(crate) fn wake(&self) {
        let (lock, changed) = &*self.0;
        drop(lock.lock().unwrap());
        changed.notify_all();
    }
}
