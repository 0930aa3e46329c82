//! The protocol of the logger: records, and the operation that appends them.
//!
//! | operation | handle | offset | range | op_flags | arg0 | arg1 | status |
//! |---|---|---|---|---|---|---|---|
//! | APPEND | | | records, one behind the other | | dropped | | records accepted |
//!
//! `dropped` counts the records that the source has had no room for so far in this session, or had
//! lost with an earlier one without having said so: what the logger has not received and will not; it
//! counts whatever the records are. What follows behind something that is no record is not accepted;
//! if that is the first, the status is EINVAL. Fields that are not named must be 0. It needs the
//! right WRITE.

mod record;

pub use record::{Level, MAX_RECORD_BYTES, Record};

use crate::entry::{Errno, Handle, Opcode, Sqe};
use crate::memory::ArenaRange;

/// An APPEND.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Append {
    /// Where the records are.
    pub records: ArenaRange,
    /// How many the source has dropped so far.
    pub dropped: u64,
}

impl Append {
    /// The entry that asks for it.
    #[must_use]
    pub fn to_sqe(self) -> Sqe {
        let ArenaRange { offset, len } = self.records;
        let entry = Sqe::new(Opcode::Append, Handle::NONE);
        Sqe { buffer_offset: offset, len, arg0: self.dropped, ..entry }
    }

    /// What an entry asks for.
    ///
    /// # Errors
    /// EOPNOTSUPP for another operation, EINVAL for a field that must be 0.
    pub fn parse(sqe: &Sqe) -> Result<Self, Errno> {
        if sqe.opcode() != Opcode::Append {
            return Err(Errno::EOPNOTSUPP);
        }
        let records = ArenaRange { offset: sqe.buffer_offset, len: sqe.len };
        let append = Self { records, dropped: sqe.arg0 };
        let again = Sqe {
            user_data: sqe.user_data,
            credential: sqe.credential,
            lap: sqe.lap,
            ..append.to_sqe()
        };
        if again == *sqe { Ok(append) } else { Err(Errno::EINVAL) }
    }
}
