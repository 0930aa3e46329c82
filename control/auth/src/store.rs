//! Files in memory, for a system that keeps nothing.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use control::service::LocalFuture;
use control::store::Store;
use core::cell::RefCell;
use dataplane::entry::Errno;

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
