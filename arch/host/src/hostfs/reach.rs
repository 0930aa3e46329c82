//! From a directory's descriptor and one name to the descriptor of an inode, and from that to its
//! contents. Everything that could leave the mounted directory would have to do so here.

use super::seen::{Identity, Seen, errno, see};
use dataplane::entry::Errno;
use dataplane::file::FileKind;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::path::DecInt;
use rustix_linux_procfs::proc_self_fd;
use std::sync::{Arc, OnceLock};

/// An inode's descriptor, opened for nothing (`O_PATH`), and which inode that is.
#[derive(Debug)]
pub(super) struct Held {
    fd: OwnedFd,
    pub(super) identity: Identity,
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What no name in a path may do.
const RESOLVE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// Whether it is one name. The vfs has checked that; it is checked here as well, because all rests
/// on it.
pub(super) fn check_name(name: &[u8]) -> Result<(), Errno> {
    let is_one = !matches!(name, b"" | b"." | b"..") && !name.iter().any(|b| matches!(b, b'/' | 0));
    if is_one { Ok(()) } else { Err(Errno::EINVAL) }
}

/// What a name in a directory is now; a symbolic link is itself.
pub(super) fn child(directory: &Held, name: &[u8]) -> Result<(Arc<Held>, Seen), Errno> {
    check_name(name)?;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = openat2(directory, name, flags, Mode::empty(), RESOLVE).map_err(errno)?;
    look(fd)
}

/// A new regular file under a name that nothing has, with these permissions at most.
pub(super) fn new_file(
    directory: &Held,
    name: &[u8],
    permissions: Mode,
) -> Result<(Arc<Held>, Seen), Errno> {
    check_name(name)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = openat2(directory, name, flags, permissions, RESOLVE).map_err(errno)?;
    look(again(fd.as_fd(), OFlags::PATH)?)
}

/// The root of all: a directory that somebody has opened for reading.
pub(super) fn root(fd: &OwnedFd) -> Result<(Arc<Held>, Seen), Errno> {
    if rustix::fs::fcntl_getfl(fd).map_err(errno)?.contains(OFlags::PATH) {
        // Opened for nothing: that takes no right to what is in it.
        return Err(Errno::EBADF);
    }
    if see(fd)?.identity.kind != FileKind::Directory {
        return Err(Errno::ENOTDIR);
    }
    look(again(fd.as_fd(), OFlags::PATH | OFlags::DIRECTORY)?)
}

/// Opens the contents of a regular file or a directory.
pub(super) fn contents(inode: &Held, flags: OFlags) -> Result<OwnedFd, Errno> {
    match inode.identity.kind {
        FileKind::Regular => again(inode.as_fd(), flags),
        FileKind::Directory => again(inode.as_fd(), flags | OFlags::DIRECTORY),
        _ => Err(Errno::EINVAL),
    }
}

/// `/proc/self/fd` of a process that has made a `/proc` for itself.
static OWN_NUMBERS: OnceLock<OwnedFd> = OnceLock::new();

/// Opens `/proc/self/fd` for good, because no path can be opened later. `is_own`: this process has
/// mounted `/proc` itself, so that nothing about it needs to be checked. If it cannot be opened,
/// opening a directory of the host fails with an error of its own.
pub(crate) fn prepare(is_own: bool) {
    if !is_own {
        let _ = proc_self_fd();
        return;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if let Ok(numbers) = rustix::fs::open("/proc/self/fd", flags, Mode::empty()) {
        OWN_NUMBERS.get_or_init(|| numbers);
    }
}

/// Does something with the name of a descriptor in `/proc/self/fd`, which is checked to be that:
/// calls that take no descriptor of this sort get at the very inode by it.
pub(super) fn by_number<T>(
    fd: BorrowedFd<'_>,
    act: impl FnOnce(BorrowedFd<'static>, DecInt) -> rustix::io::Result<T>,
) -> Result<T, Errno> {
    let numbers = match OWN_NUMBERS.get() {
        Some(own) => own.as_fd(),
        None => proc_self_fd().map_err(errno)?,
    };
    act(numbers, DecInt::from_fd(fd)).map_err(errno)
}

fn again(fd: BorrowedFd<'_>, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
    by_number(fd, |numbers, number| openat(numbers, number, flags, Mode::empty()))
}

fn look(fd: OwnedFd) -> Result<(Arc<Held>, Seen), Errno> {
    let seen = see(&fd)?;
    Ok((Arc::new(Held { fd, identity: seen.identity }), seen))
}

/// How an inode is reached: by nothing, or by names, from a descriptor that is open.
pub(super) struct Way {
    /// The inode itself, or a directory above it.
    pub(super) open: Arc<Held>,
    /// What lies between: inodes that were closed, from there on down.
    pub(super) closed: Vec<Closed>,
}

/// An inode whose descriptor was closed; it must still be under this name.
pub(super) struct Closed {
    pub(super) name: Box<[u8]>,
    pub(super) identity: Identity,
}

impl Way {
    /// Opens what is closed.
    ///
    /// # Errors
    /// ESTALE: it is not there any more.
    pub(super) fn reach(self) -> Result<Arc<Held>, Errno> {
        let mut at = self.open;
        for Closed { name, identity } in self.closed {
            at = match child(&at, &name) {
                Ok((held, _)) if held.identity == identity => held,
                Ok(_) | Err(Errno::ENOENT) => return Err(Errno::ESTALE),
                Err(error) => return Err(error),
            };
        }
        Ok(at)
    }
}
