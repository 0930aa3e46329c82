//! A bounds-checked view of memory shared with a peer, whose contents are never trusted.
//!
//! Every access is an atomic access to a whole 8-byte word, so a peer that scribbles meanwhile is
//! defined behaviour: the reader gets some bytes, and must validate its private copy of them. No
//! `&[u8]` of the memory ever leaves the crate, and no reference to it this module and `bytes`,
//! which copies byte ranges in and out. All `unsafe` of the crate is here.
#![expect(unsafe_code, reason = "the one place that turns a mapping into atomic words")]

use crate::sync::{AtomicU64, Ordering};
use core::ptr::NonNull;

/// Bytes of a word.
pub(crate) const WORD: usize = 8;

/// The bytes asked for are not all inside the region, or a word's offset is not a multiple of 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// First byte asked for, from the start of the region.
    pub offset: usize,
    /// Bytes asked for.
    pub len: usize,
    /// Bytes of the region.
    pub region: usize,
}

/// A view of shared memory; `O` keeps the memory mapped for as long as the view lives.
#[derive(Debug)]
pub struct Region<O> {
    base: NonNull<AtomicU64>,
    words: usize,
    owner: O,
}

// SAFETY: a region is a pointer to words that are only accessed atomically, and the owner, which
// is what keeps the memory alive, moves along with it.
unsafe impl<O: Send> Send for Region<O> {}
// SAFETY: all accesses through a shared reference are atomic.
unsafe impl<O: Sync> Sync for Region<O> {}

impl<O: Clone> Clone for Region<O> {
    fn clone(&self) -> Self {
        Self { base: self.base, words: self.words, owner: self.owner.clone() }
    }
}

impl<'a> Region<&'a [AtomicU64]> {
    /// A view of words that this program borrows: private memory, shared between its threads.
    #[must_use]
    pub fn over(words: &'a [AtomicU64]) -> Self {
        let base = NonNull::from(words).cast();
        // SAFETY: the borrow, which the owner is, keeps the words in place, aligned and free of
        // mutable references; shared references to atomics access them atomically only.
        unsafe { Self::new(base, words.len(), words) }
    }
}

impl<O> Region<O> {
    /// A view of `words` words from `base` on.
    ///
    /// # Safety
    /// `base` is aligned to 8 bytes. While `owner` or any clone of it lives, wherever it moves, the
    /// words from `base` on are mapped readable, and this program accesses them in no other way
    /// than atomically. If the memory is mapped read-only, nobody calls a method that writes.
    pub unsafe fn new(base: NonNull<AtomicU64>, words: usize, owner: O) -> Self {
        Self { base, words, owner }
    }

    /// Bytes of the region.
    pub fn len(&self) -> usize {
        self.words * WORD
    }

    /// Whether the region has no bytes.
    pub fn is_empty(&self) -> bool {
        self.words == 0
    }

    /// What keeps the memory mapped.
    pub fn owner(&self) -> &O {
        &self.owner
    }

    /// The words that hold the bytes `offset .. offset + len`.
    #[inline]
    pub(crate) fn words(&self, offset: usize, len: usize) -> Result<&[AtomicU64], OutOfBounds> {
        let error = OutOfBounds { offset, len, region: self.len() };
        let end = offset.checked_add(len).ok_or(error)?;
        if end > self.len() {
            return Err(error);
        }
        let first = offset / WORD;
        let count = end.div_ceil(WORD) - first;
        // SAFETY: end ≤ len, so first + count ≤ words: the pointer stays inside the mapping.
        let start = unsafe { self.base.add(first) };
        // SAFETY: the words are mapped while `self.owner` lives (the caller of `new` promised),
        // which the borrow of `self` ensures, and they are only accessed atomically.
        Ok(unsafe { core::slice::from_raw_parts(start.as_ptr(), count) })
    }

    /// Where the bytes `offset .. offset + len` lie, for those who cannot be given a region, such
    /// as programs in other languages: readable while the region lives, and written by the peer
    /// at any time.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    pub fn address(&self, offset: usize, len: usize) -> Result<NonNull<u8>, OutOfBounds> {
        let error = OutOfBounds { offset, len, region: self.len() };
        let end = offset.checked_add(len).ok_or(error)?;
        if end > self.len() {
            return Err(error);
        }
        // SAFETY: offset ≤ end ≤ len: the pointer stays inside the mapping, or at its end.
        Ok(unsafe { self.base.cast::<u8>().add(offset) })
    }

    /// Loads the word at a byte offset.
    ///
    /// # Errors
    /// [`OutOfBounds`], also for an offset that is not a multiple of 8.
    ///
    /// # Panics
    /// For an ordering that a load cannot have.
    #[inline]
    pub fn load(&self, offset: usize, ordering: Ordering) -> Result<u64, OutOfBounds> {
        self.one(offset).map(|word| word.load(ordering))
    }

    /// Stores the word at a byte offset.
    ///
    /// # Errors
    /// [`OutOfBounds`], also for an offset that is not a multiple of 8.
    ///
    /// # Panics
    /// For an ordering that a store cannot have.
    #[inline]
    pub fn store(&self, offset: usize, value: u64, ordering: Ordering) -> Result<(), OutOfBounds> {
        self.one(offset).map(|word| word.store(value, ordering))
    }

    #[inline]
    fn one(&self, offset: usize) -> Result<&AtomicU64, OutOfBounds> {
        let error = OutOfBounds { offset, len: WORD, region: self.len() };
        if !offset.is_multiple_of(WORD) {
            return Err(error);
        }
        self.words(offset, WORD)?.first().ok_or(error)
    }
}

