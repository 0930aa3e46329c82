//! Copying between files, without a way through the client.

use super::read::piece_at;
use super::{MAX_SIZE, MAX_TRANSFER};
use crate::cache::new_page;
use crate::error::Result;
use crate::inode::Inode;
use crate::session::{OpenFile, OpenMode};
use crate::vfs::Vfs;
use alloc::rc::Rc;
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::WatchEvents;

/// One end of a copy.
#[derive(Clone, Copy)]
pub(crate) struct CopyEnd<'a> {
    /// The open file.
    pub(crate) file: &'a OpenFile,
    /// First byte.
    pub(crate) offset: u64,
}

impl Vfs {
    /// Copies at most so many bytes; says how many, 0 at the end of the source.
    ///
    /// # Errors
    /// Those of copy_file_range(2); EOPNOTSUPP for files that are not cached here.
    pub(crate) async fn copy_range(
        &self,
        who: &Credentials,
        from: CopyEnd<'_>,
        to: CopyEnd<'_>,
        len: u32,
    ) -> Result<u32> {
        from.file.require_open()?;
        to.file.require_open()?;
        let (source, target) = (&from.file.inode, &to.file.inode);
        source.contents()?;
        let contents = target.contents()?;
        from.file.require(OpenMode::READ)?;
        to.file.require(OpenMode::WRITE)?;
        if to.file.mode.contains(OpenMode::APPEND) {
            return Err(Errno::EBADF);
        }
        target.mount.check_writable()?;
        if source.mount.is_momentary() || target.mount.is_momentary() {
            return Err(Errno::EOPNOTSUPP);
        }
        let (start, end) = (to.offset, to.offset.checked_add(u64::from(len)));
        end.filter(|end| *end <= MAX_SIZE).ok_or(Errno::EFBIG)?;
        from.offset.checked_add(u64::from(len)).ok_or(Errno::EOVERFLOW)?;
        let _writing = contents.writing.acquire().await;
        // What is behind the end of the source is not copied, and so not in the way.
        let left = source.attributes().size.saturating_sub(from.offset).min(u64::from(len));
        if left > 0 && Rc::ptr_eq(source, target) && from.offset.abs_diff(start) < left {
            return Err(Errno::EINVAL);
        }
        let wanted = left.min(MAX_TRANSFER);
        let mut buffer = new_page()?;
        let changing = self.watches.changing(target, WatchEvents::CONTENTS);
        let mut done = 0;
        while done < wanted {
            let (index, within, part) = piece_at(start + done, wanted - done);
            let bytes = buffer.get_mut(..part).unwrap_or_default();
            let copied = match self.load(source, from.offset + done, bytes).await {
                Ok(()) => self.store(target, index, within, bytes).await,
                failed => failed,
            };
            match copied {
                Err(error) if done == 0 => return changing.answered(Err(error)),
                Err(_) => break,
                Ok(()) => done += part as u64,
            }
            if !target.is_cache_only() {
                // At once: a page must not be written back as if it were behind the end.
                let mut attributes = target.attributes_mut();
                attributes.size = attributes.size.max(start + done);
            }
        }
        if done > 0 {
            self.note_written(target, who, start + done);
        } else {
            changing.refused();
        }
        self.note_access(source);
        u32::try_from(done).map_err(|_| Errno::EINVAL)
    }

    /// Copies bytes out of a file, which reaches so far.
    async fn load(&self, inode: &Rc<Inode>, offset: u64, into: &mut [u8]) -> Result<()> {
        let contents = inode.contents()?;
        let mut done = 0;
        while done < into.len() {
            let left = (into.len() - done) as u64;
            let (index, within, len) = piece_at(offset + done as u64, left);
            let part = into.get_mut(done..done + len).unwrap_or_default();
            if !contents.load(index, within, part)? {
                if !inode.is_cache_only() {
                    self.fetch_page(inode, contents, index).await?;
                    continue;
                }
                part.fill(0);
            }
            done += len;
        }
        Ok(())
    }

    /// Copies bytes into one page of a file.
    async fn store(&self, inode: &Rc<Inode>, index: u64, within: usize, from: &[u8]) -> Result<()> {
        let contents = inode.contents()?;
        contents.before_change()?;
        while !contents.store(index, within, from)? {
            self.bring_in(inode, contents, index, from.len()).await?;
        }
        Ok(())
    }
}
