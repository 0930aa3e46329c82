//! The operations that every service has, and the checks that hold for every entry.

use super::answer::Completion;
use crate::entry::{Errno, Handle, Opcode, Sqe, SqeFlags, Status};
use crate::memory::{Arena, ArenaRange};
use crate::platform::Instant;
use crate::session::Credentials;
use alloc::vec::Vec;

/// `op_flags` of TIMEOUT: `arg0` is an instant, not a duration.
const ABSOLUTE: u32 = 1;
/// `op_flags` of CANCEL.
const BY_HANDLE: u32 = 1;
const ALL: u32 = 2;
/// Bytes of a PROBE record: opcode u8, supported u8, reserved 6 bytes.
const PROBE_RECORD: usize = 8;

/// What all queues of a session share.
pub(super) struct Shared {
    pub(super) arena: Arena,
    pub(super) credentials: usize,
}

impl Shared {
    /// Whether a principal may be set at this index; index 0 stays the client itself.
    ///
    /// # Errors
    /// EINVAL.
    pub(super) fn check_index(&self, index: u16) -> Result<(), Errno> {
        let last = self.credentials.min(Credentials::MOST - 1);
        if index > 0 && usize::from(index) <= last { Ok(()) } else { Err(Errno::EINVAL) }
    }

    /// A principal was set at an index that is allowed.
    pub(super) fn principal_set(&mut self, index: u16) {
        self.credentials = self.credentials.max(usize::from(index) + 1);
    }

    /// What must hold for an entry whatever its opcode.
    #[inline]
    pub(super) fn check(&self, sqe: &Sqe) -> Result<(), Errno> {
        if sqe.flags != 0 {
            check_flags(sqe)?;
        }
        if usize::from(sqe.credential) >= self.credentials {
            return Err(Errno::EPERM);
        }
        if sqe.reserved != 0 {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    /// Writes a record for each known operation.
    pub(super) fn probe<H>(
        &self,
        sqe: &Sqe,
        supports: impl Fn(Opcode) -> bool,
    ) -> Result<Completion<H>, Errno> {
        if !only_fields(sqe, &[Field::Range]) {
            return Err(Errno::EINVAL);
        }
        let range = ArenaRange { offset: sqe.buffer_offset, len: sqe.len };
        let mut records = Vec::new();
        for opcode in Opcode::ALL {
            let shared =
                matches!(opcode, Opcode::Nop | Opcode::Probe | Opcode::Cancel | Opcode::Timeout);
            let supported = shared || supports(*opcode);
            records.extend_from_slice(&[opcode.to_byte(), u8::from(supported), 0, 0, 0, 0, 0, 0]);
        }
        records.truncate(range.len as usize / PROBE_RECORD * PROBE_RECORD);
        self.arena.write(range, &records)?;
        let bytes = u32::try_from(records.len()).map_err(|_| Errno::EINVAL)?;
        Ok(Completion::new(Status::count(bytes)))
    }
}

/// Of the flags, only MULTISHOT is there, and only WATCH has it.
#[cold]
fn check_flags(sqe: &Sqe) -> Result<(), Errno> {
    match SqeFlags::from_bits(sqe.flags) {
        Some(SqeFlags::MULTISHOT) if sqe.opcode() == Opcode::Watch => Ok(()),
        Some(SqeFlags::MULTISHOT) | None => Err(Errno::EINVAL),
        Some(_) => Err(Errno::EOPNOTSUPP),
    }
}

/// NOP completes with 0.
#[inline]
pub(super) fn nop<H>(sqe: &Sqe) -> Completion<H> {
    if only_fields(sqe, &[]) { Completion::new(Status::OK) } else { Errno::EINVAL.into() }
}

/// When a TIMEOUT is over.
pub(super) fn timeout(sqe: &Sqe, now: &dyn Fn() -> Instant) -> Result<Instant, Errno> {
    if !only_fields(sqe, &[Field::Flags, Field::First]) {
        return Err(Errno::EINVAL);
    }
    match sqe.op_flags {
        0 => Ok(now().after_ns(sqe.arg0)),
        ABSOLUTE => Ok(Instant(sqe.arg0)),
        _ => Err(Errno::EINVAL),
    }
}

/// Which requests of the same queue a CANCEL means.
#[derive(Clone, Copy)]
pub(super) enum CancelTarget {
    UserData(u64),
    Handle(Handle),
    All,
}

impl CancelTarget {
    pub(super) fn parse(sqe: &Sqe) -> Result<Self, Errno> {
        match sqe.op_flags {
            0 if only_fields(sqe, &[Field::First]) => Ok(Self::UserData(sqe.arg0)),
            BY_HANDLE if only_fields(sqe, &[Field::Flags, Field::Handle]) => {
                Ok(Self::Handle(sqe.handle()))
            }
            ALL if only_fields(sqe, &[Field::Flags]) => Ok(Self::All),
            _ => Err(Errno::EINVAL),
        }
    }
}

#[derive(PartialEq, Eq)]
enum Field {
    Handle,
    Range,
    Flags,
    First,
}

/// Whether every field but these is 0.
#[inline]
fn only_fields(sqe: &Sqe, used: &[Field]) -> bool {
    let unused = |field: Field| !used.contains(&field);
    let mut stray = sqe.offset | u64::from(sqe.buffer) | sqe.arg1;
    if unused(Field::Handle) {
        stray |= sqe.handle().to_word();
    }
    if unused(Field::Range) {
        stray |= u64::from(sqe.buffer_offset) | u64::from(sqe.len);
    }
    if unused(Field::Flags) {
        stray |= u64::from(sqe.op_flags);
    }
    if unused(Field::First) {
        stray |= sqe.arg0;
    }
    stray == 0
}
