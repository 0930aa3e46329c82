//! One queue of a session as the reactor serves it: accept, answer or keep pending, complete, and
//! note each step in the ledger.

mod pending;

use self::pending::{Task, TaskKind, Woken, waker};
use super::answer::{Answer, Completion, DataService};
use super::executor::WakeHub;
use super::shared::{self, Shared};
use super::timing::Timing;
use crate::entry::{Cqe, Errno, Opcode, Sqe};
use crate::ledger::Ledger;
use crate::memory::Owner;
use crate::platform::Instant;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::{Context, Poll};
use crossbeam_utils::CachePadded;
use rings::{Corrupt, ServiceQueue};

/// Most submissions taken from one queue in one turn.
const BATCH: u32 = 32;
/// Requests that wait for the client to make room which are looked at in one turn.
const STALLED_LOOK: usize = 4;
/// Held results after which the client's progress is looked at.
const HELD_LOOK: usize = 32;

/// Counts since the reactor started, or of one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sessions opened.
    pub sessions: u64,
    /// Submissions accepted.
    pub accepted: u64,
    /// Completions that ended their request.
    pub completed: u64,
    /// Of these, errors.
    pub errors: u64,
    /// Sessions ended because their rings were corrupt.
    pub quarantined: u64,
}

/// What a request is served with.
pub(super) struct Scope<'a, S: DataService> {
    pub(super) service: &'a Rc<S>,
    pub(super) session: &'a Rc<S::Session>,
    pub(super) shared: &'a Shared,
    pub(super) hub: &'a Arc<WakeHub>,
    pub(super) now: &'a dyn Fn() -> Instant,
    pub(super) counters: &'a mut Counters,
}

pub(super) struct QueueState<S: DataService> {
    ring: CachePadded<ServiceQueue<Owner>>,
    ledger: Ledger,
    free: Vec<u32>,
    tasks: Vec<Option<Task<S::Held>>>,
    /// Slots of requests that are woken, in no order.
    woken: Vec<u32>,
    /// Slots of those that wait for the client to make room, each once; some may have ended.
    stalled: VecDeque<u32>,
    is_stalled: Vec<bool>,
    /// Slots with a timeout, in no order, and an instant before which none is due.
    timeouts: Vec<u32>,
    next_timeout: Option<Instant>,
    /// Held until so many completions are consumed, in that order.
    held: VecDeque<(u64, S::Held)>,
    timing: Timing,
}

impl<S: DataService> QueueState<S> {
    pub(super) fn new(
        ring: ServiceQueue<Owner>,
        ledger: Ledger,
        slots: u32,
        timing: Timing,
    ) -> Self {
        Self {
            ring: CachePadded::new(ring),
            ledger,
            free: (0..slots).rev().collect(),
            tasks: (0..slots).map(|_| None).collect(),
            woken: Vec::new(),
            stalled: VecDeque::new(),
            is_stalled: alloc::vec![false; slots as usize],
            timeouts: Vec::new(),
            next_timeout: None,
            held: VecDeque::new(),
            timing,
        }
    }

    pub(super) fn ring(&mut self) -> &mut ServiceQueue<Owner> {
        &mut self.ring
    }

    pub(super) fn ring_ref(&self) -> &ServiceQueue<Owner> {
        &self.ring
    }

    pub(super) fn timing(&self) -> &Timing {
        &self.timing
    }

    pub(super) fn rested(&mut self, ns: u64) {
        self.timing.rested(ns);
    }

    pub(super) fn has_tasks(&self) -> bool {
        !self.woken.is_empty() || !self.timeouts.is_empty()
    }

    /// Serves up to a batch of submissions; returns how many.
    #[inline]
    pub(super) fn serve(&mut self, scope: &mut Scope<'_, S>) -> Result<u32, Corrupt> {
        let mut served = 0;
        // The one comparison of the loop does for both, the batch and what is timed.
        let mut pause = self.timing.untimed().min(BATCH);
        loop {
            if served == pause {
                let is_next = served < BATCH && self.ring.is_ready();
                pause = self.timing.step(served, is_next).min(BATCH);
                if served == BATCH {
                    break;
                }
            }
            let Some(words) = self.ring.accept()? else {
                break;
            };
            served += 1;
            self.accepted(scope, Sqe::from_words(words));
        }
        if served > 0 {
            self.timing.served(served);
        }
        if self.held.len() > HELD_LOOK {
            self.let_go()?;
        }
        // Behind the requests: reports that never end would leave them no slot.
        Ok(served + self.retry(scope.counters, STALLED_LOOK)?)
    }