impl<O: Clone> Region<O> {
    /// A view of a part of this region. `offset` and `len` must be multiples of 8.
    ///
    /// # Errors
    /// [`OutOfBounds`], also for a range that does not consist of whole words.
    pub fn view(&self, offset: usize, len: usize) -> Result<Self, OutOfBounds> {
        let words = self.words(offset, len)?;
        if !offset.is_multiple_of(WORD) || !len.is_multiple_of(WORD) {
            return Err(OutOfBounds { offset, len, region: self.len() });
        }
        let base = NonNull::from(words).cast();
        Ok(Self { base, words: words.len(), owner: self.owner.clone() })
    }

    /// One word of this region, to be accessed often.
    ///
    /// # Errors
    /// [`OutOfBounds`], also for an offset that is not a multiple of 8.
    pub fn word(&self, offset: usize) -> Result<Word<O>, OutOfBounds> {
        let word = NonNull::from(self.one(offset)?);
        Ok(Word { word, owner: self.owner.clone() })
    }

    /// The slots of a ring: `1 << shift` entries of `N` words from a byte offset on.
    ///
    /// # Errors
    /// [`OutOfBounds`], also for an offset that is not a multiple of 8.
    pub fn slots<const N: usize>(
        &self,
        offset: usize,
        shift: u32,
    ) -> Result<Slots<O, N>, OutOfBounds> {
        let error = OutOfBounds { offset, len: usize::MAX, region: self.len() };
        let entries = 1usize.checked_shl(shift).ok_or(error)?;
        let len = entries.checked_mul(N * WORD).ok_or(error)?;
        let region = self.view(offset, len)?;
        Ok(Slots { base: region.base.cast(), mask: entries as u64 - 1, shift, owner: region.owner })
    }
}

/// One shared word.
#[derive(Debug)]
pub struct Word<O> {
    word: NonNull<AtomicU64>,
    owner: O,
}

// SAFETY: as for `Region`.
unsafe impl<O: Send> Send for Word<O> {}
// SAFETY: as for `Region`.
unsafe impl<O: Sync> Sync for Word<O> {}

impl<O: Clone> Clone for Word<O> {
    fn clone(&self) -> Self {
        Self { word: self.word, owner: self.owner.clone() }
    }
}

impl<O> Word<O> {
    #[inline]
    fn atomic(&self) -> &AtomicU64 {
        // SAFETY: the word lies in a region whose memory `self.owner` keeps mapped.
        unsafe { self.word.as_ref() }
    }

    /// Loads the word.
    #[inline]
    pub fn load(&self, ordering: Ordering) -> u64 {
        self.atomic().load(ordering)
    }

    /// Stores the word.
    #[inline]
    pub fn store(&self, value: u64, ordering: Ordering) {
        self.atomic().store(value, ordering);
    }

    /// Where the word is mapped, for a system call that sleeps on it.
    pub fn address(&self) -> NonNull<AtomicU64> {
        self.word
    }
}

/// The slots of one ring, a power of two of them, each `N` words.
#[derive(Debug)]
pub struct Slots<O, const N: usize> {
    base: NonNull<[AtomicU64; N]>,
    mask: u64,
    shift: u32,
    #[expect(dead_code, reason = "held so that the memory stays mapped")]
    owner: O,
}

// SAFETY: as for `Region`.
unsafe impl<O: Send, const N: usize> Send for Slots<O, N> {}
// SAFETY: as for `Region`.
unsafe impl<O: Sync, const N: usize> Sync for Slots<O, N> {}

impl<O, const N: usize> Slots<O, N> {
    /// Number of slots.
    #[inline]
    pub fn capacity(&self) -> u64 {
        self.mask + 1
    }

    /// Binary logarithm of the number of slots.
    pub fn shift(&self) -> u32 {
        self.shift
    }

    /// The slot of a free-running index.
    #[inline]
    pub fn slot(&self, index: u64) -> &[AtomicU64; N] {
        #[expect(clippy::cast_possible_truncation, reason = "masked; the slots fit the region")]
        let masked = (index & self.mask) as usize;
        // SAFETY: masked ≤ mask, and `Region::slots` checked that mask + 1 slots fit the region.
        let slot = unsafe { self.base.add(masked) };
        // SAFETY: the slot is mapped while `self.owner` lives, and only accessed atomically.
        unsafe { slot.as_ref() }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_the_bytes_and_never_outside() {
        let memory = [AtomicU64::new(0x0807_0605_0403_0201), AtomicU64::new(0x0a09)];
        let region = Region::over(&memory);
        for (offset, byte) in [(0, 1), (3, 4), (8, 9), (9, 10)] {
            let address = region.address(offset, 1).unwrap();
            // SAFETY: the byte is inside the region, which lives, and nobody writes.
            assert_eq!(unsafe { address.read() }, byte);
        }
        assert!(region.address(16, 0).is_ok());
        assert!(region.address(3, 13).is_ok());
        for (offset, len) in [(16, 1), (3, 14), (17, 0), (usize::MAX, 2)] {
            let outside = OutOfBounds { offset, len, region: 16 };
            assert_eq!(region.address(offset, len), Err(outside));
        }
    }
}
