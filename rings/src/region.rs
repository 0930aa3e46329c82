//! A bounds-checked view of memory shared with a peer, whose contents are never trusted.
//!
//! Every access is an atomic access to a whole 8-byte word, so a peer that scribbles meanwhile is
//! defined behaviour: the reader gets some bytes, and must validate its private copy of them. No
//! `&[u8]` of the memory ever leaves this file. All `unsafe` of the crate is here.
#![expect(
    unsafe_code,
    reason = "the one place that turns a mapping into atomic words"
)]

use crate::sync::{AtomicU64, Ordering};
use core::ptr::NonNull;

/// Bytes of a word.
const WORD: usize = 8;

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
        Self {
            base: self.base,
            words: self.words,
            owner: self.owner.clone(),
        }
    }
}

impl<O> Region<O> {
    /// A view of `words` words from `base` on.
    ///
    /// # Safety
    /// While `owner` or any clone of it lives, the words from `base` on are mapped readable, and
    /// this program accesses them in no other way than atomically. If the memory is mapped
    /// read-only, nobody calls a method that writes.
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
    fn words(&self, offset: usize, len: usize) -> Result<&[AtomicU64], OutOfBounds> {
        let error = OutOfBounds {
            offset,
            len,
            region: self.len(),
        };
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

    /// Loads the word at a byte offset.
    ///
    /// # Errors
    /// [`OutOfBounds`], also for an offset that is not a multiple of 8.
    #[inline]
    pub fn load(&self, offset: usize, ordering: Ordering) -> Result<u64, OutOfBounds> {
        self.one(offset).map(|word| word.load(ordering))
    }

    /// Stores the word at a byte offset.
    ///
    /// # Errors
    /// [`OutOfBounds`], also for an offset that is not a multiple of 8.
    #[inline]
    pub fn store(&self, offset: usize, value: u64, ordering: Ordering) -> Result<(), OutOfBounds> {
        self.one(offset).map(|word| word.store(value, ordering))
    }

    #[inline]
    fn one(&self, offset: usize) -> Result<&AtomicU64, OutOfBounds> {
        let error = OutOfBounds {
            offset,
            len: WORD,
            region: self.len(),
        };
        if !offset.is_multiple_of(WORD) {
            return Err(error);
        }
        self.words(offset, WORD)?.first().ok_or(error)
    }

    /// Copies bytes out into private memory.
    ///
    /// # Errors
    /// [`OutOfBounds`]; `into` is then unchanged.
    pub fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutOfBounds> {
        let words = self.words(offset, into.len())?;
        let skip = offset % WORD;
        if skip == 0 {
            read_aligned(words, into);
            return Ok(());
        }
        let (head, rest) = into.split_at_mut((WORD - skip).min(into.len()));
        if let Some((first, words)) = words.split_first() {
            let bytes = first.load(Ordering::Relaxed).to_le_bytes();
            for (to, from) in head.iter_mut().zip(bytes.iter().skip(skip)) {
                *to = *from;
            }
            read_aligned(words, rest);
        }
        Ok(())
    }

    /// Copies bytes in from private memory. Where the range begins or ends inside a word, the
    /// word's other bytes are written back as they were read: two writers must not share a word.
    ///
    /// # Errors
    /// [`OutOfBounds`]; nothing is then written.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutOfBounds> {
        let words = self.words(offset, from.len())?;
        let skip = offset % WORD;
        if skip == 0 {
            write_aligned(words, from);
            return Ok(());
        }
        let (head, rest) = from.split_at((WORD - skip).min(from.len()));
        if let Some((first, words)) = words.split_first() {
            merge(first, skip, head);
            write_aligned(words, rest);
        }
        Ok(())
    }

    /// Sets bytes to zero; the note on words at [`Region::write`] holds.
    ///
    /// # Errors
    /// [`OutOfBounds`]; nothing is then written.
    pub fn zero(&self, offset: usize, len: usize) -> Result<(), OutOfBounds> {
        let words = self.words(offset, len)?;
        let skip = offset % WORD;
        let head = if skip == 0 { 0 } else { (WORD - skip).min(len) };
        let (first, words) = if head == 0 {
            (None, words)
        } else {
            (words.first(), words.get(1..).unwrap_or_default())
        };
        if let Some(first) = first {
            merge(first, skip, [0; WORD].get(..head).unwrap_or_default());
        }
        let (whole, tail) = ((len - head) / WORD, (len - head) % WORD);
        for word in words.iter().take(whole) {
            word.store(0, Ordering::Relaxed);
        }
        if let Some(last) = words.get(whole) {
            merge(last, 0, [0; WORD].get(..tail).unwrap_or_default());
        }
        Ok(())
    }