    #[inline]
    fn accepted(&mut self, scope: &mut Scope<'_, S>, sqe: Sqe) {
        // There is a slot: no more are in flight than there are completion slots.
        let Some(slot) = self.free.pop() else { return };
        scope.counters.accepted += 1;
        self.ledger.accepted(slot, &sqe.to_words(), self.ring.cursors());
        if let Some(completion) = self.answer(scope, &sqe, slot) {
            self.post(scope.counters, slot, sqe.user_data, completion);
        }
    }

    /// The answer, or `None` if the request became a task.
    #[inline]
    fn answer(
        &mut self,
        scope: &mut Scope<'_, S>,
        sqe: &Sqe,
        slot: u32,
    ) -> Option<Completion<S::Held>> {
        if let Err(errno) = scope.shared.check(sqe) {
            return Some(errno.into());
        }
        let kind = match sqe.opcode() {
            Opcode::Nop => return Some(shared::nop(sqe)),
            Opcode::Probe => {
                return Some(scope.shared.probe(sqe, |op| scope.service.supports(op)).into());
            }
            Opcode::Cancel => return Some(self.cancel(scope.counters, sqe)),
            Opcode::Timeout => match shared::timeout(sqe, scope.now) {
                Ok(at) => TaskKind::Timeout(at),
                Err(errno) => return Some(errno.into()),
            },
            _ => match scope.service.request(scope.session, sqe) {
                Answer::Now(completion) => return Some(completion),
                Answer::Later(mut future) => {
                    let (woken, waker) = waker(scope.hub);
                    match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                        Poll::Ready(completion) => return Some(completion),
                        Poll::Pending => TaskKind::Woken(Woken::Once(future), woken, waker),
                    }
                }
                Answer::Many(shots) => {
                    let (woken, waker) = waker(scope.hub);
                    waker.wake_by_ref();
                    TaskKind::Woken(Woken::Many(shots), woken, waker)
                }
            },
        };
        let (user_data, handle_word) = (sqe.user_data, sqe.handle().to_word());
        // How long something is watched for says nothing of the service.
        let is_many = matches!(kind, TaskKind::Woken(Woken::Many(..), ..));
        let begun = self.timing.put_off().filter(|_| !is_many);
        self.keep(slot, Task { user_data, handle_word, begun, kind });
        None
    }

    /// Posts the completion that ends a request.
    #[inline]
    fn post(
        &mut self,
        counters: &mut Counters,
        slot: u32,
        user_data: u64,
        completion: Completion<S::Held>,
    ) {
        counters.completed += 1;
        if completion.status.0 < 0 {
            counters.errors += 1;
        }
        let cqe = Cqe::new(user_data, completion.status, completion.flags, completion.aux);
        self.ledger.completing(slot);
        // Cannot fail: this request is in flight, so its slot is spoken for.
        if self.ring.complete(cqe.to_words()).is_ok() {
            let cursors = self.ring.cursors();
            self.ledger.completed(slot, cursors);
            self.free.push(slot);
            if let Some(held) = completion.held {
                self.held.push_back((cursors.cq_next, held));
            }
        }
    }

    /// Answers everything that is pending or still in the ring with an error, and executes
    /// nothing of it.
    pub(super) fn refuse_all(&mut self, counters: &mut Counters, errno: Errno) {
        self.end_where(counters, errno.into(), |_| true);
        // A client that goes on submitting meanwhile does not keep us here.
        for _ in 0..self.tasks.len() {
            let Ok(Some(words)) = self.ring.accept() else {
                break;
            };
            let sqe = Sqe::from_words(words);
            if let Some(slot) = self.free.pop() {
                counters.accepted += 1;
                self.ledger.accepted(slot, &sqe.to_words(), self.ring.cursors());
                self.post(counters, slot, sqe.user_data, errno.into());
            }
        }
    }

    /// Drops what is held for completions that the client has consumed.
    pub(super) fn let_go(&mut self) -> Result<(), Corrupt> {
        if self.held.is_empty() {
            return Ok(());
        }
        let consumed = self.ring.consumed_completions()?;
        while self.held.front().is_some_and(|(until, _)| *until <= consumed) {
            self.held.pop_front();
        }
        Ok(())
    }
}
