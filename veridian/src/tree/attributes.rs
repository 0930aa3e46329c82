//! What of a file's attributes goes along with its contents, and how far that is permitted.

use super::side::Status;
use dataplane::file::FileTime;
use std::io;

/// Permissions of what belongs to somebody else than before: set-id bits would now be the new
/// owner's.
const UNPRIVILEGED: u32 = 0o1777;

/// How much of a tree a copy keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kept {
    /// Regular files and directories, and their permissions.
    Files,
    /// Symbolic links too.
    Links,
    /// Owner, times and extended attributes too.
    Attributes,
}

impl Kept {
    /// What the copy of something is to be.
    pub(super) fn attributes(self, of: &Status) -> Attributes {
        let preserved = (self == Self::Attributes).then_some(Preserved {
            uid: of.uid,
            gid: of.gid,
            accessed: of.accessed,
            modified: of.modified,
        });
        Attributes { permissions: of.permissions, preserved }
    }
}

/// What something is to be when it is complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes {
    permissions: u32,
    /// None: as anything new.
    pub(super) preserved: Option<Preserved>,
}

impl Attributes {
    /// Permissions, the lowest twelve bits of the mode, of what has got the owner that it is to
    /// have, or has not.
    pub(super) fn permissions(&self, has_owner: bool) -> u32 {
        self.permissions & if has_owner { 0o7777 } else { UNPRIVILEGED }
    }
}

/// What only a copy that preserves gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preserved {
    uid: u32,
    gid: u32,
    pub(super) accessed: FileTime,
    pub(super) modified: FileTime,
}

impl Preserved {
    /// Gives owner and group by `change`, or the group alone if no more is permitted; whether both
    /// were given.
    pub(super) fn give_owner(
        &self,
        mut change: impl FnMut(Option<u32>, u32) -> io::Result<()>,
    ) -> io::Result<bool> {
        let mut attempt = |uid| match change(uid, self.gid) {
            Ok(()) => Ok(true),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(error),
        };
        if attempt(Some(self.uid))? {
            return Ok(true);
        }
        attempt(None)?;
        Ok(false)
    }
}

/// Not for this user; or, within a user namespace, nobody who exists there.
fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput)
}
