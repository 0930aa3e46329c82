//! Memory for a local region: zeroed words, which the system provides as they are touched.
#![expect(
    unsafe_code,
    reason = "zeroed memory whose allocation may fail is a matter of the raw allocator"
)]

use dataplane::Region;
use rings::sync::AtomicU64;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;

/// Owns words that are shared between threads.
#[derive(Debug)]
pub(crate) struct Words {
    /// What was allocated: somewhat more than the words, see [`Words::zeroed`].
    allocation: NonNull<u8>,
    layout: Layout,
    base: NonNull<AtomicU64>,
    bytes: usize,
}

// SAFETY: memory of the heap belongs to no thread.
unsafe impl Send for Words {}
// SAFETY: a shared reference gives nothing but the view, whose accesses are atomic.
unsafe impl Sync for Words {}

impl Words {
    /// `bytes` of zeros, aligned as pages are; `None` if there is no memory. `bytes` is a multiple
    /// of `page`, and not 0.
    ///
    /// The allocator hands out untouched memory only for what it need not align, so the alignment
    /// is done here.
    pub(crate) fn zeroed(bytes: usize, page: usize) -> Option<Self> {
        let room = bytes.checked_add(page)?;
        let layout = Layout::from_size_align(room, align_of::<AtomicU64>()).ok()?;
        if layout.size() == 0 {
            return None;
        }
        // SAFETY: the layout is not empty.
        let allocation = unsafe { alloc_zeroed(layout) };
        let allocation = NonNull::new(allocation)?;
        let skip = allocation.align_offset(page).min(page);
        // SAFETY: at most a page is skipped, and the allocation has a page of room.
        let base = unsafe { allocation.add(skip) };
        Some(Self { allocation, layout, base: base.cast(), bytes })
    }

    /// Bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// A view of them all.
    pub(crate) fn region(self: &Arc<Self>) -> Region {
        let words = self.len() / size_of::<AtomicU64>();
        // SAFETY: the base is aligned to 8 bytes and has `bytes` behind it; the owner keeps the words allocated, and gives no
        // other access to them.
        unsafe { Region::new(self.base, words, Arc::clone(self) as dataplane::Owner) }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this layout, and no view is left: each holds an `Arc`
        // of the words.
        unsafe { dealloc(self.allocation.as_ptr(), self.layout) };
    }
}
