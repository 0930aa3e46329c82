//! What C passes by pointer, looked at before anything is done with it.
//!
//! A pointer that must not be NULL and is, or that is not aligned, is EFAULT. That it points to
//! memory of the right size is C's promise: nobody can look whether it does.
#![expect(unsafe_code, reason = "C passes pointers")]

use dataplane::entry::{Errno, Handle};
use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;

/// Longest path that a service takes, bytes.
const MAX_PATH: usize = 4096;

/// A path.
///
/// # Safety
/// `path` is NULL or a string with a 0 at its end, which stays as it is for `'a`.
#[inline]
pub(crate) unsafe fn path<'a>(path: *const c_char) -> Result<&'a [u8], Errno> {
    if path.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: it is a string with a 0 at its end, says the caller.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    if path.len() > MAX_PATH { Err(Errno::ENAMETOOLONG) } else { Ok(path) }
}

/// Bytes to be read.
///
/// # Safety
/// `from` is NULL or points to `len` readable bytes, which stay as they are for `'a`.
#[inline]
pub(crate) unsafe fn bytes<'a>(from: *const c_void, len: usize) -> Result<&'a [u8], Errno> {
    if !holds(from, len)? {
        return Ok(&[]);
    }
    // SAFETY: not NULL, no longer than a slice may be, and readable, says the caller.
    Ok(unsafe { std::slice::from_raw_parts(from.cast(), len) })
}

/// Bytes to be written. They may hold anything before, and are not read.
///
/// # Safety
/// `into` is NULL or points to `len` writable bytes that nobody else uses for `'a`.
#[inline]
pub(crate) unsafe fn bytes_mut<'a>(into: *mut c_void, len: usize) -> Result<&'a mut [u8], Errno> {
    if !holds(into, len)? {
        return Ok(&mut []);
    }
    // SAFETY: not NULL, no longer than a slice may be, and ours to write, says the caller.
    Ok(unsafe { std::slice::from_raw_parts_mut(into.cast(), len) })
}

/// Whether there is anything at a pointer: no bytes may be anywhere.
fn holds(at: *const c_void, len: usize) -> Result<bool, Errno> {
    match len {
        0 => Ok(false),
        _ if at.is_null() => Err(Errno::EFAULT),
        _ if isize::try_from(len).is_err() => Err(Errno::EINVAL),
        _ => Ok(true),
    }
}

/// Where a result goes.
///
/// # Safety
/// `into` is NULL, or not aligned, or points to a writable `T` that nobody else uses for `'a`.
#[inline]
pub(crate) unsafe fn out<'a, T>(into: *mut T) -> Result<&'a mut MaybeUninit<T>, Errno> {
    if !into.is_aligned() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: aligned, and if it is not NULL, ours to write, says the caller.
    unsafe { into.cast::<MaybeUninit<T>>().as_mut() }.ok_or(Errno::EFAULT)
}

/// A structure that is read once.
///
/// # Safety
/// `from` is NULL, or not aligned, or points to a readable `T`.
#[inline]
pub(crate) unsafe fn copied<T: Copy>(from: *const T) -> Result<T, Errno> {
    if !from.is_aligned() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: aligned, and if it is not NULL, readable, says the caller.
    unsafe { from.as_ref() }.copied().ok_or(Errno::EFAULT)
}

/// A handle as C passes it.
#[inline]
pub(crate) fn handle(word: u64) -> Result<Handle, Errno> {
    Handle::from_word(word).ok_or(Errno::EBADF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn nothing_and_nowhere_are_told_apart() {
        let mut place = [0u64; 2];
        let start = ptr::from_mut(&mut place);
        // SAFETY: NULL is allowed with any length.
        assert_eq!(unsafe { bytes(ptr::null(), 0) }, Ok(&[][..]));
        // SAFETY: the same.
        assert_eq!(unsafe { bytes(ptr::null(), 1) }, Err(Errno::EFAULT));
        // SAFETY: the same.
        assert_eq!(unsafe { bytes_mut(ptr::null_mut(), 1) }, Err(Errno::EFAULT));
        // SAFETY: the length is refused before the memory is looked at.
        assert_eq!(unsafe { bytes(start.cast(), usize::MAX) }, Err(Errno::EINVAL));
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { path(ptr::null()) }, Err(Errno::EFAULT));
        // SAFETY: NULL is allowed.
        assert!(unsafe { out::<u64>(ptr::null_mut()) }.is_err());
        // SAFETY: what is not aligned is refused before it is looked at.
        assert!(unsafe { out(start.cast::<u64>().wrapping_byte_add(1)) }.is_err());
        // SAFETY: the words are there, and nobody else uses them.
        assert!(unsafe { out(start.cast::<u64>()) }.is_ok());
        // SAFETY: what is not aligned is refused before it is looked at.
        assert!(unsafe { copied(start.cast::<u64>().wrapping_byte_add(4)) }.is_err());
    }

    #[test]
    fn long_paths_and_odd_handles_are_refused() {
        let long = [vec![b'x'; MAX_PATH + 1], vec![0]].concat();
        // SAFETY: it ends in a 0.
        assert_eq!(unsafe { path(long.as_ptr().cast()) }, Err(Errno::ENAMETOOLONG));
        // SAFETY: it ends in a 0.
        assert_eq!(unsafe { path(c"a/b".as_ptr()) }, Ok(&b"a/b"[..]));
        assert_eq!(handle(1 << 48), Err(Errno::EBADF));
        assert_eq!(handle(3 << 32 | 5), Ok(Handle { slot: 5, generation: 3 }));
    }
}
