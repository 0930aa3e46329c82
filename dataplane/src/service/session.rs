//! One session as the reactor keeps it: its queues, what they share, and how it is waited for.

use super::answer::DataService;
use super::queue::{Counters, QueueState, Scope};
use super::shared::Shared;
use super::statistics::Statistics;
use super::timing::Timing;
use crate::entry::{Errno, Handle};
use crate::ledger::{self, Ledger};
use crate::memory::{Descriptor, Region};
use crate::platform::{Instant, Waiting};
use crate::session::{Credentials, SessionId, SessionInfo};
use crate::wait::{Pace, Party, Waiter};
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use rings::{Corrupt, Cursors, OutOfBounds, ServiceQueue, State};

/// What the broker hands to a service for one session, mapped.
pub struct SessionParts {
    /// What was decided.
    pub info: SessionInfo,
    /// The client blocks of all queues, one behind the other; mapped read-only.
    pub client_blocks: Region,
    /// The service blocks of all queues.
    pub service_blocks: Region,
    /// The ledgers of all queues.
    pub ledgers: Region,
    /// Rung by the client.
    pub doorbell: Descriptor,
}

/// Why a session was not taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// A region is too small for the queues.
    OutOfBounds(OutOfBounds),
    /// The service refused.
    Refused(Errno),
    /// The reactor cannot watch another doorbell.
    Resources,
}

impl From<OutOfBounds> for OpenError {
    fn from(error: OutOfBounds) -> Self {
        Self::OutOfBounds(error)
    }
}

impl From<OpenError> for Errno {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::OutOfBounds(_) => Self::EINVAL,
            OpenError::Refused(errno) => errno,
            OpenError::Resources => Self::ENFILE,
        }
    }
}

pub(super) struct SessionState<S: DataService> {
    id: SessionId,
    counters: Counters,
    session: Rc<S::Session>,
    shared: Shared,
    queues: Queues<S>,
    doorbell: Descriptor,
    waiter: Waiter,
    parked: Option<Instant>,
    /// What the reactor has noted of [`SessionState::next_timeout`].
    pub(super) noted: Option<Instant>,
}

impl<S: DataService> SessionState<S> {
    pub(super) fn open(
        service: &Rc<S>,
        parts: SessionParts,
        waiting: &Arc<dyn Waiting>,
    ) -> Result<(Self, Handle), OpenError> {
        let info = &parts.info;
        let mut queues = Vec::new();
        for index in 0..usize::from(info.queues) {
            queues.push(open_queue(&parts, index, Timing::new(Arc::clone(waiting)))?);
        }
        let (session, root) = service.open_session(info).map_err(OpenError::Refused)?;
        for queue in &mut queues {
            queue.ring().set_cpu(waiting.cpu());
            queue.ring().set_state(State::Open);
        }
        let state = Self {
            id: info.id,
            counters: Counters { sessions: 1, ..Counters::default() },
            session,
            shared: Shared { arena: info.arena.clone(), credentials: info.credentials.len() },
            queues: Queues(queues),
            waiter: Waiter::new(info.waiting, Party::Service),
            doorbell: parts.doorbell,
            parked: None,
            noted: None,
        };
        Ok((state, root))
    }

    pub(super) fn doorbell(&self) -> &Descriptor {
        &self.doorbell
    }

    pub(super) fn session(&self) -> &Rc<S::Session> {
        &self.session
    }

    /// What was done for it.
    pub(super) fn statistics(&self) -> Statistics {
        let mut statistics = Statistics::new(self.id, self.counters);
        for queue in &self.queues.0 {
            statistics.times += queue.timing().times();
        }
        statistics
    }

    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    /// Requests that name `index` act as somebody from now on.
    pub(super) fn set_credential(
        &mut self,
        service: &S,
        index: u16,
        credentials: Credentials,
    ) -> Result<(), Errno> {
        self.shared.check_index(index)?;
        service.set_credential(&self.session, index, credentials)?;
        self.shared.principal_set(index);
        Ok(())
    }

    /// The parts that serving needs at the same time.
    #[inline]
    pub(super) fn split(&mut self) -> (&Rc<S::Session>, &Shared, &mut Queues<S>, &mut Counters) {
        (&self.session, &self.shared, &mut self.queues, &mut self.counters)
    }

    /// There was traffic.
    #[inline]
    pub(super) fn busy(&mut self) {
        self.waiter.found();
    }

    /// How to wait for this session's client. `reading` gives time and processor.
    #[inline]
    pub(super) fn pace(&mut self, reading: impl FnOnce() -> (Instant, u64)) -> Pace {
        let queues = &self.queues.0;
        self.waiter.pace(|| {
            let (now, cpu) = reading();
            let mut same = false;
            for queue in queues {
                queue.ring_ref().set_cpu(cpu);
                same |= queue.ring_ref().client_cpu() == Some(cpu);
            }
            (now, same)
        })
    }

