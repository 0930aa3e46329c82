//! Reading directories.

use crate::error::Result;
use crate::session::OpenFile;
use crate::vfs::Vfs;
use alloc::rc::Rc;
use dataplane::entry::Errno;
use dataplane::file::{DirectoryEntry, DirectoryWriter, FileKind};
use dataplane::filesystem::{Changes, DirectoryPart};

/// Most bytes of records in one answer.
const MAX_RECORDS: usize = 64 << 10;

impl Vfs {
    /// Entries of an open directory from behind a cookie on, `.` and `..` first; none at the end.
    ///
    /// # Errors
    /// Those of getdents(2): EINVAL if not even one entry fits, ENOENT if it was removed.
    pub(crate) async fn list(
        &self,
        file: &OpenFile,
        cookie: u64,
        limit: usize,
    ) -> Result<DirectoryPart> {
        file.require_open()?;
        let inode = &file.inode;
        inode.directory()?;
        if inode.is_removed() {
            return Err(Errno::ENOENT);
        }
        let mut records = DirectoryWriter::new(limit.min(MAX_RECORDS));
        let above = inode.parent();
        let dots: [(&[u8], _); 2] = [(b".", Some(inode)), (b"..", above.as_ref())];
        let mut next = cookie;
        for (cookie, (name, target)) in (1..).zip(dots) {
            if cookie <= next {
                continue;
            }
            let entry = DirectoryEntry {
                inode: target.unwrap_or(inode).number.0,
                cookie,
                kind: Some(FileKind::Directory),
                name,
            };
            if !records.push(&entry) {
                return enough(DirectoryPart { records, next, more: true });
            }
            next = cookie;
        }
        let filesystem = &inode.mount.filesystem;
        let part = filesystem.read_directory(inode.number, next, records);
        let part = part.await?;
        self.note_listed(file).await;
        enough(part)
    }

    async fn note_listed(&self, file: &OpenFile) {
        let inode = &file.inode;
        let before = inode.attributes().accessed;
        self.note_access(inode);
        let accessed = inode.attributes().accessed;
        if accessed != before {
            let changes = Changes { accessed: Some(accessed), ..Changes::default() };
            let inode = Rc::clone(inode);
            // A time of access that cannot be kept is no reason not to list.
            let _kept = inode.mount.filesystem.set_attributes(inode.number, &changes).await;
        }
    }
}

fn enough(part: DirectoryPart) -> Result<DirectoryPart> {
    if part.more && part.records.as_bytes().is_empty() {
        return Err(Errno::EINVAL);
    }
    Ok(part)
}
