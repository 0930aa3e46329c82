//! Requests that are pending for long: cancelling them, and sleeping until one of them is answered
//! while other threads submit.

use super::error::ClientError;
use super::in_flight::Ticket;
use super::queue::Queue;
use crate::entry::{Handle, Opcode, Sqe};
use crate::memory::Word;
use crate::platform::{Waiting, Wake};
use alloc::sync::Arc;

/// A sleep that a queue has announced. Whoever sleeps it needs no hold of the queue meanwhile.
pub struct Sleep {
    word: Word,
    value: u64,
    waiting: Arc<dyn Waiting>,
}

impl Sleep {
    /// Sleeps until the service has answered something since the announcement, at most so long;
    /// may return for no reason.
    pub fn at_most(&self, ns: u64) -> Wake {
        let deadline = self.waiting.now().after_ns(ns);
        self.waiting.sleep_on(&[(&self.word, self.value)], Some(deadline))
    }
}

impl Queue {
    /// Announces that somebody is about to sleep until something is answered; `None` if there is
    /// something to be taken. The service is told until [`Queue::end_sleep`].
    ///
    /// # Errors
    /// The session is over.
    pub fn announce_sleep(&mut self) -> Result<Option<Sleep>, ClientError> {
        if self.kept > 0 {
            return Ok(None);
        }
        let waiting = Arc::clone(&self.waiting);
        Ok(self.arm()?.map(|(word, value)| Sleep { word, value, waiting }))
    }

    /// Takes the announcement back.
    ///
    /// # Errors
    /// The session is over, and nothing is left to take.
    pub fn end_sleep(&mut self) -> Result<(), ClientError> {
        self.disarm();
        self.check_state()
    }

    /// Asks that a pending request be cancelled, and does not wait for that: it is answered with
    /// ECANCELED, or with the outcome that it has had before.
    ///
    /// # Errors
    /// See [`Queue::submit`].
    pub fn submit_cancel(&mut self, ticket: Ticket) -> Result<(), ClientError> {
        let cancel = self.submit(cancellation(ticket))?;
        self.forget(cancel);
        Ok(())
    }
}

/// The entry that cancels a request.
pub(super) fn cancellation(ticket: Ticket) -> Sqe {
    Sqe { arg0: ticket.user_data(), ..Sqe::new(Opcode::Cancel, Handle::NONE) }
}
