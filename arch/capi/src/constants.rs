//! The numbers of the ABI, by name.
//!
//! They are those of Linux on x86_64, on every processor: a program that shall run on another one
//! must not pass `O_` constants of its own system.

use dataplane::entry::CqeFlags;
use dataplane::file::{AttributeMask, LinkFlags, LockFlags, OpenFlags, RenameFlags};
use static_assertions::const_assert;

/// Waiting, in options: spin while it pays off, then yield, then sleep.
pub const VERIDIAN_WAIT_ADAPTIVE: u32 = 0;
/// Waiting, in options: never sleep.
pub const VERIDIAN_WAIT_POLLING: u32 = 1;
/// Waiting, in options: sleep at once.
pub const VERIDIAN_WAIT_SLEEPING: u32 = 2;

/// Opening: for reading.
pub const VERIDIAN_OPEN_READ: u32 = 0;
/// Opening: for writing.
pub const VERIDIAN_OPEN_WRITE: u32 = 0x1;
/// Opening: for reading and writing.
pub const VERIDIAN_OPEN_READ_WRITE: u32 = 0x2;
/// Opening: create the file if it is not there.
pub const VERIDIAN_OPEN_CREATE: u32 = 0x40;
/// Opening: with CREATE, fail if it is there.
pub const VERIDIAN_OPEN_EXCLUSIVE: u32 = 0x80;
/// Opening: set the size to 0.
pub const VERIDIAN_OPEN_TRUNCATE: u32 = 0x200;
/// Opening: every write goes to the end.
pub const VERIDIAN_OPEN_APPEND: u32 = 0x400;
/// Opening: fail if it is no directory.
pub const VERIDIAN_OPEN_DIRECTORY: u32 = 0x1_0000;
/// Opening: fail if the last component is a symbolic link.
pub const VERIDIAN_OPEN_NO_FOLLOW: u32 = 0x2_0000;
/// Opening: a handle that names the file, and neither reads nor writes.
pub const VERIDIAN_OPEN_PATH: u32 = 0x20_0000;

const_assert!(VERIDIAN_OPEN_WRITE == OpenFlags::WRITE_ONLY.bits());
const_assert!(VERIDIAN_OPEN_READ_WRITE == OpenFlags::READ_WRITE.bits());
const_assert!(VERIDIAN_OPEN_CREATE == OpenFlags::CREATE.bits());
const_assert!(VERIDIAN_OPEN_EXCLUSIVE == OpenFlags::EXCLUSIVE.bits());
const_assert!(VERIDIAN_OPEN_TRUNCATE == OpenFlags::TRUNCATE.bits());
const_assert!(VERIDIAN_OPEN_APPEND == OpenFlags::APPEND.bits());
const_assert!(VERIDIAN_OPEN_DIRECTORY == OpenFlags::DIRECTORY.bits());
const_assert!(VERIDIAN_OPEN_NO_FOLLOW == OpenFlags::NO_FOLLOW.bits());
const_assert!(VERIDIAN_OPEN_PATH == OpenFlags::PATH.bits());

/// Syncing: contents, and what is needed to read them back; not all attributes.
pub const VERIDIAN_SYNC_DATA: u32 = 1;
/// Removing: an empty directory instead of a file.
pub const VERIDIAN_REMOVE_DIRECTORY: u32 = 0x200;
/// Renaming: fail if the new name is there.
pub const VERIDIAN_RENAME_NO_REPLACE: u32 = 1;
/// Renaming: exchange the two names.
pub const VERIDIAN_RENAME_EXCHANGE: u32 = 2;

const_assert!(VERIDIAN_RENAME_NO_REPLACE == RenameFlags::NO_REPLACE.bits());
const_assert!(VERIDIAN_RENAME_EXCHANGE == RenameFlags::EXCHANGE.bits());

/// Attributes of links: of a symbolic link itself.
pub const VERIDIAN_NO_FOLLOW: u32 = 0x100;

/// Linking: follow a symbolic link at the end of the old path.
pub const VERIDIAN_LINK_FOLLOW: u32 = 0x400;
/// Linking: the old path is empty, and the handle is the file.
pub const VERIDIAN_LINK_EMPTY_PATH: u32 = 0x1000;

