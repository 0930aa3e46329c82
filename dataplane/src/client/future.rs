//! Futures that any single-threaded executor can drive.
//!
//! A future that finds no completion arms the queue, as a sleeper does, and leaves its waker with
//! the platform's [`Notifier`], which wakes it when the service changes the word to sleep on.

use super::error::ClientError;
use super::in_flight::{Done, Ticket};
use super::queue::Queue;
use crate::entry::Sqe;
use crate::memory::Word;
use alloc::rc::Rc;
use alloc::sync::Arc;
use core::cell::RefCell;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

/// Wakes tasks whose word was changed; from any thread.
pub trait Notifier: Send + Sync {
    /// Wakes `waker` once, as soon as `word` no longer has this value (at once if it has not).
    fn notify(&self, word: &Word, value: u64, waker: &Waker);
}

/// A queue shared by the tasks of one thread.
#[derive(Clone)]
pub struct AsyncQueue {
    queue: Rc<RefCell<Queue>>,
    notifier: Arc<dyn Notifier>,
}

impl AsyncQueue {
    /// Shares a queue among tasks.
    #[must_use]
    pub fn new(queue: Queue, notifier: Arc<dyn Notifier>) -> Self {
        Self { queue: Rc::new(RefCell::new(queue)), notifier }
    }

    /// Submits an entry; the future is its completion. If the queue is full nothing is submitted,
    /// and the future says so.
    #[must_use]
    pub fn submit(&self, sqe: Sqe) -> Response {
        let ticket = self.queue.borrow_mut().submit(sqe);
        Response { queue: self.clone(), state: ticket }
    }

    /// The queue itself, to take buffers and copy data. Do not hold it across an await.
    pub fn with<R>(&self, action: impl FnOnce(&mut Queue) -> R) -> R {
        action(&mut self.queue.borrow_mut())
    }
}

/// The completion of a request. Dropped before it is ready, it forgets the request, which goes on.
pub struct Response {
    queue: AsyncQueue,
    state: Result<Ticket, ClientError>,
}

impl Future for Response {
    type Output = Result<Done, ClientError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ticket = match self.state {
            Ok(ticket) => ticket,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let queue = &mut *self.queue.queue.borrow_mut();
        queue.disarm();
        loop {
            let drained = queue.drain();
            if let Some(done) = queue.take_kept(ticket) {
                return Poll::Ready(done.status.result().map(|_| done).map_err(Into::into));
            }
            if let Err(error) = drained {
                return Poll::Ready(Err(error));
            }
            queue.wake_with(ticket, context.waker());
            match queue.arm() {
                Err(error) => return Poll::Ready(Err(error)),
                // Something came meanwhile: look again.
                Ok(None) => {}
                Ok(Some((word, value))) => {
                    self.queue.notifier.notify(&word, value, context.waker());
                    return Poll::Pending;
                }
            }
        }
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        // The queue is borrowed only if a waker that it wakes drops this; it then ends with it.
        if let (Ok(ticket), Ok(mut queue)) = (self.state, self.queue.queue.try_borrow_mut()) {
            queue.forget(ticket);
        }
    }
}
