//! File operations as values: built into entries by clients, parsed out of them by services.
//!
//! Fields that an operation does not use must be 0. A *path* is the range `buffer_offset`, `len`
//! of the arena. A *second range* is an argument: offset in bits 0–31, length in bits 32–63.
//!
//! | operation | handle | offset | range | op_flags | arg0 | arg1 | status; aux |
//! |---|---|---|---|---|---|---|---|
//! | OPENAT | directory | | path | open flags | mode | | 0; handle |
//! | CLOSE | object | | | | | | 0 |
//! | READ | file | file offset | destination | | | | bytes |
//! | READ_GRANT | file | file offset | `len` only | 1: hold | | | bytes; grant |
//! | RELEASE | | | | | grant | completions' count | 0 |
//! | WRITE | file | file offset | source | | | | bytes |
//! | FSYNC | file | | | 1: data only | | | 0 |
//! | FTRUNCATE | file | size | | | | | 0 |
//! | STATX | object or directory | | path (may be empty) | 0x100: no follow | destination | | 0 |
//! | GETDENTS | directory | cookie | destination | | | | bytes; next cookie |
//! | MKDIRAT | directory | | path | | mode | | 0 |
//! | UNLINKAT | directory | | path | 0x200: directory | | | 0 |
//! | RENAMEAT | old directory | | old path | rename flags | new directory | new path | 0 |

use super::{MAX_PATH, OpenFlags, RenameFlags, SyncKind, UnlinkKind};
use crate::entry::{Errno, Handle, Opcode, Sqe, SqeFlags};
use crate::memory::ArenaRange;

const HOLD: u32 = 1;
const DATA_ONLY: u32 = 1;
const NO_FOLLOW: u32 = 0x100;
const REMOVE_DIRECTORY: u32 = 0x200;

/// A file operation. Ranges are not yet checked against an arena, handles not against a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are in the table above")]
pub enum Request {
    OpenAt { directory: Handle, path: ArenaRange, flags: OpenFlags, mode: u32 },
    Close { handle: Handle },
    Read { handle: Handle, offset: u64, into: ArenaRange },
    ReadGrant { handle: Handle, offset: u64, len: u32, hold: bool },
    Release { grant: u32, count: u32 },
    Write { handle: Handle, offset: u64, from: ArenaRange },
    Fsync { handle: Handle, kind: SyncKind },
    Ftruncate { handle: Handle, size: u64 },
    Statx { handle: Handle, path: ArenaRange, follow: bool, into: ArenaRange },
    Getdents { handle: Handle, cookie: u64, into: ArenaRange },
    MkdirAt { directory: Handle, path: ArenaRange, mode: u32 },
    UnlinkAt { directory: Handle, path: ArenaRange, kind: UnlinkKind },
    RenameAt { from: Handle, old: ArenaRange, to: Handle, new: ArenaRange, flags: RenameFlags },
}

