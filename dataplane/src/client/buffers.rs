//! Hands out parts of a queue's share of the arena; first fit, neighbours joined when freed.

use crate::memory::ArenaRange;
use alloc::vec::Vec;

/// Parts start at multiples of a cache line, so that two never share one.
const ALIGN: u32 = 64;

/// A part of the arena that belongs to its holder until it is given back.
#[derive(Debug, PartialEq, Eq)]
pub struct Buffer {
    pub(super) range: ArenaRange,
}

impl Buffer {
    /// Where it is; as long as was asked for.
    #[must_use]
    pub fn range(&self) -> ArenaRange {
        self.range
    }

    /// Its first `len` bytes, or all of it if that is more.
    #[must_use]
    pub fn first(&self, len: u32) -> ArenaRange {
        ArenaRange { offset: self.range.offset, len: len.min(self.range.len) }
    }
}

#[derive(Debug)]
pub(super) struct BufferPool {
    /// Free parts by offset: start and end.
    free: Vec<(u32, u32)>,
}

impl BufferPool {
    pub(super) fn new(offset: u32, len: u32) -> Self {
        let start = offset.next_multiple_of(ALIGN);
        let end = offset.saturating_add(len) / ALIGN * ALIGN;
        Self { free: if start < end { alloc::vec![(start, end)] } else { Vec::new() } }
    }

    pub(super) fn take(&mut self, len: u32) -> Option<Buffer> {
        let size = len.max(1).checked_next_multiple_of(ALIGN)?;
        let at = self.free.iter().position(|(start, end)| end - start >= size)?;
        let part = self.free.get_mut(at)?;
        let offset = part.0;
        part.0 += size;
        if part.0 == part.1 {
            self.free.remove(at);
        }
        Some(Buffer { range: ArenaRange { offset, len } })
    }

    pub(super) fn give_back(&mut self, buffer: Buffer) {
        let start = buffer.range.offset;
        let end = start + buffer.range.len.max(1).next_multiple_of(ALIGN);
        let at = self.free.partition_point(|part| part.0 < start);
        let joins_next = self.free.get(at).is_some_and(|next| next.0 == end);
        let joins_previous =
            at.checked_sub(1).and_then(|i| self.free.get(i)).is_some_and(|last| last.1 == start);
        match (joins_previous, joins_next) {
            (true, true) => {
                let next = self.free.remove(at);
                if let Some(last) = self.free.get_mut(at - 1) {
                    last.1 = next.1;
                }
            }
            (true, false) => {
                if let Some(last) = self.free.get_mut(at - 1) {
                    last.1 = end;
                }
            }
            (false, true) => {
                if let Some(next) = self.free.get_mut(at) {
                    next.0 = start;
                }
            }
            (false, false) => self.free.insert(at, (start, end)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::config;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn parts_never_overlap_and_all_come_back(steps: Vec<(u16, u8)>) {
            let mut pool = BufferPool::new(100, 100_000);
            let whole = pool.free.clone();
            let mut taken: Vec<Buffer> = Vec::new();
            for (len, which) in steps {
                if which % 3 == 0 && !taken.is_empty() {
                    let at = usize::from(which) % taken.len();
                    pool.give_back(taken.swap_remove(at));
                } else if let Some(new) = pool.take(u32::from(len)) {
                    let span = |b: &Buffer| b.range.offset..b.range.offset + b.range.len.max(1);
                    for old in &taken {
                        let (a, b) = (span(&new), span(old));
                        prop_assert!(a.end <= b.start || b.end <= a.start);
                    }
                    prop_assert!(new.range.offset >= 100);
                    prop_assert!(span(&new).end <= 100_100);
                    taken.push(new);
                }
            }
            taken.into_iter().for_each(|buffer| pool.give_back(buffer));
            prop_assert_eq!(pool.free, whole);
        }
    }
}
