//! The completions of one WATCH.

use super::table::Watches;
use super::watch::{Change, Next, Watch};
use crate::error::Result;
use crate::grants::PinnedPages;
use alloc::rc::Rc;
use core::task::Context;
use dataplane::entry::{CqeFlags, Errno, Status};
use dataplane::file::{WatchEvents, WatchRecord};
use dataplane::service::{Completion, Shot, Shots};
use dataplane::{Arena, ArenaRange};
use static_assertions::const_assert_eq;
use zerocopy::IntoBytes;

/// Bytes of a slot.
const SLOT: u32 = 296;
/// Bytes of all slots that are used.
const MOST_BYTES: u32 = SLOT * 64;

const_assert_eq!(SLOT as usize, WatchRecord::BYTES);
const_assert_eq!(MOST_BYTES as usize, WatchRecord::BYTES * WatchRecord::MOST_SLOTS);

/// Writes reports into a client's slots, one after the other.
pub(crate) struct Reports {
    watch: Rc<Watch>,
    watches: Rc<Watches>,
    arena: Arena,
    slots: ArenaRange,
    /// Offset of the slot that is next, from the first one.
    next: u32,
}

impl Reports {
    /// Begins to watch; every slot is free.
    ///
    /// # Errors
    /// EINVAL: there is not one slot. EFAULT: they are not in the arena. EDQUOT.
    pub(crate) fn begin(
        watch: Watch,
        watches: &Rc<Watches>,
        arena: &Arena,
        slots: ArenaRange,
    ) -> Result<Self> {
        let len = (slots.len - slots.len % SLOT).min(MOST_BYTES);
        let slots = ArenaRange { len, ..slots };
        if slots.len == 0 {
            return Err(Errno::EINVAL);
        }
        arena.check(slots)?;
        for at in (0..slots.len).step_by(WatchRecord::BYTES) {
            arena.store(slots.offset + at, 0)?;
        }
        let watch = Rc::new(watch);
        watches.add(&watch)?;
        let watches = Rc::clone(watches);
        Ok(Self { watch, watches, arena: arena.clone(), slots, next: 0 })
    }

    /// Writes the oldest change into the next slot, if that is free.
    fn report(&mut self) -> Result<Shot<PinnedPages>> {
        let offset = self.slots.offset + self.next;
        if self.arena.load(offset)? != 0 {
            return Ok(Shot::NoRoom);
        }
        let Some(change) = self.watch.take() else { return Ok(Shot::Waiting) };
        let record = change.record();
        self.arena.write(ArenaRange { offset, len: SLOT }, record.as_bytes())?;
        self.next = (self.next + SLOT) % self.slots.len;
        Ok(Shot::More(Completion {
            flags: CqeFlags::NOTIFICATION,
            ..Completion::new(Status::count(record.events)).with_aux(offset.into())
        }))
    }
}

impl Shots<PinnedPages> for Reports {
    fn next(&mut self, context: &mut Context<'_>) -> Shot<PinnedPages> {
        match self.watch.next(context) {
            Next::Change => self.report().unwrap_or_else(|error| Shot::Last(error.into())),
            Next::Nothing => Shot::Waiting,
            Next::End(how) => Shot::Last(end(how)),
        }
    }

    fn last(&mut self, context: &mut Context<'_>) -> Option<Completion<PinnedPages>> {
        match self.watch.next(context) {
            Next::End(how) => Some(end(how)),
            Next::Change | Next::Nothing => None,
        }
    }
}

fn end(how: Result<()>) -> Completion<PinnedPages> {
    how.map(|()| Completion::new(Status::OK)).into()
}

impl Drop for Reports {
    fn drop(&mut self) {
        self.watches.remove(&self.watch);
    }
}

impl Change {
    fn record(&self) -> WatchRecord {
        let name = self.name.as_bytes();
        let mut record = WatchRecord {
            full: 1,
            device: self.object.device,
            inode: self.object.inode,
            entry: self.entry,
            events: (self.events & (WatchEvents::CHANGES | WatchEvents::LOST)).bits(),
            ..WatchRecord::empty()
        };
        if let Some(place) = record.name.get_mut(..name.len()) {
            place.copy_from_slice(name);
            record.name_len = u16::try_from(name.len()).unwrap_or(0);
        }
        record
    }
}
