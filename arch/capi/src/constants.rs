//! The numbers of the ABI, by name.
//!
//! They are those of Linux on x86_64, on every processor: a program that shall run on another one
//! must not pass `O_` constants of its own system.

use dataplane::entry::CqeFlags;
use dataplane::file::{OpenFlags, RenameFlags};
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
        ] {
            assert_eq!(Opcode::from_byte(byte), opcode);
        }
    }
}
