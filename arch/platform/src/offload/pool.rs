//! A bounded pool of threads: started when there is work and all others are busy, ended when idle
//! for a while or when the pool goes.

use dataplane::platform::{NoThread, Offload, Work};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// Threads for calls that block. Dropping it waits for none of them: each ends when the call that
/// it is in returns, and what was not begun is dropped.
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    most_threads: usize,
    state: Mutex<State>,
    /// There is work, or the pool has ended.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    work: VecDeque<Work>,
    threads: usize,
    /// Threads that wait for work.
    idle: usize,
    ended: bool,
}

impl Pool {
    /// At most so many threads, at least one; none is started yet.
    pub(crate) fn new(most_threads: usize) -> Self {
        let shared = Shared {
            most_threads: most_threads.max(1),
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl Offload for Pool {
    fn submit(&self, work: Work) -> Result<(), NoThread> {
        let mut state = self.shared.state();
        let busy = state.work.len() >= state.idle;
        if busy && state.threads < self.shared.most_threads {
            let shared = Arc::clone(&self.shared);
            let started = thread::Builder::new().name("offload".into()).spawn(move || shared.run());
            match started {
                Ok(_) => state.threads += 1,
                // Those that there are will come to it.
                Err(_) if state.threads > 0 => {}
                Err(_) => {
                    drop(state);
                    drop(work);
                    return Err(NoThread);
                }
            }
        }
        state.work.push_back(work);
        drop(state);
        self.shared.changed.notify_one();
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.ended = true;
        let work = core::mem::take(&mut state.work);
        drop(state);
        self.shared.changed.notify_all();
        // Outside of the lock: it wakes those that wait for its answers.
        drop(work);
    }
}

impl Shared {
    /// A thread: does what there is, until there was nothing for a while.
    fn run(&self) {
        while let Some(work) = self.next() {
            // What panics was reported when it did, and its ticket tells who waits for it.
            let _ = catch_unwind(AssertUnwindSafe(work));
        }
    }

    /// The next piece of work; `None`: this thread counts no more, and ends.
    fn next(&self) -> Option<Work> {
        let mut state = self.state();
        loop {
            if let Some(work) = state.work.pop_front() {
                return Some(work);
            }
            if state.ended {
                break;
            }
            state.idle += 1;
            let waited = self.changed.wait_timeout(state, IDLE);
            let (back, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.idle -= 1;
            if timeout.timed_out() && state.work.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole whatever panicked while it was locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
