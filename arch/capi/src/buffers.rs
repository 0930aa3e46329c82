//! Parts of the session's arena, for entries that name memory.
//!
//! C never gets a pointer into the arena, which the service writes as well: it copies in and out.
#![expect(unsafe_code, reason = "C calls it, with pointers")]

use dataplane::ArenaRange;
use dataplane::client::{Buffer, ClientError};
use dataplane::entry::Errno;
use std::ffi::c_void;

use crate::arguments::{bytes, bytes_mut, out};
use crate::session::{Inner, Session, enter};

/// Takes a buffer of `len` bytes out of the session's arena; entries name it by its offset.
/// Answers 0, or -ENOMEM if there is no room.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_buffer_take(
    session: *mut Session,
    len: u32,
    offset: *mut u32,
) -> i32 {
    let take = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let offset = unsafe { out(offset) }?;
        let buffer = inner.queue.buffer(len as usize)?;
        let at = buffer.range().offset;
        inner.buffers.insert(at, buffer);
        offset.write(at);
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, take) }
}

/// Gives a buffer back. Entries that name it must have completed.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_buffer_give_back(session: *mut Session, offset: u32) -> i32 {
    let give_back = |inner: &mut Inner| {
        let buffer = inner.buffers.remove(&offset).ok_or(Errno::EINVAL)?;
        inner.queue.give_back(buffer);
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, give_back) }
}

/// Copies `len` bytes to the start of a buffer; -EFAULT if it is shorter.
///
/// # Safety
/// The rules of all calls; `from` has `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_buffer_write(
    session: *mut Session,
    offset: u32,
    from: *const c_void,
    len: usize,
) -> i32 {
    let write = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let from = unsafe { bytes(from, len) }?;
        let range = taken(inner, offset, len)?;
        inner.queue.arena().write(range, from)?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, write) }
}

/// Copies `len` bytes from the start of a buffer; -EFAULT if it is shorter.
///
/// # Safety
/// The rules of all calls; `into` has `len` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_buffer_read(
    session: *mut Session,
    offset: u32,
    into: *mut c_void,
    len: usize,
) -> i32 {
    let read = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let into = unsafe { bytes_mut(into, len) }?;
        let range = taken(inner, offset, len)?;
        inner.queue.arena().read(range, into)?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, read) }
}

/// The first `len` bytes of a buffer that C has taken.
fn taken(inner: &Inner, offset: u32, len: usize) -> Result<ArenaRange, ClientError> {
    let buffer: &Buffer = inner.buffers.get(&offset).ok_or(Errno::EINVAL)?;
    let len = u32::try_from(len).ok().filter(|len| *len <= buffer.range().len);
    Ok(buffer.first(len.ok_or(Errno::EFAULT)?))
}
