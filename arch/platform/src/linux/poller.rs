//! Waiting for many descriptors at once: an epoll, edge-triggered.
//!
//! Sources are never read here, so a hostile holder of the same open file description can neither
//! swallow an edge nor make the poller block. Who drains a source must drain it whole.

use super::doorbell::{self, LinuxDoorbell};
use super::handle::{Handle, Origin};
use crate::clock;
use dataplane::Descriptor;
use dataplane::platform::{Doorbell, Instant, MemoryError, Poller, Token};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use rustix::io::Errno;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Events taken in one call; more come with the next.
const EVENTS: usize = 64;

/// A poller of one thread.
pub(crate) struct LinuxPoller {
    epoll: OwnedFd,
    waker: Arc<Handle>,
    /// What is watched, by file descriptor, which is also what the kernel reports. Holding the
    /// handle keeps the number from being used for something else.
    watched: RefCell<HashMap<RawFd, (Arc<Handle>, Token)>>,
    events: RefCell<Vec<Event>>,
}

impl LinuxPoller {
    pub(crate) fn new() -> rustix::io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let waker = Handle::new(doorbell::create()?, Origin::System);
        let poller = Self {
            epoll,
            waker,
            watched: RefCell::default(),
            events: RefCell::new(Vec::with_capacity(EVENTS)),
        };
        poller.watch(&poller.waker)?;
        Ok(poller)
    }

    fn watch(&self, handle: &Handle) -> rustix::io::Result<()> {
        let flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, handle, data(number(handle)), flags)
    }
}

impl Poller for LinuxPoller {
    fn add(&self, source: &Descriptor, token: Token) -> Result<(), MemoryError> {
        let handle = Handle::of(source)?;
        self.remove(source);
        self.watch(&handle).map_err(|error| match error {
            Errno::NOMEM | Errno::NOSPC => MemoryError::Exhausted,
            _ => MemoryError::WrongDescriptor,
        })?;
        self.watched.borrow_mut().insert(number(&handle), (handle, token));
        Ok(())
    }

    fn remove(&self, source: &Descriptor) {
        let Ok(handle) = Handle::of(source) else {
            return;
        };
        if self.watched.borrow_mut().remove(&number(&handle)).is_some() {
            // It is watched and open, so this cannot fail.
            let _ = epoll::delete(&self.epoll, &*handle);
        }
    }

    fn wait(&self, deadline: Option<Instant>, ready: &mut Vec<Token>) {
        let timeout = deadline.map(|deadline| clock::timespec(clock::until_ns(deadline)));
        let mut events = self.events.borrow_mut();
        events.clear();
        let spare = rustix::buffer::spare_capacity(&mut events);
        if epoll::wait(&self.epoll, spare, timeout.as_ref()).is_err() {
            // A signal: nothing is lost, the next call reports what is ready.
            return;
        }
        let watched = self.watched.borrow();
        let tokens = events.iter().filter_map(|event| {
            let number = RawFd::try_from(event.data.u64()).ok()?;
            watched.get(&number).map(|(_, token)| *token)
        });
        ready.extend(tokens);
    }

    fn waker(&self) -> Arc<dyn Doorbell> {
        Arc::new(LinuxDoorbell(Arc::clone(&self.waker)))
    }
}

fn number(handle: &Handle) -> RawFd {
    handle.as_fd().as_raw_fd()
}

fn data(number: RawFd) -> EventData {
    EventData::new_u64(u64::from(number.unsigned_abs()))
}
