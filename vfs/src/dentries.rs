//! The dentry cache: what a name in a directory is, also that it is nothing.
//!
//! At most so many entries; when full, a clock hand evicts the first that was not used since it
//! last came by. Directories are named by ids that are never used again, so entries of a directory
//! that is gone can never be found. An entry that keeps a file keeps its directory too: if that
//! could go and come back under another id, the file would be kept by an entry that nobody finds,
//! also when it has lost its last name.

use crate::hash::{Seeded, name_hash};
use crate::inode::Inode;
use crate::name::StoredName;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use hashbrown::HashTable;
use static_assertions::const_assert_eq;

/// What a cached name is.
pub(crate) type Target = Option<Rc<Inode>>;

/// What a name is known to be, and whose name it is.
struct Positive {
    file: Rc<Inode>,
    _directory: Rc<Inode>,
}

/// The cache.
pub(crate) struct Dentries {
    seeded: Seeded,
    inner: RefCell<Inner>,
}

struct Inner {
    /// Indices into `slots`.
    table: HashTable<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    hand: usize,
    limit: usize,
}

/// One cache line: a look at an entry costs one miss.
#[repr(align(64))]
struct Slot {
    hash: u64,
    directory: u64,
    name: StoredName,
    target: Option<Positive>,
    used: Cell<bool>,
    is_free: bool,
}

const_assert_eq!(size_of::<Slot>(), 64);

impl Slot {
    fn is(&self, directory: u64, name: &[u8]) -> bool {
        self.directory == directory && self.name.as_bytes() == name
    }
}

impl Dentries {
    /// An empty cache for at least 64 entries.
    pub(crate) fn new(limit: u32, seed: u64) -> Self {
        Self {
            seeded: Seeded::with_seed(seed),
            inner: RefCell::new(Inner {
                table: HashTable::new(),
                slots: Vec::new(),
                free: Vec::new(),
                hand: 0,
                limit: usize::try_from(limit.max(64)).unwrap_or(usize::MAX),
            }),
        }
    }

    /// Entries in the cache.
    pub(crate) fn len(&self) -> usize {
        self.inner.borrow().table.len()
    }

    /// What a name is, if that is known.
    #[inline]
    pub(crate) fn find(&self, directory: u64, name: &[u8]) -> Option<Target> {
        let hash = name_hash(&self.seeded, directory, name);
        let inner = self.inner.borrow();
        let slot = inner.slots.get(inner.position(hash, directory, name)?)?;
        slot.used.set(true);
        Some(slot.target.as_ref().map(|known| Rc::clone(&known.file)))
    }

    /// Notes what a name is.
    pub(crate) fn insert(&self, directory: &Rc<Inode>, name: &[u8], target: Target) {
        let known = target.map(|file| Positive { file, _directory: Rc::clone(directory) });
        self.set(directory.id, name, known);
    }

    fn set(&self, directory: u64, name: &[u8], target: Option<Positive>) {
        let hash = name_hash(&self.seeded, directory, name);
        let mut inner = self.inner.borrow_mut();
        let before = match inner.position(hash, directory, name) {
            Some(position) => match inner.slots.get_mut(position) {
                Some(slot) => core::mem::replace(&mut slot.target, target),
                None => None,
            },
            None => inner.add(Slot {
                hash,
                directory,
                name: StoredName::new(name),
                target,
                // It has to be used again before the hand comes by.
                used: Cell::new(false),
                is_free: false,
            }),
        };
        drop(inner);
        // Now: it may be an inode's last reference, and dropping that is not for the borrow.
        drop(before);
    }

    /// Forgets a name.
    pub(crate) fn remove(&self, directory: u64, name: &[u8]) {
        let hash = name_hash(&self.seeded, directory, name);
        let mut inner = self.inner.borrow_mut();
        let position = inner.position(hash, directory, name);
        let target = position.and_then(|position| inner.free_slot(position));
        drop(inner);
        drop(target);
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.table.clear();
        inner.free.clear();
        let slots = core::mem::take(&mut inner.slots);
        drop(inner);
        drop(slots);
    }
}

impl Inner {
    #[inline]
    fn position(&self, hash: u64, directory: u64, name: &[u8]) -> Option<usize> {
        let slot_at = |index: &u32| self.slots.get(*index as usize);
        let is_it = |index: &u32| slot_at(index).is_some_and(|slot| slot.is(directory, name));
        self.table.find(hash, is_it).map(|index| *index as usize)
    }

    /// Adds an entry that is not there; returns what had to go for it.
    fn add(&mut self, slot: Slot) -> Option<Positive> {
        let evicted = if self.table.len() >= self.limit { self.evict() } else { None };
        let hash = slot.hash;
        let index = match self.free.pop() {
            Some(index) => {
                if let Some(place) = self.slots.get_mut(index as usize) {
                    *place = slot;
                }
                index
            }
            None => {
                let Ok(index) = u32::try_from(self.slots.len()) else {
                    return evicted;
                };
                self.slots.push(slot);
                index
            }
        };
        let slots = &self.slots;
        let rehash = |index: &u32| slots.get(*index as usize).map_or(0, |slot| slot.hash);
        self.table.insert_unique(hash, index, rehash);
        evicted
    }

    /// Evicts the first entry that was not used since the hand came by.
    fn evict(&mut self) -> Option<Positive> {
        // Twice around: the first time may only clear marks.
        for _ in 0..self.slots.len().saturating_mul(2) {
            self.hand = (self.hand + 1) % self.slots.len().max(1);
            let victim = self.slots.get(self.hand);
            if victim.is_some_and(|slot| !slot.is_free && !slot.used.replace(false)) {
                return self.free_slot(self.hand);
            }
        }
        None
    }

    fn free_slot(&mut self, position: usize) -> Option<Positive> {
        let slot = self.slots.get_mut(position)?;
        let index = u32::try_from(position).ok()?;
        slot.is_free = true;
        slot.name = StoredName::default();
        let target = slot.target.take();
        let entry = self.table.find_entry(slot.hash, |found| *found == index);
        if let Ok(entry) = entry {
            entry.remove();
        }
        self.free.push(index);
        target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_until_removed() {
        let dentries = Dentries::new(64, 1);
        assert!(dentries.find(1, b"a").is_none());
        dentries.set(1, b"a", None);
        assert!(matches!(dentries.find(1, b"a"), Some(None)));
        assert!(dentries.find(2, b"a").is_none());
        dentries.remove(1, b"a");
        dentries.remove(1, b"a");
        assert!(dentries.find(1, b"a").is_none());
        assert_eq!(dentries.len(), 0);
    }

    #[test]
    fn the_limit_holds_and_what_is_used_stays() {
        let dentries = Dentries::new(64, 1);
        dentries.set(0, b"hot", None);
        for n in 0..10_000u32 {
            dentries.set(1, &n.to_le_bytes(), None);
            assert!(dentries.len() <= 64);
            if n % 8 == 0 {
                assert!(dentries.find(0, b"hot").is_some());
            }
        }
        assert_eq!(dentries.len(), 64);
        assert_eq!(dentries.inner.borrow().slots.len(), 64);
        dentries.clear();
        assert_eq!(dentries.len(), 0);
    }
}
