//! A blocking call as a future: the answer and the waker meet in a slot that both sides hold.

use dataplane::platform::{NoThread, Offload};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A call was not made, or did not return: there was no thread for it, it panicked, or the pool has
/// ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

impl From<NoThread> for Lost {
    fn from(NoThread: NoThread) -> Self {
        Self
    }
}

/// Has a call made on a thread of the pool, beginning now: the future need not be polled for that.
///
/// Dropping the future is always safe, and never waits: a call that was not begun is not made, and
/// one that is under way goes on; its answer is then dropped on the pool's thread.
pub fn call<T: Send + 'static>(
    offload: &dyn Offload,
    call: impl FnOnce() -> T + Send + 'static,
) -> Offloaded<T> {
    let slot = Arc::new(Slot(Mutex::new(State::Waiting(None))));
    let ticket = Ticket(Arc::clone(&slot));
    let work = move || {
        if ticket.0.is_wanted() {
            let answer = call();
            ticket.0.fill(State::Done(answer));
        }
    };
    // A refused piece of work is dropped, and its ticket says so.
    let _ = offload.submit(Box::new(work));
    Offloaded(slot)
}

/// The answer of a call that is made elsewhere.
pub struct Offloaded<T>(Arc<Slot<T>>);

struct Slot<T>(Mutex<State<T>>);

enum State<T> {
    /// There is no answer yet; who is to be woken when there is.
    Waiting(Option<Waker>),
    /// Here it is.
    Done(T),
    /// There will be none.
    Lost,
    /// Nobody wants it any more, or it was taken.
    Unwanted,
}

/// The pool's side of a slot: when it goes, there is an answer, or never will be.
struct Ticket<T>(Arc<Slot<T>>);

impl<T> Slot<T> {
    fn is_wanted(&self) -> bool {
        matches!(*self.state(), State::Waiting(_))
    }

    /// Puts in what the call came to, and wakes who waits for it.
    fn fill(&self, outcome: State<T>) {
        let mut state = self.state();
        if matches!(*state, State::Waiting(_)) {
            let before = core::mem::replace(&mut *state, outcome);
            drop(state);
            if let State::Waiting(Some(waker)) = before {
                waker.wake();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // The state is whole whatever panicked while it was locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        self.0.fill(State::Lost);
    }
}

impl<T> Future for Offloaded<T> {
    type Output = Result<T, Lost>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.state();
        if let State::Waiting(waker) = &mut *state {
            *waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        match core::mem::replace(&mut *state, State::Unwanted) {
            State::Done(answer) => Poll::Ready(Ok(answer)),
            // Polled again after it was ready, it is lost.
            _ => Poll::Ready(Err(Lost)),
        }
    }
}

impl<T> Drop for Offloaded<T> {
    fn drop(&mut self) {
        let before = core::mem::replace(&mut *self.0.state(), State::Unwanted);
        // An answer or a waker goes outside of the lock.
        drop(before);
    }
}