const_assert!(VERIDIAN_LINK_FOLLOW == LinkFlags::FOLLOW.bits());
const_assert!(VERIDIAN_LINK_EMPTY_PATH == LinkFlags::EMPTY_PATH.bits());

/// What attributes change: permissions.
pub const VERIDIAN_CHANGE_PERMISSIONS: u32 = 1;
/// What attributes change: owner.
pub const VERIDIAN_CHANGE_OWNER: u32 = 2;
/// What attributes change: group.
pub const VERIDIAN_CHANGE_GROUP: u32 = 4;
/// What attributes change: last access.
pub const VERIDIAN_CHANGE_ACCESSED: u32 = 0x8;
/// What attributes change: last access, to now.
pub const VERIDIAN_CHANGE_ACCESSED_NOW: u32 = 0x10;
/// What attributes change: last change of contents.
pub const VERIDIAN_CHANGE_MODIFIED: u32 = 0x20;
/// What attributes change: last change of contents, to now.
pub const VERIDIAN_CHANGE_MODIFIED_NOW: u32 = 0x40;

const_assert!(VERIDIAN_CHANGE_PERMISSIONS == AttributeMask::PERMISSIONS.bits());
const_assert!(VERIDIAN_CHANGE_OWNER == AttributeMask::OWNER.bits());
const_assert!(VERIDIAN_CHANGE_GROUP == AttributeMask::GROUP.bits());
const_assert!(VERIDIAN_CHANGE_ACCESSED == AttributeMask::ACCESSED.bits());
const_assert!(VERIDIAN_CHANGE_ACCESSED_NOW == AttributeMask::ACCESSED_NOW.bits());
const_assert!(VERIDIAN_CHANGE_MODIFIED == AttributeMask::MODIFIED.bits());
const_assert!(VERIDIAN_CHANGE_MODIFIED_NOW == AttributeMask::MODIFIED_NOW.bits());

/// Extended attributes: fail if it is there.
pub const VERIDIAN_XATTR_CREATE: u32 = 1;
/// Extended attributes: fail if it is not there.
pub const VERIDIAN_XATTR_REPLACE: u32 = 2;

/// Allocating: leave the size as it is.
pub const VERIDIAN_ALLOCATE_KEEP_SIZE: u32 = 0x1;
/// Allocating: with KEEP_SIZE, the range reads zeros and takes no space.
pub const VERIDIAN_ALLOCATE_PUNCH_HOLE: u32 = 0x2;
/// Allocating: the range reads zeros.
pub const VERIDIAN_ALLOCATE_ZERO_RANGE: u32 = 0x10;
/// Seeking: the first data at or behind the offset.
pub const VERIDIAN_SEEK_DATA: u32 = 3;
/// Seeking: the first hole at or behind the offset.
pub const VERIDIAN_SEEK_HOLE: u32 = 4;

/// Locking: drop the lock.
pub const VERIDIAN_LOCK_NONE: u32 = 0;
/// Locking: others may lock shared too.
pub const VERIDIAN_LOCK_SHARED: u32 = 1;
/// Locking: nobody else may lock.
pub const VERIDIAN_LOCK_EXCLUSIVE: u32 = 2;
/// Locking: wait for the lock.
pub const VERIDIAN_LOCK_WAIT: u32 = 8;
/// Locking: the lock belongs to the handle, and the owner is 0.
pub const VERIDIAN_LOCK_OF_HANDLE: u32 = 16;

const_assert!(VERIDIAN_LOCK_SHARED == LockFlags::SHARED.bits());
const_assert!(VERIDIAN_LOCK_EXCLUSIVE == LockFlags::EXCLUSIVE.bits());
const_assert!(VERIDIAN_LOCK_WAIT == LockFlags::WAIT.bits());
const_assert!(VERIDIAN_LOCK_OF_HANDLE == LockFlags::OF_HANDLE.bits());

