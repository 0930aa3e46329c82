//! Contents that others change too: nothing of them is kept here, and every request goes through
//! to the file system.

use super::{MAX_SIZE, MAX_TRANSFER};
use crate::error::{Result, out_of_bounds};
use crate::inode::Inode;
use crate::permission;
use crate::session::{OpenFile, OpenMode};
use crate::vfs::Vfs;
use alloc::rc::Rc;
use alloc::vec;
use dataplane::entry::Errno;
use dataplane::file::WatchEvents;
use dataplane::filesystem::{Changes, WriteAt};
use dataplane::{Arena, ArenaRange, Credentials};

impl Vfs {
    /// Reads where the contents are; says how many bytes, fewer than asked for at the end of the
    /// file and above 1 MiB.
    ///
    /// # Errors
    /// Those of pread(2).
    pub(super) async fn read_there(
        &self,
        file: &OpenFile,
        offset: u64,
        arena: &Arena,
        into: ArenaRange,
    ) -> Result<u32> {
        file.require(OpenMode::READ)?;
        let inode = &file.inode;
        inode.contents()?;
        let (region, start) = arena.check(into)?;
        if offset > MAX_SIZE {
            return Err(Errno::EINVAL);
        }
        let wanted = u64::from(into.len).min(MAX_TRANSFER).min(MAX_SIZE - offset);
        if wanted == 0 {
            return Ok(0);
        }
        let wanted = usize::try_from(wanted).map_err(|_| Errno::EINVAL)?;
        let mut done = 0;
        while done < wanted {
            let (at, left) = (offset + done as u64, wanted - done);
            let bytes = match inode.mount.filesystem.read(inode.number, at, left).await {
                Err(error) if done == 0 => return Err(error),
                read => read.unwrap_or_default(),
            };
            let bytes = bytes.get(..left).unwrap_or(&bytes);
            if bytes.is_empty() {
                break;
            }
            region.write(start + done, bytes).map_err(out_of_bounds)?;
            done += bytes.len();
        }
        u32::try_from(done).map_err(|_| Errno::EINVAL)
    }

    /// Writes where the contents are. The caller has checked handle, range and offset, and holds
    /// the lock that keeps writes apart.
    ///
    /// # Errors
    /// Those of pwrite(2).
    pub(super) async fn write_there(
        &self,
        file: &OpenFile,
        who: &Credentials,
        offset: u64,
        arena: &Arena,
        from: ArenaRange,
    ) -> Result<u32> {
        let inode = &file.inode;
        let (region, start) = arena.check(from)?;
        let appends = file.mode.contains(OpenMode::APPEND);
        if offset >= MAX_SIZE && !appends {
            return Err(Errno::EFBIG);
        }
        let room = if appends { MAX_SIZE } else { MAX_SIZE - offset };
        let len = u64::from(from.len).min(MAX_TRANSFER).min(room);
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| Errno::EINVAL)?];
        region.read(start, &mut bytes).map_err(out_of_bounds)?;
        self.drop_privileges(inode, who).await?;
        let at = if appends { WriteAt::End } else { WriteAt::Offset(offset) };
        let changing = self.watches.changing(inode, WatchEvents::CONTENTS);
        let written = inode.mount.filesystem.write(inode.number, at, bytes).await;
        let written = changing.answered(written)?;
        u32::try_from(written).map_err(|_| Errno::EINVAL)
    }

    /// Sets the size where the contents are.
    ///
    /// # Errors
    /// Of the file system.
    pub(super) async fn set_size_there(
        &self,
        inode: &Rc<Inode>,
        who: &Credentials,
        size: u64,
    ) -> Result<()> {
        self.drop_privileges(inode, who).await?;
        let changes = Changes { size: Some(size), ..Changes::default() };
        let changing = self.watches.changing(inode, WatchEvents::CONTENTS);
        let news = inode.mount.filesystem.set_attributes(inode.number, &changes).await;
        inode.merge(&changing.answered(news)?);
        Ok(())
    }

    /// A program that runs as somebody else does not, once it is to be another program.
    async fn drop_privileges(&self, inode: &Rc<Inode>, who: &Credentials) -> Result<()> {
        inode.dispel_doubt().await?;
        let permissions = permission::after_write(&inode.attributes(), who);
        if permissions != inode.attributes().permissions {
            let changes = Changes { permissions: Some(permissions), ..Changes::default() };
            let news = inode.mount.filesystem.set_attributes(inode.number, &changes).await?;
            inode.merge(&news);
        }
        Ok(())
    }
}
