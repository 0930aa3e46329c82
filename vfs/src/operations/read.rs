//! Reading, with a copy into the client's arena.

use super::{MAX_SIZE, MAX_TRANSFER};
use crate::cache::{Contents, PAGE, Piece, new_page};
use crate::error::{Result, out_of_bounds};
use crate::inode::Inode;
use crate::session::{OpenFile, OpenMode};
use crate::vfs::Vfs;
use alloc::rc::Rc;
use dataplane::entry::Errno;
use dataplane::filesystem::PAGE_BYTES;
use dataplane::{Arena, ArenaRange};

/// The part of page after page that a range of a file covers.
#[inline]
pub(super) fn piece_at(offset: u64, left: u64) -> (u64, usize, usize) {
    let within = usize::try_from(offset % PAGE).unwrap_or(0);
    let room = PAGE_BYTES - within;
    let len = usize::try_from(left).unwrap_or(usize::MAX).min(room);
    (offset / PAGE, within, len)
}

impl Vfs {
    /// Reads at an offset into a range of an arena; says how many bytes. Fewer than asked for at
    /// the end of the file, or where pages must be waited for.
    ///
    /// # Errors
    /// Those of pread(2).
    pub(crate) async fn read(
        &self,
        file: &OpenFile,
        offset: u64,
        arena: &Arena,
        into: ArenaRange,
    ) -> Result<u32> {
        file.require(OpenMode::READ)?;
        let inode = &file.inode;
        let contents = inode.contents()?;
        let (region, start) = arena.check(into)?;
        if offset > MAX_SIZE {
            return Err(Errno::EINVAL);
        }
        let mut done = 0;
        let mut wanted = u64::from(into.len);
        loop {
            let left = inode.attributes().size.saturating_sub(offset + done);
            let left = left.min(wanted - done);
            if left == 0 {
                break;
            }
            let (index, within, len) = piece_at(offset + done, left);
            let at = start + usize::try_from(done).map_err(|_| Errno::EFAULT)?;
            let piece = Piece { index, within, len, arena: region, at };
            if !contents.read(piece)? {
                if inode.is_cache_only() {
                    region.zero(at, len).map_err(out_of_bounds)?;
                } else {
                    wanted = wanted.min(MAX_TRANSFER);
                    match self.fetch_page(inode, contents, index).await {
                        Ok(()) => continue,
                        Err(error) if done == 0 => return Err(error),
                        Err(_) => break,
                    }
                }
            }
            done += len as u64;
        }
        if into.len > 0 {
            self.note_access(inode);
        }
        u32::try_from(done).map_err(|_| Errno::EINVAL)
    }

    /// Brings a page into memory. It may have gone again by the time that the caller looks.
    ///
    /// # Errors
    /// Of the file system, or ENOSPC.
    pub(super) async fn fetch_page(
        &self,
        inode: &Rc<Inode>,
        contents: &Contents,
        index: u64,
    ) -> Result<()> {
        self.add_to_clock(inode);
        loop {
            self.make_room_for_pages(1).await?;
            let version = contents.version();
            let filesystem = &inode.mount.filesystem;
            let mut page = filesystem.read_page(inode.number, index, new_page()?).await?;
            if contents.has(index) {
                return Ok(());
            }
            if version != contents.version() {
                // It may be from before a change.
                continue;
            }
            let size = inode.attributes().size;
            let valid = size.saturating_sub(index.saturating_mul(PAGE)).min(PAGE);
            let valid = usize::try_from(valid).unwrap_or(PAGE_BYTES);
            page.get_mut(valid..).unwrap_or_default().fill(0);
            match contents.insert(index, page) {
                Err(Errno::ENOSPC) => {}
                inserted => return inserted,
            }
        }
    }

    /// Sets the time of the last access, if it is not later than the last change: relatime without
    /// its daily update.
    #[inline]
    pub(super) fn note_access(&self, inode: &Rc<Inode>) {
        let is_due = {
            let attributes = inode.attributes();
            attributes.accessed <= attributes.modified || attributes.accessed <= attributes.changed
        };
        if is_due {
            inode.attributes_mut().accessed = self.time();
            if let Ok(contents) = inode.contents() {
                contents.attributes_dirty.set(true);
                self.note_dirty(inode);
            }
        }
    }
}
