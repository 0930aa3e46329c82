//! Making things durable.

use crate::error::Result;
use crate::session::OpenFile;
use crate::vfs::Vfs;
use alloc::rc::Rc;
use dataplane::file::{FileKind, SyncKind};
use dataplane::filesystem::Durable;

impl Vfs {
    /// Makes an open file durable. Its attributes are written with its contents, whatever is asked
    /// for.
    ///
    /// # Errors
    /// Those of fsync(2).
    pub(crate) async fn sync(&self, file: &OpenFile, _kind: SyncKind) -> Result<()> {
        file.require_open()?;
        let inode = &file.inode;
        if inode.kind == FileKind::Regular {
            self.write_back(inode).await?;
        }
        let durable = Durable::File(inode.number);
        inode.mount.filesystem.sync(durable).await
    }

    /// Makes all of an object's file system durable. Goes on where one file fails, and reports the
    /// first failure.
    ///
    /// # Errors
    /// Of the file system.
    pub(crate) async fn sync_filesystem(&self, file: &OpenFile) -> Result<()> {
        let mount = &file.inode.mount;
        let mut outcome = Ok(());
        for inode in self.all_dirty() {
            if Rc::ptr_eq(&inode.mount, mount) {
                outcome = outcome.and(self.write_back(&inode).await);
            }
        }
        outcome.and(mount.filesystem.sync(Durable::Everything).await)
    }

    /// Makes everything durable. Goes on where one file fails, and reports the first failure.
    ///
    /// # Errors
    /// Of the file systems.
    pub(crate) async fn sync_all(&self) -> Result<()> {
        let mut outcome = Ok(());
        for inode in self.all_dirty() {
            outcome = outcome.and(self.write_back(&inode).await);
        }
        // Of what others change too, nothing waits here; syncing all of theirs may take for ever.
        for root in self.roots().iter().filter(|root| !root.mount.is_momentary()) {
            let everything = root.mount.filesystem.sync(Durable::Everything);
            outcome = outcome.and(everything.await);
        }
        outcome
    }
}
