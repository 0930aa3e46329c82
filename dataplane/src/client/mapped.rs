//! The regions of grants as a client has mapped them, and the views of them.

use super::error::ClientError;
use super::in_flight::{Done, Ticket};
use super::queue::{GrantSource, Queue};
use super::view::GrantView;
use crate::entry::{Errno, Handle};
use crate::file::Request;
use crate::grant::{self, GrantId};
use crate::memory::Region;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use rings::sync::Ordering;

/// Regions kept mapped beside the one last used; the oldest goes first.
const REGIONS_KEPT: usize = 1024;
const WINDOWS_PER_WORD: usize = 64;

/// Most bytes of a read that are fetched ahead of its answer: they still have to be in the nearest
/// cache when it comes.
const FETCH_AHEAD: usize = grant::PAGE;

/// A READ_GRANT that was submitted.
#[derive(Clone, Copy, Debug)]
pub struct GrantTicket {
    pub(super) ticket: Ticket,
    handle: Handle,
    offset: u64,
}

impl GrantTicket {
    /// Of a READ_GRANT that was submitted as an entry with this handle and offset.
    #[must_use]
    pub fn new(ticket: Ticket, handle: Handle, offset: u64) -> Self {
        Self { ticket, handle, offset }
    }

    /// The request.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }
}

pub(super) struct MappedGrant {
    pub(super) grant: u32,
    /// The handle that was last read through it, and the generation that was then.
    handle: Handle,
    generation: u32,
    pub(super) region: Region,
    /// A bit for each window whose pages were made present.
    present: Vec<u64>,
}

impl MappedGrant {
    pub(super) fn new(grant: u32, region: Region) -> Self {
        let windows = region.len().div_ceil(grant::WINDOW);
        let (handle, generation) = (Handle::NONE, 0);
        Self {
            grant,
            handle,
            generation,
            region,
            present: alloc::vec![0; windows.div_ceil(WINDOWS_PER_WORD)],
        }
    }

    /// Whether the file has moved to another region.
    pub(super) fn is_retired(&self) -> bool {
        self.region.load(grant::RETIRED, Ordering::Relaxed).unwrap_or(1) != 0
    }

    /// Brings bytes that the service is asked for towards the processor while it answers. Only
    /// where they were seen before and nothing has changed since: to touch what was evicted or
    /// truncated would take memory.
    #[inline]
    fn fetch_ahead(&self, offset: u64, len: u32) {
        let Ok(offset) = usize::try_from(offset) else { return };
        let len = FETCH_AHEAD.min(len as usize);
        let last = offset.saturating_add(len.saturating_sub(1));
        let seen = self.is_present(offset) && self.is_present(last);
        if seen && grant::is_current(&self.region, self.generation) {
            self.region.touch(offset.saturating_add(grant::CONTENTS), len);
        }
    }

    fn is_present(&self, offset: usize) -> bool {
        let window = offset / grant::WINDOW;
        let word = self.present.get(window / WINDOWS_PER_WORD);
        word.is_some_and(|word| word >> (window % WINDOWS_PER_WORD) & 1 != 0)
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
    /// Publishes a READ_GRANT of up to `len` bytes, as [`Queue::publish`] does. Where the bytes are
    /// mapped already, brings them towards the processor while the service answers.
    ///
    /// # Errors
    /// As for [`Queue::publish`].
    #[inline]
    pub fn publish_grant(
        &mut self,
        handle: Handle,
        offset: u64,
        len: u32,
    ) -> Result<GrantTicket, ClientError> {
        let request = Request::ReadGrant { handle, offset, len, hold: false };
        let ticket = self.publish(request.to_sqe())?;
        if let Some(recent) = &self.mapped.recent
            && recent.handle == handle
        {
            recent.fetch_ahead(offset, len);
        }
        Ok(GrantTicket::new(ticket, handle, offset))
    }

    /// Waits for a READ_GRANT, and calls `look` with a view of the bytes, which stay granted until
    /// it returns.
    ///
    /// # Errors
    /// The service's answer, or the region cannot be mapped. After
    /// [`ClientError::Interrupted`] the request is still in flight.
    #[inline]
    pub fn wait_grant<R>(
        &mut self,
        read: GrantTicket,
        look: impl FnOnce(GrantView<'_>) -> R,
    ) -> Result<R, ClientError> {
        self.wait_for_with(read.ticket, |queue, done| queue.view(read, &done).map(look))?
    }

    /// The bytes that a completion of READ_GRANT grants. Maps the file's region the first time,
    /// and makes the part of it around the offset present.
    ///
    /// # Errors
    /// The completion's own error, mapping fails, or EINVAL if it is of another request.
    #[inline]
    pub fn view(&mut self, read: GrantTicket, done: &Done) -> Result<GrantView<'_>, ClientError> {
        if read.ticket != done.ticket {
            return Err(ClientError::Service(Errno::EINVAL));
        }
        let len = done.status.result()?;
        if len == 0 {
            return Ok(GrantView::empty());
        }
        let id = GrantId::from_word(done.aux);
        let mapped = self.mapped.find(id.grant, &*self.grants)?;
        (mapped.handle, mapped.generation) = (read.handle, id.generation);
        mapped.prefault(read.offset, &*self.grants);
        let view = GrantView::new(&mapped.region, read.offset, len, id.generation);
        view.ok_or(ClientError::Corrupt)
    }
}
