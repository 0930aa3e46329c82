//! The session's queues, lent to the thread that answers a question.

use super::principals::Acting;
use super::processors;
use dataplane::client::{ClientError, Queue};
use dataplane::entry::Handle;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, PoisonError};

/// Queues that nobody uses right now, each with memory for what is read through it.
pub(super) struct Queues {
    free: Mutex<Vec<(Queue, Vec<u8>)>>,
    returned: Condvar,
}

impl Queues {
    pub(super) fn new(queues: Vec<Queue>) -> Self {
        let queues = queues.into_iter().map(|queue| (queue, Vec::new())).collect();
        Self { free: Mutex::new(queues), returned: Condvar::new() }
    }

    /// A queue, once one is free: there are as many as threads.
    pub(super) fn take(&self) -> Lent<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some((queue, bytes)) = free.pop() {
                return Lent { queue: Some(queue), bytes, acting: None, owner: self };
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A queue until it is dropped.
pub(super) struct Lent<'a> {
    queue: Option<Queue>,
    bytes: Vec<u8>,
    acting: Option<Acting<'a>>,
    owner: &'a Queues,
}

impl<'a> Lent<'a> {
    /// Has what is asked through it from now on act as somebody.
    pub(super) fn act_as(&mut self, acting: Acting<'a>) {
        Queue::act_as(self, acting.index);
        self.acting = Some(acting);
    }

    /// Has what is asked through it from now on act as the session's own principal.
    pub(super) fn act_as_itself(&mut self) {
        Queue::act_as(self, 0);
        self.acting = None;
    }

    /// Reads up to so many bytes of a file, into memory that is kept for the next time: what is
    /// allocated anew is zeroed first.
    pub(super) fn read_kept(
        &mut self,
        file: Handle,
        offset: u64,
        most: u32,
    ) -> Result<&[u8], ClientError> {
        let most = most as usize;
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.len() < most {
            bytes.resize(most, 0);
        }
        let read = self.read(file, offset, bytes.get_mut(..most).unwrap_or_default());
        self.bytes = bytes;
        Ok(self.bytes.get(..read?).unwrap_or_default())
    }
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
        self.act_as_itself();
        if let Some(service) = self.service_cpu() {
            processors::keep_off(service);
        }
        let mut free = self.owner.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.extend(self.queue.take().map(|queue| (queue, std::mem::take(&mut self.bytes))));
        self.owner.returned.notify_one();
    }
}
