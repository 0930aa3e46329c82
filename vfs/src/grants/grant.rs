//! What a session has: grants on files' regions, and pages pinned by them.

use super::FileRegion;
use crate::budget::Budget;
use crate::error::Result;
use crate::hash::{self, Map};
use crate::inode::Inode;
use crate::vfs::Vfs;
use alloc::collections::VecDeque;
use alloc::rc::{Rc, Weak};
use core::cell::{Cell, RefCell};
use dataplane::SessionId;
use dataplane::entry::Errno;

/// All grants of a session.
pub(crate) struct SessionGrants {
    id: SessionId,
    /// Most pages pinned at once.
    quota_pages: u32,
    pinned_pages: Cell<u32>,
    next_number: Cell<u32>,
    by_file: RefCell<Map<u64, Weak<Grant>>>,
    /// What stays pinned until it is released, by grant, oldest first.
    held: RefCell<Map<u32, VecDeque<PinnedPages>>>,
}

/// The offer to one session to map one file's region. It ends with the last handle that was read
/// through it, and, if the file has moved to another region, when that handle next reads.
pub(crate) struct Grant {
    /// Names it within the session; never used again.
    pub(crate) number: u32,
    /// What is offered; gone when the file has left it and no page in it is pinned.
    region: Weak<FileRegion>,
    file: u64,
    owner: Rc<SessionGrants>,
    budget: Rc<Budget>,
}

/// Pages that are not evicted while this lives; charged to the session.
pub struct PinnedPages {
    inode: Rc<Inode>,
    region: Rc<FileRegion>,
    owner: Rc<SessionGrants>,
    first: u64,
    count: u32,
}

impl core::fmt::Debug for PinnedPages {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PinnedPages")
            .field("first", &self.first)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl SessionGrants {
    pub(crate) fn new(id: SessionId, quota_pages: u32, seed: u64) -> Self {
        Self {
            id,
            quota_pages,
            pinned_pages: Cell::new(0),
            next_number: Cell::new(1),
            by_file: RefCell::new(hash::map(seed)),
            held: RefCell::new(hash::map(seed)),
        }
    }

    /// The session's grant on a file's region, if it has one.
    pub(crate) fn find(&self, file: &Inode, region: &Rc<FileRegion>) -> Option<Rc<Grant>> {
        let grant = self.by_file.borrow().get(&file.id)?.upgrade()?;
        let offered = grant.region.upgrade()?;
        Rc::ptr_eq(&offered, region).then_some(grant)
    }

    /// Keeps pages pinned until they are released.
    pub(crate) fn hold(&self, number: u32, pages: PinnedPages) {
        let mut held = self.held.borrow_mut();
        held.entry(number).or_default().push_back(pages);
    }

    /// Unpins what the oldest `count` held completions of a grant pinned.
    ///
    /// # Errors
    /// EBADF if nothing is held by this grant, EINVAL if it is less than that.
    pub(crate) fn release(&self, number: u32, count: u32) -> Result<()> {
        let mut held = self.held.borrow_mut();
        let queue = held.get_mut(&number).ok_or(Errno::EBADF)?;
        let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
        if count > queue.len() {
            return Err(Errno::EINVAL);
        }
        let rest = queue.split_off(count);
        let released = core::mem::replace(queue, rest);
        if queue.is_empty() {
            held.remove(&number);
        }
        drop(held);
        drop(released);
        Ok(())
    }

    /// Unpins everything that is held; the session has ended.
    pub(crate) fn release_all(&self) {
        let mut held = self.held.borrow_mut();
        let queues: alloc::vec::Vec<_> = held.drain().collect();
        drop(held);
        drop(queues);
    }

    /// Pins pages for the session, if they are all in the region and it is still the file's.
    ///
    /// # Errors
    /// EDQUOT.
    #[inline]
    pub(crate) fn pin(
        self: &Rc<Self>,
        inode: &Rc<Inode>,
        region: &Rc<FileRegion>,
        first: u64,
        count: u32,
    ) -> Result<Option<PinnedPages>> {
        let pinned = self.pinned_pages.get().checked_add(count);
        let pinned = pinned.filter(|pinned| *pinned <= self.quota_pages);
        let pinned = pinned.ok_or(Errno::EDQUOT)?;
        let contents = inode.contents()?;
        if !contents.pin(region, first, u64::from(count)) {
            return Ok(None);
        }
        self.pinned_pages.set(pinned);
        inode.mount.budget().pinned.add(u64::from(count));
        Ok(Some(PinnedPages {
            inode: Rc::clone(inode),
            region: Rc::clone(region),
            owner: Rc::clone(self),
            first,
            count,
        }))
    }
}

impl Grant {
    /// The region, if the file is still in it.
    #[inline]
    pub(crate) fn region(&self) -> Option<Rc<FileRegion>> {
        let region = self.region.upgrade()?;
        (!region.is_retired()).then_some(region)
    }

    /// Offers a file's region to a session.
    ///
    /// # Errors
    /// EMFILE: the session has used up its numbers.
    pub(crate) fn offer(
        vfs: &Vfs,
        owner: &Rc<SessionGrants>,
        file: &Inode,
        region: &Rc<FileRegion>,
    ) -> Result<Rc<Self>> {
        let number = owner.next_number.get();
        let next = number.checked_add(1).ok_or(Errno::EMFILE)?;
        owner.next_number.set(next);
        region.offer(owner.id, number);
        vfs.budget.grants.add(1);
        let grant = Rc::new(Self {
            number,
            region: Rc::downgrade(region),
            file: file.id,
            owner: Rc::clone(owner),
            budget: Rc::clone(&vfs.budget),
        });
        let mut by_file = owner.by_file.borrow_mut();
        by_file.insert(file.id, Rc::downgrade(&grant));
        Ok(grant)
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.budget.grants.sub(1);
        let mut by_file = self.owner.by_file.borrow_mut();
        // A newer grant on the same file has taken the place already if this one is outdated.
        if by_file.get(&self.file).is_some_and(|grant| grant.strong_count() == 0) {
            by_file.remove(&self.file);
        }
        drop(by_file);
        let Some(region) = self.region.upgrade() else {
            return;
        };
        region.withdraw(self.owner.id, self.number);
        // What is held in a region that the file has left stays so until it is released.
        if !region.is_retired() {
            let held = self.owner.held.borrow_mut().remove(&self.number);
            drop(held);
        }
    }
}

impl Drop for PinnedPages {
    fn drop(&mut self) {
        let pinned = self.owner.pinned_pages.get();
        self.owner.pinned_pages.set(pinned.saturating_sub(self.count));
        let count = u64::from(self.count);
        self.inode.mount.budget().pinned.sub(count);
        if !self.region.is_retired()
            && let Ok(contents) = self.inode.contents()
        {
            contents.unpin(self.first, count);
        }
    }
}
