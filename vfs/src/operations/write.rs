//! Writing, from the client's arena.

use super::read::piece_at;
use super::{MAX_SIZE, MAX_TRANSFER};
use crate::cache::{Contents, PAGE, Piece, new_page};
use crate::error::Result;
use crate::inode::Inode;
use crate::permission;
use crate::session::{OpenFile, OpenMode};
use crate::vfs::Vfs;
use alloc::rc::Rc;
use dataplane::entry::Errno;
use dataplane::file::WatchEvents;
use dataplane::filesystem::PAGE_BYTES;
use dataplane::{Arena, ArenaRange, Credentials};

impl Vfs {
    /// Writes a range of an arena at an offset, or at the end; says how many bytes. Writes to one
    /// file do not mix.
    ///
    /// # Errors
    /// Those of pwrite(2).
    pub(crate) async fn write(
        &self,
        file: &OpenFile,
        who: &Credentials,
        offset: u64,
        arena: &Arena,
        from: ArenaRange,
    ) -> Result<u32> {
        file.require(OpenMode::WRITE)?;
        let inode = &file.inode;
        let contents = inode.contents()?;
        let (region, start) = arena.check(from)?;
        if offset > MAX_SIZE {
            return Err(Errno::EINVAL);
        }
        if from.len == 0 {
            return Ok(0);
        }
        let _writing = contents.writing.acquire().await;
        if inode.mount.is_momentary() {
            return self.write_there(file, who, offset, arena, from).await;
        }
        let offset =
            if file.mode.contains(OpenMode::APPEND) { inode.attributes().size } else { offset };
        if offset >= MAX_SIZE {
            return Err(Errno::EFBIG);
        }
        let mut wanted = u64::from(from.len).min(MAX_SIZE - offset);
        if !inode.is_cache_only() {
            wanted = wanted.min(MAX_TRANSFER);
        }
        let changing = self.watches.changing(inode, WatchEvents::CONTENTS);
        let mut done = 0;
        let mut failed = None;
        while done < wanted {
            let (index, within, len) = piece_at(offset + done, wanted - done);
            let at = start + usize::try_from(done).map_err(|_| Errno::EFAULT)?;
            let piece = Piece { index, within, len, arena: region, at };
            if let Err(error) = self.write_piece(inode, contents, piece).await {
                failed = Some(error);
                break;
            }
            done += len as u64;
            if !inode.is_cache_only() {
                // At once: a page must not be written back as if it were behind the end.
                let mut attributes = inode.attributes_mut();
                attributes.size = attributes.size.max(offset + done);
            }
        }
        match failed {
            Some(error) if done == 0 => changing.answered(Err(error)),
            _ => {
                self.note_written(inode, who, offset + done);
                u32::try_from(done).map_err(|_| Errno::EINVAL)
            }
        }
    }

    #[inline]
    async fn write_piece(
        &self,
        inode: &Rc<Inode>,
        contents: &Contents,
        piece: Piece<'_>,
    ) -> Result<()> {
        contents.before_change()?;
        while !contents.write(piece)? {
            self.bring_in(inode, contents, piece.index, piece.len).await?;
        }
        Ok(())
    }

    /// Brings in a page that is to be changed, by so many bytes; it may have gone again when the
    /// caller looks.
    pub(super) async fn bring_in(
        &self,
        inode: &Rc<Inode>,
        contents: &Contents,
        index: u64,
        len: usize,
    ) -> Result<()> {
        let (is_whole, is_behind) = (len == PAGE_BYTES, index * PAGE >= inode.attributes().size);
        if !inode.is_cache_only() && !is_whole && !is_behind {
            return self.fetch_page(inode, contents, index).await;
        }
        if !contents.is_reserved(index) {
            self.make_room_for_pages(1).await?;
        }
        if !inode.is_cache_only() {
            self.add_to_clock(inode);
        }
        contents.insert(index, new_page()?)
    }

    /// What writing up to an end, of `who`, changes in a file's attributes.
    pub(super) fn note_written(&self, inode: &Rc<Inode>, who: &Credentials, end: u64) {
        let time = self.time();
        let mut attributes = inode.attributes_mut();
        attributes.size = attributes.size.max(end);
        attributes.modified = time;
        attributes.changed = time;
        attributes.permissions = permission::after_write(&attributes, who);
        drop(attributes);
        if let Ok(contents) = inode.contents() {
            contents.attributes_dirty.set(true);
            self.note_dirty(inode);
        }
    }
}