/// A completion: more follow for the same submission.
pub const VERIDIAN_COMPLETION_MORE: u32 = 1;
/// A completion: `aux` names a grant.
pub const VERIDIAN_COMPLETION_GRANT: u32 = 4;

const_assert!(VERIDIAN_COMPLETION_MORE == CqeFlags::MORE.bits() as u32);
const_assert!(VERIDIAN_COMPLETION_GRANT == CqeFlags::GRANT.bits() as u32);

/// Operation of an entry: completes at once.
pub const VERIDIAN_OP_NOP: u8 = 0;
/// Operation of an entry: tells which operations there are.
pub const VERIDIAN_OP_PROBE: u8 = 1;
/// Operation of an entry: cancels requests.
pub const VERIDIAN_OP_CANCEL: u8 = 2;
/// Operation of an entry: completes at a time.
pub const VERIDIAN_OP_TIMEOUT: u8 = 3;
/// Operation of an entry: opens or creates a file; the handle is `aux` of the completion.
pub const VERIDIAN_OP_OPENAT: u8 = 16;
/// Operation of an entry: closes a handle.
pub const VERIDIAN_OP_CLOSE: u8 = 17;
/// Operation of an entry: reads into a buffer.
pub const VERIDIAN_OP_READ: u8 = 18;
/// Operation of an entry: writes from a buffer.
pub const VERIDIAN_OP_WRITE: u8 = 20;
/// Operation of an entry: makes contents durable.
pub const VERIDIAN_OP_FSYNC: u8 = 21;
/// Operation of an entry: sets the size of a file.
pub const VERIDIAN_OP_FTRUNCATE: u8 = 22;
/// Operation of an entry: reads attributes.
pub const VERIDIAN_OP_STATX: u8 = 23;
/// Operation of an entry: reads a directory.
pub const VERIDIAN_OP_GETDENTS: u8 = 24;
/// Operation of an entry: makes a directory.
pub const VERIDIAN_OP_MKDIRAT: u8 = 25;
/// Operation of an entry: removes a name.
pub const VERIDIAN_OP_UNLINKAT: u8 = 26;
/// Operation of an entry: renames.
pub const VERIDIAN_OP_RENAMEAT: u8 = 27;
/// Operation of an entry: allocates, punches or zeroes a range of a file.
pub const VERIDIAN_OP_FALLOCATE: u8 = 28;
/// Operation of an entry: makes a hard link.
pub const VERIDIAN_OP_LINKAT: u8 = 29;
/// Operation of an entry: makes a symbolic link.
pub const VERIDIAN_OP_SYMLINKAT: u8 = 30;
/// Operation of an entry: reads a symbolic link.
pub const VERIDIAN_OP_READLINKAT: u8 = 31;
/// Operation of an entry: makes a FIFO, socket or device name.
pub const VERIDIAN_OP_MKNODAT: u8 = 32;
/// Operation of an entry: finds data or a hole.
pub const VERIDIAN_OP_LSEEK: u8 = 33;
/// Operation of an entry: copies between files.
pub const VERIDIAN_OP_COPY_FILE_RANGE: u8 = 34;
/// Operation of an entry: reads the state of a file system.
pub const VERIDIAN_OP_STATFS: u8 = 35;
/// Operation of an entry: makes a whole file system durable.
pub const VERIDIAN_OP_SYNCFS: u8 = 36;
/// Operation of an entry: sets attributes.
pub const VERIDIAN_OP_SETATTR: u8 = 37;
/// Operation of an entry: reads an extended attribute.
pub const VERIDIAN_OP_GETXATTR: u8 = 38;
/// Operation of an entry: sets an extended attribute.
pub const VERIDIAN_OP_SETXATTR: u8 = 39;
/// Operation of an entry: lists extended attributes.
pub const VERIDIAN_OP_LISTXATTR: u8 = 40;
/// Operation of an entry: removes an extended attribute.
pub const VERIDIAN_OP_REMOVEXATTR: u8 = 41;
/// Operation of an entry: takes, tests or drops an advisory lock.
pub const VERIDIAN_OP_LOCK: u8 = 42;
/// Operation of an entry: reports changes.
pub const VERIDIAN_OP_WATCH: u8 = 43;

