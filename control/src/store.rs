//! Where a service keeps a few small files for good: a seam, because that is the machine's.

use crate::service::LocalFuture;
use alloc::vec::Vec;
use dataplane::entry::Errno;

/// Keeps a few small files by name. When a future is ready, what was done is durable; when it fails,
/// or is never ready, a file that was replaced or renamed is as it was before or as it was to be, and
/// one that was appended to has any part of what was to be appended.
pub trait Store {
    /// The contents of a file; none if there is no such file.
    fn read(&self, name: &'static str) -> LocalFuture<'static, Result<Option<Vec<u8>>, Errno>>;
    /// Gives a file these contents, all at once.
    fn replace(
        &self,
        name: &'static str,
        contents: Vec<u8>,
    ) -> LocalFuture<'static, Result<(), Errno>>;
    /// Appends to a file, which is made if it is not there.
    fn append(
        &self,
        name: &'static str,
        contents: Vec<u8>,
    ) -> LocalFuture<'static, Result<(), Errno>>;
    /// Gives a file another name, in place of whatever has it.
    fn rename(
        &self,
        from: &'static str,
        to: &'static str,
    ) -> LocalFuture<'static, Result<(), Errno>>;
}
