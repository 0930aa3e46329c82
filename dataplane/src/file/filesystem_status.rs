//! The answer of STATFS.
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 8 | kind of file system; the number of statfs(2) where there is one |
//! | 8 | 8 | block size, bytes |
//! | 16 | 8 | blocks |
//! | 24 | 8 | free blocks |
//! | 32 | 8 | free blocks that anybody may use |
//! | 40 | 8 | inodes |
//! | 48 | 8 | free inodes |
//! | 56 | 8 | mount, as in [`FileStatus`](super::FileStatus) |
//! | 64 | 4 | longest name, bytes |
//! | 68 | 4 | flags: 1 read-only |
//! | 72 | 8 | reserved, 0 |

use static_assertions::const_assert_eq;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The state of a file system.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
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
    /// Mount.
    pub device: u64,
    /// Longest name, bytes.
    pub max_name: u32,
    /// 1: read-only.
    pub flags: u32,
    /// 0.
    pub reserved: u64,
}

impl FilesystemStatus {
    /// Bytes of the record.
    pub const BYTES: usize = 80;
    /// In `flags`: nothing can be changed.
    pub const READ_ONLY: u32 = 1;
}

const_assert_eq!(size_of::<FilesystemStatus>(), FilesystemStatus::BYTES);
const_assert_eq!(core::mem::offset_of!(FilesystemStatus, max_name), 64);
