//! Serves many sessions from one thread: a bounded batch a queue and turn, sessions without
//! traffic set aside, and sleep only when every session is.
//!
//! A session is *active* while it has traffic or had some lately: its queues are looked at in
//! every turn. Otherwise it is *parked*: its `need_wakeup` words are armed, and nothing looks at it
//! but a glance now and then while others are served, until its doorbell rings.

use super::answer::DataService;
use super::executor::{TaskWaker, WakeHub};
use super::queue::{Counters, Scope};
use super::session::{OpenError, SessionParts, SessionState};
use super::statistics::Statistics;
use crate::entry::{Errno, Handle};
use crate::platform::{Instant, Poller, Token, Waiting};
use crate::session::{Credentials, SessionId};
use crate::wait::Pace;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Waker};

/// Turns between two looks at the clock, and perhaps at sources other than the active rings.
const TURNS_PER_LOOK: u32 = 64;
/// Requests after which those are looked at, however few turns they took.
const REQUESTS_PER_LOOK: u32 = 256;
/// Most requests of one turn; sessions that were not reached come first in the next. However many
/// sessions a client has, the broker is heard in time.
const MOST_PER_TURN: u32 = 512;
/// How long parked sessions and timeouts may wait while there is traffic, ns.
const GLANCE_INTERVAL_NS: u64 = 50_000;
/// Parked sessions looked at each time: a word each that stays in the cache.
const GLANCED: usize = 64;
/// How long all other sources may wait while there is traffic, ns: to look at them takes a system
/// call, so it is done less often than once in a thousand requests.
const LOOK_INTERVAL_NS: u64 = 400_000;

/// A session that the reactor itself has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The session.
    pub session: SessionId,
    /// Why.
    pub errno: Errno,
}

struct BackgroundTask {
    future: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<TaskWaker>,
}

impl BackgroundTask {
    /// Whether it has ended.
    fn poll_if_woken(&mut self) -> bool {
        let waker = Waker::from(Arc::clone(&self.woken));
        self.woken.take() && self.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
    }
}

/// The event loop of a service's data plane; one thread owns it.
pub struct Reactor<S: DataService> {
    service: Rc<S>,
    waiting: Arc<dyn Waiting>,
    poller: Box<dyn Poller>,
    hub: Arc<WakeHub>,
    /// By slot; a slot stays a session's own until it ends.
    sessions: Vec<Option<SessionState<S>>>,
    slots: BTreeMap<SessionId, usize>,
    free: Vec<usize>,
    /// Slots of sessions that are looked at in every turn.
    active: Vec<usize>,
    /// The sessions that have timeouts: an instant before which none is due, and the slot.
    due: BTreeSet<(Instant, usize)>,
    /// What was done for sessions that have ended.
    past: Statistics,
    ready: Vec<Token>,
    ended: Vec<Ended>,
    /// Tasks of the service's own.
    tasks: Vec<BackgroundTask>,
    turns: u32,
    /// Requests served since the last look.
    served: u32,
    /// Where in `active` the next turn begins.
    first: usize,
    /// When parked sessions, and when all sources, were looked at last.
    glanced: Instant,
    looked: Instant,
    /// The slot that the next glance begins with.
    next_glance: usize,
    /// Whether no request is accepted.
    paused: bool,
    /// When its user has something to do.
    alarm: Option<Instant>,
}

impl<S: DataService> Reactor<S> {
    /// A reactor without sessions.
    pub fn new(service: Rc<S>, waiting: Arc<dyn Waiting>, poller: Box<dyn Poller>) -> Self {
        let hub = WakeHub::new(poller.waker());
        let looked = waiting.now();
        Self {
            service,
            waiting,
            poller,
            hub,
            sessions: Vec::new(),
            slots: BTreeMap::new(),
            free: Vec::new(),
            active: Vec::new(),
            due: BTreeSet::new(),
            past: Statistics::default(),
            ready: Vec::new(),
            ended: Vec::new(),
            tasks: Vec::new(),
            turns: 0,
            served: 0,
            first: 0,
            glanced: looked,
            looked,
            next_glance: 0,
            paused: false,
            alarm: None,
        }
    }

    /// For watching further sources; their tokens must be above [`SessionId`]s in use.
    #[must_use]
    pub fn poller(&self) -> &dyn Poller {
        &*self.poller
    }

