//! Moving pages into the file's region, pinning them there, and taking them out again.

use super::contents::Contents;
use super::pages::{PAGE, Place, new_page};
use crate::error::Result;
use crate::grants::FileRegion;
use alloc::rc::Rc;
use alloc::vec::Vec;
use dataplane::entry::Errno;
use dataplane::grant;

/// Pages that are moved together.
const WINDOW: u64 = (grant::WINDOW / grant::PAGE) as u64;

impl Contents {
    /// Gives the file a region that has nothing in it yet.
    ///
    /// # Errors
    /// ENOMEM: the file stays in the region that it had.
    pub(crate) fn set_region(&self, region: Rc<FileRegion>) -> Result<()> {
        self.retire()?;
        drop(self.region.replace(Some(region)));
        Ok(())
    }

    /// Pins pages if all of them are in `region`, and it is the file's; says whether it did.
    #[inline]
    pub(crate) fn pin(&self, region: &Rc<FileRegion>, first: u64, count: u64) -> bool {
        if region.is_retired() {
            return false;
        }
        let mut pages = self.pages.borrow_mut();
        let range = first..first + count;
        let granted = |index: u64| {
            let page = pages.page(index);
            page.is_some_and(|page| matches!(page.place, Place::Granted) && page.pins < u32::MAX)
        };
        if !range.clone().all(granted) {
            return false;
        }
        for index in range {
            if let Some(page) = pages.page_mut(index) {
                page.pins += 1;
                page.used.set(true);
            }
        }
        true
    }

    /// Takes pins back.
    pub(crate) fn unpin(&self, first: u64, count: u64) {
        let mut pages = self.pages.borrow_mut();
        for index in first..first + count {
            if let Some(page) = pages.page_mut(index) {
                page.pins = page.pins.saturating_sub(1);
            }
        }
    }

    /// A range with the private pages next to it, up to the limits of 16 pages that it begins and
    /// ends in: making memory ready costs a system call, whatever the number of pages.
    pub(crate) fn with_neighbours(&self, first: u64, count: u64, room: u64) -> (u64, u64) {
        let pages = self.pages.borrow();
        let is_private = |index: &u64| {
            let page = pages.page(*index);
            page.is_some_and(|page| matches!(page.place, Place::Private(_)))
        };
        let end = first + count;
        let low = first / WINDOW * WINDOW;
        let high = end.next_multiple_of(WINDOW).min(room / PAGE).max(end);
        let before = (low..first).rev().take_while(is_private).count() as u64;
        let behind = (end..high).take_while(is_private).count() as u64;
        (first - before, count + before + behind)
    }

    /// Moves pages into the region: those in memory as they are, absent ones as holes.
    ///
    /// # Errors
    /// ENOMEM or ENOSPC; some may have been moved.
    pub(crate) fn move_in(&self, first: u64, count: u64) -> Result<()> {
        let region = self.granting()?;
        region.commit(first, count)?;
        let mut pages = self.pages.borrow_mut();
        for index in first..first + count {
            self.chunk_for(&mut pages, index)?;
            let page = pages.page_mut(index).ok_or(Errno::EINVAL)?;
            match &page.place {
                Place::Granted => continue,
                Place::Private(bytes) => {
                    region.fill(index, bytes)?;
                    region.adopt_charge();
                }
                Place::Absent => {
                    self.budget.charge(PAGE)?;
                    region.adopt_charge();
                    self.budget.pages.add(1);
                    page.is_hole = true;
                }
                Place::Spare => {
                    self.budget.pages.add(1);
                    page.is_hole = true;
                }
                Place::Reserved => {
                    // As good as written: it must not be evicted.
                    region.adopt_charge();
                    self.budget.pages.add(1);
                    self.reserved.set(self.reserved.get() - 1);
                    self.stored.set(self.stored.get() + 1);
                }
            }
            page.place = Place::Granted;
        }
        Ok(())
    }

    /// Takes all pages out of the region and leaves it for good: its mappings stay what they are,
    /// and never receive another byte. Pages that are still pinned in it stay readable there until
    /// they no longer are.
    ///
    /// # Errors
    /// ENOMEM; nothing has then changed.
    pub(crate) fn retire(&self) -> Result<()> {
        let Some(region) = self.region() else {
            return Ok(());
        };
        let mut pages = self.pages.borrow_mut();
        let mut copies = Vec::new();
        for (index, page) in pages.starting_at(0) {
            if matches!(page.place, Place::Granted) && !page.is_hole {
                let mut copy = new_page()?;
                region.read(index, &mut copy)?;
                copies.push(copy);
            }
        }
        self.budget.overdraw(copies.len() as u64 * PAGE);
        let change = region.change();
        let mut copies = copies.into_iter();
        let mut unpinned = Vec::new();
        for (index, page) in pages.starting_at_mut(0) {
            let pinned = core::mem::take(&mut page.pins) > 0;
            let was_granted = matches!(page.place, Place::Granted);
            page.place = match core::mem::take(&mut page.place) {
                Place::Granted if !page.is_hole => {
                    copies.next().map_or(Place::Absent, Place::Private)
                }
                Place::Granted => {
                    self.budget.pages.sub(1);
                    Place::Absent
                }
                Place::Spare => Place::Absent,
                other => other,
            };
            page.is_hole = false;
            if was_granted && !pinned {
                unpinned.push(index);
            }
        }
        for run in unpinned.chunk_by(|a, b| a + 1 == *b) {
            if let Some(first) = run.first() {
                region.release(*first, run.len() as u64)?;
            }
        }
        drop(change);
        region.retire();
        drop(self.region.take());
        Ok(())
    }

    /// Called before contents change: moves the file out of a region that somebody may have mapped
    /// who has no handle any more.
    ///
    /// # Errors
    /// ENOMEM.
    pub(crate) fn before_change(&self) -> Result<()> {
        let abandoned = |region: &Rc<FileRegion>| region.is_abandoned();
        if self.region.borrow().as_ref().is_some_and(abandoned) {
            self.retire()?;
        }
        Ok(())
    }
}
