//! What blocks: each function runs on a thread of the pool, and owns or borrows all that it works
//! on.

use super::reach::{Held, by_number, check_name, child, contents, new_file};
use super::seen::{Seen, errno, see};
use dataplane::entry::Errno;
use dataplane::file::{FileKind, FilesystemStatus, RenameFlags};
use dataplane::filesystem::{Attributes, Changes, NewNode, WriteAt};
use dataplane::platform::Timestamp;
use rustix::fd::AsFd;
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RawDir, StatVfsMountFlags, Timespec, Timestamps,
    UTIME_OMIT, Uid, chmodat, chownat, linkat, mkdirat, mknodat, readlinkat, renameat_with,
    symlinkat, unlinkat, utimensat,
};
use std::sync::Arc;

/// Permissions of what is made, until it has its owner.
const PRIVATE: Mode = Mode::RWXU;

/// A file to be made, owned.
pub(super) struct New {
    pub(super) kind: FileKind,
    pub(super) permissions: u32,
    /// Whose it becomes: where the service is not user 0, it stays the service's own.
    pub(super) owner: Option<(u32, u32)>,
    pub(super) target: Vec<u8>,
}

impl New {
    pub(super) fn of(new: &NewNode<'_>) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        Self {
            kind: new.kind,
            permissions: new.permissions,
            owner: is_root.then_some((new.uid, new.gid)),
            target: new.target.to_vec(),
        }
    }
}

/// Makes a file, and gives it its owner and permissions.
///
/// A regular file is had with its name. Anything else is made first and looked up then, and
/// somebody may have put another file under the name in between; so it is looked at whether it is
/// what only this service can have made just now. Nothing else gets a new owner or new permissions.
pub(super) fn create(directory: &Held, name: &[u8], new: &New) -> Result<(Arc<Held>, Seen), Errno> {
    check_name(name)?;
    let made = match new.kind {
        FileKind::Regular => new_file(directory, name, PRIVATE & !Mode::XUSR)?.0,
        FileKind::Directory => {
            mkdirat(directory, name, PRIVATE).map_err(errno)?;
            ours(child(directory, name)?, new)?
        }
        FileKind::Symlink => {
            symlinkat(new.target.as_slice(), directory, name).map_err(errno)?;
            ours(child(directory, name)?, new)?
        }
        FileKind::Fifo | FileKind::Socket => {
            let is_fifo = new.kind == FileKind::Fifo;
            let kind = if is_fifo { FileType::Fifo } else { FileType::Socket };
            mknodat(directory, name, kind, PRIVATE, 0).map_err(errno)?;
            ours(child(directory, name)?, new)?
        }
        FileKind::CharacterDevice | FileKind::BlockDevice => return Err(Errno::EOPNOTSUPP),
    };
    let dressed = dress(&made, new).and_then(|()| see(&*made));
    match dressed {
        Ok(seen) => Ok((made, seen)),
        Err(error) => {
            let is_directory = new.kind == FileKind::Directory;
            let flags = if is_directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
            // What cannot be removed either stays, and is the service's own.
            let _ = unlinkat(directory, name, flags);
            Err(error)
        }
    }
}

/// Lets only pass what this service has made: of the kind asked for, the service's own, private,
/// and without contents or with those asked for. Who has put something like that there could have
/// removed and made it as well.
fn ours((made, seen): (Arc<Held>, Seen), new: &New) -> Result<Arc<Held>, Errno> {
    let Attributes { kind, uid, permissions, links, .. } = seen.attributes;
    let is_private = permissions & 0o077 == 0;
    let is_ours = kind == new.kind
        && uid == rustix::process::geteuid().as_raw()
        && match kind {
            FileKind::Directory => is_private && is_empty(&made)?,
            FileKind::Symlink => links == 1 && read_link(&made)? == new.target,
            _ => links == 1 && is_private,
        };
    if is_ours { Ok(made) } else { Err(Errno::ESTALE) }
}

