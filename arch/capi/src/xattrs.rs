//! Extended attributes.
#![expect(unsafe_code, reason = "C calls it, with pointers")]

use dataplane::client::ClientError;
use dataplane::entry::Errno;
use dataplane::file::XattrMode;
use std::ffi::{c_char, c_void};

use crate::arguments::{self, handle as named};
use crate::session::{Inner, Session, enter};
use crate::types::HandleWord;

/// Reads the value of an extended attribute. Answers its size; with `len` 0 only that, and -ERANGE if
/// `len` is too small.
///
/// # Safety
/// The rules of all calls; `into` has `len` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_xattr(
    session: *mut Session,
    handle: HandleWord,
    name: *const c_char,
    into: *mut c_void,
    len: usize,
) -> i64 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let name = unsafe { arguments::path(name) }?;
        // SAFETY: the caller promises it.
        let into = unsafe { arguments::bytes_mut(into, len) }?;
        shown(&inner.queue.xattr(named(handle)?, name)?, into)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Sets an extended attribute. `flags` is 0, `VERIDIAN_XATTR_CREATE` or `VERIDIAN_XATTR_REPLACE`.
///
/// # Safety
/// The rules of all calls; `value` has `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_set_xattr(
    session: *mut Session,
    handle: HandleWord,
    name: *const c_char,
    value: *const c_void,
    len: usize,
    flags: u32,
) -> i32 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let name = unsafe { arguments::path(name) }?;
        // SAFETY: the caller promises it.
        let value = unsafe { arguments::bytes(value, len) }?;
        let mode = XattrMode::from_bits(flags)?;
        inner.queue.set_xattr(named(handle)?, (name, value), mode)?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Lists the names of all extended attributes, each with a 0 at its end. Answers their size, as
/// `veridian_xattr` does.
///
/// # Safety
/// The rules of all calls; `into` has `len` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_xattr_names(
    session: *mut Session,
    handle: HandleWord,
    into: *mut c_void,
    len: usize,
) -> i64 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let into = unsafe { arguments::bytes_mut(into, len) }?;
        shown(&inner.queue.xattr_names(named(handle)?)?, into)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Removes an extended attribute.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_remove_xattr(
    session: *mut Session,
    handle: HandleWord,
    name: *const c_char,
) -> i32 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let name = unsafe { arguments::path(name) }?;
        inner.queue.remove_xattr(named(handle)?, name)?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Copies a value to where there is room for it, or says how much is needed.
fn shown(value: &[u8], into: &mut [u8]) -> Result<i64, ClientError> {
    if !into.is_empty() {
        into.get_mut(..value.len()).ok_or(Errno::ERANGE)?.copy_from_slice(value);
    }
    Ok(i64::try_from(value.len()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_whole_or_not_at_all() {
        let mut room = *b"????";
        assert_eq!(shown(b"abc", &mut []), Ok(3));
        assert_eq!(shown(b"abcde", &mut room), Err(Errno::ERANGE.into()));
        assert_eq!(&room, b"????");
        assert_eq!(shown(b"abc", &mut room), Ok(3));
        assert_eq!(&room, b"abc?");
    }
}
