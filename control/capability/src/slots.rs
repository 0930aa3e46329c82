//! A bounded table whose slots are reused under a new generation each time.
//!
//! A slot whose generations are used up is retired, so a key never names a second value. Retired
//! slots do not count against the limit: the table grows by one slot for 65,535 removals.

use alloc::vec::Vec;
use core::mem;
use core::num::NonZeroU16;

use crate::error::Error;
use crate::handle::Key;

/// Values by [`Key`], at most `limit` of them at a time.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Vec<Slot<T>>,
    /// The first of the vacant slots, which are a list.
    vacant: Option<u32>,
    occupied: u32,
    limit: u32,
}

#[derive(Debug)]
struct Slot<T> {
    /// Of the value that is here, or of the next one.
    generation: NonZeroU16,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Occupied(T),
    Vacant { next: Option<u32> },
    Retired,
}

impl<T> Slots<T> {
    pub(crate) const fn new(limit: u32) -> Self {
        Self { slots: Vec::new(), vacant: None, occupied: 0, limit }
    }

    /// How many values there are.
    pub(crate) const fn occupied(&self) -> u32 {
        self.occupied
    }

    /// Puts `value` into a slot.
    pub(crate) fn insert(&mut self, value: T) -> Result<Key, Error> {
        let full = Error::QuotaExceeded { limit: self.limit };
        if self.occupied >= self.limit {
            return Err(full);
        }
        let slot = match self.vacant {
            Some(slot) => slot,
            None => self.extend().ok_or(full)?,
        };
        let entry = self.slots.get_mut(slot as usize).ok_or(full)?;
        if let State::Vacant { next } = entry.state {
            self.vacant = next;
        }
        entry.state = State::Occupied(value);
        self.occupied += 1;
        Ok(Key { slot, generation: entry.generation })
    }

    /// The value that `key` names.
    pub(crate) fn find(&self, key: Key) -> Option<&T> {
        match self.slots.get(key.slot as usize)? {
            Slot { generation, state: State::Occupied(value) } if *generation == key.generation => {
                Some(value)
            }
            _ => None,
        }
    }

    /// The value that `key` names.
    pub(crate) fn find_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.slots.get_mut(key.slot as usize)? {
            Slot { generation, state: State::Occupied(value) } if *generation == key.generation => {
                Some(value)
            }
            _ => None,
        }
    }

    /// Takes out the value that `key` names; `key` never names anything again.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        match mem::replace(&mut slot.state, State::Retired) {
            State::Occupied(value) => {
                if let Some(generation) = slot.generation.checked_add(1) {
                    slot.generation = generation;
                    slot.state = State::Vacant { next: self.vacant };
                    self.vacant = Some(key.slot);
                }
                self.occupied -= 1;
                Some(value)
            }
            unoccupied => {
                slot.state = unoccupied;
                None
            }
        }
    }

    /// All values with their keys, in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slots.iter().zip(0..).filter_map(|(slot, index)| match &slot.state {
            State::Occupied(value) => {
                Some((Key { slot: index, generation: slot.generation }, value))
            }
            State::Vacant { .. } | State::Retired => None,
        })
    }

    /// How many slots there are, whatever is in them.
    pub(crate) fn len(&self) -> u32 {
        // No slot has a number beyond that.
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    /// A slot: its generation, 0 if it is retired, and what is in it.
    pub(crate) fn image(&self, slot: u32) -> Option<(u16, Option<&T>)> {
        let slot = self.slots.get(slot as usize)?;
        Some(match &slot.state {
            State::Occupied(value) => (slot.generation.get(), Some(value)),
            State::Vacant { .. } => (slot.generation.get(), None),
            State::Retired => (0, None),
        })
    }

    /// A table of these slots, in order, as [`Slots::image`] has shown them.
    pub(crate) fn restore(limit: u32, image: impl IntoIterator<Item = (u16, Option<T>)>) -> Self {
        let mut slots = Self::new(limit);
        for (index, (generation, value)) in (0..).zip(image) {
            let state = match (NonZeroU16::new(generation), value) {
                (None, _) => State::Retired,
                (Some(_), Some(value)) => {
                    slots.occupied += 1;
                    State::Occupied(value)
                }
                (Some(_), None) => State::Vacant { next: slots.vacant.replace(index) },
            };
            let generation = NonZeroU16::new(generation).unwrap_or(NonZeroU16::MAX);
            slots.slots.push(Slot { generation, state });
        }
        slots
    }

    /// How many values there may be.
    pub(crate) const fn limit(&self) -> u32 {
        self.limit
    }

    /// Adds a vacant slot at the end, or `None` when slots have run out of numbers.
    fn extend(&mut self) -> Option<u32> {
        let slot = u32::try_from(self.slots.len()).ok()?;
        let state = State::Vacant { next: self.vacant };
        self.slots.push(Slot { generation: NonZeroU16::MIN, state });
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_names_a_second_value() {
        let mut slots = Slots::new(1);
        let first = slots.insert('a').unwrap();
        assert_eq!(slots.remove(first), Some('a'));
        let second = slots.insert('b').unwrap();
        assert_eq!(first.slot, second.slot);
        assert_eq!(slots.find(first), None);
        assert_eq!(slots.find_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.find(second), Some(&'b'));
    }

    #[test]
    fn removing_twice_changes_nothing() {
        let mut slots = Slots::new(2);
        let key = slots.insert(1).unwrap();
        assert_eq!(slots.remove(key), Some(1));
        assert_eq!(slots.remove(key), None);
        let next = Key { generation: key.generation.checked_add(1).unwrap(), ..key };
        assert_eq!(slots.remove(next), None, "the slot is vacant");
        assert_eq!(slots.occupied(), 0);
        let (a, b) = (slots.insert(2).unwrap(), slots.insert(3).unwrap());
        assert_ne!(a.slot, b.slot);
    }

    #[test]
    fn used_up_generations_retire_the_slot() {
        let mut slots = Slots::new(1);
        let mut uses = 0u32;
        let (first, last) = loop {
            let key = slots.insert(()).unwrap();
            if key.slot != 0 {
                break (Key { slot: 0, generation: NonZeroU16::MIN }, key);
            }
            slots.remove(key);
            uses += 1;
        };
        assert_eq!(uses, u32::from(u16::MAX));
        assert_eq!(slots.find(first), None);
        assert_eq!(slots.find(last), Some(&()));
        assert_eq!(slots.iter().count(), 1);
    }

    #[test]
    fn the_limit_holds() {
        let mut slots = Slots::new(2);
        let key = slots.insert(0).unwrap();
        slots.insert(1).unwrap();
        assert_eq!(slots.insert(2), Err(Error::QuotaExceeded { limit: 2 }));
        slots.remove(key);
        assert!(slots.insert(2).is_ok());
        assert_eq!(Slots::new(0).insert(0), Err(Error::QuotaExceeded { limit: 0 }));
    }
}
