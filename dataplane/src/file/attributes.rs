//! The answer of STATX.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 4 | mode: kind and permissions, as in `st_mode` |
//! | 4 | 4 | number of names |
//! | 8 | 4 | owner |
//! | 12 | 4 | group |
//! | 16 | 4 | preferred block size, bytes |
//! | 20 | 4 | reserved, 0 |
//! | 24 | 8 | inode number |
//! | 32 | 8 | size, bytes |
//! | 40 | 8 | blocks of 512 bytes |
//! | 48 | 8 | mount that the file is in |
//! | 56 | 8 | device number, of device files |
//! | 64 | 16 | last access: seconds i64, nanoseconds u32, reserved 0 |
//! | 80 | 16 | last change of contents |
//! | 96 | 16 | last change of attributes |
//! | 112 | 16 | creation |

use crate::platform::Timestamp;
use static_assertions::{const_assert, const_assert_eq};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What a file is; the upper bits of its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// Named pipe.
    Fifo,
    /// Character device.
    CharacterDevice,
    /// Directory.
    Directory,
    /// Block device.
    BlockDevice,
    /// Regular file.
    Regular,
    /// Symbolic link.
    Symlink,
    /// Socket.
    Socket,
}

impl FileKind {
    /// Mask of the kind in a mode.
    pub const MASK: u32 = 0o170_000;

    /// The kind's bits in a mode.
    #[must_use]
    pub fn to_mode(self) -> u32 {
        match self {
            Self::Fifo => 0o010_000,
            Self::CharacterDevice => 0o020_000,
            Self::Directory => 0o040_000,
            Self::BlockDevice => 0o060_000,
            Self::Regular => 0o100_000,
            Self::Symlink => 0o120_000,
            Self::Socket => 0o140_000,
        }
    }

    /// The kind in a mode, if it is one.
    #[must_use]
    pub fn from_mode(mode: u32) -> Option<Self> {
        Some(match mode & Self::MASK {
            0o010_000 => Self::Fifo,
            0o020_000 => Self::CharacterDevice,
            0o040_000 => Self::Directory,
            0o060_000 => Self::BlockDevice,
            0o100_000 => Self::Regular,
            0o120_000 => Self::Symlink,
            0o140_000 => Self::Socket,
            _ => return None,
        })
    }
}

/// A time as records carry it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct FileTime {
    /// Seconds since 1970-01-01 UTC.
    pub seconds: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub nanoseconds: u32,
    /// 0.
    pub reserved: u32,
}

impl FileTime {
    /// Whether the nanoseconds are less than a second, and the rest is 0.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.nanoseconds < 1_000_000_000 && self.reserved == 0
    }
}

impl From<FileTime> for Timestamp {
    /// Times that a [`Timestamp`] cannot hold become the nearest one that it can.
    fn from(time: FileTime) -> Self {
        let seconds = time.seconds.saturating_mul(1_000_000_000);
        Self(seconds.saturating_add(i64::from(time.nanoseconds)))
    }
}

impl From<Timestamp> for FileTime {
    fn from(time: Timestamp) -> Self {
        let nanoseconds = u32::try_from(time.0.rem_euclid(1_000_000_000)).unwrap_or(0);
        Self { seconds: time.0.div_euclid(1_000_000_000), nanoseconds, reserved: 0 }
    }
}

/// The attributes of a file.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct FileStatus {
    /// Kind and permissions.
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

impl FileStatus {
    /// Bytes of the record.
    pub const BYTES: usize = 128;

    /// What the file is; an unknown kind counts as a regular file.
    #[must_use]
    pub fn kind(&self) -> FileKind {
        FileKind::from_mode(self.mode).unwrap_or(FileKind::Regular)
    }
}

const_assert_eq!(size_of::<FileStatus>(), FileStatus::BYTES);
const_assert_eq!(core::mem::offset_of!(FileStatus, inode), 24);
const_assert_eq!(core::mem::offset_of!(FileStatus, accessed), 64);
const_assert!(FileStatus::BYTES.is_multiple_of(8));
