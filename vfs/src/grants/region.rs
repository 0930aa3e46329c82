//! The region that a file's granted pages are in; `dataplane::grant` has its layout.

use crate::budget::Budget;
use crate::cache::{PAGE, Piece};
use crate::error::{Result, memory, out_of_bounds};
use crate::vfs::Vfs;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use control::service::{Broker, BrokeredRegion};
use core::cell::{Cell, RefCell};
use dataplane::entry::Errno;
use dataplane::filesystem::{PAGE_BYTES, PageBytes};
use dataplane::grant::{CONTENTS, GENERATION, RETIRED, ROOM};
use dataplane::platform::{Access, Memory};
use dataplane::{Region, SessionId};
use rings::sync::{Ordering, fence};

const HEADER_BYTES: u64 = CONTENTS as u64;

/// A region, which only the vfs writes.
pub(crate) struct FileRegion {
    brokered: BrokeredRegion,
    map: Region,
    memory: Arc<dyn Memory>,
    broker: Rc<dyn Broker>,
    budget: Rc<Budget>,
    /// Bytes of contents that fit.
    room: u64,
    generation: Cell<u64>,
    retired: Cell<bool>,
    abandoned: Cell<bool>,
    punchable: Cell<bool>,
    /// Pages of contents that it has memory for.
    charged: Cell<u64>,
    /// Grants that offer it.
    offers: RefCell<Vec<(SessionId, u32)>>,
}

/// The contents of a region are changing: its generation is odd while this lives.
pub(crate) struct Change<'a>(&'a FileRegion);

impl Drop for Change<'_> {
    fn drop(&mut self) {
        fence(Ordering::Release);
        self.0.next_generation();
    }
}

/// Gives a brokered region back unless it came into use.
struct Unused<'a> {
    broker: &'a dyn Broker,
    region: Option<BrokeredRegion>,
}

impl Drop for Unused<'_> {
    fn drop(&mut self) {
        if let Some(region) = self.region.take() {
            self.broker.destroy_region(region.id);
        }
    }
}

impl FileRegion {
    /// Has a region made for `room` bytes of contents, a multiple of the page size.
    ///
    /// # Errors
    /// ENOSPC, ENOMEM, or what the broker says.
    pub(crate) async fn create(vfs: &Vfs, room: u64) -> Result<Rc<Self>> {
        vfs.make_room(HEADER_BYTES).await?;
        let brokered = vfs.broker.create_region(HEADER_BYTES + room).await?;
        let mut unused = Unused { broker: &*vfs.broker, region: Some(brokered.clone()) };
        let machine = &vfs.machine.memory;
        let descriptor = &brokered.descriptor;
        let map = machine.map(descriptor, Access::ReadWrite).map_err(memory)?;
        machine.seal(descriptor).map_err(memory)?;
        if (map.len() as u64) < HEADER_BYTES + room {
            return Err(Errno::EIO);
        }
        machine.commit(descriptor, 0, HEADER_BYTES).map_err(memory)?;
        map.store(ROOM, room, Ordering::Relaxed).map_err(out_of_bounds)?;
        vfs.budget.charge(HEADER_BYTES)?;
        vfs.budget.regions.add(1);
        unused.region = None;
        Ok(Rc::new(Self {
            brokered,
            map,
            memory: Arc::clone(machine),
            broker: Rc::clone(&vfs.broker),
            budget: Rc::clone(&vfs.budget),
            room,
            generation: Cell::new(0),
            retired: Cell::new(false),
            abandoned: Cell::new(false),
            punchable: Cell::new(true),
            charged: Cell::new(0),
            offers: RefCell::default(),
        }))
    }

    /// Offers it to a session, as this grant.
    pub(crate) fn offer(&self, session: SessionId, grant: u32) {
        self.broker.offer(session, grant, self.brokered.id);
        self.offers.borrow_mut().push((session, grant));
    }

    /// Withdraws an offer, unless the file has left and all offers are withdrawn. The client may
    /// still have the region mapped.
    pub(crate) fn withdraw(&self, session: SessionId, grant: u32) {
        let mut offers = self.offers.borrow_mut();
        if let Some(position) = offers.iter().position(|offer| *offer == (session, grant)) {
            offers.swap_remove(position);
            self.broker.withdraw(session, grant);
            self.abandoned.set(true);
        }
    }

    /// Bytes of contents that fit.
    pub(crate) fn room(&self) -> u64 {
        self.room
    }

