//! The service's end of a queue: takes submissions, posts completions, and never overruns the
//! completion ring.
//!
//! The rule that makes an overflow impossible: `in flight + completions the client has not
//! consumed ≤ completion slots`. A submission is accepted only if that stays true, and a
//! completion that leaves its request open (MORE) is posted only if it stays true as well.

use crate::doorbell::{Ringer, Sleeper};
use crate::layout::{self, Geometry, State};
use crate::region::{OutOfBounds, Region, Word};
use crate::ring::{Consumer, Corrupt, Full, Producer};
use crate::sync::Ordering;
use crate::{CQE_WORDS, CqeWords, SQE_WORDS, SqeWords};

/// How far a service has come in a queue; kept in memory that outlives its process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursors {
    /// Submissions accepted.
    pub sq_next: u64,
    /// Completions posted.
    pub cq_next: u64,
}

/// The service's end; one thread drives it.
#[derive(Debug)]
pub struct ServiceQueue<O> {
    submissions: Consumer<O, SQE_WORDS>,
    completions: Producer<O, CQE_WORDS>,
    in_flight: u64,
    cq_head: Word<O>,
    sq_head: Word<O>,
    /// What `sq_head` was last set to, and how far it may lag.
    sq_head_published: u64,
    sq_head_lag: u64,
    sleeper: Sleeper<O>,
    ringer: Ringer<O>,
    wake_sequence: Word<O>,
    state: Word<O>,
    client_cpu: Word<O>,
    cpu: Word<O>,
}

impl<O: Clone> ServiceQueue<O> {
    /// Takes up a queue at `cursors`, with `in_flight` accepted requests still to be completed.
    ///
    /// # Errors
    /// [`OutOfBounds`] if a block is smaller than the geometry says.
    pub fn new(
        client_block: &Region<O>,
        service_block: &Region<O>,
        geometry: Geometry,
        cursors: Cursors,
        in_flight: u64,
    ) -> Result<Self, OutOfBounds> {
        let submissions = client_block.slots(layout::CLIENT_SLOTS, geometry.sq_shift())?;
        let completions = service_block.slots(layout::SERVICE_SLOTS, geometry.cq_shift())?;
        let head = cursors.cq_next.saturating_sub(u64::from(geometry.cq_entries()));
        let sq_head = service_block.word(layout::SERVICE_SQ_HEAD)?;
        // A predecessor may have died before it said so.
        sq_head.store(cursors.sq_next, Ordering::Release);
        Ok(Self {
            submissions: Consumer::new(submissions, cursors.sq_next),
            completions: Producer::new(completions, cursors.cq_next, head),
            in_flight,
            cq_head: client_block.word(layout::CLIENT_CQ_HEAD)?,
            sq_head,
            sq_head_published: cursors.sq_next,
            sq_head_lag: u64::from(geometry.sq_entries() / 4).max(1),
            sleeper: Sleeper::new(service_block.word(layout::SERVICE_NEED_WAKEUP)?),
            ringer: Ringer::new(client_block.word(layout::CLIENT_NEED_WAKEUP)?),
            wake_sequence: service_block.word(layout::SERVICE_WAKE_SEQUENCE)?,
            state: service_block.word(layout::SERVICE_STATE)?,
            client_cpu: client_block.word(layout::CLIENT_CPU)?,
            cpu: service_block.word(layout::SERVICE_CPU)?,
        })
    }

    /// Writes the informative words of the service block; once, when the queue is made.
    ///
    /// # Errors
    /// [`OutOfBounds`] if the block is smaller than its header.
    pub fn describe(
        service_block: &Region<O>,
        geometry: Geometry,
        epoch: u32,
    ) -> Result<(), OutOfBounds> {
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let identity = pair(layout::MAGIC, layout::VERSION);
        let sizes = pair(geometry.sq_entries(), geometry.cq_entries());
        service_block.store(layout::SERVICE_IDENTITY, identity, Ordering::Relaxed)?;
        service_block.store(layout::SERVICE_SIZES, sizes, Ordering::Relaxed)?;
        service_block.store(layout::SERVICE_EPOCH, u64::from(epoch), Ordering::Relaxed)
    }
}

impl<O> ServiceQueue<O> {
    /// Takes the next submission, if there is one and its completion is sure to have a slot.
    ///
    /// # Errors
    /// [`Corrupt`]: the session must be ended.
    #[inline]
    pub fn accept(&mut self) -> Result<Option<SqeWords>, Corrupt> {
        // Of earlier ones, which the caller has noted by now: until then their slots are all that
        // is left of them should it die.
        if self.submissions.consumed().wrapping_sub(self.sq_head_published) >= self.sq_head_lag {
            self.publish_sq_head();
        }
        if self.spare() == 0 && !self.refresh_head()? {
            return Ok(None);
        }
        let entry = self.submissions.pop()?;
        if entry.is_some() {
            self.in_flight += 1;
        }
        Ok(entry)
    }

