//! Reading a directory of the host.

use super::reach::{Held, contents};
use super::seen::errno;
use dataplane::entry::Errno;
use dataplane::file::{DirectoryEntry, DirectoryWriter, FileKind};
use dataplane::filesystem::{DirectoryPart, FIRST_COOKIE};
use rustix::fs::{FileType, OFlags, RawDir, SeekFrom, seek};

/// Bytes of the host's entries that are read at a time.
const BUFFER: usize = 32 << 10;

/// Adds entries behind a cookie to the records.
pub(super) fn list(
    directory: &Held,
    cookie: u64,
    mut records: DirectoryWriter,
) -> Result<DirectoryPart, Errno> {
    let open = contents(directory, OFlags::RDONLY)?;
    let mut next = cookie;
    if let Some(offset) = cookie.checked_sub(FIRST_COOKIE) {
        seek(&open, SeekFrom::Start(offset)).map_err(errno)?;
    }
    let mut buffer = Vec::with_capacity(BUFFER);
    let mut entries = RawDir::new(&open, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            // A directory that was removed has no entries.
            Err(rustix::io::Errno::NOENT) => break,
            Err(error) => return Err(errno(error)),
        };
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let behind = entry.next_entry_cookie().checked_add(FIRST_COOKIE);
        let found = DirectoryEntry {
            inode: entry.ino(),
            cookie: behind.ok_or(Errno::EOVERFLOW)?,
            kind: kind(entry.file_type()),
            name,
        };
        if !records.push(&found) {
            return Ok(DirectoryPart { records, next, more: true });
        }
        next = found.cookie;
    }
    Ok(DirectoryPart { records, next, more: false })
}

fn kind(kind: FileType) -> Option<FileKind> {
    FileKind::from_mode(kind.as_raw_mode())
}
