//! What a zero-copy read shows: bytes of a file in the service's own memory, as they are now.

use crate::grant;
use crate::memory::Region;
use core::ptr::NonNull;
use rings::BLOCK;
use rings::sync::{Ordering, fence};

const BLOCK_WORDS: usize = BLOCK / 8;

/// A live view of granted bytes. A writer may change them while they are read; where a consistent
/// copy is needed, [`GrantView::is_current`] tells afterwards whether one was had.
#[derive(Debug)]
pub struct GrantView<'a> {
    /// None: nothing is in view.
    region: Option<&'a Region>,
    offset: usize,
    len: usize,
    generation: u32,
}

impl<'a> GrantView<'a> {
    /// A view of nothing: the read was at or behind the end of the file.
    pub(super) fn empty() -> Self {
        Self { region: None, offset: 0, len: 0, generation: 0 }
    }

    /// Bytes `offset .. offset + len` of the file behind `region`; `None` if the region does not
    /// have them.
    pub(super) fn new(region: &'a Region, offset: u64, len: u32, generation: u32) -> Option<Self> {
        let offset = usize::try_from(offset).ok()?.checked_add(grant::CONTENTS)?;
        let len = len as usize;
        (offset.checked_add(len)? <= region.len()).then_some(Self {
            region: Some(region),
            offset,
            len,
            generation,
        })
    }

    /// Bytes in view.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none are: the read was at or behind the end of the file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies bytes out, from `at` on; returns how many.
    pub fn read(&self, at: usize, into: &mut [u8]) -> usize {
        let count = into.len().min(self.len.saturating_sub(at));
        let into = into.get_mut(..count).unwrap_or_default();
        match self.region.map(|region| region.read(self.offset + at, into)) {
            Some(Ok(())) => count,
            _ => 0,
        }
    }

    /// The 8 bytes at `at` as a little-endian number, read at once; `None` if they are not in
    /// view or `at` is not a multiple of 8 in the file.
    #[must_use]
    #[inline]
    pub fn word(&self, at: usize) -> Option<u64> {
        if at.checked_add(8)? > self.len {
            return None;
        }
        self.region?.load(self.offset + at, Ordering::Relaxed).ok()
    }

    /// Folds over blocks of 64 bytes, each as eight little-endian numbers; the last one is padded
    /// with zeros. The view must begin at a multiple of 8 in the file; else nothing is folded.
    #[inline]
    pub fn fold_blocks<T>(&self, start: T, mut step: impl FnMut(T, [u64; BLOCK_WORDS]) -> T) -> T {
        let mut value = start;
        let whole = self.len / BLOCK * BLOCK;
        let Some(Ok(blocks)) = self.region.map(|region| region.blocks_in(self.offset, whole))
        else {
            return value;
        };
        for block in blocks {
            value = step(value, block);
        }
        let mut rest = [0; BLOCK];
        if self.read(whole, &mut rest) > 0 {
            let (words, _) = rest.as_chunks();
            let mut block = [0; BLOCK_WORDS];
            for (to, from) in block.iter_mut().zip(words) {
                *to = u64::from_le_bytes(*from);
            }
            value = step(value, block);
        }
        value
    }

    /// Where the bytes lie, for those who cannot be given a view, such as programs in other
    /// languages: [`GrantView::len`] bytes that can be read while the view lives. Others may write
    /// them at any time. `None` if nothing is in view.
    #[must_use]
    pub fn address(&self) -> Option<NonNull<u8>> {
        self.region?.address(self.offset, self.len).ok()
    }

    /// Whether nothing was changed, truncated or evicted since the completion was posted; if so,
    /// all that was read before this call is one consistent state.
    #[must_use]
    pub fn is_current(&self) -> bool {
        fence(Ordering::Acquire);
        self.region.is_none_or(|region| grant::is_current(region, self.generation))
    }
}
