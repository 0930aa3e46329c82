//! A request that waits for its lock. Dropping it takes it out of the queue.

use super::ranges::Lock;
use super::table::{Asker, LockTable, Waiting};
use crate::error::Result;
use core::future::poll_fn;
use core::task::{Context, Poll};
use dataplane::entry::Errno;

/// A place in a file's queue.
struct Place<'a> {
    table: &'a LockTable,
    file: u64,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.table.state.borrow_mut();
        state.leave(self.file, self.ticket, None);
        state.outcomes.remove(&self.ticket);
    }
}

impl Place<'_> {
    fn poll(&self, context: &Context<'_>) -> Poll<Result<()>> {
        let mut state = self.table.state.borrow_mut();
        if let Some(outcome) = state.outcomes.remove(&self.ticket) {
            return Poll::Ready(outcome);
        }
        let queue = state.files.get_mut(&self.file).map(|locks| &mut locks.queue);
        let waiting = queue.and_then(|q| q.iter_mut().find(|w| w.ticket == self.ticket));
        if let Some(waiting) = waiting {
            waiting.waker.clone_from(context.waker());
        }
        Poll::Pending
    }
}

impl LockTable {
    /// Takes a lock, as soon as none is in the way.
    ///
    /// # Errors
    /// EDEADLK: it would never be had. ECANCELED: the handle was closed. EDQUOT.
    pub(crate) async fn wait(&self, asker: Asker, lock: Lock) -> Result<()> {
        match self.take(asker, lock) {
            Err(Errno::EAGAIN) => {}
            taken => return taken,
        }
        let mut place = None;
        poll_fn(|context| {
            if place.is_none() {
                match self.queue(asker, lock, context) {
                    Ok(new) => place = Some(new),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            place.as_ref().map_or(Poll::Pending, |place| place.poll(context))
        })
        .await
    }

    fn queue(&self, asker: Asker, lock: Lock, context: &Context<'_>) -> Result<Place<'_>> {
        let mut state = self.state.borrow_mut();
        if state.is_circle(asker.owner, asker.file, lock) {
            return Err(Errno::EDEADLK);
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let waker = context.waker().clone();
        let waiting = Waiting { ticket, asker, lock, waker };
        state.files.entry(asker.file).or_default().queue.push(waiting);
        state.waits.entry(asker.owner).or_default().push((asker.file, ticket));
        Ok(Place { table: self, file: asker.file, ticket })
    }
}
