//! Regions as memory of the heap; descriptors know what they allow.
//!
//! All mappings of a region are one view. A read-only one is so by agreement: the check is made
//! when it is mapped, and misuse of the view is not seen.

use super::words::Words;
use dataplane::platform::{Access, Memory, MemoryError, NewRegion, Writer};
use dataplane::{Descriptor, Region, Word};
use rings::sync::Ordering;
use std::sync::Arc;

/// Regions on the heap.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LocalMemory;

/// What is inside a region's descriptor.
struct Grip {
    words: Arc<Words>,
    allows: Access,
}

impl Grip {
    fn of(descriptor: &Descriptor) -> Result<&Self, MemoryError> {
        descriptor.downcast_ref().ok_or(MemoryError::WrongDescriptor)
    }

    /// The bytes `offset .. offset + len` if they are whole pages of the region and the descriptor
    /// allows changing them.
    fn pages(&self, offset: u64, len: u64) -> Result<std::ops::Range<usize>, MemoryError> {
        if self.allows != Access::ReadWrite {
            return Err(MemoryError::Denied);
        }
        let number = |number| usize::try_from(number).map_err(|_| MemoryError::WrongSize);
        let (start, len) = (number(offset)?, number(len)?);
        let end = start.checked_add(len).ok_or(MemoryError::WrongSize)?;
        let whole = start.is_multiple_of(page_bytes()) && len.is_multiple_of(page_bytes());
        if whole && end <= self.words.len() { Ok(start..end) } else { Err(MemoryError::WrongSize) }
    }
}

impl Memory for LocalMemory {
    fn create(&self, bytes: u64, _writer: Writer) -> Result<NewRegion, MemoryError> {
        let bytes = usize::try_from(bytes.max(1)).map_err(|_| MemoryError::Exhausted)?;
        let bytes = bytes.checked_next_multiple_of(page_bytes()).ok_or(MemoryError::Exhausted)?;
        let words = Words::zeroed(bytes, page_bytes()).ok_or(MemoryError::Exhausted)?;
        let words = Arc::new(words);
        let grip = |allows| {
            let words = Arc::clone(&words);
            Arc::new(Grip { words, allows })
        };
        Ok(NewRegion {
            writable: grip(Access::ReadWrite),
            read_only: grip(Access::ReadOnly),
            bytes: bytes as u64,
        })
    }

    fn map(&self, region: &Descriptor, access: Access) -> Result<Region, MemoryError> {
        let grip = Grip::of(region)?;
        if access == Access::ReadWrite && grip.allows == Access::ReadOnly {
            return Err(MemoryError::Denied);
        }
        Ok(grip.words.region())
    }

    fn prefault(&self, _: &Region, _: usize, _: usize) {}

    fn commit(&self, region: &Descriptor, offset: u64, len: u64) -> Result<(), MemoryError> {
        // The heap is there when it is touched.
        Grip::of(region)?.pages(offset, len).map(drop)
    }

    fn punch(&self, region: &Descriptor, offset: u64, len: u64) -> Result<(), MemoryError> {
        let grip = Grip::of(region)?;
        let bytes = grip.pages(offset, len)?;
        let region = grip.words.region();
        for offset in bytes.step_by(size_of::<u64>()) {
            let zeroed = region.store(offset, 0, Ordering::Relaxed);
            zeroed.map_err(|_| MemoryError::WrongSize)?;
        }
        Ok(())
    }

    fn seal(&self, region: &Descriptor) -> Result<(), MemoryError> {
        // Read-only descriptors are refused as they are.
        Grip::of(region).map(drop)
    }

    fn fork_guard(&self) -> Result<Word, MemoryError> {
        // A forked child has a copy of the heap and none of the threads: nothing there serves it.
        crate::linux::fork_guard()
    }
}

/// Whether a descriptor is of a region of this platform.
pub(crate) fn is_region(descriptor: &Descriptor) -> bool {
    Grip::of(descriptor).is_ok()
}

fn page_bytes() -> usize {
    rustix::param::page_size()
}
