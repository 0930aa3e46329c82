//! Regions on the heap, as a platform makes them of its mappings.
#![allow(dead_code, reason = "each test uses a part of it")]
#![expect(unsafe_code, reason = "a region over memory of its own, as a platform makes them")]

use dataplane::Region;
use rings::sync::{AtomicU64, Ordering};
use std::ptr::NonNull;
use std::sync::Arc;

/// A region of zeros; it lives as long as its last clone.
pub(crate) fn region(bytes: usize) -> Region {
    let words: Box<[AtomicU64]> = (0..bytes.div_ceil(8)).map(|_| AtomicU64::new(0)).collect();
    let owner = Arc::new(words);
    let base = NonNull::from(&**owner).cast();
    let count = owner.len();
    // SAFETY: the words are aligned, shared, and live as long as the owner; they are atomics, so
    // that nobody accesses them otherwise.
    unsafe { Region::new(base, count, owner) }
}

/// A region with the same words as they are now.
pub(crate) fn image(of: &Region) -> Region {
    let copy = region(of.len());
    for offset in (0..of.len()).step_by(8) {
        let word = of.load(offset, Ordering::Relaxed).unwrap();
        copy.store(offset, word, Ordering::Relaxed).unwrap();
    }
    copy
}
