//! Why something failed: errno, which is the vocabulary of POSIX and of the file system seam, so
//! that an operation's rules can be read beside its manual page. Here is what is not one yet.

use dataplane::entry::Errno;
use dataplane::platform::MemoryError;
use rings::OutOfBounds;

/// What an operation of the vfs comes to.
pub(crate) type Result<T> = core::result::Result<T, Errno>;

/// A range that lies outside of memory which it was checked against before.
pub(crate) fn out_of_bounds(_: OutOfBounds) -> Errno {
    Errno::EFAULT
}

/// What the platform's memory answers, as a client of a file hears of it.
pub(crate) fn memory(error: MemoryError) -> Errno {
    match error {
        MemoryError::Exhausted => Errno::ENOMEM,
        MemoryError::Denied | MemoryError::WrongDescriptor | MemoryError::WrongSize => Errno::EIO,
    }
}
