//! The cached contents of one regular file.
//!
//! Invariant: what lies behind the end of the file, in its last page or later ones, is zeros. All
//! of it is synchronous; what must wait (reading pages, finding memory) is in `operations`.

use super::pages::{CHUNK_BYTES, PAGE, Page, Pages, Place};
use crate::budget::Budget;
use crate::error::{Result, out_of_bounds};
use crate::grants::FileRegion;
use crate::lock::Lock;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use dataplane::Region;
use dataplane::entry::Errno;
use dataplane::filesystem::{PAGE_BYTES, PageBytes};

/// A part of one page, and where in a client's arena it goes to or comes from.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    /// The page.
    pub(crate) index: u64,
    /// First byte in the page.
    pub(crate) within: usize,
    /// Bytes; `within + len` is at most a page.
    pub(crate) len: usize,
    /// The arena.
    pub(crate) arena: &'a Region,
    /// First byte in the arena.
    pub(crate) at: usize,
}

/// The contents of a file.
pub(crate) struct Contents {
    pub(super) budget: Rc<Budget>,
    pub(super) pages: RefCell<Pages>,
    pub(super) region: RefCell<Option<Rc<FileRegion>>>,
    /// Pages that are not holes, present in memory.
    pub(super) stored: Cell<u64>,
    /// Where the clock's hand is.
    pub(super) hand: Cell<u64>,
    version: Cell<u64>,
    /// Held by who writes or truncates, so that appending is atomic.
    pub(crate) writing: Lock,
    /// Held by who writes pages back; acquired behind `writing`, and nothing behind it.
    pub(crate) flushing: Lock,
    /// Whether the clock visits this file.
    pub(crate) in_clock: Cell<bool>,
    /// Whether size, times or permissions are newer here than in the file system.
    pub(crate) attributes_dirty: Cell<bool>,
}

impl Contents {
    /// An empty file, or one of which nothing is cached.
    pub(crate) fn new(budget: &Rc<Budget>) -> Self {
        Self {
            budget: Rc::clone(budget),
            pages: RefCell::default(),
            region: RefCell::default(),
            stored: Cell::new(0),
            hand: Cell::new(0),
            version: Cell::new(0),
            writing: Lock::default(),
            flushing: Lock::default(),
            in_clock: Cell::new(false),
            attributes_dirty: Cell::new(false),
        }
    }

    /// Changes whenever contents do, so that what was read meanwhile is not taken for new.
    pub(crate) fn version(&self) -> u64 {
        self.version.get()
    }

    /// Pages of contents in memory.
    pub(crate) fn stored(&self) -> u64 {
        self.stored.get()
    }

    /// The region that the file's granted pages are in.
    pub(crate) fn region(&self) -> Option<Rc<FileRegion>> {
        self.region.borrow().clone()
    }

    /// Whether a page's bytes are in memory.
    pub(crate) fn has(&self, index: u64) -> bool {
        let pages = self.pages.borrow();
        pages.page(index).is_some_and(Page::is_present)
    }

    /// Copies out a piece, if its page is in memory; says whether it is.
    #[inline]
    pub(crate) fn read(&self, piece: Piece<'_>) -> Result<bool> {
        let pages = self.pages.borrow();
        let Some(page) = pages.page(piece.index) else {
            return Ok(false);
        };
        match &page.place {
            Place::Absent | Place::Spare => return Ok(false),
            Place::Private(bytes) => {
                let bytes = bytes.get(piece.within..piece.within + piece.len);
                let bytes = bytes.ok_or(Errno::EINVAL)?;
                piece.arena.write(piece.at, bytes).map_err(out_of_bounds)?;
            }
            Place::Granted => self.granting()?.copy_out(&piece)?,
        }
        page.used.set(true);
        Ok(true)
    }

