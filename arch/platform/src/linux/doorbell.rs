//! Doorbells: eventfds that are rung by writing and heard by their edges.
//!
//! All holders share one open file description, so a hostile one can fill the counter, or make it
//! blocking. So nobody who hears a doorbell ever reads it: the poller counts edges, and the counter
//! only grows (2⁶⁴ − 2 rings are out of reach). What remains is that a holder can make another's
//! *ringing* block: a service can do that to its own client, which it could as well not answer.

use super::handle::{Handle, Origin};
use dataplane::Descriptor;
use dataplane::platform::{Doorbell, Doorbells, MemoryError};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

/// What the kernel calls an eventfd.
const EVENTFD_NAME: &[u8] = b"anon_inode:[eventfd]";
/// A ring adds one.
const ONE: [u8; 8] = 1u64.to_ne_bytes();

/// Makes eventfds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LinuxDoorbells;

impl Doorbells for LinuxDoorbells {
    fn create(&self) -> Result<Descriptor, MemoryError> {
        let fd = create().map_err(|_| MemoryError::Exhausted)?;
        Ok(Handle::new(fd, Origin::System))
    }

    fn open(&self, descriptor: &Descriptor) -> Result<Arc<dyn Doorbell>, MemoryError> {
        let handle = Handle::of(descriptor)?;
        if !is_eventfd(&handle) {
            return Err(MemoryError::WrongDescriptor);
        }
        Ok(Arc::new(LinuxDoorbell(handle)))
    }
}

/// The side that rings.
pub(crate) struct LinuxDoorbell(pub(crate) Arc<Handle>);

impl Doorbell for LinuxDoorbell {
    fn ring(&self) {
        // A full counter (somebody else filled it) means that the party was rung often enough.
        let _ = rustix::io::write(&*self.0, &ONE);
    }
}

/// A new eventfd, not rung.
pub(crate) fn create() -> rustix::io::Result<OwnedFd> {
    eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
}

/// A write to anything else (a pipe, a file) might block or do harm.
fn is_eventfd(handle: &Handle) -> bool {
    let link = format!("/proc/self/fd/{}", handle.as_fd().as_raw_fd());
    rustix::fs::readlink(link, Vec::new()).is_ok_and(|name| name.as_bytes() == EVENTFD_NAME)
}
