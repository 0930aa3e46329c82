//! Waiting for many local sources at once.

use super::inbox::Inbox;
use super::source::Source;
use dataplane::Descriptor;
use dataplane::platform::{Doorbell, Instant, MemoryError, Poller, Token};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// A poller of one thread.
#[derive(Default)]
pub(crate) struct LocalPoller {
    inbox: Arc<Inbox>,
    /// What is watched, by address. Holding the source keeps the address from being used again.
    watched: RefCell<HashMap<*const Source, (Arc<Source>, Token)>>,
}

impl Poller for LocalPoller {
    fn add(&self, source: &Descriptor, token: Token) -> Result<(), MemoryError> {
        self.remove(source);
        let source = Source::of(source)?;
        source.watch(&self.inbox, token);
        self.watched.borrow_mut().insert(Arc::as_ptr(&source), (source, token));
        Ok(())
    }

    fn remove(&self, source: &Descriptor) {
        let Ok(source) = Source::of(source) else {
            return;
        };
        if let Some((_, token)) = self.watched.borrow_mut().remove(&Arc::as_ptr(&source)) {
            source.unwatch(&self.inbox);
            self.inbox.forget(token);
        }
    }

    fn wait(&self, deadline: Option<Instant>, ready: &mut Vec<Token>) {
        self.inbox.take(deadline, ready);
    }

    fn waker(&self) -> Arc<dyn Doorbell> {
        Arc::new(Waker(Arc::clone(&self.inbox)))
    }
}

/// Wakes a poller from any thread.
struct Waker(Arc<Inbox>);

impl Doorbell for Waker {
    fn ring(&self) {
        self.0.wake();
    }
}
