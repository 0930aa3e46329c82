//! One after the other: who takes a turn has it until it is dropped.

use alloc::collections::VecDeque;
use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};

/// Whose turn it is, on one thread.
#[derive(Default)]
pub(crate) struct Turns {
    is_taken: Cell<bool>,
    waiting: RefCell<VecDeque<Waker>>,
}

/// The turn that somebody has.
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits until nobody has a turn, and takes it.
    pub(crate) async fn take(&self) -> Turn<'_> {
        poll_fn(|context| {
            if self.is_taken.replace(true) {
                self.waiting.borrow_mut().push_back(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(Turn(self))
        })
        .await
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.is_taken.set(false);
        // All of them: one that has given up meanwhile would not pass it on. The first to look has it.
        self.0.waiting.borrow_mut().drain(..).for_each(Waker::wake);
    }
}
