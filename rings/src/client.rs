//! The client's end of a queue: submits, consumes completions, and never has more requests in
//! flight than there are completion slots.

use crate::doorbell::{Ringer, Sleeper};
use crate::layout::{self, Geometry, State};
use crate::region::{OutOfBounds, Region, Word};
use crate::ring::{Consumer, Corrupt, Full, Producer};
use crate::service::Cursors;
use crate::sync::Ordering;
use crate::{CQE_WORDS, CqeWords, SQE_WORDS, SqeWords};

/// The client's end; one thread drives it.
#[derive(Debug)]
pub struct ClientQueue<O> {
    submissions: Producer<O, SQE_WORDS>,
    completions: Consumer<O, CQE_WORDS>,
    in_flight: u64,
    sq_head: Word<O>,
    cq_head: Word<O>,
    /// What `cq_head` was last set to, and how far it may lag.
    cq_head_published: u64,
    cq_head_lag: u64,
    sleeper: Sleeper<O>,
    ringer: Ringer<O>,
    wake_sequence: Word<O>,
    state: Word<O>,
    service_cpu: Word<O>,
    cpu: Word<O>,
}

impl<O: Clone> ClientQueue<O> {
    /// Takes up a queue that has not been used yet.
    ///
    /// # Errors
    /// [`OutOfBounds`] if a block is smaller than the geometry says.
    pub fn new(
        client_block: &Region<O>,
        service_block: &Region<O>,
        geometry: Geometry,
    ) -> Result<Self, OutOfBounds> {
        Self::resume(client_block, service_block, geometry, Cursors::default())
    }

    /// Goes on in a queue in which nothing is in flight: of `cursors.sq_next` submissions all are
    /// finished, and of `cursors.cq_next` completions all are consumed.
    ///
    /// # Errors
    /// [`OutOfBounds`] if a block is smaller than the geometry says.
    pub fn resume(
        client_block: &Region<O>,
        service_block: &Region<O>,
        geometry: Geometry,
        cursors: Cursors,
    ) -> Result<Self, OutOfBounds> {
        let Cursors { sq_next, cq_next } = cursors;
        let submissions = client_block.slots(layout::CLIENT_SLOTS, geometry.sq_shift())?;
        let completions = service_block.slots(layout::SERVICE_SLOTS, geometry.cq_shift())?;
        let cq_head = client_block.word(layout::CLIENT_CQ_HEAD)?;
        cq_head.store(cq_next, Ordering::Release);
        Ok(Self {
            submissions: Producer::new(submissions, sq_next, sq_next),
            completions: Consumer::new(completions, cq_next),
            in_flight: 0,
            sq_head: service_block.word(layout::SERVICE_SQ_HEAD)?,
            cq_head,
            cq_head_published: cq_next,
            cq_head_lag: u64::from(geometry.cq_entries() / 4).max(1),
            sleeper: Sleeper::new(client_block.word(layout::CLIENT_NEED_WAKEUP)?),
            ringer: Ringer::new(service_block.word(layout::SERVICE_NEED_WAKEUP)?),
            wake_sequence: service_block.word(layout::SERVICE_WAKE_SEQUENCE)?,
            state: service_block.word(layout::SERVICE_STATE)?,
            service_cpu: service_block.word(layout::SERVICE_CPU)?,
            cpu: client_block.word(layout::CLIENT_CPU)?,
        })
    }
}

impl<O> ClientQueue<O> {
    /// Writes a submission and publishes it.
    ///
    /// # Errors
    /// [`Full`] if every slot is taken, or as many requests are in flight as there are completion
    /// slots: consume completions first.
    #[inline]
    pub fn submit(&mut self, entry: &SqeWords) -> Result<(), Full> {
        if self.in_flight >= self.completions.capacity() {
            return Err(Full);
        }
        if self.submissions.room() == 0 {
            let head = self.sq_head.load(Ordering::Acquire);
            // A head that cannot be true means a broken service; the ring then stays full.
            self.submissions.observe_head(head).map_err(|_| Full)?;
        }
        self.submissions.push(entry)?;
        self.in_flight += 1;
        Ok(())
    }

