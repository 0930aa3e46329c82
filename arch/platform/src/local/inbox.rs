//! Where a poller's thread waits for what its sources report.

use crate::clock;
use dataplane::platform::{Instant, Token};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Reports that were not taken yet, each token once.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ready: Vec<Token>,
    woken: bool,
}

impl Inbox {
    /// A source is ready.
    pub(crate) fn post(&self, token: Token) {
        let mut state = self.state();
        if !state.ready.contains(&token) {
            state.ready.push(token);
        }
        self.changed.notify_one();
    }

    /// Ends the current wait, or the next.
    pub(crate) fn wake(&self) {
        self.state().woken = true;
        self.changed.notify_one();
    }

    /// Forgets what a source reported.
    pub(crate) fn forget(&self, token: Token) {
        self.state().ready.retain(|ready| *ready != token);
    }

    /// Waits for a report, a wake, or the deadline, and takes all reports.
    pub(crate) fn take(&self, deadline: Option<Instant>, into: &mut Vec<Token>) {
        let mut state = self.state();
        while state.ready.is_empty() && !state.woken {
            let Some(deadline) = deadline else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = Duration::from_nanos(clock::until_ns(deadline));
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.woken = false;
        into.append(&mut state.ready);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole whatever panicked while it was locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
