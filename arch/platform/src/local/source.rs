//! What a local poller watches: a source that becomes ready, and tells the pollers that asked.
//!
//! All pollable descriptors of this platform are sources.

use super::inbox::Inbox;
use dataplane::Descriptor;
use dataplane::platform::{MemoryError, Token};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What a source tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It was rung.
    Doorbell,
    /// There is something to receive or accept, or a peer or a service is gone.
    Arrival,
}

/// Becomes ready, and is watched.
#[derive(Debug)]
pub(crate) struct Source {
    kind: Kind,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ready: bool,
    watchers: Vec<(Weak<Inbox>, Token)>,
}

impl Source {
    pub(crate) fn new(kind: Kind) -> Arc<Self> {
        Arc::new(Self { kind, state: Mutex::default() })
    }

    /// The source inside a descriptor of this platform.
    pub(crate) fn of(descriptor: &Descriptor) -> Result<Arc<Self>, MemoryError> {
        Arc::clone(descriptor).downcast().map_err(|_| MemoryError::WrongDescriptor)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// It is ready, again if it was: all that watch it are told.
    pub(crate) fn raise(&self) {
        let mut state = self.state();
        state.ready = true;
        state.watchers.retain(|(inbox, token)| {
            let inbox = inbox.upgrade();
            if let Some(inbox) = &inbox {
                inbox.post(*token);
            }
            inbox.is_some()
        });
    }

    /// There is nothing left to receive.
    pub(crate) fn clear(&self) {
        self.state().ready = false;
    }

    /// Tells an inbox from now on, and at once if the source is ready.
    pub(crate) fn watch(&self, inbox: &Arc<Inbox>, token: Token) {
        let mut state = self.state();
        state.watchers.push((Arc::downgrade(inbox), token));
        if state.ready {
            inbox.post(token);
        }
    }

    /// Tells it no longer.
    pub(crate) fn unwatch(&self, inbox: &Arc<Inbox>) {
        let watches = |watcher: &Weak<Inbox>| watcher.as_ptr() == Arc::as_ptr(inbox);
        self.state().watchers.retain(|(watcher, _)| !watches(watcher));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole whatever panicked while it was locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
