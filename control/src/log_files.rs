//! Where the logger keeps records for good: a seam, because that is the machine's.

use crate::service::LocalFuture;
use alloc::vec::Vec;
use dataplane::entry::Errno;

/// A few files, of which the oldest goes when a new one is begun.
pub trait LogFiles {
    /// Appends bytes to the newest file, or begins a new one.
    fn append(&self, bytes: Vec<u8>) -> LocalFuture<'static, Result<(), Errno>>;
    /// The contents of the newest files, at most so many bytes, the oldest first.
    fn newest(&self, bytes: u64) -> LocalFuture<'static, Result<Vec<u8>, Errno>>;
    /// Makes what was appended durable.
    fn sync(&self) -> LocalFuture<'static, Result<(), Errno>>;
}
