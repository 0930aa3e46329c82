//! Ranges of files: their space, what is in them, copies and locks.
#![expect(unsafe_code, reason = "C calls it, with pointers")]

use dataplane::client::LockRange;
use dataplane::file::{AllocateMode, LockFlags, Whence};

use crate::arguments::{self, handle as named};
use crate::session::{Inner, Session, enter};
use crate::types::{HandleWord, LockRecord};

/// Allocates, punches or zeroes a range of a file. `mode` is a sum of `VERIDIAN_ALLOCATE_…`.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_allocate(
    session: *mut Session,
    handle: HandleWord,
    mode: u32,
    offset: u64,
    len: u64,
) -> i32 {
    let act = |inner: &mut Inner| {
        let mode = AllocateMode::from_bits(mode)?;
        inner.queue.allocate(named(handle)?, mode, offset, len)?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Finds the next data (`VERIDIAN_SEEK_DATA`) or hole (`VERIDIAN_SEEK_HOLE`) of a file; -ENXIO if
/// there is none.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_seek(
    session: *mut Session,
    handle: HandleWord,
    offset: u64,
    whence: u32,
    found: *mut u64,
) -> i32 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let found = unsafe { arguments::out(found) }?;
        found.write(inner.queue.seek(named(handle)?, offset, Whence::from_bits(whence)?)?);
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Copies up to `len` bytes between files within the service. Answers how many; 0 at the end of the
/// source.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_copy_range(
    session: *mut Session,
    from: HandleWord,
    from_offset: u64,
    to: HandleWord,
    to_offset: u64,
    len: u32,
) -> i64 {
    let act = |inner: &mut Inner| {
        let (from, to) = ((named(from)?, from_offset), (named(to)?, to_offset));
        Ok(i64::from(inner.queue.copy_range(from, to, len)?))
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Takes or drops an advisory lock on a range; `len` 0 reaches to the end of the file, wherever it is.
/// `flags` are `VERIDIAN_LOCK_…`; `owner` is a number of the program's own. Without WAIT, -EAGAIN if
/// another lock is in the way; with it, a signal does not end the wait.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_lock(
    session: *mut Session,
    handle: HandleWord,
    first: u64,
    len: u64,
    flags: u32,
    owner: u64,
) -> i32 {
    let act = |inner: &mut Inner| {
        let flags = LockFlags::parse(flags)?;
        inner.queue.lock(named(handle)?, LockRange { first, len }, flags, owner)?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Tells which lock is in the way of one. Answers 1 and what it is, or 0 if it could be had.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_test_lock(
    session: *mut Session,
    handle: HandleWord,
    first: u64,
    len: u64,
    flags: u32,
    owner: u64,
    record: *mut LockRecord,
) -> i32 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let record = unsafe { arguments::out(record) }?;
        let flags = LockFlags::parse(flags)?;
        let range = LockRange { first, len };
        let found = inner.queue.test_lock(named(handle)?, range, flags, owner)?;
        let Some(found) = found else { return Ok(0) };
        record.write(found.into());
        Ok(1)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}
