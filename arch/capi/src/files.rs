//! Handles: opening and closing them, and what is done with an open file.
#![expect(unsafe_code, reason = "C calls it, with pointers")]

use dataplane::client::ClientError;
use dataplane::entry::{Errno, Handle, Opcode, Sqe};
use dataplane::file::{OpenFlags, SyncKind};
use std::ffi::{c_char, c_void};

use crate::arguments::{bytes, bytes_mut, handle, out, path};
use crate::constants::VERIDIAN_SYNC_DATA;
use crate::session::{Inner, Session, enter};
use crate::types::{FileStatus, HandleWord};

/// Opens or creates a file or directory. `path` begins at `directory`. `flags` are
/// `VERIDIAN_OPEN_…`; `mode` holds the permissions of a file that is created.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_open(
    session: *mut Session,
    directory: HandleWord,
    path: *const c_char,
    flags: u32,
    mode: u32,
    opened: *mut HandleWord,
) -> i32 {
    let open = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let path = unsafe { self::path(path) }?;
        // SAFETY: the caller promises it.
        let opened = unsafe { out(opened) }?;
        let flags = OpenFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
        let new = inner.queue.open(handle(directory)?, path, flags, mode)?;
        opened.write(new.to_word());
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, open) }
}

/// Closes a handle and waits until it is closed.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_close(session: *mut Session, handle: HandleWord) -> i32 {
    // SAFETY: the caller promises it.
    unsafe { on_handle(session, handle, |inner, handle| inner.queue.close(handle)) }
}

/// Closes a handle without waiting until it is closed; what the service answers is dropped. Calls
/// after this one find the handle closed.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_submit_close(session: *mut Session, handle: HandleWord) -> i32 {
    // SAFETY: the caller promises it.
    unsafe { on_handle(session, handle, |inner, handle| inner.queue.submit_close(handle)) }
}

/// Reads until `len` bytes are there or the file ends. Answers the number of bytes.
///
/// # Safety
/// The rules of all calls; `into` has `len` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_read(
    session: *mut Session,
    handle: HandleWord,
    offset: u64,
    into: *mut c_void,
    len: usize,
) -> i64 {
    let read = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let into = unsafe { bytes_mut(into, len) }?;
        Ok(counted(inner.queue.read(self::handle(handle)?, offset, into)?))
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, read) }
}

/// Writes `len` bytes, or as many as can be. Answers the number of bytes.
///
/// # Safety
/// The rules of all calls; `from` has `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_write(
    session: *mut Session,
    handle: HandleWord,
    offset: u64,
    from: *const c_void,
    len: usize,
) -> i64 {
    let write = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let from = unsafe { bytes(from, len) }?;
        Ok(counted(inner.queue.write(self::handle(handle)?, offset, from)?))
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, write) }
}

/// Makes a file's contents durable. `flags` is 0 or `VERIDIAN_SYNC_DATA`.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_fsync(
    session: *mut Session,
    handle: HandleWord,
    flags: u32,
) -> i32 {
    let sync = |inner: &mut Inner, handle| {
        let kind = match flags {
            0 => SyncKind::All,
            VERIDIAN_SYNC_DATA => SyncKind::Data,
            _ => return Err(Errno::EINVAL.into()),
        };
        inner.queue.fsync(handle, kind)
    };
    // SAFETY: the caller promises it.
    unsafe { on_handle(session, handle, sync) }
}

/// Sets the size of a file, bytes.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_truncate(
    session: *mut Session,
    handle: HandleWord,
    size: u64,
) -> i32 {
    // SAFETY: the caller promises it.
    unsafe { on_handle(session, handle, |inner, handle| inner.queue.truncate(handle, size)) }
}

/// The attributes of what `path` names; of the handle itself if it is empty. Follows symbolic
/// links.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_stat(
    session: *mut Session,
    handle: HandleWord,
    path: *const c_char,
    status: *mut FileStatus,
) -> i32 {
    let stat = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let path = unsafe { self::path(path) }?;
        // SAFETY: the caller promises it.
        let status = unsafe { out(status) }?;
        status.write(inner.queue.stat(self::handle(handle)?, path)?.into());
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, stat) }
}

/// Asks for nothing and waits for the answer: one round trip.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_nop(session: *mut Session) -> i32 {
    let nop = |inner: &mut Inner| {
        inner.queue.call(Sqe::new(Opcode::Nop, Handle::NONE))?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, nop) }
}

/// Does something with a handle that has nothing to answer.
///
/// # Safety
/// As for [`enter`].
#[inline]
unsafe fn on_handle(
    session: *const Session,
    word: HandleWord,
    action: impl FnOnce(&mut Inner, Handle) -> Result<(), ClientError>,
) -> i32 {
    // SAFETY: the caller promises it.
    unsafe { enter(session, |inner| action(inner, handle(word)?).map(|()| 0)) }
}

/// A number of bytes of a slice, which is never above `isize::MAX`.
#[inline]
fn counted(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