    /// Copies `len` bytes into another region, by whole words where both offsets allow it.
    ///
    /// # Errors
    /// [`OutOfBounds`] of either region; nothing is then written.
    pub fn copy_to<P>(
        &self,
        offset: usize,
        to: &Region<P>,
        to_offset: usize,
        len: usize,
    ) -> Result<(), OutOfBounds> {
        let from = self.words(offset, len)?;
        let into = to.words(to_offset, len)?;
        if offset.is_multiple_of(WORD) && to_offset.is_multiple_of(WORD) {
            let whole = len / WORD;
            for (from, into) in from.iter().zip(into).take(whole) {
                into.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
            }
            if let (Some(from), Some(into)) = (from.get(whole), into.get(whole)) {
                let bytes = from.load(Ordering::Relaxed).to_le_bytes();
                merge(into, 0, bytes.get(..len % WORD).unwrap_or_default());
            }
            return Ok(());
        }
        let mut done = 0;
        let mut buffer = [0; 256];
        while done < len {
            let step = (len - done).min(buffer.len());
            let chunk = buffer.get_mut(..step).unwrap_or_default();
            self.read(offset + done, chunk)?;
            to.write(to_offset + done, chunk)?;
            done += step;
        }
        Ok(())
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
            return Err(OutOfBounds {
                offset,
                len,
                region: self.len(),
            });
        }
        let base = NonNull::from(words).cast();
        Ok(Self {
            base,
            words: words.len(),
            owner: self.owner.clone(),
        })
    }

    /// One word of this region, to be accessed often.
    ///
    /// # Errors
    /// [`OutOfBounds`], also for an offset that is not a multiple of 8.
    pub fn word(&self, offset: usize) -> Result<Word<O>, OutOfBounds> {
        let word = NonNull::from(self.one(offset)?);
        Ok(Word {
            word,
            owner: self.owner.clone(),
        })
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
        let error = OutOfBounds {
            offset,
            len: usize::MAX,
            region: self.len(),
        };
        let entries = 1usize.checked_shl(shift).ok_or(error)?;
        let len = entries.checked_mul(N * WORD).ok_or(error)?;
        let region = self.view(offset, len)?;
        Ok(Slots {
            base: region.base.cast(),
            mask: entries as u64 - 1,
            shift,
            owner: region.owner,
        })
    }
}

fn read_aligned(words: &[AtomicU64], into: &mut [u8]) {
    let mut chunks = into.chunks_exact_mut(WORD);
    for (chunk, word) in (&mut chunks).zip(words) {
        chunk.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
    }
    let tail = chunks.into_remainder();
    if let (false, Some(word)) = (tail.is_empty(), words.last()) {
        let bytes = word.load(Ordering::Relaxed).to_le_bytes();
        for (to, from) in tail.iter_mut().zip(bytes) {
            *to = from;
        }
    }
}

fn write_aligned(words: &[AtomicU64], from: &[u8]) {
    let (chunks, tail) = from.as_chunks::<WORD>();
    for (chunk, word) in chunks.iter().zip(words) {
        word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
    }
    if let (false, Some(word)) = (tail.is_empty(), words.last()) {
        merge(word, 0, tail);
    }
}

/// Replaces the bytes of a word from `skip` on.
fn merge(word: &AtomicU64, skip: usize, from: &[u8]) {
    if from.is_empty() {
        return;
    }
    let mut bytes = word.load(Ordering::Relaxed).to_le_bytes();
    for (to, from) in bytes.iter_mut().skip(skip).zip(from) {
        *to = *from;
    }
    word.store(u64::from_le_bytes(bytes), Ordering::Relaxed);
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
        Self {
            word: self.word,
            owner: self.owner.clone(),
        }
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
        #[expect(
            clippy::cast_possible_truncation,
            reason = "masked; the slots fit the region"
        )]
        let masked = (index & self.mask) as usize;
        // SAFETY: masked ≤ mask, and `Region::slots` checked that mask + 1 slots fit the region.
        let slot = unsafe { self.base.add(masked) };
        // SAFETY: the slot is mapped while `self.owner` lives, and only accessed atomically.
        unsafe { slot.as_ref() }
    }
}
