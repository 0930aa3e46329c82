//! One queue of a session as the reactor serves it: accept, answer or keep pending, complete, and
//! note each step in the ledger.

use super::answer::{Answer, Completion, DataService};
use super::executor::{TaskWaker, WakeHub};
use super::shared::{self, Shared};
use super::timing::Timing;
use crate::entry::{Cqe, Errno, Opcode, Sqe, Status};
use crate::ledger::Ledger;
use crate::memory::Owner;
use crate::platform::Instant;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use crossbeam_utils::CachePadded;
use rings::{Corrupt, ServiceQueue};

/// Most submissions taken from one queue in one turn.
const BATCH: u32 = 32;
/// Held results after which the client's progress is looked at.
const HELD_LOOK: usize = 32;

/// A request that is answered later.
struct Task<H> {
    user_data: u64,
    handle_word: u64,
    /// When it was accepted, if it is timed.
    begun: Option<Instant>,
    kind: TaskKind<H>,
}

enum TaskKind<H> {
    Timeout(Instant),
    Future(Pin<alloc::boxed::Box<dyn Future<Output = Completion<H>>>>, Arc<TaskWaker>, Waker),
}

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
    /// Slots with a future, in no order.
    futures: Vec<u32>,
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
            futures: Vec::new(),
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
        !self.futures.is_empty() || !self.timeouts.is_empty()
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
        Ok(served)
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
                    let woken = TaskWaker::new(scope.hub);
                    let waker = Waker::from(Arc::clone(&woken));
                    woken.take();
                    match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                        Poll::Ready(completion) => return Some(completion),
                        Poll::Pending => TaskKind::Future(future, woken, waker),
                    }
                }
            },
        };
        let (user_data, handle_word) = (sqe.user_data, sqe.handle().to_word());
        let begun = self.timing.put_off();
        self.keep(slot, Task { user_data, handle_word, begun, kind });
        None
    }

    fn keep(&mut self, slot: u32, task: Task<S::Held>) {
        match task.kind {
            TaskKind::Timeout(at) => {
                self.timeouts.push(slot);
                self.next_timeout = Some(self.next_timeout.map_or(at, |next| next.min(at)));
            }
            TaskKind::Future(..) => self.futures.push(slot),
        }
        if let Some(place) = self.tasks.get_mut(slot as usize) {
            *place = Some(task);
        }
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

    /// Polls the tasks that were woken; returns how many requests ended.
    pub(super) fn poll_woken(&mut self, counters: &mut Counters) -> u32 {
        let mut ended = 0;
        let mut at = 0;
        while let Some(&slot) = self.futures.get(at) {
            match self.poll_task(slot) {
                Some((user_data, completion)) => {
                    self.futures.swap_remove(at);
                    let begun = self.end_task(slot).and_then(|task| task.begun);
                    self.post(counters, slot, user_data, completion);
                    self.timing.record(begun);
                    ended += 1;
                }
                None => at += 1,
            }
        }
        ended
    }

    /// The user data and completion of a task that was woken and is now ready.
    fn poll_task(&mut self, slot: u32) -> Option<(u64, Completion<S::Held>)> {
        let task = self.tasks.get_mut(slot as usize)?.as_mut()?;
        match &mut task.kind {
            TaskKind::Future(future, woken, waker) if woken.take() => {
                match future.as_mut().poll(&mut Context::from_waker(waker)) {
                    Poll::Ready(completion) => Some((task.user_data, completion)),
                    Poll::Pending => None,
                }
            }
            _ => None,
        }
    }

    /// Completes the timeouts that are due; returns how many.
    pub(super) fn expire(&mut self, counters: &mut Counters, now: Instant) -> u32 {
        let ended = self.end_where(
            counters,
            Errno::ETIME.into(),
            |task| matches!(task.kind, TaskKind::Timeout(at) if at <= now),
        );
        self.next_timeout = self.timeouts.iter().filter_map(|slot| self.due(*slot)).min();
        ended
    }

    /// When the timeout in a slot is due.
    fn due(&self, slot: u32) -> Option<Instant> {
        match self.tasks.get(slot as usize)?.as_ref()?.kind {
            TaskKind::Timeout(at) => Some(at),
            TaskKind::Future(..) => None,
        }
    }

    /// An instant before which no timeout is due.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.next_timeout
    }

    fn cancel(&mut self, counters: &mut Counters, sqe: &Sqe) -> Completion<S::Held> {
        let target = match shared::CancelTarget::parse(sqe) {
            Ok(target) => target,
            Err(errno) => return errno.into(),
        };
        let cancelled = self.end_where(counters, Errno::ECANCELED.into(), |task| match target {
            shared::CancelTarget::UserData(user_data) => task.user_data == user_data,
            shared::CancelTarget::Handle(handle) => task.handle_word == handle.to_word(),
            shared::CancelTarget::All => true,
        });
        if cancelled == 0 {
            return Errno::ENOENT.into();
        }
        Completion::new(Status::count(cancelled))
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

    fn end_where(
        &mut self,
        counters: &mut Counters,
        status: Status,
        chosen: impl Fn(&Task<S::Held>) -> bool,
    ) -> u32 {
        let tasks = &self.tasks;
        let ends = |slot: &mut u32| {
            tasks.get(*slot as usize).and_then(Option::as_ref).is_some_and(&chosen)
        };
        let mut ended: Vec<u32> = self.futures.extract_if(.., ends).collect();
        ended.extend(self.timeouts.extract_if(.., ends));
        for slot in &ended {
            if let Some(task) = self.end_task(*slot) {
                self.post(counters, *slot, task.user_data, Completion::new(status));
                self.timing.record(task.begun);
            }
        }
        u32::try_from(ended.len()).unwrap_or(u32::MAX)
    }

    fn end_task(&mut self, slot: u32) -> Option<Task<S::Held>> {
        self.tasks.get_mut(slot as usize)?.take()
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
