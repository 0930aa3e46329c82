//! Where a mount is, whatever has become of its path.
//!
//! Who owns a directory above a mount may give it another name and put something else in its
//! place. What is unmounted is therefore found by the mount's number, and checked: by its path
//! alone, root would unmount whatever is there by now.

use super::mount::SOURCE;
use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The list of mounts.
const LIST: &str = "/proc/self/mountinfo";
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
            let Some(point) = find(&fs::read(LIST)?, self) else {
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

/// A mount of a system's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemMount {
    /// The address of the system.
    pub address: String,
    /// Where it is mounted.
    pub point: PathBuf,
}

/// Every mount of a system's files that this process sees.
///
/// # Errors
/// Of reading the list of mounts.
pub fn system_mounts() -> io::Result<Vec<SystemMount>> {
    Ok(entries(&fs::read(LIST)?).filter_map(Entry::of_system).collect())
}

/// What is told of a mount; proc_pid_mountinfo(5).
struct Entry {
    number: MountNumber,
    point: PathBuf,
    kind: Vec<u8>,
    source: PathBuf,
}

impl Entry {
    /// `36 35 98:0 /root /point options optional... - kind source options`.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ');
        let number = MountNumber(str::from_utf8(fields.next()?).ok()?.parse().ok()?);
        let point = plain(fields.nth(3)?);
        fields.by_ref().find(|field| field == b"-")?;
        let kind = fields.next()?.to_vec();
        Some(Self { number, point, kind, source: plain(fields.next()?) })
    }

    fn of_system(self) -> Option<SystemMount> {
        let address = self.source.to_str()?.strip_prefix(SOURCE)?.to_owned();
        self.kind.starts_with(b"fuse").then_some(SystemMount { address, point: self.point })
    }
}

fn entries(list: &[u8]) -> impl Iterator<Item = Entry> {
    list.split(|byte| *byte == b'\n').filter_map(Entry::parse)
}

/// Where the list of mounts has one.
fn find(list: &[u8], number: MountNumber) -> Option<PathBuf> {
    entries(list).find(|entry| entry.number == number).map(|entry| entry.point)
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

    const LINES: &[u8] = b"36 35 98:0 / / rw - ext4 /dev/a rw\n\
        136 36 0:44 / /mnt/a\\040b\\134\xff rw,nosuid shared:3 - fuse veridian:@x rw\n\
        13 36 0:45 / /mnt/\\9 rw - tmpfs tmpfs rw\n";

    #[test]
    fn a_mount_is_found_by_its_number() {
        let found = |number| find(LINES, MountNumber(number));
        let odd = OsString::from_vec(b"/mnt/a b\\\xff".to_vec());
        assert_eq!(found(136), Some(odd.into()));
        assert_eq!(found(36), Some("/".into()));
        assert_eq!(found(13), Some("/mnt/\\9".into()), "no escape");
        assert_eq!(found(35), None, "a parent's number is not the mount's own");
        assert_eq!(find(b"", MountNumber(36)), None);
    }

    #[test]
    fn mounts_of_systems_are_told_from_others() {
        let ours: Vec<_> = entries(LINES).filter_map(Entry::of_system).collect();
        let odd = OsString::from_vec(b"/mnt/a b\\\xff".to_vec()).into();
        assert_eq!(ours, [SystemMount { address: "@x".to_owned(), point: odd }]);
        let of = |line: &[u8]| Entry::parse(line)?.of_system();
        let line = b"7 1 0:9 / /mnt/a\\040b rw,nosuid - fuse.veridian veridian:@veridian-0 rw";
        let ours = of(line).unwrap();
        assert_eq!(
            (ours.address.as_str(), ours.point.as_path()),
            ("@veridian-0", "/mnt/a b".as_ref())
        );
        assert_eq!(of(b"7 1 0:9 / /tmp rw - tmpfs tmpfs rw"), None);
        assert_eq!(of(b"7 1 0:9 / /tmp rw - tmpfs veridian:@x rw"), None, "only the name");
        assert_eq!(of(b""), None);
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