#[cfg(test)]
mod tests {
    use super::*;
    use dataplane::entry::Opcode;

    #[test]
    fn operations_have_the_numbers_of_the_abi() {
        for (byte, opcode) in [
            (VERIDIAN_OP_NOP, Opcode::Nop),
            (VERIDIAN_OP_PROBE, Opcode::Probe),
            (VERIDIAN_OP_CANCEL, Opcode::Cancel),
            (VERIDIAN_OP_TIMEOUT, Opcode::Timeout),
            (VERIDIAN_OP_OPENAT, Opcode::OpenAt),
            (VERIDIAN_OP_CLOSE, Opcode::Close),
            (VERIDIAN_OP_READ, Opcode::Read),
            (VERIDIAN_OP_WRITE, Opcode::Write),
            (VERIDIAN_OP_FSYNC, Opcode::Fsync),
            (VERIDIAN_OP_FTRUNCATE, Opcode::Ftruncate),
            (VERIDIAN_OP_STATX, Opcode::Statx),
            (VERIDIAN_OP_GETDENTS, Opcode::Getdents),
            (VERIDIAN_OP_MKDIRAT, Opcode::MkdirAt),
            (VERIDIAN_OP_UNLINKAT, Opcode::UnlinkAt),
            (VERIDIAN_OP_RENAMEAT, Opcode::RenameAt),
            (VERIDIAN_OP_FALLOCATE, Opcode::Fallocate),
            (VERIDIAN_OP_LINKAT, Opcode::LinkAt),
            (VERIDIAN_OP_SYMLINKAT, Opcode::SymlinkAt),
            (VERIDIAN_OP_READLINKAT, Opcode::ReadlinkAt),
            (VERIDIAN_OP_MKNODAT, Opcode::MknodAt),
            (VERIDIAN_OP_LSEEK, Opcode::Lseek),
            (VERIDIAN_OP_COPY_FILE_RANGE, Opcode::CopyFileRange),
            (VERIDIAN_OP_STATFS, Opcode::Statfs),
            (VERIDIAN_OP_SYNCFS, Opcode::Syncfs),
            (VERIDIAN_OP_SETATTR, Opcode::Setattr),
            (VERIDIAN_OP_GETXATTR, Opcode::Getxattr),
            (VERIDIAN_OP_SETXATTR, Opcode::Setxattr),
            (VERIDIAN_OP_LISTXATTR, Opcode::Listxattr),
            (VERIDIAN_OP_REMOVEXATTR, Opcode::Removexattr),
            (VERIDIAN_OP_LOCK, Opcode::Lock),
            (VERIDIAN_OP_WATCH, Opcode::Watch),
        ] {
            assert_eq!(Opcode::from_byte(byte), opcode);
        }
    }

    #[test]
    fn modes_have_the_numbers_of_the_abi() {
        use dataplane::file::{AllocateMode, Whence, XattrMode};
        assert_eq!(XattrMode::from_bits(VERIDIAN_XATTR_CREATE), Ok(XattrMode::Create));
        assert_eq!(XattrMode::from_bits(VERIDIAN_XATTR_REPLACE), Ok(XattrMode::Replace));
        assert_eq!(Whence::from_bits(VERIDIAN_SEEK_DATA), Ok(Whence::Data));
        assert_eq!(Whence::from_bits(VERIDIAN_SEEK_HOLE), Ok(Whence::Hole));
        let punch = VERIDIAN_ALLOCATE_PUNCH_HOLE | VERIDIAN_ALLOCATE_KEEP_SIZE;
        assert_eq!(AllocateMode::from_bits(punch), Ok(AllocateMode::PunchHole));
        let zero = AllocateMode::from_bits(VERIDIAN_ALLOCATE_ZERO_RANGE);
        assert_eq!(zero, Ok(AllocateMode::ZeroRange));
        let keep = AllocateMode::from_bits(VERIDIAN_ALLOCATE_KEEP_SIZE);
        assert_eq!(keep, Ok(AllocateMode::AllocateKeepSize));
    }
}
