//! The host's files, relative to directories that are held open.

use super::side::{Entry, FileType, Identity, Located, Side, Status, World};
use rustix::fs::{AtFlags, Dir, FileType as HostType, Mode, OFlags, RawMode, Stat};
use rustix::fs::{fchmod, fstat, mkdirat, open, openat, statat, unlinkat};
use std::io;
use std::os::fd::OwnedFd;
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
/// Permissions that are given: set-id bits would now be another owner's.
const KEPT: u32 = 0o1777;

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
            FileType::Symlink | FileType::Special => Located::Special,
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

    fn finish_file(&mut self, file: &Self::File, permissions: u32) -> io::Result<()> {
        Ok(fchmod(file, mode(permissions))?)
    }

    fn close_file(&mut self, file: Self::File) -> io::Result<()> {
        drop(file);
        Ok(())
    }

    fn make_directory(&mut self, at: &OwnedFd, name: &[u8], _: u32) -> io::Result<()> {
        Ok(mkdirat(at, name, Mode::RWXU)?)
    }

    fn finish_directory(&mut self, directory: &OwnedFd, permissions: u32) -> io::Result<()> {
        Ok(fchmod(directory, mode(permissions))?)
    }

    fn remove_file(&mut self, at: &OwnedFd, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(at, name, AtFlags::empty())?)
    }

    fn remove_directory(&mut self, at: &OwnedFd, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(at, name, AtFlags::REMOVEDIR)?)
    }
}

fn mode(permissions: u32) -> Mode {
    Mode::from_raw_mode((permissions & KEPT) as RawMode)
}

fn file_type(kind: HostType) -> FileType {
    match kind {
        HostType::RegularFile => FileType::Regular,
        HostType::Directory => FileType::Directory,
        HostType::Symlink => FileType::Symlink,
        _ => FileType::Special,
    }
}

fn status(stat: &Stat) -> Status {
    Status {
        file_type: file_type(HostType::from_raw_mode(stat.st_mode)),
        permissions: stat.st_mode & 0o7777,
        bytes: u64::try_from(stat.st_size).unwrap_or(0),
        identity: Identity { world: World::Host, device: stat.st_dev, inode: stat.st_ino },
    }
}
