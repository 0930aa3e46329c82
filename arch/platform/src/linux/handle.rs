//! A file descriptor as the seams pass it around: a `Descriptor` of this platform.
//!
//! Handles are shared; the file descriptor is closed with the last of them.

use dataplane::Descriptor;
use dataplane::platform::MemoryError;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// Who may hold other descriptors of the same object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Made here, or received from a process that init made or that is init.
    System,
    /// Received from somebody who reached a listener: it may be anything, and change at any time.
    Stranger,
}

/// A file descriptor, and where it is from.
#[derive(Debug)]
pub(crate) struct Handle {
    fd: OwnedFd,
    origin: Origin,
}

impl Handle {
    pub(crate) fn new(fd: OwnedFd, origin: Origin) -> Arc<Self> {
        Arc::new(Self { fd, origin })
    }

    /// The handle inside a descriptor of this platform.
    pub(crate) fn of(descriptor: &Descriptor) -> Result<Arc<Self>, MemoryError> {
        Arc::clone(descriptor).downcast().map_err(|_| MemoryError::WrongDescriptor)
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A descriptor that a poller can watch, or a channel send, made from a file descriptor of the
/// caller's: a signalfd, a timerfd, a pipe.
#[must_use]
pub fn descriptor(fd: OwnedFd) -> Descriptor {
    Handle::new(fd, Origin::System)
}

/// The file descriptor inside; `None` if the descriptor is another platform's.
#[must_use]
pub fn as_fd(descriptor: &Descriptor) -> Option<BorrowedFd<'_>> {
    descriptor.downcast_ref::<Handle>().map(AsFd::as_fd)
}