fn is_empty(directory: &Held) -> Result<bool, Errno> {
    let open = contents(directory, OFlags::RDONLY)?;
    let mut buffer = Vec::with_capacity(1024);
    let mut entries = RawDir::new(&open, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        if !matches!(entry.map_err(errno)?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

fn dress(made: &Held, new: &New) -> Result<(), Errno> {
    if let Some((uid, gid)) = new.owner {
        set_owner(made, Some(uid), Some(gid))?;
    }
    if new.kind == FileKind::Symlink { Ok(()) } else { set_permissions(made, new.permissions) }
}

fn set_owner(inode: &Held, uid: Option<u32>, gid: Option<u32>) -> Result<(), Errno> {
    // The number that says "as it is" is nobody's.
    if uid == Some(u32::MAX) || gid == Some(u32::MAX) {
        return Err(Errno::EINVAL);
    }
    let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
    chownat(inode, c"", uid, gid, AtFlags::EMPTY_PATH).map_err(errno)
}

fn set_permissions(inode: &Held, permissions: u32) -> Result<(), Errno> {
    if inode.identity.kind == FileKind::Symlink {
        return Err(Errno::EOPNOTSUPP);
    }
    let mode = Mode::from_raw_mode(permissions & 0o7777);
    by_number(inode.as_fd(), |numbers, number| chmodat(numbers, number, mode, AtFlags::empty()))
}

/// Sets what is named; answers with all there is then.
pub(super) fn set_attributes(inode: &Held, changes: &Changes) -> Result<Attributes, Errno> {
    if let Some(size) = changes.size {
        if inode.identity.kind != FileKind::Regular {
            return Err(Errno::EINVAL);
        }
        let file = contents(inode, OFlags::WRONLY)?;
        rustix::fs::ftruncate(&file, size).map_err(errno)?;
    }
    if changes.uid.is_some() || changes.gid.is_some() {
        set_owner(inode, changes.uid, changes.gid)?;
    }
    // Behind the owner, whose change takes some away.
    if let Some(permissions) = changes.permissions {
        set_permissions(inode, permissions)?;
    }
    if changes.accessed.is_some() || changes.modified.is_some() {
        let times = Timestamps {
            last_access: timespec(changes.accessed),
            last_modification: timespec(changes.modified),
        };
        let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
        utimensat(inode, c"", &times, flags).map_err(errno)?;
    }
    Ok(see(inode)?.attributes)
}

fn timespec(time: Option<Timestamp>) -> Timespec {
    match time {
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        Some(time) => Timespec {
            tv_sec: time.0.div_euclid(1_000_000_000),
            tv_nsec: time.0.rem_euclid(1_000_000_000),
        },
    }
}

/// What a name was, and the inode as it is without it.
pub(super) fn remove(
    directory: &Held,
    name: &[u8],
    flags: AtFlags,
) -> Result<(Arc<Held>, Seen), Errno> {
    let (held, _) = child(directory, name)?;
    unlinkat(directory, name, flags).map_err(|error| not_empty(errno(error)))?;
    let seen = see(&*held)?;
    Ok((held, seen))
}

/// Some hosts say that a directory exists when it is not empty.
fn not_empty(error: Errno) -> Errno {
    if error == Errno::EEXIST { Errno::ENOTEMPTY } else { error }
}

/// What was renamed, and what had the new name.
pub(super) struct Moved {
    pub(super) moved: (Arc<Held>, Seen),
    pub(super) replaced: Option<(Arc<Held>, Seen)>,
}

/// Renames.
pub(super) fn rename(
    from: (&Held, &[u8]),
    to: (&Held, &[u8]),
    flags: RenameFlags,
) -> Result<Moved, Errno> {
    let (moved, _) = child(from.0, from.1)?;
    let replaced = match child(to.0, to.1) {
        Ok((replaced, _)) => Some(replaced),
        Err(Errno::ENOENT) => None,
        Err(error) => return Err(error),
    };
    let mut how = rustix::fs::RenameFlags::empty();
    let no_replace = flags.contains(RenameFlags::NO_REPLACE);
    how.set(rustix::fs::RenameFlags::NOREPLACE, no_replace);
    how.set(rustix::fs::RenameFlags::EXCHANGE, flags.contains(RenameFlags::EXCHANGE));
    renameat_with(from.0, from.1, to.0, to.1, how).map_err(|error| {
        let error = errno(error);
        if no_replace { error } else { not_empty(error) }
    })?;
    let looked = |held: Arc<Held>| see(&*held).map(|seen| (held, seen));
    Ok(Moved { moved: looked(moved)?, replaced: replaced.map(looked).transpose()? })
}

/// Gives an inode another name.
pub(super) fn link(inode: &Held, directory: &Held, name: &[u8]) -> Result<Seen, Errno> {
    check_name(name)?;
    by_number(inode.as_fd(), |numbers, number| {
        linkat(numbers, number, directory, name, AtFlags::SYMLINK_FOLLOW)
    })?;
    see(inode)
}

/// Where a symbolic link points to.
pub(super) fn read_link(link: &Held) -> Result<Vec<u8>, Errno> {
    if link.identity.kind != FileKind::Symlink {
        return Err(Errno::EINVAL);
    }
    readlinkat(link, c"", Vec::new()).map(std::ffi::CString::into_bytes).map_err(errno)
}

/// Reads at most so many bytes; fewer only at the end, or where something failed behind the first.
pub(super) fn read(file: &Held, offset: u64, len: usize) -> Result<Vec<u8>, Errno> {
    let open = contents(file, OFlags::RDONLY)?;
    let mut bytes = vec![0; len];
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pread(&open, rest, offset.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) if done == 0 => return Err(errno(error)),
            Err(_) => break,
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

/// Writes bytes; says how many.
pub(super) fn write(file: &Held, at: WriteAt, bytes: &[u8]) -> Result<usize, Errno> {
    let (flags, offset) = match at {
        WriteAt::Offset(offset) => (OFlags::WRONLY, Some(offset)),
        WriteAt::End => (OFlags::WRONLY | OFlags::APPEND, None),
    };
    let open = contents(file, flags)?;
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        let written = match offset {
            Some(offset) => rustix::io::pwrite(&open, rest, offset.saturating_add(done as u64)),
            None => rustix::io::write(&open, rest),
        };
        match written {
            Ok(0) => break,
            Ok(written) => done += written,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) if done == 0 => return Err(errno(error)),
            Err(_) => break,
        }
    }
    Ok(done)
}

/// Space and limits of the file system of the host that a directory is in.
pub(super) fn status(root: &Held) -> Result<FilesystemStatus, Errno> {
    let status = rustix::fs::fstatvfs(root).map_err(errno)?;
    let kind = rustix::fs::fstatfs(root).map_err(errno)?.f_type;
    let is_read_only = status.f_flag.contains(StatVfsMountFlags::RDONLY);
    Ok(FilesystemStatus {
        kind: u64::try_from(kind).unwrap_or(0),
        block_size: status.f_frsize,
        blocks: status.f_blocks,
        free_blocks: status.f_bfree,
        available_blocks: status.f_bavail,
        inodes: status.f_files,
        free_inodes: status.f_ffree,
        max_name: u32::try_from(status.f_namemax).unwrap_or(255),
        flags: if is_read_only { FilesystemStatus::READ_ONLY } else { 0 },
        ..FilesystemStatus::default()
    })
}

/// Makes an inode durable; what is neither a file nor a directory has nothing to be.
pub(super) fn sync(inode: &Held) -> Result<(), Errno> {
    let open = match contents(inode, OFlags::RDONLY) {
        Err(Errno::EINVAL) => return Ok(()),
        // It may be written and not read.
        Err(Errno::EACCES) => contents(inode, OFlags::WRONLY)?,
        open => open?,
    };
    rustix::fs::fsync(&open).map_err(errno)
}

/// Makes the whole file system of the host durable that a directory is in.
pub(super) fn sync_all(root: &Held) -> Result<(), Errno> {
    let open = contents(root, OFlags::RDONLY)?;
    rustix::fs::syncfs(&open).map_err(errno)
}

#[cfg(test)]
mod tests {
    use super::super::reach::root;
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// What a service would take for its own.
    fn taken(directory: &Held, name: &str, kind: FileKind, target: &[u8]) -> bool {
        let new = New { kind, permissions: 0o777, owner: None, target: target.to_vec() };
        match ours(child(directory, name.as_bytes()).unwrap(), &new) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error, Errno::ESTALE);
                false
            }
        }
    }

    #[test]
    fn only_what_was_just_made_gets_an_owner() {
        let host = tempfile::tempdir().unwrap();
        let at = |name: &str| host.path().join(name);
        let (top, _) = root(&fs::File::open(host.path()).unwrap().into()).unwrap();
        let directory = |name: &str, mode| {
            fs::create_dir(at(name)).unwrap();
            fs::set_permissions(at(name), PermissionsExt::from_mode(mode)).unwrap();
            taken(&top, name, FileKind::Directory, b"")
        };
        assert!(directory("new", 0o700));
        assert!(!directory("open", 0o710));
        fs::write(at("new/kept"), b"").unwrap();
        assert!(!taken(&top, "new", FileKind::Directory, b""), "it has contents");
        if rustix::process::geteuid().is_root() {
            assert!(directory("theirs", 0o700));
            std::os::unix::fs::chown(at("theirs"), Some(1234), None).unwrap();
            assert!(!taken(&top, "theirs", FileKind::Directory, b""));
        }
        fs::write(at("file"), b"").unwrap();
        fs::set_permissions(at("file"), PermissionsExt::from_mode(0o600)).unwrap();
        for kind in [FileKind::Directory, FileKind::Symlink, FileKind::Fifo] {
            assert!(!taken(&top, "file", kind, b""), "another kind");
        }
        symlink("target", at("link")).unwrap();
        assert!(taken(&top, "link", FileKind::Symlink, b"target"));
        assert!(!taken(&top, "link", FileKind::Symlink, b"another"));
        mknodat(&*top, "fifo", FileType::Fifo, PRIVATE, 0).unwrap();
        assert!(taken(&top, "fifo", FileKind::Fifo, b""));
        fs::hard_link(at("fifo"), at("second")).unwrap();
        assert!(!taken(&top, "fifo", FileKind::Fifo, b""), "it has another name");
    }

    #[test]
    fn what_could_not_be_dressed_is_not_left_behind() {
        let host = tempfile::tempdir().unwrap();
        let (top, _) = root(&fs::File::open(host.path()).unwrap().into()).unwrap();
        // Nobody can be given to the number that says "as it is".
        let owner = Some((u32::MAX, 0));
        for kind in [FileKind::Regular, FileKind::Directory, FileKind::Symlink, FileKind::Fifo] {
            let new = New { kind, permissions: 0o600, owner, target: b"t".to_vec() };
            assert_eq!(create(&top, b"x", &new).map(drop), Err(Errno::EINVAL));
        }
        assert_eq!(fs::read_dir(host.path()).unwrap().count(), 0);
    }
}
