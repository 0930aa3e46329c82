//! All locks of all files, and the queue of each file.

use super::ranges::{Kind, Lock, Ranges, Span};
use crate::error::Result;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::task::Waker;
use dataplane::SessionId;
use dataplane::entry::{Errno, Handle};

/// Whose locks replace each other and are never in each other's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A number that a session has chosen.
    Number(SessionId, u64),
    /// A handle of a session, by its word.
    Handle(SessionId, u64),
}

impl Owner {
    /// The session that it is of.
    pub(crate) fn session(self) -> SessionId {
        match self {
            Self::Number(session, _) | Self::Handle(session, _) => session,
        }
    }
}

/// Who asks for what of which file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    /// The file, by its inode's id.
    pub(crate) file: u64,
    /// Who.
    pub(crate) owner: Owner,
    /// The handle that it asks through.
    pub(crate) through: Handle,
    /// Most that may be remembered for its session: locks, and the handles that each owner has
    /// locks through.
    pub(crate) most: usize,
}

/// A lock in the way of another, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InTheWay {
    /// Whose.
    pub(crate) owner: Owner,
    /// What.
    pub(crate) lock: Lock,
}

/// What an owner has on a file, by the words of the handles that it has locked through.
#[derive(Default)]
pub(super) struct Holding(BTreeMap<u64, Ranges>);

impl Holding {
    /// The same with a span locked in another way, through a handle, or unlocked.
    fn with(&self, through: Handle, span: Span, kind: Option<Kind>) -> Self {
        let mut next: BTreeMap<_, _> =
            self.0.iter().map(|(through, ranges)| (*through, ranges.with(span, None))).collect();
        if let Some(kind) = kind {
            let ranges = next.entry(through.to_word()).or_default();
            *ranges = ranges.with(span, Some(kind));
        }
        next.retain(|_, ranges| !ranges.is_empty());
        Self(next)
    }

    /// Drops what was locked through a handle; says how much that weighed.
    fn closed(&mut self, through: Handle) -> usize {
        self.0.remove(&through.to_word()).as_ref().map_or(0, weight)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn weight(&self) -> usize {
        self.0.values().map(weight).sum()
    }

    /// The first lock that keeps somebody else from having this one.
    fn in_the_way(&self, of: Lock) -> Option<Lock> {
        let ways = self.0.values().filter_map(|ranges| ranges.in_the_way(of));
        ways.min_by_key(|way| way.span.first)
    }
}

fn weight(ranges: &Ranges) -> usize {
    ranges.len() + 1
}

/// A request in a file's queue.
pub(super) struct Waiting {
    pub(super) ticket: u64,
    pub(super) asker: Asker,
    pub(super) lock: Lock,
    pub(super) waker: Waker,
}

/// The locks of one file.
#[derive(Default)]
pub(super) struct FileLocks {
    pub(super) owners: BTreeMap<Owner, Holding>,
    pub(super) queue: Vec<Waiting>,
}

impl FileLocks {
    /// Locks of others that are in the way.
    pub(super) fn in_the_way(&self, owner: Owner, of: Lock) -> impl Iterator<Item = InTheWay> {
        let others = self.owners.iter().filter(move |(other, _)| **other != owner);
        others.filter_map(move |(owner, holding)| {
            let lock = holding.in_the_way(of)?;
            Some(InTheWay { owner: *owner, lock })
        })
    }
}

/// The table without its cell.
#[derive(Default)]
pub(super) struct State {
    pub(super) files: BTreeMap<u64, FileLocks>,
    /// What is remembered for each session that has locks.
    weights: BTreeMap<SessionId, usize>,
    /// Files that an owner waits for locks of, with the request's ticket.
    pub(super) waits: BTreeMap<Owner, Vec<(u64, u64)>>,
    /// How requests that have left a queue have ended, until they look.
    pub(super) outcomes: BTreeMap<u64, Result<()>>,
    pub(super) next_ticket: u64,
}

impl State {
    /// Locks or unlocks, whoever's locks are in the way.
    fn set(&mut self, asker: Asker, span: Span, kind: Option<Kind>) -> Result<()> {
        let file = self.files.entry(asker.file).or_default();
        let nothing = Holding::default();
        let before = file.owners.get(&asker.owner).unwrap_or(&nothing);
        let next = before.with(asker.through, span, kind);
        let (old, new) = (before.weight(), next.weight());
        let session = asker.owner.session();
        let others = self.weights.get(&session).copied().unwrap_or(0).saturating_sub(old);
        if new > old && others + new > asker.most {
            self.tidy(asker.file);
            return Err(Errno::EDQUOT);
        }
        if new == 0 {
            file.owners.remove(&asker.owner);
        } else {
            file.owners.insert(asker.owner, next);
        }
        self.weigh(session, others + new);
        self.tidy(asker.file);
        Ok(())
    }

    fn weigh(&mut self, session: SessionId, weight: usize) {
        if weight == 0 {
            self.weights.remove(&session);
        } else {
            self.weights.insert(session, weight);
        }
    }

