//! What files are beside their contents: attributes, links, special files, and the file systems that
//! they are in.
#![expect(unsafe_code, reason = "C calls it, with pointers")]

use dataplane::entry::Errno;
use dataplane::file::LinkFlags;
use std::ffi::{c_char, c_void};

use crate::arguments::{self, handle as named};
use crate::constants::VERIDIAN_NO_FOLLOW;
use crate::session::{Inner, Session, enter};
use crate::types::{AttributeChange, FileStatus, FilesystemStatus, HandleWord};

/// The attributes of what `path` names; of the link itself if that is a symbolic link, of the
/// handle itself if it is empty.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_stat_link(
    session: *mut Session,
    handle: HandleWord,
    path: *const c_char,
    status: *mut FileStatus,
) -> i32 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let path = unsafe { arguments::path(path) }?;
        // SAFETY: the caller promises it.
        let status = unsafe { arguments::out(status) }?;
        status.write(inner.queue.stat_link(named(handle)?, path)?.into());
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Changes attributes of what `path` names; of the handle itself if it is empty. `flags` is 0, or
/// `VERIDIAN_NO_FOLLOW` for a symbolic link itself. Changes all that is asked for, or nothing.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_set_attributes(
    session: *mut Session,
    handle: HandleWord,
    path: *const c_char,
    change: *const AttributeChange,
    flags: u32,
) -> i32 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let path = unsafe { arguments::path(path) }?;
        // SAFETY: the caller promises it.
        let change = unsafe { arguments::copied(change) }?.into();
        let file = (named(handle)?, path);
        match flags {
            0 => inner.queue.set_attributes(file, &change)?,
            VERIDIAN_NO_FOLLOW => inner.queue.set_link_attributes(file, &change)?,
            _ => return Err(Errno::EINVAL.into()),
        }
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Gives a file another name. Each path begins at its directory. `flags` are `VERIDIAN_LINK_…`.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_link(
    session: *mut Session,
    old_directory: HandleWord,
    old_path: *const c_char,
    new_directory: HandleWord,
    new_path: *const c_char,
    flags: u32,
) -> i32 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let old_path = unsafe { arguments::path(old_path) }?;
        // SAFETY: the caller promises it.
        let new_path = unsafe { arguments::path(new_path) }?;
        let flags = LinkFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
        let (old, new) = (named(old_directory)?, named(new_directory)?);
        inner.queue.link((old, old_path), (new, new_path), flags)?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Makes a symbolic link at `path` to `target`, which is not looked at.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_symlink(
    session: *mut Session,
    target: *const c_char,
    directory: HandleWord,
    path: *const c_char,
) -> i32 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let target = unsafe { arguments::path(target) }?;
        // SAFETY: the caller promises it.
        let path = unsafe { arguments::path(path) }?;
        inner.queue.symlink(target, (named(directory)?, path))?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Where the symbolic link at `path` points to; the handle's own if it is empty. Answers the number
/// of bytes; the text is cut off at `len`, and there is no 0 at its end.
///
/// # Safety
/// The rules of all calls; `into` has `len` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_read_link(
    session: *mut Session,
    handle: HandleWord,
    path: *const c_char,
    into: *mut c_void,
    len: usize,
) -> i64 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let path = unsafe { arguments::path(path) }?;
        // SAFETY: the caller promises it.
        let into = unsafe { arguments::bytes_mut(into, len) }?;
        let target = inner.queue.read_link(named(handle)?, path)?;
        let shown = into.iter_mut().zip(&target).map(|(to, from)| *to = *from).count();
        Ok(i64::try_from(shown).unwrap_or(i64::MAX))
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Makes a file of any kind but a directory or a symbolic link. `mode` has kind and permissions, as
/// `st_mode` has; `device` is the number of a device file, else 0.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_make_node(
    session: *mut Session,
    directory: HandleWord,
    path: *const c_char,
    mode: u32,
    device: u64,
) -> i32 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let path = unsafe { arguments::path(path) }?;
        inner.queue.make_node((named(directory)?, path), mode, device)?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// The state of the file system that the handle's file is in.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_filesystem_status(
    session: *mut Session,
    handle: HandleWord,
    status: *mut FilesystemStatus,
) -> i32 {
    let act = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let status = unsafe { arguments::out(status) }?;
        status.write(inner.queue.filesystem_status(named(handle)?)?.into());
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}

/// Makes durable what is in the file system that the handle's file is in.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_sync_filesystem(
    session: *mut Session,
    handle: HandleWord,
) -> i32 {
    let act = |inner: &mut Inner| {
        inner.queue.sync_filesystem(named(handle)?)?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, act) }
}
