//! Writing changed pages and attributes back to the file system that keeps them.

use super::contents::Contents;
use super::pages::{PAGE, Place};
use crate::error::Result;
use crate::inode::Inode;
use crate::vfs::Vfs;
use alloc::rc::Rc;
use dataplane::filesystem::{Changes, PAGE_BYTES, PageBytes};

/// A page on its way; unless it arrives, it is as changed as before.
struct InFlight<'a> {
    contents: &'a Contents,
    index: u64,
    arrived: bool,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(page) = self.contents.pages.borrow_mut().page_mut(self.index) {
            page.in_flight = false;
            page.dirty |= !self.arrived;
        }
    }
}

impl Contents {
    /// Takes the first changed page from an index on: a copy of it, and a note that it is away.
    fn take_dirty(&self, from: u64, copy: &mut PageBytes) -> Result<Option<InFlight<'_>>> {
        let mut pages = self.pages.borrow_mut();
        let dirty = pages.from(from).find(|(_, page)| page.dirty);
        let Some(index) = dirty.map(|(index, _)| index) else {
            return Ok(None);
        };
        let Some(page) = pages.page_mut(index) else {
            return Ok(None);
        };
        match &page.place {
            Place::Private(bytes) => copy.copy_from_slice(&**bytes),
            Place::Granted => self.granting()?.read(index, copy)?,
            Place::Absent | Place::Spare => {}
        }
        (page.dirty, page.in_flight) = (false, true);
        Ok(Some(InFlight { contents: self, index, arrived: false }))
    }

    fn is_clean(&self) -> bool {
        let pages = self.pages.borrow();
        !self.attributes_dirty.get() && pages.from(0).all(|(_, page)| !page.dirty)
    }
}

impl Vfs {
    /// Notes that a file differs from what its file system has: it is kept until written back.
    pub(crate) fn note_dirty(&self, inode: &Rc<Inode>) {
        if inode.is_cache_only() {
            return;
        }
        let mut dirty = self.dirty.borrow_mut();
        dirty.entry(inode.id).or_insert_with(|| Rc::clone(inode));
    }

    /// A file that is to be written back, if there is one.
    pub(crate) fn any_dirty(&self) -> Option<Rc<Inode>> {
        self.dirty.borrow().values().next().cloned()
    }

    /// Forgets that a file is to be written back: it is written, or gone.
    pub(crate) fn forget_dirty(&self, inode: &Inode) {
        let entry = self.dirty.borrow_mut().remove(&inode.id);
        drop(entry);
    }

    /// Writes all that has changed in a file back; its file system has it then, not yet durably.
    ///
    /// # Errors
    /// Of the file system; what was not written is still to be.
    pub(crate) async fn write_back(&self, inode: &Rc<Inode>) -> Result<()> {
        let contents = inode.contents()?;
        if inode.is_cache_only() {
            return Ok(());
        }
        let _flushing = contents.flushing.acquire().await;
        let filesystem = &inode.mount.filesystem;
        let mut copy = super::new_page()?;
        let mut next = 0;
        while let Some(mut page) = contents.take_dirty(next, &mut copy)? {
            next = page.index + 1;
            let left = inode.attributes().size.saturating_sub(page.index * PAGE);
            let len = usize::try_from(left.min(PAGE)).unwrap_or(PAGE_BYTES);
            filesystem.write_page(inode.number, page.index, &copy, len).await?;
            page.arrived = true;
        }
        if contents.attributes_dirty.replace(false) {
            let written = self.write_attributes_back(inode).await;
            if let Err(error) = written {
                contents.attributes_dirty.set(true);
                return Err(error);
            }
        }
        if contents.is_clean() {
            self.forget_dirty(inode);
        }
        Ok(())
    }

    async fn write_attributes_back(&self, inode: &Rc<Inode>) -> Result<()> {
        let changes = {
            let attributes = inode.attributes();
            Changes {
                permissions: Some(attributes.permissions),
                accessed: Some(attributes.accessed),
                modified: Some(attributes.modified),
                changed: Some(attributes.changed),
                ..Changes::default()
            }
        };
        let answer = inode.mount.filesystem.set_attributes(inode.number, &changes);
        let news = answer.await?;
        inode.attributes_mut().blocks = news.blocks;
        Ok(())
    }
}
