//! The seam to whatever keeps this service's files, and the store that keeps them in memory.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use control::service::LocalFuture;
use core::cell::RefCell;
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

/// Files in memory, which are gone with the service.
#[derive(Default)]
pub struct MemoryStore(RefCell<BTreeMap<&'static str, Vec<u8>>>);

impl Store for MemoryStore {
    fn read(&self, name: &'static str) -> LocalFuture<'static, Result<Option<Vec<u8>>, Errno>> {
        let found = self.0.borrow().get(name).cloned();
        Box::pin(async { Ok(found) })
    }

    fn replace(
        &self,
        name: &'static str,
        contents: Vec<u8>,
    ) -> LocalFuture<'static, Result<(), Errno>> {
        self.0.borrow_mut().insert(name, contents);
        Box::pin(async { Ok(()) })
    }

    fn append(
        &self,
        name: &'static str,
        contents: Vec<u8>,
    ) -> LocalFuture<'static, Result<(), Errno>> {
        self.0.borrow_mut().entry(name).or_default().extend(contents);
        Box::pin(async { Ok(()) })
    }

    fn rename(
        &self,
        from: &'static str,
        to: &'static str,
    ) -> LocalFuture<'static, Result<(), Errno>> {
        let mut files = self.0.borrow_mut();
        let renamed = files.remove(from).ok_or(Errno::ENOENT).map(|contents| {
            files.insert(to, contents);
        });
        Box::pin(async move { renamed })
    }
}
