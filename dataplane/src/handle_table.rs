//! A session's objects by slot and generation.

use crate::entry::{Errno, Handle};
use alloc::vec::Vec;

/// A table of at most so many objects; a handle whose object was removed never names another one.
#[derive(Debug)]
pub struct HandleTable<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    limit: u32,
    len: u32,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u16,
    object: Option<T>,
}

impl<T> HandleTable<T> {
    /// An empty table for at most `limit` objects.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self { slots: Vec::new(), free: Vec::new(), limit, len: 0 }
    }

    /// Objects in the table.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an object.
    ///
    /// # Errors
    /// EMFILE at the limit; the object is dropped.
    pub fn insert(&mut self, object: T) -> Result<Handle, Errno> {
        if self.len >= self.limit {
            return Err(Errno::EMFILE);
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(self.slots.len()).map_err(|_| Errno::EMFILE)?;
                self.slots.push(Slot { generation: 1, object: None });
                slot
            }
        };
        let entry = self.slots.get_mut(slot as usize).ok_or(Errno::EMFILE)?;
        entry.object = Some(object);
        self.len += 1;
        Ok(Handle { slot, generation: entry.generation })
    }

    /// The object that a handle names.
    ///
    /// # Errors
    /// EBADF.
    #[inline]
    pub fn find(&self, handle: Handle) -> Result<&T, Errno> {
        let slot = self.slots.get(handle.slot as usize).ok_or(Errno::EBADF)?;
        if slot.generation != handle.generation {
            return Err(Errno::EBADF);
        }
        slot.object.as_ref().ok_or(Errno::EBADF)
    }

    /// The object that a handle names, to be changed.
    ///
    /// # Errors
    /// EBADF.
    #[inline]
    pub fn find_mut(&mut self, handle: Handle) -> Result<&mut T, Errno> {
        let slot = self.slots.get_mut(handle.slot as usize).ok_or(Errno::EBADF)?;
        if slot.generation != handle.generation {
            return Err(Errno::EBADF);
        }
        slot.object.as_mut().ok_or(Errno::EBADF)
    }

    /// Takes an object out. A slot whose generations are used up is not used again.
    ///
    /// # Errors
    /// EBADF.
    pub fn remove(&mut self, handle: Handle) -> Result<T, Errno> {
        let slot = self.slots.get_mut(handle.slot as usize).ok_or(Errno::EBADF)?;
        if slot.generation != handle.generation {
            return Err(Errno::EBADF);
        }
        let object = slot.object.take().ok_or(Errno::EBADF)?;
        self.len -= 1;
        match slot.generation.checked_add(1) {
            Some(next) => {
                slot.generation = next;
                self.free.push(handle.slot);
            }
            None => slot.generation = 0,
        }
        Ok(object)
    }

    /// Takes every object out.
    pub fn drain(&mut self) -> impl Iterator<Item = T> + '_ {
        self.len = 0;
        self.free.clear();
        self.slots.drain(..).filter_map(|slot| slot.object)
    }

    /// Every object.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.object.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_handle_never_names_another_object() {
        let mut table = HandleTable::new(1);
        let first = table.insert('a').unwrap();
        assert_eq!(table.insert('b'), Err(Errno::EMFILE));
        assert_eq!(table.remove(first), Ok('a'));
        // More than a slot has generations.
        for _ in 0..if cfg!(miri) { 500 } else { 70_000 } {
            let Ok(handle) = table.insert('c') else { unreachable!("a fresh slot is found") };
            assert_ne!(handle, first);
            assert_eq!(table.find(first), Err(Errno::EBADF));
            assert_eq!(table.remove(handle), Ok('c'));
        }
        assert_eq!(table.find(Handle::NONE), Err(Errno::EBADF));
    }
}
