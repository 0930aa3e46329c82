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
//! | FALLOCATE | file | file offset | | mode | length | | 0 |
//! | LINKAT | old directory | | old path | link flags | new directory | new path | 0 |
//! | SYMLINKAT | directory | | path | | | target | 0 |
//! | READLINKAT | link or directory | | path (may be empty) | | destination | | bytes |
//! | MKNODAT | directory | | path | | mode | device | 0 |
//! | LSEEK | file | file offset | | 3: data, 4: hole | | | 0; file offset |
//! | COPY_FILE_RANGE | source | its offset | `len` only | | destination | its offset | bytes |
//! | STATFS | object | | destination | | | | 0 |
//! | SYNCFS | object | | | | | | 0 |
//! | SETATTR | object or directory | | path (may be empty) | 0x100: no follow | source | | 0 |
//! | GETXATTR | object | | name | | destination | | bytes |
//! | SETXATTR | object | | name | 1: create, 2: replace | source | | 0 |
//! | LISTXATTR | object | | destination | | | | bytes |
//! | REMOVEXATTR | object | | name | | | | 0 |
//! | LOCK | file | first byte | destination | lock flags | length | owner | 0 |
//! | WATCH (multishot) | object | | slots | events | | | events; slot |
//!
//! `build` writes entries, `fields` reads them.

mod build;
mod fields;

use super::{
    AllocateMode, LinkFlags, LockFlags, OpenFlags, RenameFlags, SyncKind, UnlinkKind, WatchEvents,
    Whence, XattrMode,
};
use crate::entry::{Errno, Handle, Sqe, SqeFlags};
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
    Fallocate { handle: Handle, mode: AllocateMode, offset: u64, len: u64 },
    LinkAt { from: Handle, old: ArenaRange, to: Handle, new: ArenaRange, flags: LinkFlags },
    SymlinkAt { directory: Handle, path: ArenaRange, target: ArenaRange },
    ReadlinkAt { handle: Handle, path: ArenaRange, into: ArenaRange },
    MknodAt { directory: Handle, path: ArenaRange, mode: u32, device: u64 },
    Lseek { handle: Handle, offset: u64, whence: Whence },
    CopyFileRange { from: Handle, offset: u64, to: Handle, to_offset: u64, len: u32 },
    Statfs { handle: Handle, into: ArenaRange },
    Syncfs { handle: Handle },
    Setattr { handle: Handle, path: ArenaRange, follow: bool, from: ArenaRange },
    Getxattr { handle: Handle, name: ArenaRange, into: ArenaRange },
    Setxattr { handle: Handle, name: ArenaRange, mode: XattrMode, from: ArenaRange },
    Listxattr { handle: Handle, into: ArenaRange },
    Removexattr { handle: Handle, name: ArenaRange },
    Lock { handle: Handle, first: u64, len: u64, flags: LockFlags, owner: u64, into: ArenaRange },
    Watch { handle: Handle, events: WatchEvents, slots: ArenaRange },
}

impl Request {
    /// The operation that an entry asks for.
    ///
    /// # Errors
    /// EOPNOTSUPP for an operation, flag or mode that the protocol has and this version does not,
    /// EINVAL for a value that means nothing or a field that must be 0, ENAMETOOLONG for a path of
    /// more than [`MAX_PATH`](super::MAX_PATH) bytes.
    #[inline]
    pub fn parse(sqe: &Sqe) -> Result<Self, Errno> {
        let request = Self::from_fields(sqe)?;
        let mut again = request.to_sqe();
        if sqe.flags != again.flags {
            let known = SqeFlags::from_bits(sqe.flags).is_some() && sqe.flags != 0;
            return Err(if known { Errno::EOPNOTSUPP } else { Errno::EINVAL });
        }
        (again.user_data, again.lap, again.credential) = (sqe.user_data, sqe.lap, sqe.credential);
        // What is built from the meaning must equal what came: no field is ignored.
        if again == *sqe { Ok(request) } else { Err(Errno::EINVAL) }
    }
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
            if spare & 1 != 0 { sqe.flags = if opcode == 43 { 0x20 } else { 0 }; sqe.reserved = 0; sqe.buffer = 0; }
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
        let watch = Request::Watch {
            handle: Handle { slot: 1, generation: 1 },
            events: WatchEvents::NAMES,
            slots: ArenaRange { offset: 0, len: 288 },
        };
        assert_eq!(Request::parse(&watch.to_sqe()), Ok(watch));
        assert_eq!(Request::parse(&Sqe { flags: 0, ..watch.to_sqe() }), Err(Errno::EINVAL));
        assert_eq!(Request::parse(&linked), Err(Errno::EOPNOTSUPP));
    }
}
