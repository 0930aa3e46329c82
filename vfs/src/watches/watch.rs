//! One WATCH: what it wants to know, and what it has yet to report.

use super::object::Object;
use crate::error::Result;
use crate::name::StoredName;
use alloc::collections::VecDeque;
use core::cell::RefCell;
use core::task::{Context, Waker};
use dataplane::SessionId;
use dataplane::entry::{Errno, Handle};
use dataplane::file::WatchEvents;

/// Most entries whose changes are remembered until they can be reported.
const MOST_PENDING: usize = 32;

/// A request to be told of changes.
pub(crate) struct Watch {
    /// Whose.
    pub(super) session: SessionId,
    /// The user that it counts for.
    pub(super) user: u32,
    /// The handle that it watches through.
    pub(super) handle: Handle,
    /// What it watches.
    pub(super) object: Object,
    /// What it wants to know.
    pub(super) wanted: WatchEvents,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// Oldest first.
    pending: VecDeque<Change>,
    /// Whether there were too many, which is to be reported in place of them.
    has_lost: bool,
    end: Option<Result<()>>,
    waker: Option<Waker>,
}

/// What is to be reported of one entry, or of the object itself.
pub(super) struct Change {
    pub(super) object: Object,
    /// Inode number of the entry, or 0.
    pub(super) entry: u64,
    pub(super) name: StoredName,
    pub(super) events: WatchEvents,
}

/// What comes next of a watch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// There is something to report.
    Change,
    /// Nothing, until the waker is woken.
    Nothing,
    /// It has ended.
    End(Result<()>),
}

impl Watch {
    /// A watch that knows of nothing yet.
    pub(crate) fn new(
        (session, user): (SessionId, u32),
        handle: Handle,
        object: Object,
        wanted: WatchEvents,
    ) -> Self {
        Self { session, user, handle, object, wanted, state: RefCell::default() }
    }

    /// Takes note of a change that it may want to know of.
    pub(super) fn note(&self, object: Object, entry: u64, name: &[u8], events: WatchEvents) {
        let events = events & self.wanted;
        let state = &mut *self.state.borrow_mut();
        if events.is_empty() || state.has_lost || state.end.is_some() {
            return;
        }
        let is_it = |change: &&mut Change| {
            change.object == object && change.entry == entry && change.name.as_bytes() == name
        };
        // If something is pending it was woken for that, or waits for its client.
        let was_idle = state.pending.is_empty();
        if let Some(change) = state.pending.iter_mut().rev().find(is_it) {
            change.events |= events;
        } else if state.pending.len() < MOST_PENDING {
            let name = StoredName::new(name);
            state.pending.push_back(Change { object, entry, name, events });
        } else {
            state.pending.clear();
            state.has_lost = true;
        }
        if was_idle {
            state.wake();
        }
    }

    /// Nothing more will be reported, but for what is pending if its object has gone in order.
    pub(super) fn end(&self, how: Result<()>) {
        let state = &mut *self.state.borrow_mut();
        if how.is_err() {
            state.pending.clear();
            state.has_lost = false;
        }
        state.end.get_or_insert(how);
        state.wake();
    }

    /// What comes next; the context's waker is woken when something else does.
    pub(super) fn next(&self, context: &Context<'_>) -> Next {
        let state = &mut *self.state.borrow_mut();
        // Also if there is something to report, which may have to wait.
        state.waker = Some(context.waker().clone());
        if state.has_lost || !state.pending.is_empty() {
            return Next::Change;
        }
        state.end.map_or(Next::Nothing, Next::End)
    }

    /// Takes the oldest change.
    pub(super) fn take(&self) -> Option<Change> {
        let state = &mut *self.state.borrow_mut();
        if core::mem::take(&mut state.has_lost) {
            let (object, name) = (self.object, StoredName::default());
            return Some(Change { object, entry: 0, name, events: WatchEvents::LOST });
        }
        state.pending.pop_front()
    }

    /// Whether it is the one of a closed handle.
    pub(super) fn is_through(&self, session: SessionId, handle: Handle) -> bool {
        self.session == session && self.handle == handle
    }

    /// The answer when its handle was closed.
    pub(super) fn close(&self) {
        self.end(Err(Errno::ECANCELED));
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
