//! Copying byte ranges between regions and private memory, a word at a time.
//!
//! Ranges may begin and end anywhere; whole words are moved as such. The bounds are checked once,
//! by [`Region`], before the first word is touched.

use crate::region::{OutOfBounds, Region, WORD};
use crate::sync::{AtomicU64, Ordering};

/// Bytes of a block, see [`Region::blocks_in`].
pub const BLOCK: usize = 64;
/// What is touched at a time before it is copied, bytes.
const PIECE: usize = 4096;

impl<O> Region<O> {
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

    /// A range as blocks of [`BLOCK`] bytes, each as 8-byte words, in order, every word read once.
    /// The words of a block do not depend on each other, so that a processor loads several at a
    /// time. `offset` must be a multiple of 8, `len` of [`BLOCK`].
    ///
    /// # Errors
    /// [`OutOfBounds`], also for a range that does not consist of whole words and blocks.
    pub fn blocks_in(
        &self,
        offset: usize,
        len: usize,
    ) -> Result<impl Iterator<Item = [u64; BLOCK / WORD]> + '_, OutOfBounds> {
        if !offset.is_multiple_of(WORD) || !len.is_multiple_of(BLOCK) {
            return Err(OutOfBounds { offset, len, region: self.len() });
        }
        let (blocks, _) = self.words(offset, len)?.as_chunks();
        Ok(blocks.iter().map(|block| block.each_ref().map(|word| word.load(Ordering::Relaxed))))
    }

    /// Loads a word of each block of [`BLOCK`] bytes of a range, as far as it is inside the region,
    /// and forgets it: so the range comes into the processor's caches, all of it at once. (Where
    /// that was measured, prefetch instructions were dropped when there were many of them.)
    pub fn touch(&self, offset: usize, len: usize) {
        let len = len.min(self.len().saturating_sub(offset));
        touch(self.words(offset, len).unwrap_or_default());
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

    /// Copies `len` bytes into another region, by whole words where both offsets allow it. Of
    /// ranges that overlap, the destination's bytes are afterwards unspecified.
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
            let pieces = from.chunks(PIECE / WORD).zip(into.chunks(PIECE / WORD));
            let mut left = whole;
            for (from, into) in pieces {
                touch(from);
                for (from, into) in from.iter().zip(into).take(left) {
                    into.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
                }
                left = left.saturating_sub(from.len());
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

/// Loads a word of each block: all of them are then on their way at once, where a copy would wait
/// for a few at a time.
#[inline]
fn touch(words: &[AtomicU64]) {
    for word in words.iter().step_by(BLOCK / WORD) {
        core::hint::black_box(word.load(Ordering::Relaxed));
    }
}

fn read_aligned(words: &[AtomicU64], into: &mut [u8]) {
    let mut chunks = into.chunks_exact_mut(WORD);
    for words in words.chunks(PIECE / WORD) {
        touch(words);
        for (word, chunk) in words.iter().zip(&mut chunks) {
            chunk.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
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
    let pieces = chunks.chunks(PIECE / WORD).zip(words.chunks(PIECE / WORD));
    for (chunks, words) in pieces {
        for chunk in chunks.iter().step_by(BLOCK / WORD) {
            core::hint::black_box(*chunk);
        }
        for (chunk, word) in chunks.iter().zip(words) {
            word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
        }
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
