//! The client's own table of requests: what completions are matched against.

use crate::entry::{CqeFlags, Status};
use crate::file::WatchRecord;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::task::Waker;

/// Most completions with more to come that are kept for one request: each names a slot that the
/// client has not read yet, so no honest service sends more.
const MOST_EARLY: usize = WatchRecord::MOST_SLOTS;

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
    /// Completions with more to come that nobody has taken yet, oldest first.
    early: VecDeque<Done>,
}

impl Entry {
    fn free() -> Self {
        Self {
            generation: 1,
            state: State::Free,
            most: 0,
            shots: Shots::One,
            early: VecDeque::new(),
        }
    }
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
    /// Requests with many completions whose last one was not consumed yet.
    many: u64,
}

/// A completion that no honest service sends: for a request that is not in flight, or one too many.
#[derive(Debug)]
pub(super) struct Unknown;

impl InFlight {
    pub(super) fn new(slots: u32) -> Self {
        let entries = (0..slots).map(|_| Entry::free()).collect();
        Self { entries, free: (0..slots).rev().collect(), many: 0 }
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
            self.many += u64::from(shots == Shots::Many);
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

    /// Requests that can be in flight.
    pub(super) fn slots(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Requests in flight that have many completions, and so end only when they are told to.
    pub(super) fn many(&self) -> u64 {
        self.many
    }

    /// A completion was taken out of the ring.
    #[inline]
    pub(super) fn consumed(&mut self, done: &Done) {
        if self.many > 0
            && !done.flags.contains(CqeFlags::MORE)
            && self.entry(done.ticket).is_some_and(|entry| entry.shots == Shots::Many)
        {
            self.many -= 1;
        }
    }

    /// Whether nobody wants the completions of a request.
    #[inline]
    pub(super) fn is_forgotten(&mut self, ticket: Ticket) -> bool {
        self.entry(ticket).is_some_and(|entry| matches!(entry.state, State::Forgotten))
    }

    /// Nobody wants the completions of a request from now on; says how many had been kept.
    pub(super) fn forget(&mut self, ticket: Ticket) -> usize {
        let Some(entry) = self.entry(ticket) else { return 0 };
        let early = core::mem::take(&mut entry.early).len();
        match &mut entry.state {
            State::Done(_) => {
                self.end(ticket);
                early + 1
            }
            state @ State::Waiting(_) => {
                *state = State::Forgotten;
                early
            }
            State::Free | State::Forgotten => early,
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
    ///
    /// # Errors
    /// [`Unknown`]: there cannot be so many of one request.
    pub(super) fn keep(&mut self, done: Done) -> Result<(), Unknown> {
        let entry = self.entry(done.ticket).ok_or(Unknown)?;
        let more = done.flags.contains(CqeFlags::MORE);
        let next = if more { State::Waiting(None) } else { State::Done(done) };
        if more && entry.early.len() >= MOST_EARLY {
            return Err(Unknown);
        }
        if more {
            entry.early.push_back(done);
        }
        if let State::Waiting(Some(waker)) = core::mem::replace(&mut entry.state, next) {
            waker.wake();
        }
        Ok(())
    }

    /// Takes the oldest completion of a request that was kept.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Done> {
        let entry = self.entry(ticket)?;
        if let Some(done) = entry.early.pop_front() {
            return Some(done);
        }
        match entry.state {
            State::Done(done) => {
                self.end(ticket);
                Some(done)
            }
            _ => None,
        }
    }

    /// Takes any completion that was kept.
    pub(super) fn take_any(&mut self) -> Option<Done> {
        let ticket =
            self.entries.iter().find_map(|entry| match (entry.early.front(), &entry.state) {
                (Some(done), _) | (None, State::Done(done)) => Some(done.ticket),
                _ => None,
            })?;
        self.take(ticket)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn start(table: &mut InFlight, shots: Shots) -> Ticket {
        let ticket = table.next().unwrap();
        table.start(u32::MAX, shots);
        ticket
    }

    fn done(ticket: Ticket, aux: u64, flags: CqeFlags) -> Done {
        Done { ticket, status: Status::OK, flags, aux }
    }

    fn put_aside(table: &mut InFlight, done: Done) -> bool {
        table.check(done).is_ok_and(|done| table.keep(done).is_ok())
    }

    #[test]
    fn completions_with_more_to_come_are_kept_in_order() {
        let mut table = InFlight::new(2);
        let ticket = start(&mut table, Shots::Many);
        let other = start(&mut table, Shots::One);
        for aux in 0..3 {
            assert!(put_aside(&mut table, done(ticket, aux, CqeFlags::MORE)));
        }
        assert!(put_aside(&mut table, done(other, 9, CqeFlags::empty())));
        assert!(put_aside(&mut table, done(ticket, 3, CqeFlags::empty())));
        // It has ended.
        assert!(!put_aside(&mut table, done(ticket, 4, CqeFlags::MORE)));
        let order: Vec<u64> = (0..4).filter_map(|_| table.take(ticket)).map(|d| d.aux).collect();
        assert_eq!(order, [0, 1, 2, 3]);
        assert_eq!(table.take(ticket), None);
        assert_eq!(table.take_any().map(|done| done.aux), Some(9));
        assert_eq!(table.take_any(), None);
        let again = start(&mut table, Shots::One);
        assert!(again != ticket && again != other);
        assert!(!put_aside(&mut table, done(again, 0, CqeFlags::MORE)), "only one was asked for");
    }

    #[test]
    fn what_nobody_takes_is_bounded() {
        let mut table = InFlight::new(2);
        let ticket = start(&mut table, Shots::Many);
        let kept = (0..100).filter(|n| put_aside(&mut table, done(ticket, *n, CqeFlags::MORE)));
        assert_eq!(kept.count(), MOST_EARLY);
        assert_eq!(table.take(ticket).map(|done| done.aux), Some(0));
        assert!(put_aside(&mut table, done(ticket, 100, CqeFlags::MORE)));
        assert_eq!(table.forget(ticket), MOST_EARLY);
        assert!(table.is_forgotten(ticket));
        table.end_if_last(&done(ticket, 0, CqeFlags::empty()));
        let second = start(&mut table, Shots::Many);
        assert!(put_aside(&mut table, done(second, 1, CqeFlags::MORE)));
        assert!(put_aside(&mut table, done(second, 2, CqeFlags::empty())));
        assert_eq!(table.forget(second), 2);
        assert_eq!(table.take_any(), None);
    }
}
