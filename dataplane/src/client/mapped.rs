//! The regions of grants as a client has mapped them, and the views of them.

use super::error::ClientError;
use super::in_flight::Done;
use super::queue::{GrantSource, Queue};
use super::view::GrantView;
use crate::grant::{self, GrantId};
use crate::memory::Region;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use rings::sync::Ordering;

/// Regions kept mapped beside the one last used; the oldest goes first.
const REGIONS_KEPT: usize = 1024;
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

/// The mapped regions of a queue.
#[derive(Default)]
pub(super) struct MappedGrants {
    /// The one last used, where the next look finds it at once.
    recent: Option<MappedGrant>,
    others: BTreeMap<u32, MappedGrant>,
}

impl MappedGrants {
    /// The region of a grant; asks the broker for it if it is not mapped.
    #[inline]
    fn find(
        &mut self,
        grant: u32,
        grants: &dyn GrantSource,
    ) -> Result<&mut MappedGrant, ClientError> {
        if self.recent.as_ref().is_none_or(|recent| recent.grant != grant) {
            self.exchange(grant, grants)?;
        }
        self.recent.as_mut().ok_or(ClientError::Corrupt)
    }

    #[cold]
    fn exchange(&mut self, grant: u32, grants: &dyn GrantSource) -> Result<(), ClientError> {
        let found = match self.others.remove(&grant) {
            Some(mapped) => mapped,
            None => {
                let mapped = MappedGrant::new(grant, grants.map(grant)?);
                self.others.retain(|_, other| !other.is_retired());
                mapped
            }
        };
        if let Some(before) = self.recent.replace(found) {
            self.others.insert(before.grant, before);
        }
        if self.others.len() > REGIONS_KEPT {
            self.others.pop_first();
        }
        Ok(())
    }
}

impl Queue {
    /// The bytes that a completion of READ_GRANT at `offset` grants. Maps the file's region the
    /// first time, and makes the part of it around `offset` present.
    ///
    /// # Errors
    /// The completion's own error, or mapping fails.
    #[inline]
    pub fn view(&mut self, offset: u64, done: &Done) -> Result<GrantView<'_>, ClientError> {
        let len = done.status.result()?;
        if len == 0 {
            return Ok(GrantView::empty());
        }
        let id = GrantId::from_word(done.aux);
        let mapped = self.mapped.find(id.grant, &*self.grants)?;
        mapped.prefault(offset, &*self.grants);
        GrantView::new(&mapped.region, offset, len, id.generation).ok_or(ClientError::Corrupt)
    }
}