    /// Whether [`ServiceQueue::accept`] is likely to return something; costs one load, or two
    /// while there is no completion slot to spare. A submission that must wait for a slot is not
    /// ready, so that a client which consumes nothing costs nothing.
    #[inline]
    pub fn is_ready(&self) -> bool {
        self.submissions.is_ready()
            && (self.spare() > 0 || self.cq_head.load(Ordering::Relaxed) != self.completions.head())
    }

    /// Posts the last completion of a request. Words 0 to 2 are the caller's; the last becomes
    /// `sq_head` and lap.
    ///
    /// # Errors
    /// [`Full`], and nothing has changed: nothing is in flight, which is the caller's mistake, or
    /// the queue was taken up from a predecessor and its client says it has consumed less than the
    /// predecessor knew, which ends the session.
    #[inline]
    pub fn complete(&mut self, mut entry: CqeWords) -> Result<(), Full> {
        let in_flight = self.in_flight.checked_sub(1).ok_or(Full)?;
        // Only right after it was taken up can a queue have accepted more than it sees room for.
        if self.completions.room() == 0 {
            self.refresh_head().map_err(|_| Full)?;
        }
        self.seal(&mut entry);
        self.completions.push(&entry)?;
        self.in_flight = in_flight;
        Ok(())
    }

    /// Posts a completion after which more follow for the same request.
    ///
    /// # Errors
    /// [`Full`] if the slots left are spoken for by requests in flight: try again when the client
    /// has consumed some, and once between [`ServiceQueue::arm`] and sleeping.
    pub fn complete_more(&mut self, mut entry: CqeWords) -> Result<(), Full> {
        if !self.has_room_for_more().unwrap_or(false) {
            return Err(Full);
        }
        self.seal(&mut entry);
        self.completions.push(&entry)
    }

    /// Whether [`ServiceQueue::complete_more`] would find room.
    ///
    /// # Errors
    /// [`Corrupt::Head`]: the session must be ended.
    #[inline]
    pub fn has_room_for_more(&mut self) -> Result<bool, Corrupt> {
        Ok(self.spare() > 0 || self.refresh_head()?)
    }

    fn seal(&self, entry: &mut CqeWords) {
        if let Some(last) = entry.last_mut() {
            *last = self.submissions.consumed() & 0xffff_ffff;
        }
    }

    /// Completion slots that neither hold an entry nor are spoken for.
    #[inline]
    fn spare(&self) -> u64 {
        self.completions.room().saturating_sub(self.in_flight)
    }

    /// Looks at what the client has consumed; says whether there is a spare slot now.
    fn refresh_head(&mut self) -> Result<bool, Corrupt> {
        self.completions.observe_head(self.cq_head.load(Ordering::Acquire))?;
        Ok(self.spare() > 0)
    }

    /// Completions that the client says it has consumed, checked.
    ///
    /// # Errors
    /// [`Corrupt::Head`]: the session must be ended.
    pub fn consumed_completions(&mut self) -> Result<u64, Corrupt> {
        self.refresh_head()?;
        Ok(self.completions.head())
    }

    /// Tells the client how many submissions were consumed. Done lazily while there is traffic;
    /// the caller does it before it sleeps.
    pub fn publish_sq_head(&mut self) {
        let consumed = self.submissions.consumed();
        if consumed != self.sq_head_published {
            self.sq_head_published = consumed;
            self.sq_head.store(consumed, Ordering::Release);
        }
    }

    /// Whether the client must be woken for what was completed before this call.
    #[inline]
    pub fn must_ring(&self) -> bool {
        self.ringer.must_ring()
    }

    /// Changes the word that a sleeping client waits on; the caller then wakes its waiters.
    pub fn advance_wake_sequence(&self) -> &Word<O> {
        let value = self.wake_sequence.load(Ordering::Relaxed);
        self.wake_sequence.store(value.wrapping_add(1), Ordering::Release);
        &self.wake_sequence
    }

    /// Announces that the service is about to sleep; afterwards look at [`ServiceQueue::is_ready`]
    /// once more.
    pub fn arm(&mut self) {
        self.publish_sq_head();
        self.sleeper.arm();
    }

    /// Takes the announcement back.
    pub fn disarm(&self) {
        self.sleeper.disarm();
    }

    /// Sets what the client reads about the session.
    pub fn set_state(&self, state: State) {
        self.state.store(state.to_word(), Ordering::Release);
    }

    /// The processor the client says it last ran on; a hint, not to be trusted.
    pub fn client_cpu(&self) -> Option<u64> {
        self.client_cpu.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Says which processor the service runs on.
    pub fn set_cpu(&self, cpu: u64) {
        if self.cpu.load(Ordering::Relaxed) != cpu + 1 {
            self.cpu.store(cpu + 1, Ordering::Relaxed);
        }
    }

    /// Requests accepted and not completed.
    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// How far the service has come.
    #[inline]
    pub fn cursors(&self) -> Cursors {
        Cursors { sq_next: self.submissions.consumed(), cq_next: self.completions.published() }
    }
}
