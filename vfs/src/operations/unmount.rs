//! Taking a file system out of the tree.

use crate::binds::{Bind, Cover, Covering};
use crate::error::Result;
use crate::inode::Inode;
use crate::vfs::Vfs;
use crate::walk::Walk;
use alloc::rc::Rc;
use dataplane::entry::Errno;
use dataplane::filesystem::Durable;

impl Vfs {
    /// Unmounts what is mounted on a directory, given by its path from the root. What has changed
    /// here is written back and made durable first.
    ///
    /// # Errors
    /// EINVAL if nothing is mounted there; EBUSY if it is the root of everything, or anything of it
    /// is in use: a handle, a granted page, a request, another mount. Otherwise what the file
    /// system says; it is then still mounted.
    pub(crate) async fn unmount(&self, path: &[u8]) -> Result<()> {
        let (root, via) = Walk::from_root(self, path).await?;
        if let Some(bind) = via.filter(|bind| Rc::ptr_eq(&bind.root, &root)) {
            return self.unbind(bind);
        }
        if root.number != root.mount.filesystem.root() {
            return Err(Errno::EINVAL);
        }
        for inode in self.all_dirty() {
            if Rc::ptr_eq(&inode.mount, &root.mount) {
                self.write_back(&inode).await?;
            }
        }
        if !root.mount.is_momentary() {
            root.mount.filesystem.sync(Durable::Everything).await?;
        }
        // Nothing waits from here on, so that what is not in use now is not when it goes.
        self.detach(root)
    }

    fn unbind(&self, bind: Rc<Bind>) -> Result<()> {
        // The list of binds, the directory below, and this request.
        const HOLDERS: usize = 3;
        if Rc::strong_count(&bind) > HOLDERS {
            return Err(Errno::EBUSY);
        }
        let is_it =
            |covering: &Covering| matches!(&covering.by, Cover::Bind(it) if Rc::ptr_eq(it, &bind));
        bind.covers.directory()?.covered_by.borrow_mut().retain(|covering| !is_it(covering));
        self.forget_bind(&bind);
        Ok(())
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
        let is_it =
            |covering: &Covering| matches!(&covering.by, Cover::Mount(it) if Rc::ptr_eq(it, &root));
        covered.directory()?.covered_by.borrow_mut().retain(|covering| !is_it(covering));
        self.forget_root(&root);
        Ok(())
    }
}
