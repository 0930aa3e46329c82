//! Ranges of a file's contents: dropping, zeroing and reserving pages, and finding data and holes.

use super::contents::{Contents, give_back};
use super::pages::{CHUNK_BYTES, PAGE, Page, Pages, Place};
use crate::error::Result;
use crate::grants::FileRegion;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::ops::Range;
use dataplane::entry::Errno;
use dataplane::filesystem::PAGE_BYTES;

/// A range of bytes as whole pages, and the parts of pages before and behind them.
struct Parts {
    whole: Range<u64>,
    /// Page, first byte within, bytes.
    edges: [(u64, usize, usize); 2],
}

impl Parts {
    fn new(range: &Range<u64>) -> Self {
        let within = |offset: u64| usize::try_from(offset % PAGE).unwrap_or(0);
        let whole = range.start.div_ceil(PAGE)..range.end / PAGE;
        if whole.start > whole.end {
            // Inside one page.
            let len = usize::try_from(range.end - range.start).unwrap_or(0);
            let edge = (range.start / PAGE, within(range.start), len);
            return Self { whole: 0..0, edges: [edge, (0, 0, 0)] };
        }
        let head = match within(range.start) {
            0 => (0, 0, 0),
            first => (range.start / PAGE, first, PAGE_BYTES - first),
        };
        Self { whole, edges: [head, (range.end / PAGE, 0, within(range.end))] }
    }
}

impl Contents {
    /// Drops what lies behind a size, which the file has from now on.
    pub(crate) fn truncate(&self, size: u64) -> Result<()> {
        self.punch(&(size..(u64::MAX / PAGE) * PAGE))?;
        let tail = size % PAGE;
        let mut pages = self.pages.borrow_mut();
        if let (true, Some(page)) = (tail > 0, pages.page_mut(size / PAGE)) {
            page.dirty |= page.is_present();
        }
        Ok(())
    }

    /// Makes a range read zeros and gives its memory back.
    pub(crate) fn punch(&self, range: &Range<u64>) -> Result<()> {
        self.note_changed();
        let parts = Parts::new(range);
        let region = self.region();
        let change = region.as_ref().map(|region| region.change());
        let mut pages = self.pages.borrow_mut();
        let mut granted = Vec::new();
        for (index, page) in pages.starting_at_mut(parts.whole.start) {
            if index >= parts.whole.end {
                break;
            }
            if page.is_present() {
                self.budget.pages.sub(1);
                let stored = u64::from(!page.is_hole);
                self.stored.set(self.stored.get() - stored);
            }
            (page.dirty, page.is_hole) = (false, false);
            match page.place {
                Place::Private(_) => {
                    self.budget.refund(PAGE);
                    page.place = Place::Absent;
                }
                Place::Reserved => {
                    self.reserved.set(self.reserved.get() - 1);
                    self.budget.refund(PAGE);
                    page.place = Place::Absent;
                }
                Place::Granted => granted.push(index),
                Place::Absent | Place::Spare => {}
            }
        }
        if let Some(region) = &region {
            give_back(region, &mut pages, &granted)?;
        }
        if !parts.whole.is_empty() {
            let chunks = pages.tidy(parts.whole.start..=parts.whole.end - 1);
            self.budget.refund(chunks * CHUNK_BYTES);
        }
        zero_edges(&parts, &mut pages, region.as_ref())?;
        drop(change);
        Ok(())
    }

    /// Makes a range read zeros and keeps its memory.
    pub(crate) fn zero(&self, range: &Range<u64>) -> Result<()> {
        self.note_changed();
        let parts = Parts::new(range);
        let region = self.region();
        let change = region.as_ref().map(|region| region.change());
        let mut pages = self.pages.borrow_mut();
        for (index, page) in pages.starting_at_mut(parts.whole.start) {
            if index >= parts.whole.end {
                break;
            }
            match page.place {
                Place::Private(_) => {
                    page.place = Place::Reserved;
                    page.dirty = false;
                    self.budget.pages.sub(1);
                    self.stored.set(self.stored.get() - 1);
                    self.reserved.set(self.reserved.get() + 1);
                }
                Place::Granted => {
                    if let Some(region) = &region {
                        region.zero(index, 0, PAGE_BYTES)?;
                    }
                }
                Place::Absent | Place::Spare | Place::Reserved => {}
            }
        }
        zero_edges(&parts, &mut pages, region.as_ref())?;
        drop(change);
        Ok(())
    }

