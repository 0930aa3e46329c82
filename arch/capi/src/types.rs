//! Structures that C shares with the ABI: field for field those of `docs/abi.md`.

use dataplane::entry;
use dataplane::file;
use static_assertions::assert_eq_size;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Names an open file or directory of a session.
pub type HandleWord = u64;

/// A submission queue entry. `user_data` comes back in the completion; `reserved` and `lap` are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Sqe {
    /// Which operation.
    pub opcode: u8,
    /// Flags of any entry.
    pub flags: u8,
    /// Generation of the handle: its bits 32 to 47.
    pub handle_generation: u16,
    /// Slot of the handle: its bits 0 to 31.
    pub handle_slot: u32,
    /// File offset, directory cookie or size.
    pub offset: u64,
    /// 0: the session's arena.
    pub buffer: u32,
    /// Offset of the buffer, as taking it returned.
    pub buffer_offset: u32,
    /// Bytes.
    pub len: u32,
    /// Flags of the operation.
    pub op_flags: u32,
    /// Returned in the completion.
    pub user_data: u64,
    /// First argument of the operation.
    pub arg0: u64,
    /// Second argument of the operation.
    pub arg1: u64,
    /// Whom the request acts as; 0 is the client itself.
    pub credential: u16,
    /// 0.
    pub reserved: u16,
    /// 0.
    pub lap: u32,
}

assert_eq_size!(Sqe, entry::Sqe);

impl From<Sqe> for entry::Sqe {
    fn from(sqe: Sqe) -> Self {
        zerocopy::transmute!(sqe)
    }
}

/// A time: seconds since 1970-01-01 UTC, and nanoseconds below 1,000,000,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct FileTime {
    /// Seconds.
    pub seconds: i64,
    /// Nanoseconds.
    pub nanoseconds: u32,
    /// 0.
    pub reserved: u32,
}

/// The attributes of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct FileStatus {
    /// Kind and permissions, as in `st_mode`.
    pub mode: u32,
    /// Number of names.
    pub links: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Preferred block size, bytes.
    pub block_size: u32,
    /// 0.
    pub reserved: u32,
    /// Inode number.
    pub inode: u64,
    /// Size, bytes.
    pub size: u64,
    /// Blocks of 512 bytes.
    pub blocks: u64,
    /// Mount that the file is in.
    pub device: u64,
    /// Device number, of device files.
    pub special_device: u64,
    /// Last access.
    pub accessed: FileTime,
    /// Last change of contents.
    pub modified: FileTime,
    /// Last change of attributes.
    pub changed: FileTime,
    /// Creation.
    pub created: FileTime,
}

assert_eq_size!(FileStatus, file::FileStatus);

impl From<file::FileStatus> for FileStatus {
    fn from(status: file::FileStatus) -> Self {
        zerocopy::transmute!(status)
    }
}

/// New attributes of a file. Clear it, and set what is to be changed: fields that are not must be
/// 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct AttributeChange {
    /// What to change: a sum of `VERIDIAN_CHANGE_…`.
    pub mask: u32,
    /// The lower 12 bits of the mode.
    pub permissions: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last access.
    pub accessed: FileTime,
    /// Last change of contents.
    pub modified: FileTime,
    /// 0.
    pub reserved: [u64; 2],
}

assert_eq_size!(AttributeChange, file::AttributeChange);

impl From<AttributeChange> for file::AttributeChange {
    fn from(change: AttributeChange) -> Self {
        zerocopy::transmute!(change)
    }
}

/// The state of a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct FilesystemStatus {
    /// Kind of file system; the number of statfs(2) where there is one.
    pub kind: u64,
    /// Block size, bytes.
    pub block_size: u64,
    /// Blocks.
    pub blocks: u64,
    /// Free blocks.
    pub free_blocks: u64,
    /// Free blocks that anybody may use.
    pub available_blocks: u64,
    /// Inodes.
    pub inodes: u64,
    /// Free inodes.
    pub free_inodes: u64,
    /// Mount, as in the status of its files.
    pub device: u64,
    /// Longest name, bytes.
    pub max_name: u32,
    /// 1: nothing can be changed.
    pub flags: u32,
    /// 0.
    pub reserved: u64,
}

assert_eq_size!(FilesystemStatus, file::FilesystemStatus);

