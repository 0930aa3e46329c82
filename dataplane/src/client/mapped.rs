//! A grant's region as a client has mapped it.

use super::queue::GrantSource;
use crate::grant;
use crate::memory::Region;
use alloc::vec::Vec;
use rings::sync::Ordering;

const WINDOWS_PER_WORD: usize = 64;

pub(super) struct MappedGrant {
    pub(super) grant: u32,
    pub(super) region: Region,
    /// A bit for each window whose pages were made present.
    present: Vec<u64>,
}

impl MappedGrant {
    pub(super) fn new(grant: u32, region: Region) -> Self {
        let windows = region.len().div_ceil(grant::WINDOW);
        Self { grant, region, present: alloc::vec![0; windows.div_ceil(WINDOWS_PER_WORD)] }
    }

    /// Whether the file has moved to another region.
    pub(super) fn is_retired(&self) -> bool {
        self.region.load(grant::RETIRED, Ordering::Relaxed).unwrap_or(1) != 0
    }

    /// Makes the pages around a file offset present, unless they were before: a page fault costs
    /// more than a read.
    #[inline]
    pub(super) fn prefault(&mut self, offset: u64, grants: &dyn GrantSource) {
        let window = usize::try_from(offset).unwrap_or(usize::MAX) / grant::WINDOW;
        let bit = 1 << (window % WINDOWS_PER_WORD);
        if let Some(word) = self.present.get_mut(window / WINDOWS_PER_WORD)
            && *word & bit == 0
        {
            *word |= bit;
            let start = grant::CONTENTS + window * grant::WINDOW;
            let len = grant::WINDOW.min(self.region.len().saturating_sub(start));
            grants.prefault(&self.region, start, len);
        }
    }
}
