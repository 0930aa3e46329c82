//! One ring: fixed-size entries, the sequence word in the slot, each end's cursor private to it.
//!
//! A slot is published by one Release store of its last word, whose upper half is the lap, so a
//! half-written slot is never seen and there is no index word for a peer to lie about. The
//! consumer reads each word of a slot exactly once.

use crate::position::Position;
use crate::region::Slots;
use crate::sync::{Ordering, publishing};

/// Shared memory holds what no correct peer can have written; the ring is of no further use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corrupt {
    /// A slot's lap is neither the current one nor the one before.
    Lap {
        /// The lap that would have been the next entry.
        expected: u32,
        /// The lap found.
        found: u32,
    },
    /// The peer claims to have consumed more than was published, or took back what it consumed.
    Head {
        /// Entries published so far.
        published: u64,
        /// Entries the peer had consumed when last looked at.
        before: u64,
        /// Entries the peer now says it has consumed.
        found: u64,
    },
}

/// Every slot holds an entry that the peer has not consumed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The end that writes entries of `N` words.
#[derive(Debug)]
pub struct Producer<O, const N: usize> {
    slots: Slots<O, N>,
    next: Position,
    /// Entries that the peer was last seen to have consumed.
    head: u64,
}

impl<O, const N: usize> Producer<O, N> {
    /// Starts, or goes on, after `published` entries, of which the peer consumed `head`.
    pub fn new(slots: Slots<O, N>, published: u64, head: u64) -> Self {
        let next = Position::at(published, slots.shift());
        Self { slots, next, head }
    }

    /// Entries published so far.
    #[inline]
    pub fn published(&self) -> u64 {
        self.next.index()
    }

    /// Entries that the peer was last seen to have consumed.
    #[inline]
    pub fn head(&self) -> u64 {
        self.head
    }

    /// Entries published and, as far as is known, not consumed.
    #[inline]
    pub fn unconsumed(&self) -> u64 {
        self.next.index().wrapping_sub(self.head)
    }

    /// Slots that can be written now.
    #[inline]
    pub fn room(&self) -> u64 {
        self.slots.capacity().saturating_sub(self.unconsumed())
    }

    /// Takes note of what the peer says it has consumed.
    ///
    /// # Errors
    /// [`Corrupt::Head`] if that is not between the last known value and what was published.
    #[inline]
    pub fn observe_head(&mut self, head: u64) -> Result<(), Corrupt> {
        let newly = head.wrapping_sub(self.head);
        if newly > self.unconsumed() {
            return Err(Corrupt::Head {
                published: self.published(),
                before: self.head,
                found: head,
            });
        }
        self.head = head;
        Ok(())
    }

    /// Writes an entry and publishes it; the upper half of its last word is replaced by the lap.
    ///
    /// # Errors
    /// [`Full`] if there is no room.
    #[inline]
    pub fn push(&mut self, entry: &[u64; N]) -> Result<(), Full> {
        if self.room() == 0 {
            return Err(Full);
        }
        let slot = self.slots.slot(self.next.index());
        if let (Some((last, rest)), Some((last_value, values))) =
            (slot.split_last(), entry.split_last())
        {
            for (word, value) in rest.iter().zip(values) {
                word.store(*value, Ordering::Relaxed);
            }
            let lap = u64::from(self.next.lap()) << 32;
            last.store(lap | (last_value & 0xffff_ffff), publishing());
        }
        self.next.advance();
        Ok(())
    }
}

/// The end that reads entries of `N` words.
#[derive(Debug)]
pub struct Consumer<O, const N: usize> {
    slots: Slots<O, N>,
    next: Position,
}

impl<O, const N: usize> Consumer<O, N> {
    /// Starts, or goes on, after `consumed` entries.
    pub fn new(slots: Slots<O, N>, consumed: u64) -> Self {
        let next = Position::at(consumed, slots.shift());
        Self { slots, next }
    }

    /// Entries consumed so far: the head of this ring.
    #[inline]
    pub fn consumed(&self) -> u64 {
        self.next.index()
    }

    /// Slots of the ring.
    #[inline]
    pub fn capacity(&self) -> u64 {
        self.slots.capacity()
    }

    /// Whether the next slot looks written; a hint that costs one load.
    #[inline]
    pub fn is_ready(&self) -> bool {
        let slot = self.slots.slot(self.next.index());
        slot.last()
            .is_some_and(|last| !self.next.is_empty_lap(lap_of(last.load(Ordering::Relaxed))))
    }

    /// Takes the next entry, if there is one. Each shared word is read once.
    ///
    /// # Errors
    /// [`Corrupt::Lap`]; the position stays where it is.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<[u64; N]>, Corrupt> {
        let entry = self.peek()?;
        if entry.is_some() {
            self.skip();
        }
        Ok(entry)
    }

    /// Moves past the entry that [`Consumer::peek`] returned, without reading it again.
    #[inline]
    pub fn skip(&mut self) {
        self.next.advance();
    }

    /// Copies the next entry, if there is one, and leaves it where it is.
    ///
    /// # Errors
    /// [`Corrupt::Lap`].
    #[inline]
    pub fn peek(&self) -> Result<Option<[u64; N]>, Corrupt> {
        let slot = self.slots.slot(self.next.index());
        let Some((last, rest)) = slot.split_last() else {
            return Ok(None);
        };
        let last_value = last.load(Ordering::Acquire);
        let lap = lap_of(last_value);
        if lap != self.next.lap() {
            if self.next.is_empty_lap(lap) {
                return Ok(None);
            }
            return Err(Corrupt::Lap { expected: self.next.lap(), found: lap });
        }
        let mut entry = [last_value; N];
        for (value, word) in entry.iter_mut().zip(rest) {
            *value = word.load(Ordering::Relaxed);
        }
        Ok(Some(entry))
    }
}

fn lap_of(last_word: u64) -> u32 {
    (last_word >> 32) as u32
}
