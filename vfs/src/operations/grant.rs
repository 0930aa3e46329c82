//! Reading without a copy: pinning a file's pages in a region that the client maps.

use super::{MAX_SIZE, MAX_TRANSFER};
use crate::cache::{Contents, PAGE};
use crate::error::Result;
use crate::grants::{FileRegion, Grant, PinnedPages};
use crate::inode::Inode;
use crate::session::{OpenFile, OpenMode, Session};
use crate::vfs::Vfs;
use alloc::rc::Rc;
use dataplane::entry::Errno;
use dataplane::grant::GrantId;

/// Smallest room of a region.
const MIN_ROOM: u64 = 16 * PAGE;
/// How often a page may be evicted between being moved into the region and being pinned.
const ATTEMPTS: usize = 16;

/// Bytes that can be read through a grant.
pub(crate) struct Granted {
    /// How many; 0 at the end of the file, and nothing is then granted.
    pub(crate) bytes: u32,
    /// Through which grant.
    pub(crate) id: GrantId,
    /// What keeps them; kept in the session if it is to be held.
    pub(crate) pages: Option<PinnedPages>,
}

/// Pages to be granted.
#[derive(Clone, Copy)]
struct Range {
    bytes: u32,
    first: u64,
    count: u32,
}

impl Range {
    /// The pages of `len` bytes at an offset, cut off at the end of the file and at the most that
    /// is granted at once; `None` behind the end.
    fn new(inode: &Inode, offset: u64, len: u32) -> Result<Option<Self>> {
        if offset > MAX_SIZE {
            return Err(Errno::EINVAL);
        }
        let left = inode.attributes().size.saturating_sub(offset);
        let bytes = left.min(u64::from(len)).min(MAX_TRANSFER - offset % PAGE);
        if bytes == 0 {
            return Ok(None);
        }
        let first = offset / PAGE;
        let count = (offset + bytes).div_ceil(PAGE) - first;
        Ok(Some(Self {
            bytes: u32::try_from(bytes).map_err(|_| Errno::EINVAL)?,
            first,
            count: u32::try_from(count).map_err(|_| Errno::EINVAL)?,
        }))
    }

    fn end(&self) -> u64 {
        (self.first + u64::from(self.count)) * PAGE
    }
}

const NOTHING: Granted = Granted { bytes: 0, id: GrantId { grant: 0, generation: 0 }, pages: None };

impl Vfs {
    /// Grants at once what is in memory, in the region and offered already; `None` if it is not.
    ///
    /// # Errors
    /// As for [`Vfs::read_grant`].
    #[inline]
    pub(crate) fn read_grant_now(
        &self,
        session: &Session,
        file: &OpenFile,
        offset: u64,
        len: u32,
    ) -> Result<Option<Granted>> {
        file.require(OpenMode::READ)?;
        let inode = &file.inode;
        inode.contents()?;
        if inode.mount.is_momentary() {
            return Err(Errno::EOPNOTSUPP);
        }
        let Some(range) = Range::new(inode, offset, len)? else {
            return Ok(Some(NOTHING));
        };
        let grant = file.grant.borrow();
        let Some(grant) = grant.as_ref() else {
            return Ok(None);
        };
        let Some(region) = grant.region() else {
            return Ok(None);
        };
        let pinned = session.grants.pin(inode, &region, range.first, range.count)?;
        let Some(pages) = pinned else {
            return Ok(None);
        };
        self.note_access(inode);
        Ok(Some(Granted {
            bytes: range.bytes,
            id: GrantId { grant: grant.number, generation: lower_half(region.generation()) },
            pages: Some(pages),
        }))
    }

    /// Grants bytes at an offset: moves their pages into the file's region, which is made at the
    /// file's first grant, and pins them there for the session.
    ///
    /// # Errors
    /// EBADF, EISDIR, EINVAL; EDQUOT for more pages than the session may pin; EOPNOTSUPP for what
    /// lies further behind the file's beginning than a region reaches, and for files that others
    /// than the vfs change: they can be READ; ENOSPC or
    /// ENOMEM if there is no memory.
    pub(crate) async fn read_grant(
        &self,
        session: &Session,
        file: &OpenFile,
        offset: u64,
        len: u32,
    ) -> Result<Granted> {
        for _ in 0..ATTEMPTS {
            if let Some(granted) = self.read_grant_now(session, file, offset, len)? {
                return Ok(granted);
            }
            let Some(range) = Range::new(&file.inode, offset, len)? else {
                return Ok(NOTHING);
            };
            let contents = file.inode.contents()?;
            self.prepare(&file.inode, contents, range).await?;
            // Nothing waits from here on, so that what is moved in now is pinned next.
            let Some(region) = contents.region() else {
                continue;
            };
            if range.end() > region.room() || !self.all_present(&file.inode, contents, range) {
                continue;
            }
            let count = u64::from(range.count);
            let (first, count) = contents.with_neighbours(range.first, count, region.room());
            contents.move_in(first, count)?;
            self.add_to_clock(&file.inode);
            let grant = match session.grants.find(&file.inode, &region) {
                Some(grant) => grant,
                None => Grant::offer(self, &session.grants, &file.inode, &region)?,
            };
            let before = file.grant.replace(Some(grant));
            drop(before);
        }
        Err(Errno::EAGAIN)
    }

    fn all_present(&self, inode: &Inode, contents: &Contents, range: Range) -> bool {
        let mut indices = range.first..range.first + u64::from(range.count);
        inode.is_cache_only() || indices.all(|index| contents.has(index))
    }

    /// Sees that there is a region with room, the pages in memory, and memory for holes.
    async fn prepare(&self, inode: &Rc<Inode>, contents: &Contents, range: Range) -> Result<()> {
        let enough = |region: &Rc<FileRegion>| region.room() >= range.end();
        if !contents.region().as_ref().is_some_and(enough) {
            let room = self.room_for(inode, range)?;
            let region = FileRegion::create(self, room).await?;
            // Another request may have been faster; its region is as good.
            if !contents.region().as_ref().is_some_and(enough) {
                contents.set_region(region)?;
            }
        }
        let mut missing = 0;
        for index in range.first..range.first + u64::from(range.count) {
            if contents.has(index) {
                continue;
            }
            missing += 1;
            if !inode.is_cache_only() {
                self.fetch_page(inode, contents, index).await?;
            }
        }
        if missing > 0 && inode.is_cache_only() {
            self.make_room_for_pages(missing).await?;
        }
        Ok(())
    }

    /// Room for a file's region: all of the file and as much again, but no more than could be in
    /// memory.
    fn room_for(&self, inode: &Inode, range: Range) -> Result<u64> {
        let size = inode.attributes().size.max(range.end());
        let limit = self.budget.limit_bytes().max(MIN_ROOM) / PAGE * PAGE;
        if range.end() > limit {
            return Err(Errno::EOPNOTSUPP);
        }
        let room = size.checked_next_power_of_two().unwrap_or(limit);
        Ok(room.clamp(MIN_ROOM, limit))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn lower_half(generation: u64) -> u32 {
    generation as u32
}