fn range_to_word(range: ArenaRange) -> u64 {
    u64::from(range.offset) | u64::from(range.len) << 32
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves of the word")]
fn range_from_word(word: u64) -> ArenaRange {
    ArenaRange { offset: word as u32, len: (word >> 32) as u32 }
}

impl Request {
    /// Whether the vfs protocol has this operation.
    #[must_use]
    pub fn is_known(opcode: Opcode) -> bool {
        use Opcode::{
            Close, Fsync, Ftruncate, Getdents, MkdirAt, OpenAt, Read, ReadGrant, Release, RenameAt,
            Statx, UnlinkAt, Write,
        };
        matches!(
            opcode,
            OpenAt
                | Close
                | Read
                | ReadGrant
                | Release
                | Write
                | Fsync
                | Ftruncate
                | Statx
                | Getdents
                | MkdirAt
                | UnlinkAt
                | RenameAt
        )
    }

    /// The operation that an entry asks for.
    ///
    /// # Errors
    /// EOPNOTSUPP for an operation or flag that the protocol has and this version does not, EINVAL
    /// for a value that means nothing or a field that must be 0, ENAMETOOLONG for a path of more
    /// than [`MAX_PATH`] bytes.
    #[inline]
    pub fn parse(sqe: &Sqe) -> Result<Self, Errno> {
        if !Self::is_known(sqe.opcode()) {
            return Err(Errno::EOPNOTSUPP);
        }
        if sqe.flags != 0 {
            let known = SqeFlags::from_bits(sqe.flags).is_some();
            return Err(if known { Errno::EOPNOTSUPP } else { Errno::EINVAL });
        }
        let request = Self::fields(sqe)?;
        let mut again = request.to_sqe();
        (again.user_data, again.lap, again.credential) = (sqe.user_data, sqe.lap, sqe.credential);
        // What is built from the meaning must equal what came: no field is ignored.
        if again == *sqe { Ok(request) } else { Err(Errno::EINVAL) }
    }

    fn fields(sqe: &Sqe) -> Result<Self, Errno> {
        let handle = sqe.handle();
        let range = ArenaRange { offset: sqe.buffer_offset, len: sqe.len };
        let offset = sqe.offset;
        let mode = u32::try_from(sqe.arg0).map_err(|_| Errno::EINVAL);
        Ok(match sqe.opcode() {
            Opcode::OpenAt => Self::OpenAt {
                directory: handle,
                path: path(range)?,
                flags: OpenFlags::from_bits(sqe.op_flags).ok_or(Errno::EINVAL)?,
                mode: mode?,
            },
            Opcode::Close => Self::Close { handle },
            Opcode::Read => Self::Read { handle, offset, into: range },
            Opcode::ReadGrant => {
                Self::ReadGrant { handle, offset, len: sqe.len, hold: sqe.op_flags == HOLD }
            }
            Opcode::Release => Self::Release {
                grant: mode?,
                count: u32::try_from(sqe.arg1).map_err(|_| Errno::EINVAL)?,
            },
            Opcode::Write => Self::Write { handle, offset, from: range },
            Opcode::Fsync => {
                let data = sqe.op_flags == DATA_ONLY;
                Self::Fsync { handle, kind: if data { SyncKind::Data } else { SyncKind::All } }
            }
            Opcode::Ftruncate => Self::Ftruncate { handle, size: offset },
            Opcode::Statx => Self::Statx {
                handle,
                path: path(range)?,
                follow: sqe.op_flags != NO_FOLLOW,
                into: range_from_word(sqe.arg0),
            },
            Opcode::Getdents => Self::Getdents { handle, cookie: offset, into: range },
            Opcode::MkdirAt => Self::MkdirAt { directory: handle, path: path(range)?, mode: mode? },
            Opcode::UnlinkAt => {
                let directory = sqe.op_flags == REMOVE_DIRECTORY;
                let kind = if directory { UnlinkKind::Directory } else { UnlinkKind::File };
                Self::UnlinkAt { directory: handle, path: path(range)?, kind }
            }
            Opcode::RenameAt => Self::RenameAt {
                from: handle,
                old: path(range)?,
                to: Handle::from_word(sqe.arg0).ok_or(Errno::EINVAL)?,
                new: path(range_from_word(sqe.arg1))?,
                flags: RenameFlags::from_bits(sqe.op_flags).ok_or(Errno::EINVAL)?,
            },
            _ => return Err(Errno::EOPNOTSUPP),
        })
    }

    /// The entry that asks for this operation; user data and credential are the caller's.
    #[must_use]
    #[inline]
    pub fn to_sqe(&self) -> Sqe {
        let ranged = |sqe: Sqe, range: ArenaRange| Sqe {
            buffer_offset: range.offset,
            len: range.len,
            ..sqe
        };
        match *self {
            Self::OpenAt { directory, path, flags, mode } => Sqe {
                op_flags: flags.bits(),
                arg0: u64::from(mode),
                ..ranged(Sqe::new(Opcode::OpenAt, directory), path)
            },
            Self::Close { handle } => Sqe::new(Opcode::Close, handle),
            Self::Read { handle, offset, into } => {
                Sqe { offset, ..ranged(Sqe::new(Opcode::Read, handle), into) }
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
                Sqe { offset, ..ranged(Sqe::new(Opcode::Write, handle), from) }
            }
            Self::Fsync { handle, kind } => Sqe {
                op_flags: if kind == SyncKind::Data { DATA_ONLY } else { 0 },
                ..Sqe::new(Opcode::Fsync, handle)
            },
            Self::Ftruncate { handle, size } => {
                Sqe { offset: size, ..Sqe::new(Opcode::Ftruncate, handle) }
            }
            Self::Statx { handle, path, follow, into } => Sqe {
                op_flags: if follow { 0 } else { NO_FOLLOW },
                arg0: range_to_word(into),
                ..ranged(Sqe::new(Opcode::Statx, handle), path)
            },
            Self::Getdents { handle, cookie, into } => {
                Sqe { offset: cookie, ..ranged(Sqe::new(Opcode::Getdents, handle), into) }
            }
            Self::MkdirAt { directory, path, mode } => {
                let sqe = Sqe::new(Opcode::MkdirAt, directory);
                Sqe { arg0: u64::from(mode), ..ranged(sqe, path) }
            }
            Self::UnlinkAt { directory, path, kind } => Sqe {
                op_flags: if kind == UnlinkKind::Directory { REMOVE_DIRECTORY } else { 0 },
                ..ranged(Sqe::new(Opcode::UnlinkAt, directory), path)
            },
            Self::RenameAt { from, old, to, new, flags } => Sqe {
                op_flags: flags.bits(),
                arg0: to.to_word(),
                arg1: range_to_word(new),
                ..ranged(Sqe::new(Opcode::RenameAt, from), old)
            },
        }
    }
}

fn path(range: ArenaRange) -> Result<ArenaRange, Errno> {
    if range.len as usize > MAX_PATH {
        return Err(Errno::ENAMETOOLONG);
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::config;
    use proptest::prelude::*;
    use rings::SqeWords;

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn what_parses_means_what_it_says(words: SqeWords, opcode in 0u8..64, spare in any::<u8>()) {
            let mut sqe = Sqe { opcode, ..Sqe::from_words(words) };
            // Random fields hardly ever parse; clear some so that many do.
            if spare & 1 != 0 { sqe.flags = 0; sqe.reserved = 0; sqe.buffer = 0; }
            if spare & 2 != 0 { sqe.op_flags &= 1; }
            if spare & 4 != 0 { sqe.arg0 = 0; sqe.arg1 = 0; }
            if spare & 8 != 0 { sqe.len &= 0xff; }
            if spare & 16 != 0 { sqe.offset = 0; }
            if spare & 32 != 0 { sqe.buffer_offset = 0; sqe.len = 0; }
            if let Ok(request) = Request::parse(&sqe) {
                let again = Sqe {
                    user_data: sqe.user_data,
                    credential: sqe.credential,
                    lap: sqe.lap,
                    ..request.to_sqe()
                };
                prop_assert_eq!(again, sqe);
            }
        }
    }

    #[test]
    fn a_field_that_must_be_zero_is_not_ignored() {
        let close = Request::Close { handle: Handle { slot: 1, generation: 1 } }.to_sqe();
        assert!(Request::parse(&close).is_ok());
        for sqe in [
            Sqe { offset: 1, ..close },
            Sqe { buffer: 1, ..close },
            Sqe { len: 1, ..close },
            Sqe { arg1: 1, ..close },
            Sqe { reserved: 1, ..close },
            Sqe { op_flags: 1, ..close },
            Sqe { flags: 0x80, ..close },
        ] {
            assert_eq!(Request::parse(&sqe), Err(Errno::EINVAL));
        }
        let linked = Sqe { flags: SqeFlags::LINK.bits(), ..close };
        assert_eq!(Request::parse(&linked), Err(Errno::EOPNOTSUPP));
    }
}
