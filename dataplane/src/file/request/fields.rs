//! Reading: from the fields of an entry to what they mean.

use super::super::{
    AllocateMode, LinkFlags, LockFlags, MAX_PATH, OpenFlags, RenameFlags, SyncKind, UnlinkKind,
    WatchEvents, Whence, XattrMode,
};
use super::{DATA_ONLY, HOLD, NO_FOLLOW, REMOVE_DIRECTORY, Request};
use crate::entry::{Errno, Handle, Opcode, Sqe};
use crate::memory::ArenaRange;

impl Request {
    /// What the fields that the operation has say; the caller checks that the others are 0.
    #[inline]
    pub(super) fn from_fields(sqe: &Sqe) -> Result<Self, Errno> {
        let (handle, range, offset) = (sqe.handle(), range(sqe), sqe.offset);
        Ok(match sqe.opcode() {
            Opcode::OpenAt => Self::OpenAt {
                directory: handle,
                path: path(range)?,
                flags: OpenFlags::from_bits(sqe.op_flags).ok_or(Errno::EINVAL)?,
                mode: word(sqe.arg0)?,
            },
            Opcode::Close => Self::Close { handle },
            Opcode::Read => Self::Read { handle, offset, into: range },
            Opcode::ReadGrant => {
                Self::ReadGrant { handle, offset, len: sqe.len, hold: sqe.op_flags == HOLD }
            }
            Opcode::Release => Self::Release { grant: word(sqe.arg0)?, count: word(sqe.arg1)? },
            Opcode::Write => Self::Write { handle, offset, from: range },
            Opcode::Fsync => {
                let data = sqe.op_flags == DATA_ONLY;
                Self::Fsync { handle, kind: if data { SyncKind::Data } else { SyncKind::All } }
            }
            Opcode::Ftruncate => Self::Ftruncate { handle, size: offset },
            Opcode::Getdents => Self::Getdents { handle, cookie: offset, into: range },
            Opcode::Fallocate => Self::Fallocate {
                handle,
                mode: AllocateMode::from_bits(sqe.op_flags)?,
                offset,
                len: sqe.arg0,
            },
            Opcode::Lseek => {
                Self::Lseek { handle, offset, whence: Whence::from_bits(sqe.op_flags)? }
            }
            Opcode::CopyFileRange => Self::CopyFileRange {
                from: handle,
                offset,
                to: other(sqe.arg0)?,
                to_offset: sqe.arg1,
                len: sqe.len,
            },
            Opcode::Lock => Self::Lock {
                handle,
                first: offset,
                len: sqe.arg0,
                flags: LockFlags::parse(sqe.op_flags)?,
                owner: sqe.arg1,
                into: range,
            },
            Opcode::Watch => {
                Self::Watch { handle, events: WatchEvents::parse(sqe.op_flags)?, slots: range }
            }
            _ => return Self::of_names(sqe),
        })
    }

    /// The same, of operations on names, attributes and file systems.
    fn of_names(sqe: &Sqe) -> Result<Self, Errno> {
        let (handle, range) = (sqe.handle(), range(sqe));
        let follow = sqe.op_flags != NO_FOLLOW;
        let (first, second) = (range_from_word(sqe.arg0), range_from_word(sqe.arg1));
        Ok(match sqe.opcode() {
            Opcode::Statx => Self::Statx { handle, path: path(range)?, follow, into: first },
            Opcode::MkdirAt => {
                Self::MkdirAt { directory: handle, path: path(range)?, mode: word(sqe.arg0)? }
            }
            Opcode::UnlinkAt => {
                let directory = sqe.op_flags == REMOVE_DIRECTORY;
                let kind = if directory { UnlinkKind::Directory } else { UnlinkKind::File };
                Self::UnlinkAt { directory: handle, path: path(range)?, kind }
            }
            Opcode::RenameAt => Self::RenameAt {
                from: handle,
                old: path(range)?,
                to: other(sqe.arg0)?,
                new: path(second)?,
                flags: RenameFlags::from_bits(sqe.op_flags).ok_or(Errno::EINVAL)?,
            },
            Opcode::LinkAt => Self::LinkAt {
                from: handle,
                old: path(range)?,
                to: other(sqe.arg0)?,
                new: path(second)?,
                flags: LinkFlags::from_bits(sqe.op_flags).ok_or(Errno::EINVAL)?,
            },
            Opcode::SymlinkAt => {
                Self::SymlinkAt { directory: handle, path: path(range)?, target: path(second)? }
            }
            Opcode::ReadlinkAt => Self::ReadlinkAt { handle, path: path(range)?, into: first },
            Opcode::MknodAt => Self::MknodAt {
                directory: handle,
                path: path(range)?,
                mode: word(sqe.arg0)?,
                device: sqe.arg1,
            },
            Opcode::Statfs => Self::Statfs { handle, into: range },
            Opcode::Syncfs => Self::Syncfs { handle },
            Opcode::Setattr => Self::Setattr { handle, path: path(range)?, follow, from: first },
            Opcode::Getxattr => Self::Getxattr { handle, name: range, into: first },
            Opcode::Setxattr => Self::Setxattr {
                handle,
                name: range,
                mode: XattrMode::from_bits(sqe.op_flags)?,
                from: first,
            },
            Opcode::Listxattr => Self::Listxattr { handle, into: range },
            Opcode::Removexattr => Self::Removexattr { handle, name: range },
            _ => return Err(Errno::EOPNOTSUPP),
        })
    }
}

fn range(sqe: &Sqe) -> ArenaRange {
    ArenaRange { offset: sqe.buffer_offset, len: sqe.len }
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves of the word")]
fn range_from_word(word: u64) -> ArenaRange {
    ArenaRange { offset: word as u32, len: (word >> 32) as u32 }
}

fn word(value: u64) -> Result<u32, Errno> {
    u32::try_from(value).map_err(|_| Errno::EINVAL)
}

fn other(word: u64) -> Result<Handle, Errno> {
    Handle::from_word(word).ok_or(Errno::EINVAL)
}

fn path(range: ArenaRange) -> Result<ArenaRange, Errno> {
    if range.len as usize > MAX_PATH {
        return Err(Errno::ENAMETOOLONG);
    }
    Ok(range)
}
