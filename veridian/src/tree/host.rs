//! The host's files, relative to directories that are held open.

use super::attributes::{Attributes, Preserved};
use super::side::{Entry, FileType, Identity, Located, Opened, Side, Status, World, Xattr};
use dataplane::file::FileTime;
use rustix::buffer::spare_capacity;
use rustix::fs::{
    AtFlags, Dir, FileType as HostType, Gid, Mode, OFlags, RawMode, Stat, Timespec, Timestamps,
    Uid, XattrFlags,
};
use rustix::fs::{
    chownat, fchmod, fchown, fgetxattr, flistxattr, fsetxattr, fstat, futimens, mkdirat, open,
    openat, readlinkat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

const READ_DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Not to wait for the other end if it has become a pipe meanwhile.
const READ_FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
const CREATE_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::TRUNC)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);
/// Longest list of names, and longest value, of extended attributes.
const LONGEST_XATTR: usize = 65_536;

/// The host.
pub(crate) struct Host;

impl Side for Host {
    const WORLD: World = World::Host;
    type Directory = OwnedFd;
    type File = std::fs::File;

    fn locate(&mut self, path: &[u8]) -> io::Result<Located<Self>> {
        let opened = open(path, READ_FILE, Mode::empty())?;
        let status = status(&fstat(&opened)?);
        Ok(match status.file_type {
            FileType::Regular => Located::File(opened.into(), status),
            FileType::Directory => Located::Directory(opened, status),
            _ => Located::Special,
        })
    }

    fn directory_at(&mut self, path: &[u8]) -> io::Result<OwnedFd> {
        Ok(open(path, READ_DIRECTORY, Mode::empty())?)
    }

