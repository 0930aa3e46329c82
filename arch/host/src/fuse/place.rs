//! Where a mount is, whatever has become of its path.
//!
//! Who owns a directory above a mount may give it another name and put something else in its
//! place. What is unmounted is therefore found by the mount's number, and checked: by its path
//! alone, root would unmount whatever is there by now.

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Looks until the path of a mount must have stopped changing.
const LOOKS: usize = 16;

/// The kernel's number of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MountNumber(u64);

impl MountNumber {
    /// The mount that is on top at a path.
    ///
    /// # Errors
    /// Of open(2) and statx(2).
    pub(super) fn at(point: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Self::of(rustix::fs::open(point, flags, Mode::empty())?).map_err(Into::into)
    }

    fn of(file: impl AsFd) -> rustix::io::Result<Self> {
        // Nothing that the file system itself would have to tell: it may have gone.
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        rustix::fs::statx(file, c"", flags, StatxFlags::MNT_ID)
            .map(|status| Self(status.stx_mnt_id))
    }

    /// Has `unmount` unmount it: given a path that leads to it for certain, and the one that the
    /// list of mounts has. Does nothing if it is mounted no more.
    ///
    /// # Errors
    /// EBUSY: something else is mounted over it. Else `unmount`'s, or of reading the list.
    pub(super) fn unmount(
        self,
        mut unmount: impl FnMut(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        for _ in 0..LOOKS {
            let Some(point) = find(&fs::read("/proc/self/mountinfo")?, self) else {
                return Ok(());
            };
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::open(&point, flags, Mode::empty()) {
                Ok(file) if Self::of(&file)? == self => {
                    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
                    return unmount(path.as_ref(), &point);
                }
                // Moved since, or covered.
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::BUSY.into())
    }
}

/// Where the list of mounts has one: `36 35 98:0 /root /point options...`.
fn find(list: &[u8], number: MountNumber) -> Option<PathBuf> {
    list.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        let id = str::from_utf8(fields.next()?).ok()?.parse();
        (id == Ok(number.0)).then(|| fields.nth(3).map(plain)).flatten()
    })
}

/// The list writes blanks, line ends and backslashes as three octal digits behind a backslash.
fn plain(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, behind)) = rest.split_first() {
        let octal = (*first == b'\\').then(|| behind.split_at_checked(3)).flatten();
        let escaped = octal.and_then(|(digits, behind)| {
            let digits = str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 8).ok()?, behind))
        });
        let (byte, behind) = escaped.unwrap_or((*first, behind));
        bytes.push(byte);
        rest = behind;
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[u8] = b"36 35 98:0 / / rw - ext4 /dev/a rw\n\
        136 36 0:44 / /mnt/a\\040b\\134\xff rw,nosuid shared:3 - fuse veridian:@x rw\n\
        13 36 0:45 / /mnt/\\9 rw - tmpfs tmpfs rw\n";

    #[test]
    fn a_mount_is_found_by_its_number() {
        let found = |number| find(LIST, MountNumber(number));
        let odd = OsString::from_vec(b"/mnt/a b\\\xff".to_vec());
        assert_eq!(found(136), Some(odd.into()));
        assert_eq!(found(36), Some("/".into()));
        assert_eq!(found(13), Some("/mnt/\\9".into()), "no escape");
        assert_eq!(found(35), None, "a parent's number is not the mount's own");
        assert_eq!(find(b"", MountNumber(36)), None);
    }

    #[test]
    fn what_is_mounted_is_told_from_what_is_not() {
        let root = MountNumber::at("/".as_ref()).unwrap();
        assert_ne!(root, MountNumber::at("/proc".as_ref()).unwrap());
        let mut asked = Vec::new();
        let done = root.unmount(|certain, point| {
            asked.push((fs::read_link(certain)?, point.to_owned()));
            Ok(())
        });
        done.unwrap();
        assert_eq!(asked, [("/".into(), "/".into())]);
        let gone = MountNumber(u64::MAX);
        gone.unmount(|_, _| panic!("nothing is to be unmounted")).unwrap();
    }
}
