//! The session's queues, lent to the thread that answers a question.

use dataplane::client::Queue;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, PoisonError};

/// Queues that nobody uses right now.
pub(super) struct Queues {
    free: Mutex<Vec<Queue>>,
    returned: Condvar,
}

impl Queues {
    pub(super) fn new(queues: Vec<Queue>) -> Self {
        Self { free: Mutex::new(queues), returned: Condvar::new() }
    }

    /// A queue, once one is free: there are as many as threads.
    pub(super) fn take(&self) -> Lent<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(queue) = free.pop() {
                return Lent { queue: Some(queue), owner: self };
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A queue until it is dropped.
pub(super) struct Lent<'a> {
    queue: Option<Queue>,
    owner: &'a Queues,
}

impl Deref for Lent<'_> {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        match &self.queue {
            Some(queue) => queue,
            None => unreachable!("it is taken out only when this is dropped"),
        }
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Queue {
        match &mut self.queue {
            Some(queue) => queue,
            None => unreachable!("it is taken out only when this is dropped"),
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut free = self.owner.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.extend(self.queue.take());
        self.owner.returned.notify_one();
    }
}
