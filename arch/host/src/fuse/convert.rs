//! The vfs's words in those of FUSE.

use dataplane::client::ClientError;
use dataplane::file::{FileKind, FileStatus, FileTime, OpenFlags};
use fuser::{Errno, FileAttr, FileType, INodeNo, TimeOrNow};
use std::time::{Duration, SystemTime};

/// Linux's numbers, which are also the data plane's.
const ACCESS_MODE: u32 = 3;

/// Why a question cannot be answered.
pub(super) fn errno(error: ClientError) -> Errno {
    match error {
        ClientError::Service(errno) | ClientError::Ended(errno) => Errno::from_i32(errno.0),
        _ => Errno::EIO,
    }
}

pub(super) fn file_type(kind: FileKind) -> FileType {
    match kind {
        FileKind::Fifo => FileType::NamedPipe,
        FileKind::CharacterDevice => FileType::CharDevice,
        FileKind::Directory => FileType::Directory,
        FileKind::BlockDevice => FileType::BlockDevice,
        FileKind::Regular => FileType::RegularFile,
        FileKind::Symlink => FileType::Symlink,
        FileKind::Socket => FileType::Socket,
    }
}

/// Attributes under a node's number.
pub(super) fn attributes(number: u64, status: &FileStatus) -> FileAttr {
    FileAttr {
        ino: INodeNo(number),
        size: status.size,
        blocks: status.blocks,
        atime: system_time(status.accessed),
        mtime: system_time(status.modified),
        ctime: system_time(status.changed),
        crtime: system_time(status.created),
        kind: file_type(status.kind()),
        perm: u16::try_from(status.mode & 0o7777).unwrap_or(0),
        nlink: status.links,
        uid: status.uid,
        gid: status.gid,
        rdev: u32::try_from(status.special_device).unwrap_or(u32::MAX),
        blksize: status.block_size,
        flags: 0,
    }
}

fn system_time(time: FileTime) -> SystemTime {
    let seconds = Duration::from_secs(time.seconds.unsigned_abs());
    let start = SystemTime::UNIX_EPOCH;
    let whole =
        if time.seconds < 0 { start.checked_sub(seconds) } else { start.checked_add(seconds) };
    let nanoseconds = Duration::from_nanos(u64::from(time.nanoseconds));
    whole.and_then(|whole| whole.checked_add(nanoseconds)).unwrap_or(start)
}

/// A time, or none for now.
pub(super) fn file_time(time: TimeOrNow) -> Option<FileTime> {
    let TimeOrNow::SpecificTime(time) = time else {
        return None;
    };
    let (seconds, nanoseconds) = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let seconds = -i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            match before.subsec_nanos() {
                0 => (seconds, 0),
                nanoseconds => (seconds - 1, 1_000_000_000 - nanoseconds),
            }
        }
    };
    Some(FileTime { seconds, nanoseconds, reserved: 0 })
}

/// How to open a file again that the kernel wants opened so; what else it says concerns itself.
pub(super) fn access(flags: i32) -> OpenFlags {
    OpenFlags::from_bits_truncate(flags.cast_unsigned() & ACCESS_MODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_come_back() {
        for time in [
            FileTime { seconds: -3, nanoseconds: 999_999_999, reserved: 0 },
            FileTime { seconds: -1, nanoseconds: 0, reserved: 0 },
            FileTime { seconds: 0, nanoseconds: 1, reserved: 0 },
            FileTime { seconds: 4_102_444_800, nanoseconds: 5, reserved: 0 },
        ] {
            let there = TimeOrNow::SpecificTime(system_time(time));
            assert_eq!(file_time(there), Some(time));
        }
        assert_eq!(file_time(TimeOrNow::Now), None);
    }
}
