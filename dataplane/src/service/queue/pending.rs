//! The requests of a queue that are not answered at once: kept, gone on with when they are woken or
//! their client makes room, timed out, cancelled.

use super::QueueState;
use crate::entry::{Cqe, CqeFlags, Errno, Sqe, Status};
use crate::platform::Instant;
use crate::service::answer::{Completion, DataService, Shot, Shots};
use crate::service::executor::{TaskWaker, WakeHub};
use crate::service::queue::Counters;
use crate::service::shared;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use rings::Corrupt;

/// Most completions with more to come of one request that are posted at a time.
const MOST_SHOTS: u32 = 32;

/// A request that is answered later.
pub(super) struct Task<H> {
    pub(super) user_data: u64,
    pub(super) handle_word: u64,
    /// When it was accepted, if it is timed.
    pub(super) begun: Option<Instant>,
    pub(super) kind: TaskKind<H>,
}

pub(super) enum TaskKind<H> {
    Timeout(Instant),
    Woken(Woken<H>, Arc<TaskWaker>, Waker),
}

/// User data and completion that end a request.
type Last<H> = (u64, Completion<H>);

/// What goes on when it is woken.
pub(super) enum Woken<H> {
    Once(Pin<Box<dyn Future<Output = Completion<H>>>>),
    Many(Box<dyn Shots<H>>),
}

impl<S: DataService> QueueState<S> {
    pub(super) fn keep(&mut self, slot: u32, task: Task<S::Held>) {
        match task.kind {
            TaskKind::Timeout(at) => {
                self.timeouts.push(slot);
                self.next_timeout = Some(self.next_timeout.map_or(at, |next| next.min(at)));
            }
            TaskKind::Woken(..) => self.woken.push(slot),
        }
        if let Some(place) = self.tasks.get_mut(slot as usize) {
            *place = Some(task);
        }
    }

    /// Goes on with the requests that were woken; returns how many completions were posted.
    pub(in crate::service) fn poll_woken(&mut self, counters: &mut Counters) -> u32 {
        let mut posted = 0;
        let mut at = 0;
        while let Some(&slot) = self.woken.get(at) {
            let task = self.tasks.get(slot as usize).and_then(Option::as_ref);
            let is_woken = task.is_some_and(
                |task| matches!(&task.kind, TaskKind::Woken(_, woken, _) if woken.take()),
            );
            let (count, ended) = if is_woken { self.go_on(counters, slot) } else { (0, false) };
            posted += count;
            if ended {
                self.woken.swap_remove(at);
            } else {
                at += 1;
            }
        }
        posted
    }

    /// Goes on with up to so many of the requests that wait for the client to make room; returns
    /// how many completions were posted.
    ///
    /// # Errors
    /// [`Corrupt`]: the session must be ended.
    #[inline]
    pub(in crate::service) fn retry(
        &mut self,
        counters: &mut Counters,
        most: usize,
    ) -> Result<u32, Corrupt> {
        if self.stalled.is_empty() { Ok(0) } else { self.retry_stalled(counters, most) }
    }

    #[cold]
    fn retry_stalled(&mut self, counters: &mut Counters, most: usize) -> Result<u32, Corrupt> {
        self.ring.has_room_for_more()?;
        let mut posted = 0;
        for _ in 0..most.min(self.stalled.len()) {
            let Some(slot) = self.stalled.pop_front() else { break };
            if let Some(is_stalled) = self.is_stalled.get_mut(slot as usize) {
                *is_stalled = false;
            }
            // What waited may have ended, and another request have its slot.
            let task = self.tasks.get(slot as usize).and_then(Option::as_ref);
            let is_many = |task: &Task<_>| matches!(task.kind, TaskKind::Woken(Woken::Many(_), ..));
            if !task.is_some_and(is_many) {
                continue;
            }
            let (count, ended) = self.go_on(counters, slot);
            posted += count;
            if ended {
                self.woken.retain(|woken| *woken != slot);
            }
        }
        Ok(posted)
    }

