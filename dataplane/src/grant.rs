//! The memory that a zero-copy read grants: one region a file, written by the service, mapped
//! read-only by the clients that may read the file.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 8 | `generation`: incremented before and after bytes change or go; odd in between |
//! | 8 | 8 | `retired`: 1 when the file has moved to another region; map anew |
//! | 16 | 8 | bytes of file contents that the region has room for |
//! | 4096 | n | page 0 of the file, page 1, … : file offset f lies at 4096 + f |
//!
//! A view is live: a writer may change it while it is read. A reader that needs a consistent copy
//! compares `generation` before and after, as with a sequence lock; the completion carries the
//! lower half of the value from when it was posted.

use crate::memory::Region;
use rings::sync::Ordering;

/// Bytes of a page.
pub const PAGE: usize = 4096;
/// Bytes of file contents, aligned, that a service brings into the region together; so a client
/// may touch, without allocating anything, what lies around a byte that it was granted.
pub const WINDOW: usize = 16 * PAGE;
/// Offset of `generation`.
pub const GENERATION: usize = 0;
/// Offset of `retired`.
pub const RETIRED: usize = 8;
/// Offset of the room for contents.
pub const ROOM: usize = 16;
/// Offset of the file's first byte.
pub const CONTENTS: usize = PAGE;

/// Whether a region still has the generation whose lower half this is, and nothing is changing.
#[must_use]
pub fn is_current(region: &Region, generation: u32) -> bool {
    let now = region.load(GENERATION, Ordering::Relaxed).unwrap_or(u64::MAX);
    now & 0xffff_ffff == u64::from(generation) && now.is_multiple_of(2)
}

/// The auxiliary result of READ_GRANT: which grant, and the lower half of its generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantId {
    /// Names the region within the session.
    pub grant: u32,
    /// Lower half of `generation` when the completion was posted.
    pub generation: u32,
}

impl GrantId {
    /// Grant in bits 0–31, generation in bits 32–63.
    #[must_use]
    pub fn to_word(self) -> u64 {
        u64::from(self.grant) | u64::from(self.generation) << 32
    }

    /// From an auxiliary result.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the word")]
    pub fn from_word(word: u64) -> Self {
        Self { grant: word as u32, generation: (word >> 32) as u32 }
    }
}
