//! What the host says of an inode: its attributes, and what tells it from all others.

use dataplane::entry::Errno;
use dataplane::file::FileKind;
use dataplane::filesystem::Attributes;
use dataplane::platform::Timestamp;
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, Statx, StatxFlags, StatxTimestamp, makedev, statx};

/// Tells an inode from all others, also from a later one that got its number, where the host keeps
/// times of birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// Device.
    pub(super) device: u64,
    /// Number on it.
    pub(super) number: u64,
    /// Birth, nanoseconds since 1970; 0 where the host keeps none.
    pub(super) born: i64,
    /// What it is.
    pub(super) kind: FileKind,
}

/// An inode as it was when it was looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) identity: Identity,
    pub(super) attributes: Attributes,
}

/// Looks at an inode; its descriptor may be of any kind.
pub(super) fn see(fd: impl AsFd) -> Result<Seen, Errno> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let stat = statx(fd, c"", flags, wanted).map_err(errno)?;
    let kind = FileKind::from_mode(u32::from(stat.stx_mode)).ok_or(Errno::EIO)?;
    let born = born(&stat);
    let identity = Identity {
        device: makedev(stat.stx_dev_major, stat.stx_dev_minor),
        number: stat.stx_ino,
        born: born.map_or(0, |time| time.0),
        kind,
    };
    let modified = timestamp(&stat.stx_mtime);
    let attributes = Attributes {
        kind,
        permissions: u32::from(stat.stx_mode) & 0o7777,
        links: stat.stx_nlink,
        uid: stat.stx_uid,
        gid: stat.stx_gid,
        size: stat.stx_size,
        blocks: stat.stx_blocks,
        special_device: makedev(stat.stx_rdev_major, stat.stx_rdev_minor),
        accessed: timestamp(&stat.stx_atime),
        modified,
        changed: timestamp(&stat.stx_ctime),
        created: born.unwrap_or(modified),
    };
    Ok(Seen { identity, attributes })
}

fn born(stat: &Statx) -> Option<Timestamp> {
    let is_known = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::BTIME);
    is_known.then(|| timestamp(&stat.stx_btime))
}

fn timestamp(time: &StatxTimestamp) -> Timestamp {
    let seconds = time.tv_sec.saturating_mul(1_000_000_000);
    Timestamp(seconds.saturating_add(i64::from(time.tv_nsec)))
}

/// The host's error numbers are ours.
pub(super) fn errno(error: rustix::io::Errno) -> Errno {
    Errno(error.raw_os_error())
}
