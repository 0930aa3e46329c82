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
        let times = [seen.accessed, seen.modified, seen.changed, seen.created];
        assert_eq!(times.map(|time| time.seconds), [11, 12, 13, 14]);
        assert_eq!(times.map(|time| time.nanoseconds), [1; 4]);
    }
}