    /// Arms every queue; false if something came meanwhile, and the session stays active.
    pub(super) fn park(&mut self, now: Instant, waiting: &dyn Waiting) -> bool {
        for queue in &mut self.queues.0 {
            // The client may sleep for good now: nothing of it stays held.
            let _ = queue.let_go();
            queue.ring().arm();
        }
        // It may have made room before it could see that the service sleeps.
        let counters = &mut self.counters;
        // Corruption is found when the session is served.
        let retry = |queue: &mut QueueState<S>| queue.retry(counters, usize::MAX).unwrap_or(1);
        let posted = self.queues.each(waiting, retry);
        if posted > 0 || self.is_ready() {
            self.disarm();
            return false;
        }
        self.parked = Some(now);
        true
    }

    /// Whether a submission is there; a hint.
    pub(super) fn is_ready(&self) -> bool {
        self.queues.0.iter().any(|queue| queue.ring_ref().is_ready())
    }

    /// Makes the session active again; false if it was.
    pub(super) fn unpark(&mut self, now: Instant) -> bool {
        let Some(since) = self.parked.take() else { return false };
        self.disarm();
        let rested = now.since_ns(since);
        self.queues.0.iter_mut().for_each(|queue| queue.rested(rested));
        if self.waiter.learns_from_sleep() {
            self.waiter.slept(rested);
        }
        true
    }

    fn disarm(&self) {
        for queue in &self.queues.0 {
            queue.ring_ref().disarm();
        }
    }

    pub(super) fn poll_woken(&mut self, waiting: &dyn Waiting) -> u32 {
        self.queues.each(waiting, |queue| queue.poll_woken(&mut self.counters))
    }

    pub(super) fn expire(&mut self, now: Instant, waiting: &dyn Waiting) {
        self.queues.each(waiting, |queue| queue.expire(&mut self.counters, now));
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.queues.0.iter().filter(|q| q.has_tasks()).filter_map(QueueState::next_timeout).min()
    }

    pub(super) fn refuse_all(&mut self, errno: Errno) {
        for queue in &mut self.queues.0 {
            queue.refuse_all(&mut self.counters, errno);
        }
    }

    /// Tells the client that the session is over, drops what is pending or held, and gives back
    /// what the service keeps.
    pub(super) fn close(mut self, waiting: &dyn Waiting, errno: Option<Errno>) -> Rc<S::Session> {
        let errno = errno.map_or(0, |errno| errno.0.unsigned_abs());
        for queue in &mut self.queues.0 {
            queue.ring().set_state(State::Closed(errno));
            waiting.wake(queue.ring().advance_wake_sequence());
        }
        self.session
    }
}

fn open_queue<S: DataService>(
    parts: &SessionParts,
    index: usize,
    timing: Timing,
) -> Result<QueueState<S>, OutOfBounds> {
    let geometry = parts.info.geometry;
    let part = |region: &Region, bytes: usize| region.view(index * bytes, bytes);
    let client_block = part(&parts.client_blocks, geometry.client_bytes())?;
    let service_block = part(&parts.service_blocks, geometry.service_bytes())?;
    let ledger = part(&parts.ledgers, ledger::bytes(geometry))?;
    ServiceQueue::describe(&service_block, geometry, parts.info.epoch)?;
    let ring = ServiceQueue::new(&client_block, &service_block, geometry, Cursors::default(), 0)?;
    Ok(QueueState::new(ring, Ledger::new(&ledger, geometry)?, geometry.cq_entries(), timing))
}

/// The queues of a session.
pub(super) struct Queues<S: DataService>(Vec<QueueState<S>>);

impl<S: DataService> Queues<S> {
    /// Serves a batch of each queue and wakes the client where it sleeps.
    #[inline]
    pub(super) fn serve(
        &mut self,
        scope: &mut Scope<'_, S>,
        waiting: &dyn Waiting,
    ) -> Result<u32, Corrupt> {
        let mut served = 0;
        for queue in &mut self.0 {
            let count = queue.serve(scope)?;
            served += count;
            // Only when all is served: a client that still submits is awake, and the fence that
            // looking takes would hold up what comes next.
            if count > 0 && !queue.ring_ref().is_ready() {
                ring(queue, waiting);
            }
        }
        Ok(served)
    }

    fn each(
        &mut self,
        waiting: &dyn Waiting,
        mut action: impl FnMut(&mut QueueState<S>) -> u32,
    ) -> u32 {
        let mut total = 0;
        for queue in self.0.iter_mut().filter(|queue| queue.has_tasks()) {
            let count = action(queue);
            if count > 0 {
                total += count;
                ring(queue, waiting);
            }
        }
        total
    }
}

/// Wakes the client of a queue if it sleeps.
#[inline]
fn ring<S: DataService>(queue: &mut QueueState<S>, waiting: &dyn Waiting) {
    if queue.ring_ref().must_ring() {
        waiting.wake(queue.ring().advance_wake_sequence());
    }
}
