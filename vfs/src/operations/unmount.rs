//! Taking a file system out of the tree.

use crate::error::Result;
use crate::inode::Inode;
use crate::vfs::Vfs;
use crate::walk::Walk;
use alloc::rc::Rc;
use dataplane::entry::Errno;
use dataplane::filesystem::Durable;

impl Vfs {
    /// Unmounts what is mounted on a directory, given by its path from the root. What has changed
    /// is written back and made durable first.
    ///
    /// # Errors
    /// EINVAL if nothing is mounted there; EBUSY if it is the root of everything, or anything of it
    /// is in use: a handle, a granted page, a request, another mount. Otherwise what the file
    /// system says; it is then still mounted.
    pub(crate) async fn unmount(&self, path: &[u8]) -> Result<()> {
        let root = Walk::from_root(self, path).await?;
        if root.number != root.mount.filesystem.root() {
            return Err(Errno::EINVAL);
        }
        for inode in self.all_dirty() {
            if Rc::ptr_eq(&inode.mount, &root.mount) {
                self.write_back(&inode).await?;
            }
        }
        root.mount.filesystem.sync(Durable::Everything).await?;
        // Nothing waits from here on, so that what is not in use now is not when it goes.
        self.detach(root)
    }

    fn detach(&self, root: Rc<Inode>) -> Result<()> {
        let covered = root.directory()?.covers.borrow().clone().ok_or(Errno::EBUSY)?;
        // They only remember; what is in use is found again.
        self.dentries.clear();
        // The list of mounts, the directory below, and this request.
        const HOLDERS: usize = 3;
        if Rc::strong_count(&root) > HOLDERS || root.mount.is_used_beside(&root) {
            return Err(Errno::EBUSY);
        }
        root.directory()?.covers.take();
        let above = covered.directory()?.covered_by.take();
        drop(above);
        self.forget_root(&root);
        Ok(())
    }
}
