//! Extended attributes of files and directories of the host. Other kinds have none here: their
//! contents, by which the host is asked, are never opened. What the host itself interprets
//! (`system.`) is neither shown nor set.

use super::reach::{Held, contents};
use super::seen::errno;
use dataplane::entry::Errno;
use dataplane::file::{MAX_XATTR_VALUE, XattrMode};
use rustix::fd::OwnedFd;
use rustix::fs::{OFlags, XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};

const SYSTEM: &[u8] = b"system.";

fn open(inode: &Held) -> Result<OwnedFd, Errno> {
    contents(inode, OFlags::RDONLY).map_err(|error| match error {
        Errno::EINVAL => Errno::EOPNOTSUPP,
        error => error,
    })
}

/// A value.
pub(super) fn get(inode: &Held, name: &[u8]) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0; MAX_XATTR_VALUE];
    let len = fgetxattr(&open(inode)?, name, value.as_mut_slice()).map_err(errno)?;
    value.truncate(len);
    Ok(value)
}

/// Sets a value.
pub(super) fn set(inode: &Held, name: &[u8], value: &[u8], mode: XattrMode) -> Result<(), Errno> {
    let flags = match mode {
        XattrMode::Any => XattrFlags::empty(),
        XattrMode::Create => XattrFlags::CREATE,
        XattrMode::Replace => XattrFlags::REPLACE,
    };
    fsetxattr(&open(inode)?, name, value, flags).map_err(errno)
}

/// All names, each with a byte 0 behind it.
pub(super) fn names(inode: &Held) -> Result<Vec<u8>, Errno> {
    let mut names = vec![0; MAX_XATTR_VALUE];
    let len = flistxattr(&open(inode)?, names.as_mut_slice()).map_err(errno)?;
    names.truncate(len);
    let names = names.split_inclusive(|byte| *byte == 0);
    let shown = names.filter(|name| !name.starts_with(SYSTEM));
    Ok(shown.collect::<Vec<_>>().concat())
}

/// Removes one.
pub(super) fn remove(inode: &Held, name: &[u8]) -> Result<(), Errno> {
    fremovexattr(&open(inode)?, name).map_err(errno)
}