    /// How many pages of a range have no memory.
    pub(crate) fn missing(&self, pages: &Range<u64>) -> u64 {
        let known = self.pages.borrow();
        let here = known.starting_at(pages.start).take_while(|(index, _)| *index < pages.end);
        let here = here.filter(|(_, page)| !matches!(page.place, Place::Absent));
        (pages.end - pages.start) - here.count() as u64
    }

    /// Pays for the pages of a range that have no memory.
    ///
    /// # Errors
    /// ENOSPC; some may have been paid for.
    pub(crate) fn reserve(&self, range: Range<u64>) -> Result<()> {
        let mut pages = self.pages.borrow_mut();
        for index in range {
            self.chunk_for(&mut pages, index)?;
            let page = pages.page_mut(index).ok_or(Errno::EINVAL)?;
            if matches!(page.place, Place::Absent) {
                self.budget.charge(PAGE)?;
                self.reserved.set(self.reserved.get() + 1);
                page.place = Place::Reserved;
            }
        }
        Ok(())
    }

    /// Whether a page is paid for, and nothing else.
    pub(crate) fn is_reserved(&self, index: u64) -> bool {
        let pages = self.pages.borrow();
        pages.page(index).is_some_and(|page| matches!(page.place, Place::Reserved))
    }

    /// The first byte from an offset on that is in a page with data.
    pub(crate) fn next_data(&self, offset: u64) -> Option<u64> {
        let pages = self.pages.borrow();
        let mut behind = pages.starting_at(offset / PAGE);
        let (index, _) = behind.find(|(_, page)| has_data(page))?;
        Some(offset.max(index * PAGE))
    }

    /// The first byte from an offset on that is in a page without data.
    pub(crate) fn next_hole(&self, offset: u64) -> u64 {
        let pages = self.pages.borrow();
        let mut expected = offset / PAGE;
        for (index, page) in pages.starting_at(expected) {
            if index != expected || !has_data(page) {
                break;
            }
            expected += 1;
        }
        offset.max(expected * PAGE)
    }
}

fn has_data(page: &Page) -> bool {
    page.is_present() && !page.is_hole
}

/// Zeroes the parts of pages at both ends of a range. The caller holds a change of the region.
fn zero_edges(parts: &Parts, pages: &mut Pages, region: Option<&Rc<FileRegion>>) -> Result<()> {
    for (index, within, len) in parts.edges {
        let Some(page) = pages.page_mut(index).filter(|_| len > 0) else {
            continue;
        };
        match &mut page.place {
            Place::Private(bytes) => {
                bytes.get_mut(within..within + len).unwrap_or_default().fill(0);
            }
            Place::Granted => {
                if let Some(region) = region {
                    region.zero(index, within, len)?;
                }
            }
            Place::Absent | Place::Spare | Place::Reserved => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_fall_into_whole_pages_and_edges() {
        let parts = |range: Range<u64>| {
            let parts = Parts::new(&range);
            let edges: Vec<_> = parts.edges.into_iter().filter(|edge| edge.2 > 0).collect();
            (parts.whole.end - parts.whole.start, edges)
        };
        assert_eq!(parts(0..PAGE), (1, alloc::vec![]));
        assert_eq!(parts(5..9), (0, alloc::vec![(0, 5, 4)]));
        assert_eq!(parts(5..PAGE), (0, alloc::vec![(0, 5, PAGE_BYTES - 5)]));
        assert_eq!(parts(PAGE..PAGE + 3), (0, alloc::vec![(1, 0, 3)]));
        let both = alloc::vec![(0, 4095, 1), (3, 0, 7)];
        assert_eq!(parts(4095..3 * PAGE + 7), (2, both));
        assert_eq!(parts(PAGE - 1..PAGE + 1), (0, alloc::vec![(0, 4095, 1), (1, 0, 1)]));
    }
}
