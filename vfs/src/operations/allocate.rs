//! Space of files: reserving it, and giving it back.
//!
//! Only where contents are in the page cache alone; a backing file system would have to be asked,
//! and is not.

use super::MAX_SIZE;
use crate::cache::PAGE;
use crate::error::Result;
use crate::session::{OpenFile, OpenMode};
use crate::tasks::yield_now;
use crate::vfs::Vfs;
use core::ops::Range;
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::{AllocateMode, WatchEvents};

/// Pages reserved before others have their turn.
const PAGES_AT_ONCE: u64 = 16 << 10;

impl Vfs {
    /// Allocates, punches or zeroes a range of a file.
    ///
    /// # Errors
    /// Those of fallocate(2); EBADF if the handle was not opened for writing.
    pub(crate) async fn allocate(
        &self,
        file: &OpenFile,
        who: &Credentials,
        mode: AllocateMode,
        offset: u64,
        len: u64,
    ) -> Result<()> {
        file.require_open()?;
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        file.require(OpenMode::WRITE)?;
        let inode = &file.inode;
        let contents = inode.contents()?;
        let end = offset.checked_add(len).filter(|end| *end <= MAX_SIZE).ok_or(Errno::EFBIG)?;
        inode.mount.check_writable()?;
        if !inode.is_cache_only() {
            return Err(Errno::EOPNOTSUPP);
        }
        let _writing = contents.writing.acquire().await;
        contents.before_change()?;
        match mode {
            AllocateMode::PunchHole => contents.punch(&(offset..end))?,
            AllocateMode::ZeroRange | AllocateMode::ZeroRangeKeepSize => {
                // First what can fail: without space, nothing is zeroed.
                self.reserve(file, offset..end).await?;
                contents.before_change()?;
                contents.zero(&(offset..end))?;
            }
            AllocateMode::Allocate | AllocateMode::AllocateKeepSize => {
                self.reserve(file, offset..end).await?;
            }
        }
        let extends = matches!(mode, AllocateMode::Allocate | AllocateMode::ZeroRange);
        self.note_written(inode, who, if extends { end } else { 0 });
        self.watches.changed(inode, WatchEvents::CONTENTS);
        Ok(())
    }

    /// Pays for the pages of a range of bytes, so that writing them cannot fail.
    async fn reserve(&self, file: &OpenFile, bytes: Range<u64>) -> Result<()> {
        let contents = file.inode.contents()?;
        let pages = bytes.start / PAGE..bytes.end.div_ceil(PAGE);
        let most = self.budget.limit_bytes() / PAGE;
        if (pages.end - pages.start).saturating_sub(contents.taken()) > most {
            return Err(Errno::ENOSPC);
        }
        let missing = contents.missing(&pages);
        // All of it is there, or nothing is taken.
        self.make_room_for_pages(missing).await?;
        let mut first = pages.start;
        while first < pages.end {
            let end = pages.end.min(first + PAGES_AT_ONCE);
            contents.reserve(first..end)?;
            first = end;
            if first < pages.end {
                yield_now().await;
            }
        }
        Ok(())
    }
}