    fn tidy(&mut self, file: u64) {
        let is_idle = |file: &FileLocks| file.owners.is_empty() && file.queue.is_empty();
        if self.files.get(&file).is_some_and(is_idle) {
            self.files.remove(&file);
        }
    }

    /// Gives locks to those who wait, in order, as far as they can be had now.
    fn settle(&mut self, file: u64) {
        let mut place = 0;
        loop {
            let Some(locks) = self.files.get(&file) else { return };
            let Some(waiting) = locks.queue.get(place) else { return };
            let (asker, lock, ticket) = (waiting.asker, waiting.lock, waiting.ticket);
            if locks.in_the_way(asker.owner, lock).next().is_some() {
                place += 1;
                continue;
            }
            // An exclusive lock may become a shared one by that, which others wait for.
            let gives_way = lock.kind == Kind::Shared && locks.owners.contains_key(&asker.owner);
            let outcome = self.set(asker, lock.span, Some(lock.kind));
            self.leave(file, ticket, Some(outcome));
            if self.break_circles(asker.owner) || gives_way {
                place = 0;
            }
        }
    }

    /// Takes a request out of a queue, and says how it has ended unless nobody asks.
    pub(super) fn leave(&mut self, file: u64, ticket: u64, outcome: Option<Result<()>>) {
        let Some(locks) = self.files.get_mut(&file) else { return };
        let Some(place) = locks.queue.iter().position(|waiting| waiting.ticket == ticket) else {
            return;
        };
        let waiting = locks.queue.remove(place);
        let owner = waiting.asker.owner;
        if let Some(waits) = self.waits.get_mut(&owner) {
            waits.retain(|(_, other)| *other != ticket);
            if waits.is_empty() {
                self.waits.remove(&owner);
            }
        }
        if let Some(outcome) = outcome {
            self.outcomes.insert(ticket, outcome);
            waiting.waker.wake();
        }
        self.tidy(file);
    }
}

/// All locks.
#[derive(Default)]
pub(crate) struct LockTable {
    pub(super) state: RefCell<State>,
}

impl LockTable {
    /// The first lock that is in the way of one.
    pub(crate) fn test(&self, asker: Asker, lock: Lock) -> Option<InTheWay> {
        let state = self.state.borrow();
        let ways = state.files.get(&asker.file)?.in_the_way(asker.owner, lock);
        ways.min_by_key(|way| way.lock.span.first)
    }

    /// Takes a lock if none is in the way; replaces what the owner has there.
    ///
    /// # Errors
    /// EAGAIN, EDQUOT.
    pub(crate) fn take(&self, asker: Asker, lock: Lock) -> Result<()> {
        if self.test(asker, lock).is_some() {
            return Err(Errno::EAGAIN);
        }
        let mut state = self.state.borrow_mut();
        state.set(asker, lock.span, Some(lock.kind))?;
        // An exclusive lock may have become a shared one.
        state.settle(asker.file);
        state.break_circles(asker.owner);
        Ok(())
    }

    /// Drops an owner's locks on a span.
    ///
    /// # Errors
    /// EDQUOT: it would leave more pieces than the session may have.
    pub(crate) fn unlock(&self, asker: Asker, span: Span) -> Result<()> {
        let mut state = self.state.borrow_mut();
        state.set(asker, span, None)?;
        state.settle(asker.file);
        Ok(())
    }

    /// A handle has been closed: the locks that were taken through it go, and what waits through it
    /// is answered with ECANCELED.
    pub(crate) fn closed(&self, file: u64, session: SessionId, handle: Handle) {
        let mut state = self.state.borrow_mut();
        let Some(locks) = state.files.get_mut(&file) else { return };
        let mut gone = 0;
        locks.owners.retain(|owner, holding| {
            if owner.session() == session {
                gone += holding.closed(handle);
            }
            !holding.is_empty()
        });
        let waits = |waiting: &&Waiting| {
            waiting.asker.owner.session() == session && waiting.asker.through == handle
        };
        let cut: Vec<u64> = locks.queue.iter().filter(waits).map(|w| w.ticket).collect();
        let left = state.weights.get(&session).copied().unwrap_or(0).saturating_sub(gone);
        state.weigh(session, left);
        for ticket in cut {
            state.leave(file, ticket, Some(Err(Errno::ECANCELED)));
        }
        state.settle(file);
        state.tidy(file);
    }

    /// A session has ended: all its locks go. Nothing of it waits any more.
    pub(crate) fn session_closed(&self, session: SessionId) {
        let mut state = self.state.borrow_mut();
        if state.weights.remove(&session).is_none() {
            return;
        }
        let files: Vec<u64> = state.files.keys().copied().collect();
        for file in files {
            if let Some(locks) = state.files.get_mut(&file) {
                locks.owners.retain(|owner, _| owner.session() != session);
            }
            state.settle(file);
            state.tidy(file);
        }
    }

    /// Locks, and requests that wait.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.state.borrow();
        let waiting = state.files.values().map(|file| file.queue.len()).sum();
        assert_eq!(state.waits.values().map(Vec::len).sum::<usize>(), waiting);
        (state.weights.values().sum(), waiting)
    }
}