    fn open_directory(&mut self, at: &OwnedFd, name: &[u8]) -> io::Result<OwnedFd> {
        Ok(openat(at, name, READ_DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?)
    }

    fn close_directory(&mut self, directory: OwnedFd) {
        drop(directory);
    }

    fn directory_status(&mut self, directory: &OwnedFd) -> io::Result<Status> {
        Ok(status(&fstat(directory)?))
    }

    fn entries(&mut self, directory: &OwnedFd) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for listed in Dir::read_from(directory)? {
            let listed = listed?;
            let name = listed.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let file_type = match listed.file_type() {
                // Some file systems do not say it in the listing; what has gone since is no entry.
                HostType::Unknown => match self.status(directory, name) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    status => status?.file_type,
                },
                known => file_type(known),
            };
            entries.extend(Entry::parse(name, file_type));
        }
        Ok(entries)
    }

    fn status(&mut self, at: &OwnedFd, name: &[u8]) -> io::Result<Status> {
        Ok(status(&statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    fn open_file(&mut self, at: &OwnedFd, name: &[u8]) -> io::Result<(Self::File, Status)> {
        let opened = openat(at, name, READ_FILE | OFlags::NOFOLLOW, Mode::empty())?;
        let status = status(&fstat(&opened)?);
        Ok((opened.into(), status))
    }

    fn read(&mut self, file: &Self::File, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut total = 0;
        while let Some(rest) = into.get_mut(total..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset + total as u64) {
                Ok(0) => break,
                Ok(count) => total += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }

    fn create_file(&mut self, at: &OwnedFd, name: &[u8], _: u32) -> io::Result<Self::File> {
        // Nobody else reads it before it has the permissions that it shall have.
        let file = openat(at, name, CREATE_FILE, Mode::RUSR | Mode::WUSR)?;
        if status(&fstat(&file)?).file_type != FileType::Regular {
            return Err(io::Error::other("not a regular file"));
        }
        Ok(file.into())
    }

    fn write(&mut self, file: &Self::File, offset: u64, from: &[u8]) -> io::Result<()> {
        file.write_all_at(from, offset)
    }

    fn close_file(&mut self, file: Self::File) -> io::Result<()> {
        drop(file);
        Ok(())
    }

    fn make_directory(&mut self, at: &OwnedFd, name: &[u8], _: u32) -> io::Result<()> {
        Ok(mkdirat(at, name, Mode::RWXU)?)
    }

    fn finish(&mut self, opened: Opened<'_, Self>, attributes: &Attributes) -> io::Result<()> {
        let opened = descriptor(opened);
        let Some(preserved) = &attributes.preserved else {
            return Ok(fchmod(opened, mode(attributes.permissions(false)))?);
        };
        let has_owner = preserved.give_owner(|uid, gid| {
            Ok(fchown(opened, uid.map(Uid::from_raw), Some(Gid::from_raw(gid)))?)
        })?;
        // A new owner would take set-id bits away again.
        fchmod(opened, mode(attributes.permissions(has_owner)))?;
        Ok(futimens(opened, &times(preserved))?)
    }

    fn xattrs(&mut self, opened: Opened<'_, Self>) -> io::Result<Vec<Xattr>> {
        let opened = descriptor(opened);
        let mut list = Vec::with_capacity(LONGEST_XATTR);
        match flistxattr(opened, spare_capacity(&mut list)) {
            Err(Errno::NOTSUP) => return Ok(Vec::new()),
            listed => listed?,
        };
        let xattr = |name: &[u8]| {
            let mut value = Vec::with_capacity(LONGEST_XATTR);
            fgetxattr(opened, name, spare_capacity(&mut value))?;
            Ok(Xattr { name: name.to_vec(), value })
        };
        Xattr::names(&list).map(xattr).collect()
    }

    fn set_xattr(&mut self, opened: Opened<'_, Self>, xattr: &Xattr) -> io::Result<()> {
        let (name, value) = (xattr.name.as_slice(), &xattr.value);
        Ok(fsetxattr(descriptor(opened), name, value, XattrFlags::empty())?)
    }

    fn read_link(&mut self, at: &OwnedFd, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(readlinkat(at, name, Vec::new())?.into_bytes())
    }

    fn make_link(&mut self, at: &OwnedFd, name: &[u8], text: &[u8]) -> io::Result<()> {
        Ok(symlinkat(text, at, name)?)
    }

    fn finish_link(&mut self, at: &OwnedFd, name: &[u8], preserved: &Preserved) -> io::Result<()> {
        let itself = AtFlags::SYMLINK_NOFOLLOW;
        preserved.give_owner(|uid, gid| {
            let (uid, gid) = (uid.map(Uid::from_raw), Some(Gid::from_raw(gid)));
            Ok(chownat(at, name, uid, gid, itself)?)
        })?;
        Ok(utimensat(at, name, &times(preserved), itself)?)
    }

    fn remove_file(&mut self, at: &OwnedFd, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(at, name, AtFlags::empty())?)
    }

    fn remove_directory(&mut self, at: &OwnedFd, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(at, name, AtFlags::REMOVEDIR)?)
    }
}

fn mode(permissions: u32) -> Mode {
    Mode::from_raw_mode(permissions as RawMode)
}

fn descriptor(opened: Opened<'_, Host>) -> BorrowedFd<'_> {
    match opened {
        Opened::File(file) => file.as_fd(),
        Opened::Directory(directory) => directory.as_fd(),
    }
}

fn times(preserved: &Preserved) -> Timestamps {
    let time = |at: FileTime| Timespec { tv_sec: at.seconds, tv_nsec: i64::from(at.nanoseconds) };
    Timestamps {
        last_access: time(preserved.accessed),
        last_modification: time(preserved.modified),
    }
}

fn time(seconds: i64, nanoseconds: u64) -> FileTime {
    FileTime { seconds, nanoseconds: u32::try_from(nanoseconds).unwrap_or(0), reserved: 0 }
}

fn file_type(kind: HostType) -> FileType {
    match kind {
        HostType::RegularFile => FileType::Regular,
        HostType::Directory => FileType::Directory,
        HostType::Symlink => FileType::Symlink,
        HostType::Fifo => FileType::Fifo,
        HostType::Socket => FileType::Socket,
        _ => FileType::Device,
    }
}

fn status(stat: &Stat) -> Status {
    Status {
        file_type: file_type(HostType::from_raw_mode(stat.st_mode)),
        permissions: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        bytes: u64::try_from(stat.st_size).unwrap_or(0),
        accessed: time(stat.st_atime, stat.st_atime_nsec),
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
        identity: Identity { world: World::Host, device: stat.st_dev, inode: stat.st_ino },
    }
}
