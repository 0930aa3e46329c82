//! Finding memory: evicting what can be read again, a clock hand going over all files and, within
//! each, over its pages.

use super::contents::{Contents, give_back};
use super::pages::{CHUNK, CHUNK_BYTES, PAGE, Page, Pages, Place};
use crate::error::Result;
use crate::inode::Inode;
use crate::vfs::Vfs;
use alloc::rc::Rc;
use alloc::vec::Vec;
use dataplane::entry::Errno;
use dataplane::filesystem::ContentsIn;

/// Pages looked at in one file before the hand moves to the next.
const SWEEP: usize = 1024;
/// Files looked at for each one that is added to the clock, so that those that are gone, whose
/// memory is only given back when they are taken out, stay fewer than the others.
const LOOKS_PER_FILE: usize = 2;

impl Contents {
    /// Evicts pages that can be had again and were not used since the hand came by: clean ones of
    /// a backing file system, holes of one whose contents are only here. Says how many bytes.
    fn sweep(&self, contents_in: ContentsIn) -> Result<u64> {
        let region = self.region();
        let region = region.as_ref().filter(|region| region.is_punchable());
        let mut pages = self.pages.borrow_mut();
        let evictable = |page: &Page| {
            let expendable = page.is_hole || contents_in == ContentsIn::Backing;
            let memory = matches!(page.place, Place::Private(_)) || region.is_some();
            page.is_present() && expendable && memory && !page.dirty && !page.in_flight
        };
        let start = self.hand.get();
        let mut victims = Vec::new();
        let mut end = u64::MAX / PAGE;
        for (seen, (index, page)) in pages.starting_at(start).enumerate() {
            if seen == SWEEP {
                end = index;
                break;
            }
            if page.pins == 0 && evictable(page) && !page.used.replace(false) {
                victims.push(index);
            }
        }
        let wrapped = end == u64::MAX / PAGE;
        self.hand.set(if wrapped { 0 } else { end });
        if victims.is_empty() {
            return Ok(0);
        }
        self.drop_pages(&mut pages, &victims)?;
        let chunks = pages.tidy(start..=end);
        self.budget.refund(chunks * CHUNK_BYTES);
        Ok(victims.len() as u64 * PAGE + chunks * CHUNK_BYTES)
    }

    fn drop_pages(&self, pages: &mut Pages, victims: &[u64]) -> Result<()> {
        let region = self.region();
        let mut granted = Vec::new();
        for index in victims {
            let Some(page) = pages.page_mut(*index) else {
                continue;
            };
            self.budget.pages.sub(1);
            let stored = u64::from(!page.is_hole);
            self.stored.set(self.stored.get() - stored);
            page.is_hole = false;
            if matches!(page.place, Place::Granted) {
                granted.push(*index);
            } else {
                self.budget.refund(PAGE);
                page.place = Place::Absent;
            }
        }
        if let Some(region) = region.filter(|_| !granted.is_empty()) {
            let change = region.change();
            give_back(&region, pages, &granted)?;
            drop(change);
        }
        Ok(())
    }

    /// Whether the region is of no use to anybody just now: it can be taken away.
    fn has_idle_region(&self) -> bool {
        let Some(region) = self.region() else {
            return false;
        };
        let pages = self.pages.borrow();
        !region.is_offered() && pages.starting_at(0).all(|(_, page)| page.pins == 0)
    }
}

impl Vfs {
    /// Has the clock's hand visit a file from now on.
    pub(crate) fn add_to_clock(&self, inode: &Rc<Inode>) {
        if let Ok(contents) = inode.contents()
            && !contents.in_clock.replace(true)
        {
            let mut clock = self.clock.borrow_mut();
            for _ in 0..LOOKS_PER_FILE {
                match clock.pop_front() {
                    Some(next) if next.strong_count() > 0 => clock.push_back(next),
                    _ => {}
                }
            }
            clock.push_back(Rc::downgrade(inode));
        }
    }

    /// Makes sure that so many bytes can be charged.
    ///
    /// # Errors
    /// ENOSPC.
    pub(crate) async fn make_room(&self, bytes: u64) -> Result<()> {
        loop {
            if self.budget.used_bytes().saturating_add(bytes) <= self.budget.limit_bytes() {
                return Ok(());
            }
            if self.sweep_all(bytes)? || self.retire_idle()? {
                continue;
            }
            let Some(inode) = self.any_dirty() else {
                return Err(Errno::ENOSPC);
            };
            self.write_back(&inode).await?;
        }
    }

    /// Room for neighbouring pages and all that comes with them.
    ///
    /// # Errors
    /// ENOSPC.
    #[inline]
    pub(crate) async fn make_room_for_pages(&self, count: u64) -> Result<()> {
        let chunks = count / CHUNK + 2;
        self.make_room(count * PAGE + chunks * CHUNK_BYTES).await
    }

    /// Twice around the clock at most; says whether anything was evicted.
    fn sweep_all(&self, goal: u64) -> Result<bool> {
        let mut freed = 0;
        let files = self.clock.borrow().len();
        for _ in 0..files.saturating_mul(2) {
            let Some(next) = self.clock.borrow_mut().pop_front() else {
                break;
            };
            let Some(inode) = next.upgrade() else {
                continue;
            };
            if let Ok(contents) = inode.contents() {
                freed += contents.sweep(inode.mount.contents_in)?;
            }
            self.clock.borrow_mut().push_back(next);
            if freed >= goal {
                break;
            }
        }
        Ok(freed > 0)
    }

    /// Moves one file out of a region that no session has a grant on; says whether there was one.
    fn retire_idle(&self) -> Result<bool> {
        let files = self.clock.borrow().len();
        for _ in 0..files {
            let Some(next) = self.clock.borrow_mut().pop_front() else {
                break;
            };
            let Some(inode) = next.upgrade() else {
                continue;
            };
            self.clock.borrow_mut().push_back(next);
            let contents = inode.contents()?;
            if contents.has_idle_region() {
                let before = self.budget.used_bytes();
                contents.retire()?;
                if self.budget.used_bytes() < before {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
