//! Regions as files of a tmpfs that only init can reach: descriptors for clients are opened through
//! a read-only mount of it, and cannot be made writable by any means.
//!
//! ```text
//!   tmpfs ──┬── mount, writable   ── open O_RDWR   ──▶ the service, and its successors
//!           └── mount, read-only  ── open O_RDONLY ──▶ clients: reopening for writing is EROFS
//! ```
//!
//! Both mounts are made in a mount namespace of a thread that ends at once. They stay reachable
//! through two descriptors and nothing else, never appear in anybody's mount table, and are gone
//! with the process, however that ends. Making them takes `CAP_SYS_ADMIN`.
//!
//! The size of such a file is not sealed, which a tmpfs cannot do: clients trust their service
//! not to shrink a region. At most half of the machine's memory goes into the store (the default of
//! tmpfs); beyond that, committing says that memory is exhausted.
#![expect(unsafe_code, reason = "a thread leaves the mount namespace of its process")]

use super::handle::{Handle, Origin};
use dataplane::platform::NewRegion;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount,
};
use rustix::thread::UnshareFlags;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A directory that every system has. In the namespace that is made here, and there alone, it is
/// hidden by the tmpfs.
const MOUNT_POINT: &str = "/proc";

/// Two mounts of one private tmpfs.
#[derive(Debug)]
pub(crate) struct RegionStore {
    writable: OwnedFd,
    read_only: OwnedFd,
    next: AtomicU64,
}

impl RegionStore {
    /// Makes an empty store.
    pub(crate) fn create() -> rustix::io::Result<Self> {
        let maker = thread::Builder::new().name("region-store".into());
        let made = maker.spawn(mount_twice).map_err(|_| Errno::AGAIN)?;
        let (writable, read_only) = made.join().map_err(|_| Errno::AGAIN)??;
        Ok(Self { writable, read_only, next: AtomicU64::new(0) })
    }

    /// A store that another process has made, by its two directories.
    pub(crate) fn of(writable: OwnedFd, read_only: OwnedFd) -> Self {
        Self { writable, read_only, next: AtomicU64::new(0) }
    }

    /// Its directories: the writable one, and the read-only one.
    pub(crate) fn into_directories(self) -> (OwnedFd, OwnedFd) {
        (self.writable, self.read_only)
    }

    /// Makes a region of `bytes`, whole pages, none of them allocated.
    pub(crate) fn add(&self, bytes: u64) -> rustix::io::Result<NewRegion> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("region-{number}");
        let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let new = flags | OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let mode = Mode::RUSR | Mode::WUSR;
        let writable = match rustix::fs::openat(&self.writable, &name, new, mode) {
            // An earlier init was killed before it took the name away.
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&self.writable, &name, AtFlags::empty())?;
                rustix::fs::openat(&self.writable, &name, new, mode)?
            }
            opened => opened?,
        };
        let read_only =
            rustix::fs::openat(&self.read_only, &name, flags | OFlags::RDONLY, Mode::empty());
        rustix::fs::unlinkat(&self.writable, &name, AtFlags::empty())?;
        rustix::fs::ftruncate(&writable, bytes)?;
        Ok(NewRegion {
            writable: Handle::new(writable, Origin::System),
            read_only: Handle::new(read_only?, Origin::System),
            bytes,
        })
    }
}

/// Leaves the process's mount namespace, which only a thread of its own may do, and mounts.
fn mount_twice() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    // SAFETY: descriptors stay shared. This thread, which uses no path but those below, alone gets
    // a mount namespace and a working directory of its own.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("regions", MOUNT_POINT, "tmpfs", flags, c"mode=0700")?;
    let writable = directory()?;
    mount_bind(MOUNT_POINT, MOUNT_POINT)?;
    mount_remount(MOUNT_POINT, flags | MountFlags::BIND | MountFlags::RDONLY, c"")?;
    let read_only = directory()?;
    prove_read_only(&read_only)?;
    Ok((writable, read_only))
}

/// What is mounted topmost.
fn directory() -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(MOUNT_POINT, flags, Mode::empty())
}

/// A store whose clients could write would be worse than none.
fn prove_read_only(mount: impl AsFd) -> rustix::io::Result<()> {
    let new = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    match rustix::fs::openat(mount, "probe", new, Mode::RUSR) {
        Err(Errno::ROFS) => Ok(()),
        Ok(_) => Err(Errno::PERM),
        Err(error) => Err(error),
    }
}
