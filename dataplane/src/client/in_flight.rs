//! The client's own table of requests: what completions are matched against.

use crate::entry::{CqeFlags, Status};
use alloc::vec::Vec;
use core::task::Waker;

/// Names a request of a queue until its last completion was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub(super) u64);

impl Ticket {
    /// The user data of the request's entry.
    #[must_use]
    pub fn user_data(self) -> u64 {
        self.0
    }
}

/// A completion, matched and clamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The request.
    pub ticket: Ticket,
    /// Outcome; a count is never more than was asked for.
    pub status: Status,
    /// Flags; MORE says that the ticket stays valid.
    pub flags: CqeFlags,
    /// Second result.
    pub aux: u64,
}

#[derive(Debug)]
struct Entry {
    generation: u32,
    state: State,
    /// The largest count that can be true.
    most: u32,
    shots: Shots,
}

/// How many completions a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shots {
    One,
    Many,
}

#[derive(Debug)]
enum State {
    Free,
    Waiting(Option<Waker>),
    /// Nobody waits for it any more.
    Forgotten,
    /// Completed, and not taken yet by the one who asked.
    Done(Done),
}

#[derive(Debug)]
pub(super) struct InFlight {
    entries: Vec<Entry>,
    free: Vec<u32>,
}

/// A completion for a request that is not in flight.
#[derive(Debug)]
pub(super) struct Unknown;

impl InFlight {
    pub(super) fn new(slots: u32) -> Self {
        let entry = |_| Entry { generation: 1, state: State::Free, most: 0, shots: Shots::One };
        Self { entries: (0..slots).map(entry).collect(), free: (0..slots).rev().collect() }
    }

    /// The ticket that the next [`InFlight::start`] returns.
    #[inline]
    pub(super) fn next(&self) -> Option<Ticket> {
        let slot = *self.free.last()?;
        let generation = self.entries.get(slot as usize)?.generation;
        Some(Ticket(u64::from(slot) | u64::from(generation) << 32))
    }

    #[inline]
    pub(super) fn start(&mut self, most: u32, shots: Shots) {
        if let Some(entry) = self.free.pop().and_then(|slot| self.entries.get_mut(slot as usize)) {
            entry.state = State::Waiting(None);
            entry.most = most;
            entry.shots = shots;
        }
    }

    #[inline]
    fn entry(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        let (slot, generation) = split(ticket);
        self.entries.get_mut(slot as usize).filter(|entry| entry.generation == generation)
    }

    /// Checks a completion: one of a request that waits, with more to come only if that was asked
    /// for, and with a count that can be true.
    #[inline]
    pub(super) fn check(&mut self, mut done: Done) -> Result<Done, Unknown> {
        let entry = self.entry(done.ticket).ok_or(Unknown)?;
        let surplus = done.flags.contains(CqeFlags::MORE) && entry.shots == Shots::One;
        if surplus || !matches!(entry.state, State::Waiting(_) | State::Forgotten) {
            return Err(Unknown);
        }
        if let Ok(count) = done.status.result() {
            done.status = Status::count(count.min(entry.most));
        }
        Ok(done)
    }

    /// Whether nobody wants the completions of a request.
    #[inline]
    pub(super) fn is_forgotten(&mut self, ticket: Ticket) -> bool {
        self.entry(ticket).is_some_and(|entry| matches!(entry.state, State::Forgotten))
    }

    /// Nobody wants the completions of a request from now on; true if one had been kept.
    pub(super) fn forget(&mut self, ticket: Ticket) -> bool {
        match self.entry(ticket).map(|entry| &mut entry.state) {
            Some(State::Done(_)) => {
                self.end(ticket);
                true
            }
            Some(state @ State::Waiting(_)) => {
                *state = State::Forgotten;
                false
            }
            _ => false,
        }
    }

    /// Ends a request whose completion was taken.
    #[inline]
    pub(super) fn end(&mut self, ticket: Ticket) {
        if let Some(entry) = self.entry(ticket) {
            entry.state = State::Free;
            entry.generation = entry.generation.checked_add(1).unwrap_or(1);
            self.free.push(split(ticket).0);
        }
    }

    /// Ends a request unless more completions follow.
    #[inline]
    pub(super) fn end_if_last(&mut self, done: &Done) {
        if !done.flags.contains(CqeFlags::MORE) {
            self.end(done.ticket);
        }
    }

    /// Keeps a completion for the one who asked, and wakes the task that waits for it.
    pub(super) fn keep(&mut self, done: Done) {
        if let Some(entry) = self.entry(done.ticket)
            && let State::Waiting(Some(waker)) =
                core::mem::replace(&mut entry.state, State::Done(done))
        {
            waker.wake();
        }
    }

    /// Takes a completion that was kept.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Done> {
        match self.entry(ticket)?.state {
            State::Done(done) => {
                self.end(ticket);
                Some(done)
            }
            _ => None,
        }
    }

    /// Takes any completion that was kept.
    pub(super) fn take_any(&mut self) -> Option<Done> {
        let done = self.entries.iter().find_map(|entry| match entry.state {
            State::Done(done) => Some(done),
            _ => None,
        })?;
        self.end(done.ticket);
        Some(done)
    }

    /// Wakes this task when the completion comes; false if the request is not in flight.
    pub(super) fn wake_with(&mut self, ticket: Ticket, waker: &Waker) -> bool {
        match self.entry(ticket).map(|entry| &mut entry.state) {
            Some(State::Waiting(place)) => {
                *place = Some(waker.clone());
                true
            }
            _ => false,
        }
    }

    /// Forgets every request that waits, and wakes its task: the session is over, and nothing that
    /// the service still writes is an answer.
    pub(super) fn abandon(&mut self) {
        for entry in &mut self.entries {
            let waker = match &mut entry.state {
                State::Waiting(place) => place.take(),
                State::Forgotten => None,
                State::Free | State::Done(_) => continue,
            };
            entry.state = State::Free;
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves of the word")]
fn split(ticket: Ticket) -> (u32, u32) {
    (ticket.0 as u32, (ticket.0 >> 32) as u32)
}
