//! A lock that is held across waits: it keeps the requests of one thread apart, not threads.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};

/// Free, or held by one request.
#[derive(Debug, Default)]
pub(crate) struct Lock {
    held: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Lock {
    /// Waits until the lock is free, and takes it. Who gets it next is not defined.
    pub(crate) async fn acquire(&self) -> Held<'_> {
        poll_fn(|context| {
            if !self.held.replace(true) {
                return Poll::Ready(());
            }
            let mut waiting = self.waiting.borrow_mut();
            if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
        Held(self)
    }
}

/// The lock is held for as long as this lives.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a Lock);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.held.set(false);
        // All of them: one that was cancelled must not be the only one that is told.
        for waker in self.0.waiting.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::pin::pin;
    use core::task::Context;

    #[test]
    fn one_at_a_time_and_none_is_forgotten() {
        let lock = Lock::default();
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(held) = pin!(lock.acquire()).poll(&mut context) else {
            panic!("a free lock is had at once")
        };
        let mut second = pin!(lock.acquire());
        assert!(second.as_mut().poll(&mut context).is_pending());
        drop(held);
        assert!(lock.waiting.borrow().is_empty());
        assert!(second.as_mut().poll(&mut context).is_ready());
    }
}
