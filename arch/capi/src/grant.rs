//! Reading a file's own pages, where they lie.
#![expect(unsafe_code, reason = "C calls it, and is shown memory by a pointer")]

use dataplane::entry::Errno;
use std::ffi::c_void;

use crate::arguments::{handle, out};
use crate::session::{Inner, Session, enter};
use crate::types::HandleWord;

/// Is shown the bytes, which are granted until it returns. They are the file's own: whoever writes
/// to the file changes them while they are looked at, so C sees them as `const volatile`.
pub type Look =
    Option<unsafe extern "C" fn(context: *mut c_void, bytes: *const c_void, len: usize)>;

/// Reads up to `len` bytes without a copy: calls `look` once with what there is. Answers the
/// number of bytes; 0 at the end of the file, where `look` is not called.
///
/// If `was_current` is not NULL, it becomes 1 if nothing was changed from the answer until `look`
/// had returned, so that what it saw is one state of the file; else 0.
///
/// # Safety
/// The rules of all calls, and those of callbacks. `look` only reads, and nothing but the bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_read_grant(
    session: *mut Session,
    handle: HandleWord,
    offset: u64,
    len: u32,
    look: Look,
    context: *mut c_void,
    was_current: *mut i32,
) -> i64 {
    let read = |inner: &mut Inner| {
        let look = look.ok_or(Errno::EFAULT)?;
        let current = if was_current.is_null() {
            None
        } else {
            // SAFETY: the caller promises it.
            Some(unsafe { out(was_current) }?)
        };
        inner.queue.read_grant(self::handle(handle)?, offset, len, |view| {
            if let Some(bytes) = view.address() {
                // SAFETY: the bytes are mapped while the view lives, and what the callback may do
                // is the caller's promise.
                unsafe { look(context, bytes.as_ptr().cast(), view.len()) };
            }
            if let Some(current) = current {
                current.write(i32::from(view.is_current()));
            }
            Ok(i64::try_from(view.len()).unwrap_or(i64::MAX))
        })?
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, read) }
}
