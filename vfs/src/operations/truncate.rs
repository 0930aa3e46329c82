//! Setting the size of a file.

use super::MAX_SIZE;
use crate::error::Result;
use crate::inode::Inode;
use crate::permission;
use crate::session::{OpenFile, OpenMode};
use crate::vfs::Vfs;
use alloc::rc::Rc;
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::WatchEvents;
use dataplane::filesystem::Changes;

impl Vfs {
    /// Sets the size of an open file.
    ///
    /// # Errors
    /// Those of ftruncate(2).
    pub(crate) async fn truncate(
        &self,
        file: &OpenFile,
        who: &Credentials,
        size: u64,
    ) -> Result<()> {
        if size > MAX_SIZE {
            return Err(Errno::EFBIG);
        }
        file.require_open()?;
        // As ftruncate(2): this is not EBADF.
        file.require(OpenMode::WRITE).map_err(|_| Errno::EINVAL)?;
        self.set_size(&file.inode, who, size).await
    }

    /// Sets the size of a regular file.
    ///
    /// # Errors
    /// Of the file system.
    pub(super) async fn set_size(
        &self,
        inode: &Rc<Inode>,
        who: &Credentials,
        size: u64,
    ) -> Result<()> {
        let contents = inode.contents()?;
        if inode.mount.is_momentary() {
            return self.set_size_there(inode, who, size).await;
        }
        let _writing = contents.writing.acquire().await;
        contents.before_change()?;
        let time = self.time();
        if !inode.is_cache_only() {
            // What is being written back must not arrive behind the new end.
            let _flushing = contents.flushing.acquire().await;
            let changes = Changes {
                size: Some(size),
                modified: Some(time),
                changed: Some(time),
                ..Changes::default()
            };
            let filesystem = &inode.mount.filesystem;
            let changing = self.watches.changing(inode, WatchEvents::CONTENTS);
            let news = filesystem.set_attributes(inode.number, &changes).await;
            let news = changing.answered(news)?;
            inode.attributes_mut().blocks = news.blocks;
        }
        let mut attributes = inode.attributes_mut();
        let before = core::mem::replace(&mut attributes.size, size);
        attributes.modified = time;
        attributes.changed = time;
        attributes.permissions = permission::after_write(&attributes, who);
        drop(attributes);
        if size < before {
            contents.truncate(size)?;
        }
        contents.attributes_dirty.set(true);
        self.note_dirty(inode);
        self.watches.changed(inode, WatchEvents::CONTENTS);
        Ok(())
    }
}
