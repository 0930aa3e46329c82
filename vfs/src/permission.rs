//! Who may do what with a file: mode bits, the sticky bit, and user 0, who may do everything but
//! execute what nobody may.

use crate::error::Result;
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::FileKind;
use dataplane::filesystem::Attributes;

bitflags::bitflags! {
    /// What is to be done; the bits are those of a class in a mode.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Want: u32 {
        /// Read, or list.
        const READ = 4;
        /// Write, or change the names in.
        const WRITE = 2;
        /// Search.
        const SEARCH = 1;
    }
}

/// Mode bit: only owners remove names.
pub(crate) const STICKY: u32 = 0o1000;
/// Mode bit: of a directory, files made in it get its group.
pub(crate) const SET_GID: u32 = 0o2000;
/// Mode bit: run as the owner.
pub(crate) const SET_UID: u32 = 0o4000;
/// Mode bit: the group may execute.
pub(crate) const GROUP_EXECUTE: u32 = 0o010;

/// Whether `who` may do all of `want`.
///
/// # Errors
/// EACCES.
#[inline]
pub(crate) fn check(attributes: &Attributes, who: &Credentials, want: Want) -> Result<()> {
    if who.uid == 0 {
        return Ok(());
    }
    let class = if who.uid == attributes.uid {
        attributes.permissions >> 6
    } else if who.in_group(attributes.gid) {
        attributes.permissions >> 3
    } else {
        attributes.permissions
    };
    if class & want.bits() == want.bits() { Ok(()) } else { Err(Errno::EACCES) }
}

/// Whether `who` may remove or rename `file` in `directory`, which it may write.
///
/// # Errors
/// EPERM: the directory is sticky, and neither it nor the file is `who`'s.
pub(crate) fn check_sticky(
    directory: &Attributes,
    file: &Attributes,
    who: &Credentials,
) -> Result<()> {
    let sticky = directory.permissions & STICKY != 0;
    if sticky && who.uid != 0 && who.uid != file.uid && who.uid != directory.uid {
        return Err(Errno::EPERM);
    }
    Ok(())
}

/// The permissions and group of a new file that `who` makes in `directory`.
pub(crate) fn inherit(
    directory: &Attributes,
    who: &Credentials,
    kind: FileKind,
    mode: u32,
) -> (u32, u32) {
    // A directory that is made gets these two bits from above only.
    let own_bits = if kind == FileKind::Directory { !(SET_UID | SET_GID) } else { !0 };
    let mut permissions = mode & 0o7777 & own_bits;
    if directory.permissions & SET_GID == 0 {
        return (permissions, who.gid);
    }
    let gid = directory.gid;
    if kind == FileKind::Directory {
        permissions |= SET_GID;
    } else if permissions & GROUP_EXECUTE != 0 && who.uid != 0 && !who.in_group(gid) {
        // Nobody makes a program that runs as a group that he is not in.
        permissions &= !SET_GID;
    }
    (permissions, gid)
}

/// The permissions that are left when `who` changes the contents of a file: a program that ran as
/// somebody else does not, once it is another program.
pub(crate) fn after_write(file: &Attributes, who: &Credentials) -> u32 {
    if who.uid == 0 { file.permissions } else { without_privileges(file, who) }
}

/// The permissions of a file without those to run as somebody else. SET_GID without execution by
/// the group means something else, and stays if `who` may set it.
pub(crate) fn without_privileges(file: &Attributes, who: &Credentials) -> u32 {
    let left = file.permissions & !SET_UID;
    let may_set = who.uid == 0 || who.in_group(file.gid);
    if left & GROUP_EXECUTE == 0 && may_set { left } else { left & !SET_GID }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use dataplane::platform::Timestamp;

    fn file(permissions: u32, uid: u32, gid: u32) -> Attributes {
        Attributes {
            kind: FileKind::Regular,
            permissions,
            links: 1,
            uid,
            gid,
            size: 0,
            blocks: 0,
            special_device: 0,
            accessed: Timestamp(0),
            modified: Timestamp(0),
            changed: Timestamp(0),
            created: Timestamp(0),
        }
    }

    fn user(uid: u32, gid: u32) -> Credentials {
        Credentials { uid, gid, groups: vec![900] }
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        let attributes = file(0o047, 1, 2);
        assert_eq!(check(&attributes, &user(1, 2), Want::READ), Err(Errno::EACCES));
        assert_eq!(check(&attributes, &user(5, 2), Want::READ), Ok(()));
        assert_eq!(check(&attributes, &user(5, 2), Want::READ | Want::WRITE), Err(Errno::EACCES));
        assert_eq!(check(&attributes, &user(5, 6), Want::all()), Ok(()));
        assert_eq!(check(&file(0, 1, 2), &user(0, 0), Want::all()), Ok(()));
        assert_eq!(check(&file(0o070, 1, 900), &user(5, 6), Want::all()), Ok(()));
    }

    #[test]
    fn sticky_directories() {
        let directory = file(0o1777, 1, 1);
        let theirs = file(0o777, 2, 2);
        assert_eq!(check_sticky(&directory, &theirs, &user(3, 3)), Err(Errno::EPERM));
        for uid in [0, 1, 2] {
            assert_eq!(check_sticky(&directory, &theirs, &user(uid, 3)), Ok(()));
        }
        assert_eq!(check_sticky(&file(0o777, 1, 1), &theirs, &user(3, 3)), Ok(()));
    }

    #[test]
    fn groups_are_inherited_and_privileges_lost() {
        let shared = file(0o2777, 1, 77);
        assert_eq!(inherit(&shared, &user(5, 6), FileKind::Directory, 0o755), (0o2755, 77));
        assert_eq!(inherit(&shared, &user(5, 6), FileKind::Regular, 0o2755), (0o755, 77));
        assert_eq!(inherit(&file(0o777, 1, 77), &user(5, 6), FileKind::Regular, 0o644), (0o644, 6));
        assert_eq!(inherit(&shared, &user(5, 6), FileKind::Directory, 0o4755), (0o2755, 77));
        assert_eq!(after_write(&file(0o6755, 1, 6), &user(5, 6)), 0o755);
        assert_eq!(after_write(&file(0o6744, 1, 6), &user(5, 6)), 0o2744);
        assert_eq!(after_write(&file(0o6744, 1, 77), &user(5, 6)), 0o744);
        assert_eq!(after_write(&file(0o6755, 1, 6), &user(0, 0)), 0o6755);
    }
}
