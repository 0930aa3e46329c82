//! Directories: listing them, and changing the names in them.
#![expect(unsafe_code, reason = "C calls it, with pointers and callbacks")]

use dataplane::entry::Errno;
use dataplane::file::{self, RenameFlags, UnlinkKind};
use std::ffi::{c_char, c_void};

use crate::arguments::{handle, path};
use crate::constants::VERIDIAN_REMOVE_DIRECTORY;
use crate::session::{Inner, Session, enter};
use crate::types::HandleWord;

/// An entry of a directory, valid while the callback that is given it runs.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct DirectoryEntry {
    /// Inode number.
    pub inode: u64,
    /// Its kind, as in `st_mode`; 0 if unknown.
    pub mode: u32,
    /// Bytes of the name, the 0 at its end not counted.
    pub name_len: u32,
    /// Its name, with a 0 at its end.
    pub name: *const c_char,
}

/// Is called for each entry. 0 goes on; anything else ends the listing, and is what it answers.
pub type Visit =
    Option<unsafe extern "C" fn(context: *mut c_void, entry: *const DirectoryEntry) -> i32>;

/// Calls `visit` for every entry of an open directory, `.` and `..` left out. Answers 0, or what
/// `visit` ended it with.
///
/// # Safety
/// The rules of all calls, and those of callbacks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_read_directory(
    session: *mut Session,
    directory: HandleWord,
    visit: Visit,
    context: *mut c_void,
) -> i32 {
    let list = |inner: &mut Inner| {
        let visit = visit.ok_or(Errno::EFAULT)?;
        let name = &mut inner.name;
        let mut answer = 0;
        inner.queue.read_directory(handle(directory)?, |entry| {
            if answer == 0 {
                let entry = shown(entry, name);
                // SAFETY: the entry and its name are valid until the callback returns, and what it
                // may do is the caller's promise.
                answer = unsafe { visit(context, &raw const entry) };
            }
        })?;
        Ok(answer)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, list) }
}

/// An entry as C sees it; its name is put into `name`.
fn shown(entry: &file::DirectoryEntry<'_>, name: &mut Vec<u8>) -> DirectoryEntry {
    name.clear();
    name.extend_from_slice(entry.name);
    name.push(0);
    DirectoryEntry {
        inode: entry.inode,
        mode: entry.kind.map_or(0, file::FileKind::to_mode),
        name_len: u32::try_from(entry.name.len()).unwrap_or(u32::MAX),
        name: name.as_ptr().cast(),
    }
}

/// Makes a directory. `mode` holds its permissions.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_mkdir(
    session: *mut Session,
    directory: HandleWord,
    path: *const c_char,
    mode: u32,
) -> i32 {
    let make = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let path = unsafe { self::path(path) }?;
        inner.queue.mkdir(handle(directory)?, path, mode)?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, make) }
}

/// Removes a name. `flags` is 0, or `VERIDIAN_REMOVE_DIRECTORY` for an empty directory.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_unlink(
    session: *mut Session,
    directory: HandleWord,
    path: *const c_char,
    flags: u32,
) -> i32 {
    let unlink = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let path = unsafe { self::path(path) }?;
        let kind = match flags {
            0 => UnlinkKind::File,
            VERIDIAN_REMOVE_DIRECTORY => UnlinkKind::Directory,
            _ => return Err(Errno::EINVAL.into()),
        };
        inner.queue.unlink(handle(directory)?, path, kind)?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, unlink) }
}

/// Renames. Each path begins at its directory. `flags` are `VERIDIAN_RENAME_…`.
///
/// # Safety
/// The rules of all calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn veridian_rename(
    session: *mut Session,
    old_directory: HandleWord,
    old_path: *const c_char,
    new_directory: HandleWord,
    new_path: *const c_char,
    flags: u32,
) -> i32 {
    let rename = |inner: &mut Inner| {
        // SAFETY: the caller promises it.
        let old_path = unsafe { path(old_path) }?;
        // SAFETY: the caller promises it.
        let new_path = unsafe { path(new_path) }?;
        let flags = RenameFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
        let (old, new) = (handle(old_directory)?, handle(new_directory)?);
        inner.queue.rename((old, old_path), (new, new_path), flags)?;
        Ok(0)
    };
    // SAFETY: the caller promises it.
    unsafe { enter(session, rename) }
}