    /// Copies in a piece, if its page is in memory; says whether it is.
    #[inline]
    pub(crate) fn write(&self, piece: Piece<'_>) -> Result<bool> {
        let mut pages = self.pages.borrow_mut();
        let Some(page) = pages.page_mut(piece.index) else {
            return Ok(false);
        };
        match &mut page.place {
            Place::Absent | Place::Spare => return Ok(false),
            Place::Private(bytes) => {
                let bytes = bytes.get_mut(piece.within..piece.within + piece.len);
                let bytes = bytes.ok_or(Errno::EINVAL)?;
                piece.arena.read(piece.at, bytes).map_err(out_of_bounds)?;
            }
            Place::Granted => self.granting()?.copy_in(&piece)?,
        }
        if page.is_hole {
            page.is_hole = false;
            self.stored.set(self.stored.get() + 1);
        }
        page.dirty = true;
        page.used.set(true);
        self.version.set(self.version.get() + 1);
        Ok(true)
    }

    pub(super) fn granting(&self) -> Result<Rc<FileRegion>> {
        self.region().ok_or(Errno::EIO)
    }

    /// Adds the bytes of a page that is not in memory.
    ///
    /// # Errors
    /// ENOSPC: the budget has no room for it.
    pub(crate) fn insert(&self, index: u64, bytes: Box<PageBytes>) -> Result<()> {
        let mut pages = self.pages.borrow_mut();
        self.chunk_for(&mut pages, index)?;
        let page = pages.page_mut(index).ok_or(Errno::EINVAL)?;
        match page.place {
            Place::Absent => {
                self.budget.charge(PAGE)?;
                page.place = Place::Private(bytes);
            }
            Place::Spare => {
                self.granting()?.fill(index, &bytes)?;
                page.place = Place::Granted;
            }
            Place::Private(_) | Place::Granted => return Ok(()),
        }
        page.used.set(true);
        self.budget.pages.add(1);
        self.stored.set(self.stored.get() + 1);
        Ok(())
    }

    pub(super) fn chunk_for(&self, pages: &mut Pages, index: u64) -> Result<()> {
        if !pages.has_chunk(index) {
            self.budget.charge(CHUNK_BYTES)?;
            pages.add_chunk(index);
        }
        Ok(())
    }

    /// Drops what lies behind a size, which the file has from now on.
    pub(crate) fn truncate(&self, size: u64) -> Result<()> {
        self.version.set(self.version.get() + 1);
        let region = self.region();
        let change = region.as_ref().map(|region| region.change());
        let first = size.div_ceil(PAGE);
        let mut pages = self.pages.borrow_mut();
        let mut granted = Vec::new();
        for (index, page) in pages.starting_at_mut(first) {
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
                Place::Granted => granted.push(index),
                Place::Absent | Place::Spare => {}
            }
        }
        if let Some(region) = &region {
            give_back(region, &mut pages, &granted)?;
        }
        let chunks = pages.tidy(first..=u64::MAX / PAGE);
        self.budget.refund(chunks * CHUNK_BYTES);
        let tail = usize::try_from(size % PAGE).unwrap_or(0);
        if let (true, Some(page)) = (tail > 0, pages.page_mut(size / PAGE)) {
            match &mut page.place {
                Place::Private(bytes) => bytes.get_mut(tail..).unwrap_or_default().fill(0),
                Place::Granted => {
                    if let Some(region) = &region {
                        region.zero(size / PAGE, tail, PAGE_BYTES - tail)?;
                    }
                }
                Place::Absent | Place::Spare => {}
            }
            page.dirty |= page.is_present();
        }
        drop(change);
        Ok(())
    }
}

/// Gives the memory of granted pages back, run by run.
pub(super) fn give_back(region: &FileRegion, pages: &mut Pages, granted: &[u64]) -> Result<()> {
    for run in granted.chunk_by(|a, b| a + 1 == *b) {
        let Some(first) = run.first() else { continue };
        let punched = region.release(*first, run.len() as u64)?;
        for index in run {
            if let Some(page) = pages.page_mut(*index) {
                page.place = if punched { Place::Absent } else { Place::Spare };
            }
        }
    }
    Ok(())
}

impl Drop for Contents {
    fn drop(&mut self) {
        let pages = self.pages.get_mut();
        let private =
            pages.starting_at(0).filter(|(_, page)| matches!(page.place, Place::Private(_)));
        self.budget.refund(private.count() as u64 * PAGE);
        let present = pages.starting_at(0).filter(|(_, page)| page.is_present());
        self.budget.pages.sub(present.count() as u64);
        self.budget.refund(pages.chunks() * CHUNK_BYTES);
    }
}
