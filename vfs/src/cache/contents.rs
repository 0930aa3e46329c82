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
use core::cell::{Cell, RefCell};
use dataplane::Region;
use dataplane::entry::Errno;
use dataplane::filesystem::PageBytes;

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
    /// Pages that are only paid for.
    pub(super) reserved: Cell<u64>,
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
            reserved: Cell::new(0),
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

    /// Pages of contents in memory, or paid for.
    pub(crate) fn taken(&self) -> u64 {
        self.stored.get() + self.reserved.get()
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
            Place::Absent | Place::Spare | Place::Reserved => return Ok(false),
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
            Place::Absent | Place::Spare | Place::Reserved => return Ok(false),
            Place::Private(bytes) => {
                let bytes = bytes.get_mut(piece.within..piece.within + piece.len);
                let bytes = bytes.ok_or(Errno::EINVAL)?;
                piece.arena.read(piece.at, bytes).map_err(out_of_bounds)?;
            }
            Place::Granted => self.granting()?.copy_in(&piece)?,
        }
        self.note_written(page);
        Ok(true)
    }

    /// Copies out a part of a page to private memory, if the page is in memory; says whether it
    /// is.
    pub(crate) fn load(&self, index: u64, within: usize, into: &mut [u8]) -> Result<bool> {
        let pages = self.pages.borrow();
        let Some(page) = pages.page(index) else {
            return Ok(false);
        };
        match &page.place {
            Place::Absent | Place::Spare | Place::Reserved => return Ok(false),
            Place::Private(bytes) => {
                let bytes = bytes.get(within..within + into.len()).ok_or(Errno::EINVAL)?;
                into.copy_from_slice(bytes);
            }
            Place::Granted => self.granting()?.load(index, within, into)?,
        }
        page.used.set(true);
        Ok(true)
    }

    /// Copies in a part of a page from private memory, if the page is in memory; says whether it
    /// is.
    pub(crate) fn store(&self, index: u64, within: usize, from: &[u8]) -> Result<bool> {
        let mut pages = self.pages.borrow_mut();
        let Some(page) = pages.page_mut(index) else {
            return Ok(false);
        };
        match &mut page.place {
            Place::Absent | Place::Spare | Place::Reserved => return Ok(false),
            Place::Private(bytes) => {
                let bytes = bytes.get_mut(within..within + from.len()).ok_or(Errno::EINVAL)?;
                bytes.copy_from_slice(from);
            }
            Place::Granted => self.granting()?.store(index, within, from)?,
        }
        self.note_written(page);
        Ok(true)
    }

    fn note_written(&self, page: &mut Page) {
        if page.is_hole {
            page.is_hole = false;
            self.stored.set(self.stored.get() + 1);
        }
        page.dirty = true;
        page.used.set(true);
        self.note_changed();
    }

    /// Contents have changed.
    pub(super) fn note_changed(&self) {
        self.version.set(self.version.get() + 1);
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
            Place::Reserved => {
                self.reserved.set(self.reserved.get() - 1);
                page.place = Place::Private(bytes);
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
        let is_paid = |page: &Page| matches!(page.place, Place::Private(_) | Place::Reserved);
        let paid = pages.starting_at(0).filter(|(_, page)| is_paid(page));
        self.budget.refund(paid.count() as u64 * PAGE);
        let present = pages.starting_at(0).filter(|(_, page)| page.is_present());
        self.budget.pages.sub(present.count() as u64);
        self.budget.refund(pages.chunks() * CHUNK_BYTES);
    }
}