    /// Even while nothing changes.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// Whether the file has left it.
    #[inline]
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.get()
    }

    /// Whether somebody may have it mapped who has no grant on it any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.get()
    }

    /// Whether a session has a grant on it.
    pub(crate) fn is_offered(&self) -> bool {
        !self.offers.borrow().is_empty()
    }

    /// Whether giving pages back frees memory, as far as is known.
    pub(crate) fn is_punchable(&self) -> bool {
        self.punchable.get()
    }

    /// Announces that bytes change or go.
    pub(crate) fn change(&self) -> Change<'_> {
        self.next_generation();
        fence(Ordering::Release);
        Change(self)
    }

    fn next_generation(&self) {
        let next = self.generation.get().wrapping_add(1);
        self.generation.set(next);
        // Inside the header page, which `create` has seen.
        let _stored = self.map.store(GENERATION, next, Ordering::Relaxed);
    }

    /// Says for good that the file has left, and withdraws all offers.
    pub(crate) fn retire(&self) {
        self.retired.set(true);
        // Inside the header page, which `create` has seen.
        let _stored = self.map.store(RETIRED, 1, Ordering::Release);
        for (session, grant) in self.offers.take() {
            self.broker.withdraw(session, grant);
        }
    }

    /// A page that was charged elsewhere is in the region from now on.
    pub(crate) fn adopt_charge(&self) {
        self.charged.set(self.charged.get() + 1);
    }

    /// Makes sure that pages can be touched.
    pub(crate) fn commit(&self, first: u64, count: u64) -> Result<()> {
        let (offset, len) = self.range(first, count)?;
        let descriptor = &self.brokered.descriptor;
        self.memory.commit(descriptor, offset, len).map_err(memory)
    }

    /// Gives the memory of pages back, which read zeros from now on; says whether there was any to
    /// give, or they are only zeroed. The caller holds a [`Change`].
    pub(crate) fn release(&self, first: u64, count: u64) -> Result<bool> {
        let (offset, len) = self.range(first, count)?;
        let descriptor = &self.brokered.descriptor;
        if self.memory.punch(descriptor, offset, len).is_ok() {
            let charged = self.charged.get().saturating_sub(count);
            self.charged.set(charged);
            self.budget.refund(count * PAGE);
            return Ok(true);
        }
        self.punchable.set(false);
        self.zero_bytes(offset, len)?;
        Ok(false)
    }

    fn range(&self, first: u64, count: u64) -> Result<(u64, u64)> {
        let end = first.checked_add(count).and_then(|end| end.checked_mul(PAGE));
        if end.is_none_or(|end| end > self.room) {
            return Err(Errno::EINVAL);
        }
        Ok((HEADER_BYTES + first * PAGE, count * PAGE))
    }

    fn zero_bytes(&self, offset: u64, len: u64) -> Result<()> {
        let offset = usize::try_from(offset).map_err(|_| Errno::EINVAL)?;
        let len = usize::try_from(len).map_err(|_| Errno::EINVAL)?;
        self.map.zero(offset, len).map_err(out_of_bounds)
    }

    fn offset(&self, index: u64) -> Result<usize> {
        let (offset, _) = self.range(index, 1)?;
        usize::try_from(offset).map_err(|_| Errno::EINVAL)
    }

    /// Puts a page's bytes in, where nothing is: no reader has been told to look there.
    pub(crate) fn fill(&self, index: u64, bytes: &PageBytes) -> Result<()> {
        let offset = self.offset(index)?;
        self.map.write(offset, bytes).map_err(out_of_bounds)
    }

    /// Copies a page out.
    pub(crate) fn read(&self, index: u64, bytes: &mut PageBytes) -> Result<()> {
        let offset = self.offset(index)?;
        self.map.read(offset, bytes).map_err(out_of_bounds)
    }

    /// Copies a part of a page out.
    pub(crate) fn load(&self, index: u64, within: usize, into: &mut [u8]) -> Result<()> {
        let offset = self.offset(index)? + within.min(PAGE_BYTES);
        self.map.read(offset, into).map_err(out_of_bounds)
    }

    /// Copies a part of a page in.
    pub(crate) fn store(&self, index: u64, within: usize, from: &[u8]) -> Result<()> {
        let offset = self.offset(index)? + within.min(PAGE_BYTES);
        let _change = self.change();
        self.map.write(offset, from).map_err(out_of_bounds)
    }

    /// Sets a part of a page to zero. The caller holds a [`Change`].
    pub(crate) fn zero(&self, index: u64, within: usize, len: usize) -> Result<()> {
        let offset = self.offset(index)?;
        self.map.zero(offset + within, len).map_err(out_of_bounds)
    }

    /// Copies a piece to an arena.
    pub(crate) fn copy_out(&self, piece: &Piece<'_>) -> Result<()> {
        let from = self.offset(piece.index)? + piece.within.min(PAGE_BYTES);
        let copied = self.map.copy_to(from, piece.arena, piece.at, piece.len);
        copied.map_err(out_of_bounds)
    }

    /// Copies a piece from an arena.
    pub(crate) fn copy_in(&self, piece: &Piece<'_>) -> Result<()> {
        let to = self.offset(piece.index)? + piece.within.min(PAGE_BYTES);
        let _change = self.change();
        let copied = piece.arena.copy_to(piece.at, &self.map, to, piece.len);
        copied.map_err(out_of_bounds)
    }
}

impl Drop for FileRegion {
    fn drop(&mut self) {
        // A client that keeps it mapped shall not keep its memory, but for the header, which tells
        // it so.
        let change = self.change();
        let descriptor = &self.brokered.descriptor;
        let _given_back = self.memory.punch(descriptor, HEADER_BYTES, self.room);
        drop(change);
        self.retire();
        self.broker.destroy_region(self.brokered.id);
        self.budget.regions.sub(1);
        self.budget.refund(HEADER_BYTES + self.charged.get() * PAGE);
    }
}
