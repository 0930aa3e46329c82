//! Finding data and holes.

use super::MAX_SIZE;
use crate::error::Result;
use crate::inode::Body;
use crate::session::OpenFile;
use crate::vfs::Vfs;
use dataplane::entry::Errno;
use dataplane::file::Whence;

impl Vfs {
    /// The offset of the first data, or of the first hole, from an offset on. The end of the file
    /// counts as a hole; a backing file system's files are all data.
    ///
    /// # Errors
    /// Those of lseek(2): ENXIO if there is none, or the offset is at or behind the end; EINVAL of
    /// a directory.
    pub(crate) async fn seek(&self, file: &OpenFile, offset: u64, whence: Whence) -> Result<u64> {
        file.require_open()?;
        let inode = &file.inode;
        let Body::Regular(contents) = &inode.body else {
            return Err(Errno::EINVAL);
        };
        inode.dispel_doubt().await?;
        let size = inode.attributes().size;
        if offset >= size || offset > MAX_SIZE {
            return Err(Errno::ENXIO);
        }
        let found = match whence {
            Whence::Data if inode.is_cache_only() => contents.next_data(offset),
            Whence::Data => Some(offset),
            Whence::Hole if inode.is_cache_only() => Some(contents.next_hole(offset).min(size)),
            Whence::Hole => Some(size),
        };
        let found = found.ok_or(Errno::ENXIO)?;
        if whence == Whence::Data && found >= size { Err(Errno::ENXIO) } else { Ok(found) }
    }
}
