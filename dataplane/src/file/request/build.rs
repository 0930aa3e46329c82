//! Writing: from what is meant to the fields of an entry.

use super::super::{SyncKind, UnlinkKind};
use super::{DATA_ONLY, HOLD, NO_FOLLOW, REMOVE_DIRECTORY, Request};
use crate::entry::{Handle, Opcode, Sqe, SqeFlags};
use crate::memory::ArenaRange;

impl Request {
    /// The entry that asks for this operation; user data and credential are the caller's.
    #[must_use]
    #[inline]
    pub fn to_sqe(&self) -> Sqe {
        match *self {
            Self::OpenAt { directory, path, flags, mode } => Sqe {
                op_flags: flags.bits(),
                arg0: u64::from(mode),
                ..ranged(Opcode::OpenAt, directory, path)
            },
            Self::Close { handle } => Sqe::new(Opcode::Close, handle),
            Self::Read { handle, offset, into } => {
                Sqe { offset, ..ranged(Opcode::Read, handle, into) }
            }
            Self::ReadGrant { handle, offset, len, hold } => Sqe {
                offset,
                len,
                op_flags: if hold { HOLD } else { 0 },
                ..Sqe::new(Opcode::ReadGrant, handle)
            },
            Self::Release { grant, count } => Sqe {
                arg0: u64::from(grant),
                arg1: u64::from(count),
                ..Sqe::new(Opcode::Release, Handle::NONE)
            },
            Self::Write { handle, offset, from } => {
                Sqe { offset, ..ranged(Opcode::Write, handle, from) }
            }
            Self::Fsync { handle, kind } => Sqe {
                op_flags: if kind == SyncKind::Data { DATA_ONLY } else { 0 },
                ..Sqe::new(Opcode::Fsync, handle)
            },
            Self::Ftruncate { handle, size } => {
                Sqe { offset: size, ..Sqe::new(Opcode::Ftruncate, handle) }
            }
            Self::Getdents { handle, cookie, into } => {
                Sqe { offset: cookie, ..ranged(Opcode::Getdents, handle, into) }
            }
            Self::Fallocate { handle, mode, offset, len } => Sqe {
                offset,
                op_flags: mode.bits(),
                arg0: len,
                ..Sqe::new(Opcode::Fallocate, handle)
            },
            Self::Lseek { handle, offset, whence } => {
                Sqe { offset, op_flags: whence.bits(), ..Sqe::new(Opcode::Lseek, handle) }
            }
            Self::CopyFileRange { from, offset, to, to_offset, len } => Sqe {
                offset,
                len,
                arg0: to.to_word(),
                arg1: to_offset,
                ..Sqe::new(Opcode::CopyFileRange, from)
            },
            Self::Lock { handle, first, len, flags, owner, into } => Sqe {
                offset: first,
                op_flags: flags.bits(),
                arg0: len,
                arg1: owner,
                ..ranged(Opcode::Lock, handle, into)
            },
            Self::Watch { handle, events, slots } => Sqe {
                flags: SqeFlags::MULTISHOT.bits(),
                op_flags: events.bits(),
                ..ranged(Opcode::Watch, handle, slots)
            },
            _ => self.sqe_of_names(),
        }
    }

    /// The same, of operations on names, attributes and file systems.
    fn sqe_of_names(&self) -> Sqe {
        match *self {
            Self::Statx { handle, path, follow, into } => Sqe {
                op_flags: following(follow),
                arg0: range_to_word(into),
                ..ranged(Opcode::Statx, handle, path)
            },
            Self::MkdirAt { directory, path, mode } => {
                Sqe { arg0: u64::from(mode), ..ranged(Opcode::MkdirAt, directory, path) }
            }
            Self::UnlinkAt { directory, path, kind } => Sqe {
                op_flags: if kind == UnlinkKind::Directory { REMOVE_DIRECTORY } else { 0 },
                ..ranged(Opcode::UnlinkAt, directory, path)
            },
            Self::RenameAt { from, old, to, new, flags } => Sqe {
                op_flags: flags.bits(),
                ..two_paths(Opcode::RenameAt, (from, old), (to, new))
            },
            Self::LinkAt { from, old, to, new, flags } => {
                Sqe { op_flags: flags.bits(), ..two_paths(Opcode::LinkAt, (from, old), (to, new)) }
            }
            Self::SymlinkAt { directory, path, target } => {
                Sqe { arg1: range_to_word(target), ..ranged(Opcode::SymlinkAt, directory, path) }
            }
            Self::ReadlinkAt { handle, path, into } => {
                Sqe { arg0: range_to_word(into), ..ranged(Opcode::ReadlinkAt, handle, path) }
            }
            Self::MknodAt { directory, path, mode, device } => Sqe {
                arg0: u64::from(mode),
                arg1: device,
                ..ranged(Opcode::MknodAt, directory, path)
            },
            Self::Statfs { handle, into } => ranged(Opcode::Statfs, handle, into),
            Self::Syncfs { handle } => Sqe::new(Opcode::Syncfs, handle),
            Self::Setattr { handle, path, follow, from } => Sqe {
                op_flags: following(follow),
                arg0: range_to_word(from),
                ..ranged(Opcode::Setattr, handle, path)
            },
            Self::Getxattr { handle, name, into } => {
                Sqe { arg0: range_to_word(into), ..ranged(Opcode::Getxattr, handle, name) }
            }
            Self::Setxattr { handle, name, mode, from } => Sqe {
                op_flags: mode.bits(),
                arg0: range_to_word(from),
                ..ranged(Opcode::Setxattr, handle, name)
            },
            Self::Listxattr { handle, into } => ranged(Opcode::Listxattr, handle, into),
            Self::Removexattr { handle, name } => ranged(Opcode::Removexattr, handle, name),
            // The others are above.
            _ => Sqe::new(Opcode::Nop, Handle::NONE),
        }
    }
}

fn ranged(opcode: Opcode, handle: Handle, range: ArenaRange) -> Sqe {
    Sqe { buffer_offset: range.offset, len: range.len, ..Sqe::new(opcode, handle) }
}

fn two_paths(
    opcode: Opcode,
    (from, old): (Handle, ArenaRange),
    (to, new): (Handle, ArenaRange),
) -> Sqe {
    Sqe { arg0: to.to_word(), arg1: range_to_word(new), ..ranged(opcode, from, old) }
}

fn following(follow: bool) -> u32 {
    if follow { 0 } else { NO_FOLLOW }
}

fn range_to_word(range: ArenaRange) -> u64 {
    u64::from(range.offset) | u64::from(range.len) << 32
}