    /// Counts since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut total = self.past.counters;
        self.sessions.iter().flatten().for_each(|state| total += state.counters());
        total
    }

    /// What was done for each session from this number on, in ascending order. Number 0 stands for
    /// all that have ended.
    pub fn statistics(&self, from: SessionId) -> impl Iterator<Item = Statistics> {
        let past = (from == SessionId::default()).then(|| self.past.clone());
        let slots = self.slots.range(from..).filter_map(|(_, slot)| self.sessions.get(*slot));
        past.into_iter().chain(slots.flatten().map(SessionState::statistics))
    }

    /// Sessions now.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.slots.len()
    }

    /// Takes up a session that the broker has made, and returns the handle that its client starts
    /// from.
    ///
    /// # Errors
    /// [`OpenError`]; nothing is left of the session then.
    pub fn open(&mut self, parts: SessionParts) -> Result<Handle, OpenError> {
        let id = parts.info.id;
        let (state, root) = SessionState::open(&self.service, parts, &self.waiting)?;
        if self.poller.add(state.doorbell(), Token(id.0)).is_err() {
            self.service.close_session(state.session());
            return Err(OpenError::Resources);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.sessions.push(None);
            self.sessions.len() - 1
        });
        if let Some(place) = self.sessions.get_mut(slot) {
            *place = Some(state);
        }
        self.slots.insert(id, slot);
        self.active.push(slot);
        Ok(root)
    }

    /// Ends a session: its pending requests are dropped unanswered, its state says `errno`.
    pub fn close(&mut self, id: SessionId, errno: Option<Errno>) {
        let Some(slot) = self.slots.remove(&id) else { return };
        self.active.retain(|active| *active != slot);
        self.free.push(slot);
        if let Some(state) = self.sessions.get_mut(slot).and_then(Option::take) {
            if let Some(noted) = state.noted {
                self.due.remove(&(noted, slot));
            }
            self.poller.remove(state.doorbell());
            self.past += &state.statistics();
            let session = state.close(&*self.waiting, errno);
            self.service.close_session(&session);
        }
    }

    /// Revokes a session: what is pending or queued is answered with EKEYREVOKED, and when this
    /// returns nothing of it will be executed any more.
    pub fn revoke(&mut self, id: SessionId) {
        if let Some(state) = state(&mut self.sessions, self.slots.get(&id).copied()) {
            state.refuse_all(Errno::EKEYREVOKED);
            self.close(id, Some(Errno::EKEYREVOKED));
        }
    }

    /// Accepts no request until [`Reactor::resume`]: what clients submit waits in the rings. What
    /// was accepted before goes on.
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// A turn that waits does so at most until then.
    pub fn set_alarm(&mut self, at: Option<Instant>) {
        self.alarm = at;
    }

    /// Accepts requests again.
    pub fn resume(&mut self) {
        self.paused = false;
    }

    /// Requests of a session accepted from now on that name `index` act as somebody.
    ///
    /// # Errors
    /// ENOENT: no such session. EINVAL: index 0, beyond the next, or beyond [`Credentials::MOST`].
    /// The service's.
    pub fn set_credential(
        &mut self,
        id: SessionId,
        index: u16,
        credentials: Credentials,
    ) -> Result<(), Errno> {
        let state = state(&mut self.sessions, self.slots.get(&id).copied());
        state.ok_or(Errno::ENOENT)?.set_credential(&self.service, index, credentials)
    }

    /// Runs a task of the service's own on this thread, until it ends.
    pub fn spawn(&mut self, future: Pin<Box<dyn Future<Output = ()>>>) {
        let woken = TaskWaker::new(&self.hub);
        let waker = Waker::from(Arc::clone(&woken));
        self.tasks.push(BackgroundTask { future, woken });
        waker.wake();
    }

    /// One turn: serves what is there; waits if nothing is. Appends the tokens of sources that
    /// are not sessions to `others`, and returns the sessions that were ended for cause.
    pub fn turn(&mut self, others: &mut Vec<Token>) -> Vec<Ended> {
        let served = self.serve_active() + self.poll_tasks();
        self.turns = self.turns.wrapping_add(1);
        self.served = self.served.saturating_add(served);
        if self.turns.is_multiple_of(TURNS_PER_LOOK) || self.served >= REQUESTS_PER_LOOK {
            self.served = 0;
            let now = self.waiting.now();
            if now.since_ns(self.looked) >= LOOK_INTERVAL_NS {
                self.look(now, others);
            } else if now.since_ns(self.glanced) >= GLANCE_INTERVAL_NS {
                self.glance(now);
            }
        }
        // What was found for others must not wait for the end of a sleep.
        if served == 0 && self.ended.is_empty() && others.is_empty() {
            self.rest(others);
        }
        core::mem::take(&mut self.ended)
    }

    /// Serves every active session once, or as many as one turn may; returns the number of
    /// requests.
    fn serve_active(&mut self) -> u32 {
        if self.paused {
            return 0;
        }
        let mut served = 0;
        let mut corrupt = Vec::new();
        let count = self.active.len();
        let first = core::mem::take(&mut self.first).min(count);
        for place in (first..count).chain(0..first) {
            if served >= MOST_PER_TURN {
                self.first = place;
                break;
            }
            let Some(&slot) = self.active.get(place) else { continue };
            let Some(state) = state(&mut self.sessions, Some(slot)) else { continue };
            let (session, shared, queues, counters) = state.split();
            let waiting = &*self.waiting;
            let mut scope = Scope {
                service: &self.service,
                session,
                shared,
                hub: &self.hub,
                now: &|| waiting.now(),
                counters,
            };
            match queues.serve(&mut scope, waiting) {
                Ok(0) => {}
                Ok(count) => {
                    served += count;
                    state.busy();
                    note_due(&mut self.due, state, slot);
                }
                Err(_) => corrupt.push(slot),
            }
        }
        for slot in corrupt {
            self.quarantine(slot);
        }
        served
    }

    #[cold]
    fn quarantine(&mut self, slot: usize) {
        let named = |(_, at): &(&SessionId, &usize)| **at == slot;
        let Some(id) = self.slots.iter().find(named).map(|(id, _)| *id) else { return };
        self.past.counters.quarantined += 1;
        self.close(id, Some(Errno::EPROTO));
        self.ended.push(Ended { session: id, errno: Errno::EPROTO });
    }

    fn poll_tasks(&mut self) -> u32 {
        if !self.hub.take_any() {
            return 0;
        }
        // A task that has ended counts: the caller may have waited for it, so no rest now.
        let mut served = 0;
        self.tasks.retain_mut(|task| {
            let ended = task.poll_if_woken();
            served += u32::from(ended);
            !ended
        });
        let waiting = &*self.waiting;
        for state in self.sessions.iter_mut().flatten() {
            served += state.poll_woken(waiting);
        }
        served
    }

    /// Looks at timeouts, and at the rings of some parked sessions.
    fn glance(&mut self, now: Instant) {
        self.glanced = now;
        self.expire(now);
        for _ in 0..GLANCED.min(self.sessions.len()) {
            self.next_glance = (self.next_glance + 1) % self.sessions.len();
            if let Some(state) = state(&mut self.sessions, Some(self.next_glance))
                && state.is_ready()
                && state.unpark(now)
            {
                self.active.push(self.next_glance);
            }
        }
    }

    /// Looks at timeouts and at all sources, without waiting.
    fn look(&mut self, now: Instant, others: &mut Vec<Token>) {
        (self.looked, self.glanced) = (now, now);
        self.expire(now);
        self.poller.wait(Some(Instant(0)), &mut self.ready);
        self.dispatch(others);
    }

    fn expire(&mut self, now: Instant) {
        while let Some(&(at, slot)) = self.due.first()
            && at <= now
        {
            self.due.pop_first();
            if let Some(state) = state(&mut self.sessions, Some(slot)) {
                state.noted = None;
                state.expire(now, &*self.waiting);
                note_due(&mut self.due, state, slot);
            }
        }
    }

    /// Nothing was there to do: spins, yields, parks sessions, sleeps.
    fn rest(&mut self, others: &mut Vec<Token>) {
        if self.paused {
            return self.sleep(others);
        }
        let mut pace = Pace::Sleep;
        let mut reading = None;
        let mut at = 0;
        while let Some(&slot) = self.active.get(at) {
            let Some(state) = state(&mut self.sessions, Some(slot)) else {
                self.active.swap_remove(at);
                continue;
            };
            let waiting = &*self.waiting;
            let wanted =
                state.pace(|| *reading.get_or_insert_with(|| (waiting.now(), waiting.cpu())));
            if wanted == Pace::Sleep && state.park(waiting.now(), waiting) {
                self.active.swap_remove(at);
                continue;
            }
            pace = quicker(pace, wanted);
            at += 1;
        }
        match pace {
            _ if self.active.is_empty() => self.sleep(others),
            Pace::Spin => core::hint::spin_loop(),
            Pace::Yield | Pace::Sleep => self.waiting.yield_now(),
        }
    }

    fn sleep(&mut self, others: &mut Vec<Token>) {
        if self.hub.arm() {
            let due = self.due.first().map(|(at, _)| *at);
            let deadline = due.into_iter().chain(self.alarm).min();
            self.poller.wait(deadline, &mut self.ready);
        }
        self.hub.disarm();
        self.looked = self.waiting.now();
        self.glanced = self.looked;
        self.expire(self.looked);
        self.dispatch(others);
    }

    fn dispatch(&mut self, others: &mut Vec<Token>) {
        for token in self.ready.drain(..) {
            let slot = self.slots.get(&SessionId(token.0)).copied();
            match (state(&mut self.sessions, slot), slot) {
                (Some(state), Some(slot)) => {
                    if state.unpark(self.looked) {
                        self.active.push(slot);
                    }
                }
                _ => others.push(token),
            }
        }
    }
}

/// The session in a slot.
#[inline]
fn state<S: DataService>(
    sessions: &mut [Option<SessionState<S>>],
    slot: Option<usize>,
) -> Option<&mut SessionState<S>> {
    sessions.get_mut(slot?)?.as_mut()
}

/// Keeps what is known of a session's timeouts up to date.
#[inline]
fn note_due<S: DataService>(
    due: &mut BTreeSet<(Instant, usize)>,
    state: &mut SessionState<S>,
    slot: usize,
) {
    let next = state.next_timeout();
    if next == state.noted {
        return;
    }
    if let Some(noted) = state.noted {
        due.remove(&(noted, slot));
    }
    due.extend(next.map(|at| (at, slot)));
    state.noted = next;
}

/// A yield helps a peer on this processor, so it goes before spinning; spinning before sleep.
fn quicker(a: Pace, b: Pace) -> Pace {
    match (a, b) {
        (Pace::Yield, _) | (_, Pace::Yield) => Pace::Yield,
        (Pace::Spin, _) | (_, Pace::Spin) => Pace::Spin,
        _ => Pace::Sleep,
    }
}
