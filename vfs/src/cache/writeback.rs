//! Writing changed pages and attributes back to the file system that keeps them.

use super::contents::Contents;
use super::pages::{PAGE, Place};
use crate::error::Result;
use crate::inode::Inode;
use crate::vfs::Vfs;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use dataplane::filesystem::{Changes, PAGE_BYTES, PageBytes};

/// When the list of changed files is first searched for those that are gone.
pub(crate) const PURGE_DIRTY_AT: usize = 64;

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
        let dirty = pages.starting_at(from).find(|(_, page)| page.dirty);
        let Some(index) = dirty.map(|(index, _)| index) else {
            return Ok(None);
        };
        let Some(page) = pages.page_mut(index) else {
            return Ok(None);
        };
        match &page.place {
            Place::Private(bytes) => copy.copy_from_slice(&**bytes),
            Place::Granted => self.granting()?.read(index, copy)?,
            Place::Absent | Place::Spare | Place::Reserved => {}
        }
        (page.dirty, page.in_flight) = (false, true);
        Ok(Some(InFlight { contents: self, index, arrived: false }))
    }

    fn is_clean(&self) -> bool {
        let pages = self.pages.borrow();
        !self.attributes_dirty.get() && pages.starting_at(0).all(|(_, page)| !page.dirty)
    }
}

impl Vfs {
    /// Notes that a file differs from what its file system has. It is kept until it is written
    /// back or has lost its last name.
    pub(crate) fn note_dirty(&self, inode: &Rc<Inode>) {
        if inode.is_cache_only() {
            return;
        }
        let mut dirty = self.dirty.borrow_mut();
        if dirty.insert(inode.id, Rc::downgrade(inode)).is_some() {
            return;
        }
        if dirty.len() >= self.purge_dirty_at.get() {
            dirty.retain(|_, inode| inode.strong_count() > 0);
            self.purge_dirty_at.set(PURGE_DIRTY_AT.max(dirty.len() * 2));
        }
        drop(dirty);
        if inode.attributes().links > 0 {
            inode.mount.anchor(inode);
        }
    }

    /// Files that are to be written back.
    pub(crate) fn all_dirty(&self) -> Vec<Rc<Inode>> {
        let dirty = self.dirty.borrow();
        dirty.values().filter_map(Weak::upgrade).collect()
    }

    /// A file that is to be written back, if there is one.
    pub(crate) fn any_dirty(&self) -> Option<Rc<Inode>> {
        self.dirty.borrow().values().find_map(Weak::upgrade)
    }

    fn note_clean(&self, inode: &Inode) {
        self.dirty.borrow_mut().remove(&inode.id);
        inode.mount.release(inode.number);
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
            self.note_clean(inode);
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