    /// Whether the service must be woken for what was submitted or consumed before this call. To
    /// be asked before every wait, polling included: a service sleeps also when it is out of
    /// completion slots, until the client has consumed some.
    #[inline]
    pub fn must_ring(&mut self) -> bool {
        // Only then can what the head lags behind be all that the service is waiting for.
        if self.in_flight + self.unpublished() >= self.completions.capacity() {
            self.publish_cq_head();
        }
        self.ringer.must_ring()
    }

    /// Completions consumed that the service has not been told of.
    #[inline]
    fn unpublished(&self) -> u64 {
        let consumed = self.completions.consumed();
        consumed.wrapping_sub(self.cq_head_published)
    }

    /// Copies the next completion, if there is one. The entry counts as unconsumed, and what it
    /// grants stays granted, until [`ClientQueue::consume`].
    ///
    /// # Errors
    /// [`Corrupt`]: the session is of no further use.
    #[inline]
    pub fn peek(&self) -> Result<Option<CqeWords>, Corrupt> {
        self.completions.peek()
    }

    /// Consumes `entry`, which [`ClientQueue::peek`] has just returned.
    ///
    /// # Errors
    /// [`Corrupt::Head`]: the session is of no further use.
    #[inline]
    pub fn consume(&mut self, entry: &CqeWords, completion: Completion) -> Result<(), Corrupt> {
        self.completions.skip();
        if completion == Completion::Last {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        self.note_sq_head(entry)?;
        if self.unpublished() >= self.cq_head_lag {
            self.publish_cq_head();
        }
        Ok(())
    }

    /// The completion carries the lower half of `sq_head` as it was when it was posted, which may
    /// be before what [`ClientQueue::submit`] has read since, but by less than a full ring: the
    /// completions in it are of requests that count as in flight.
    #[inline]
    fn note_sq_head(&mut self, entry: &CqeWords) -> Result<(), Corrupt> {
        let head = self.submissions.head();
        let low = entry.last().copied().unwrap_or(0);
        if head.wrapping_sub(low) & 0xffff_ffff < self.completions.capacity() {
            return Ok(());
        }
        let newly = low.wrapping_sub(head) & 0xffff_ffff;
        self.submissions.observe_head(head.wrapping_add(newly))
    }

    /// Tells the service how many completions were consumed. Done lazily while there is traffic;
    /// the caller does it before it sleeps, and to give grants back.
    pub fn publish_cq_head(&mut self) {
        let consumed = self.completions.consumed();
        if consumed != self.cq_head_published {
            self.cq_head_published = consumed;
            self.cq_head.store(consumed, Ordering::Release);
        }
    }

    /// Whether a completion looks ready; costs one load.
    #[inline]
    pub fn is_ready(&self) -> bool {
        self.completions.is_ready()
    }

    /// Announces that the client is about to sleep on [`ClientQueue::wake_sequence`], and returns
    /// that word's value from before. Afterwards look at [`ClientQueue::is_ready`] and
    /// [`ClientQueue::state`] once more; then sleep while the word has this value. Between the
    /// last submission or consumption and this, [`ClientQueue::must_ring`] has been asked.
    pub fn arm(&mut self) -> u64 {
        self.publish_cq_head();
        let sequence = self.wake_sequence.load(Ordering::Acquire);
        self.sleeper.arm();
        sequence
    }

    /// Takes the announcement back.
    pub fn disarm(&self) {
        self.sleeper.disarm();
    }

    /// The word to sleep on.
    pub fn wake_sequence(&self) -> &Word<O> {
        &self.wake_sequence
    }

    /// What the service, or the broker, says about the session.
    pub fn state(&self) -> State {
        State::from_word(self.state.load(Ordering::Acquire))
    }

    /// The processor the service last ran on; a hint.
    pub fn service_cpu(&self) -> Option<u64> {
        self.service_cpu.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Says which processor the client runs on.
    pub fn set_cpu(&self, cpu: u64) {
        if self.cpu.load(Ordering::Relaxed) != cpu + 1 {
            self.cpu.store(cpu + 1, Ordering::Relaxed);
        }
    }

    /// Requests submitted and not finished.
    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }
}

/// Whether a completion finishes its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The request is finished.
    Last,
    /// More completions follow (the MORE flag).
    More,
}