    /// Goes on with a request: how many completions were posted, and whether it has ended.
    fn go_on(&mut self, counters: &mut Counters, slot: u32) -> (u32, bool) {
        let (posted, last) = self.poll_task(slot);
        let Some((user_data, completion)) = last else { return (posted, false) };
        let begun = self.end_task(slot).and_then(|task| task.begun);
        self.post(counters, slot, user_data, completion);
        self.timing.record(begun);
        (posted + 1, true)
    }

    /// Polls a task: how many completions with more to come it has posted, and its user data and
    /// last completion, if it has ended.
    fn poll_task(&mut self, slot: u32) -> (u32, Option<Last<S::Held>>) {
        let Some(task) = self.tasks.get_mut(slot as usize).and_then(Option::as_mut) else {
            return (0, None);
        };
        let TaskKind::Woken(kind, _, waker) = &mut task.kind else { return (0, None) };
        let mut context = Context::from_waker(waker);
        let shots = match kind {
            Woken::Once(future) => {
                return match future.as_mut().poll(&mut context) {
                    Poll::Ready(completion) => (0, Some((task.user_data, completion))),
                    Poll::Pending => (0, None),
                };
            }
            Woken::Many(shots) => shots,
        };
        for posted in 0..MOST_SHOTS {
            // A head that cannot be is found once more when the session is served.
            let shot = if self.ring.has_room_for_more().unwrap_or(false) {
                shots.next(&mut context)
            } else {
                shots.last(&mut context).map_or(Shot::NoRoom, Shot::Last)
            };
            match shot {
                Shot::More(completion) => {
                    let flags = completion.flags | CqeFlags::MORE;
                    let cqe = Cqe::new(task.user_data, completion.status, flags, completion.aux);
                    // Cannot fail: there is room.
                    if self.ring.complete_more(cqe.to_words()).is_ok() {
                        self.ledger.posted(self.ring.cursors());
                    }
                }
                Shot::Last(completion) => return (posted, Some((task.user_data, completion))),
                Shot::Waiting => return (posted, None),
                Shot::NoRoom => {
                    let place = self.is_stalled.get_mut(slot as usize);
                    if place.is_some_and(|place| !core::mem::replace(place, true)) {
                        self.stalled.push_back(slot);
                    }
                    return (posted, None);
                }
            }
        }
        // Others have their turn.
        waker.wake_by_ref();
        (MOST_SHOTS, None)
    }

    /// Completes the timeouts that are due; returns how many.
    pub(in crate::service) fn expire(&mut self, counters: &mut Counters, now: Instant) -> u32 {
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
            TaskKind::Woken(..) => None,
        }
    }

    /// An instant before which no timeout is due.
    pub(in crate::service) fn next_timeout(&self) -> Option<Instant> {
        self.next_timeout
    }

    pub(super) fn cancel(&mut self, counters: &mut Counters, sqe: &Sqe) -> Completion<S::Held> {
        let target = match shared::CancelTarget::parse(sqe) {
            Ok(target) => target,
            Err(errno) => return errno.into(),
        };
        // What has had its outcome is answered with that, and not as if nothing had happened.
        self.poll_woken(counters);
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

    pub(super) fn end_where(
        &mut self,
        counters: &mut Counters,
        status: Status,
        chosen: impl Fn(&Task<S::Held>) -> bool,
    ) -> u32 {
        let tasks = &self.tasks;
        let ends = |slot: &mut u32| {
            tasks.get(*slot as usize).and_then(Option::as_ref).is_some_and(&chosen)
        };
        let mut ended: Vec<u32> = self.woken.extract_if(.., ends).collect();
        ended.extend(self.timeouts.extract_if(.., ends));
        if self.timeouts.is_empty() {
            self.next_timeout = None;
        }
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
}

/// A flag that is raised when a task is woken, not raised yet, and what raises it.
pub(super) fn waker(hub: &Arc<WakeHub>) -> (Arc<TaskWaker>, Waker) {
    let woken = TaskWaker::new(hub);
    woken.take();
    let waker = Waker::from(Arc::clone(&woken));
    (woken, waker)
}
