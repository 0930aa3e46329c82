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
use dataplane::{Arena, ArenaRange, Region};

/// The part of page after page that a range of a file covers.
#[inline]
pub(super) fn piece_at(offset: u64, left: u64) -> (u64, usize, usize) {
    let within = usize::try_from(offset % PAGE).unwrap_or(0);
    let room = PAGE_BYTES - within;
    let len = usize::try_from(left).unwrap_or(usize::MAX).min(room);
    (offset / PAGE, within, len)
}

/// A read that is under way.
struct Reading<'a> {
    inode: &'a Inode,
    contents: &'a Contents,
    offset: u64,
    arena: &'a Region,
    /// First byte in the arena.
    at: usize,
    wanted: u64,
    done: u64,
}

impl<'a> Reading<'a> {
    #[inline]
    fn new(file: &'a OpenFile, offset: u64, arena: &'a Arena, into: ArenaRange) -> Result<Self> {
        file.require(OpenMode::READ)?;
        let contents = file.inode.contents()?;
        let (arena, at) = arena.check(into)?;
        if offset > MAX_SIZE {
            return Err(Errno::EINVAL);
        }
        Ok(Self {
            inode: &file.inode,
            contents,
            offset,
            arena,
            at,
            wanted: u64::from(into.len),
            done: 0,
        })
    }

    /// Copies what is in memory; says which page it stopped at, if it did.
    #[inline]
    fn advance(&mut self) -> Result<Option<u64>> {
        let size = self.inode.attributes().size;
        let end = size.min(self.offset.saturating_add(self.wanted));
        loop {
            let left = end.saturating_sub(self.offset + self.done);
            if left == 0 {
                return Ok(None);
            }
            let (index, within, len) = piece_at(self.offset + self.done, left);
            let at = self.at + usize::try_from(self.done).map_err(|_| Errno::EFAULT)?;
            let arena = self.arena;
            let piece = Piece { index, within, len, arena, at };
            if !self.contents.read(piece)? {
                if !self.inode.is_cache_only() {
                    return Ok(Some(index));
                }
                arena.zero(at, len).map_err(out_of_bounds)?;
            }
            self.done += len as u64;
        }
    }

    fn count(&self) -> Result<u32> {
        u32::try_from(self.done).map_err(|_| Errno::EINVAL)
    }
}

impl Vfs {
    /// Reads what is in memory; `None` if not all of it is.
    ///
    /// # Errors
    /// As for [`Vfs::read`].
    #[inline]
    pub(crate) fn read_now(
        &self,
        file: &OpenFile,
        offset: u64,
        arena: &Arena,
        into: ArenaRange,
    ) -> Result<Option<u32>> {
        if file.inode.mount.is_momentary() {
            return Ok(None);
        }
        let mut reading = Reading::new(file, offset, arena, into)?;
        if reading.advance()?.is_some() {
            return Ok(None);
        }
        self.note_read(file, into);
        reading.count().map(Some)
    }

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
        if file.inode.mount.is_momentary() {
            return self.read_there(file, offset, arena, into).await;
        }
        let mut reading = Reading::new(file, offset, arena, into)?;
        while let Some(missing) = reading.advance()? {
            reading.wanted = reading.wanted.min(MAX_TRANSFER);
            let fetched = self.fetch_page(&file.inode, reading.contents, missing).await;
            match fetched {
                Err(error) if reading.done == 0 => return Err(error),
                Err(_) => break,
                Ok(()) => {}
            }
        }
        self.note_read(file, into);
        reading.count()
    }

    #[inline]
    fn note_read(&self, file: &OpenFile, into: ArenaRange) {
        if into.len > 0 {
            self.note_access(&file.inode);
        }
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
        if inode.mount.is_momentary() || inode.mount.check_writable().is_err() {
            return;
        }
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