impl From<file::FilesystemStatus> for FilesystemStatus {
    fn from(status: file::FilesystemStatus) -> Self {
        zerocopy::transmute!(status)
    }
}

/// A lock that is in the way of another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct LockRecord {
    /// `VERIDIAN_LOCK_SHARED` or `VERIDIAN_LOCK_EXCLUSIVE`.
    pub kind: u32,
    /// 1: it belongs to a handle.
    pub of_handle: u32,
    /// First byte.
    pub first: u64,
    /// Bytes; 0: to the end of the file, wherever it is.
    pub len: u64,
    /// Its owner, if it is of the same session; else 0.
    pub owner: u64,
}

assert_eq_size!(LockRecord, file::LockRecord);

impl From<file::LockRecord> for LockRecord {
    fn from(record: file::LockRecord) -> Self {
        zerocopy::transmute!(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataplane::entry::{Handle, Opcode};

    /// A field that lay elsewhere than in the ABI would come out as another one.
    #[test]
    fn fields_lie_where_the_abi_has_them() {
        let sqe = Sqe {
            opcode: Opcode::Read.to_byte(),
            handle_generation: 2,
            handle_slot: 3,
            offset: 4,
            buffer_offset: 5,
            len: 6,
            op_flags: 7,
            user_data: 8,
            arg0: 9,
            arg1: 10,
            credential: 11,
            ..Sqe::default()
        };
        let expected = entry::Sqe {
            offset: 4,
            buffer_offset: 5,
            len: 6,
            op_flags: 7,
            user_data: 8,
            arg0: 9,
            arg1: 10,
            credential: 11,
            ..entry::Sqe::new(Opcode::Read, Handle { slot: 3, generation: 2 })
        };
        assert_eq!(entry::Sqe::from(sqe), expected);
        let time = |seconds| file::FileTime { seconds, nanoseconds: 1, reserved: 0 };
        let status = file::FileStatus {
            mode: 1,
            links: 2,
            uid: 3,
            gid: 4,
            block_size: 5,
            reserved: 0,
            inode: 6,
            size: 7,
            blocks: 8,
            device: 9,
            special_device: 10,
            accessed: time(11),
            modified: time(12),
            changed: time(13),
            created: time(14),
        };
        let seen = FileStatus::from(status);
        assert_eq!((seen.mode, seen.links, seen.uid, seen.gid), (1, 2, 3, 4));
        assert_eq!((seen.block_size, seen.inode, seen.size, seen.blocks), (5, 6, 7, 8));
        assert_eq!((seen.device, seen.special_device), (9, 10));
        let change = AttributeChange {
            mask: 1,
            permissions: 2,
            uid: 3,
            gid: 4,
            accessed: FileTime { seconds: 5, ..FileTime::default() },
            modified: FileTime { seconds: 6, ..FileTime::default() },
            reserved: [7, 8],
        };
        let changed = file::AttributeChange::from(change);
        assert_eq!((changed.mask, changed.permissions, changed.uid, changed.gid), (1, 2, 3, 4));
        assert_eq!((changed.accessed.seconds, changed.modified.seconds), (5, 6));
        let lock = file::LockRecord { kind: 1, of_handle: 2, first: 3, len: 4, owner: 5 };
        let seen_lock = LockRecord::from(lock);
        assert_eq!((seen_lock.kind, seen_lock.of_handle, seen_lock.first), (1, 2, 3));
        assert_eq!((seen_lock.len, seen_lock.owner), (4, 5));
        let filesystem = file::FilesystemStatus {
            kind: 1,
            block_size: 2,
            blocks: 3,
            free_blocks: 4,
            available_blocks: 5,
            inodes: 6,
            free_inodes: 7,
            device: 8,
            max_name: 9,
            flags: 10,
            reserved: 0,
        };
        let state = FilesystemStatus::from(filesystem);
        assert_eq!((state.kind, state.block_size, state.blocks), (1, 2, 3));
        assert_eq!((state.free_blocks, state.available_blocks, state.inodes), (4, 5, 6));
        assert_eq!((state.free_inodes, state.device), (7, 8));
        assert_eq!((state.max_name, state.flags), (9, 10));
        let times = [seen.accessed, seen.modified, seen.changed, seen.created];
        assert_eq!(times.map(|time| time.seconds), [11, 12, 13, 14]);
        assert_eq!(times.map(|time| time.nanoseconds), [1; 4]);
    }
}
