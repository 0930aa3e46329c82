//! The operations as system calls.
//!
//! Two things are asked for in other words: ZERO_RANGE, which tmpfs does not have, as a hole and
//! then space; and a name for an open file by way of `/proc`, because others than root may not ask
//! for it directly.

use crate::kernel::Kernel;
use crate::naive::TimeChange;
use crate::operation::{At, Object, Operation, Outcome, Position, Value};
use crate::seen::Status;
use dataplane::entry::Errno;
use dataplane::file::{AllocateMode, FileKind, OpenFlags, UnlinkKind, Whence};
use rustix::fs::{
    self, AtFlags, FallocateFlags, FileType, Gid, Mode, OFlags, RawDir, RenameFlags, SeekFrom,
    Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, Uid, XattrFlags,
};
use rustix::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// Bytes for listings, names and values.
const ROOM: usize = 70_000;
/// What stands for a handle's own file.
const OWN: &str = "";

type Result<T> = std::result::Result<T, Errno>;
type Place<'a> = (BorrowedFd<'a>, &'a str);

impl Kernel {
    /// Does what a client does, as whoever this process is.
    pub(crate) fn call(&mut self, client: usize, operation: &Operation) -> Outcome {
        match operation {
            Operation::Open { slot, at, flags, mode } => {
                let place = self.place(client, at)?;
                let opened = io(fs::openat(place.0, place.1, open_flags(*flags), bits(*mode)))?;
                self.open.put(client, *slot, opened);
                Ok(Value::Done)
            }
            Operation::Close(slot) => self.open.take(client, *slot).map(|_| Value::Done),
            Operation::Stat(object) => {
                let (directory, path, flags) = self.object(client, object)?;
                let status = io(fs::statat(directory, path, flags))?;
                Ok(self.watch.see(&status.into()))
            }
            Operation::Link { from, to } => self.link(client, from, to),
            _ => match operation.object() {
                Some(object) => self.on_attributes(client, object, operation),
                None if operation.paths().is_empty() => self.on_files(client, operation),
                None => self.on_names(client, operation),
            },
        }
    }

    fn file(&self, client: usize, slot: usize) -> Result<BorrowedFd<'_>> {
        self.open.find(client, slot).map(AsFd::as_fd)
    }

    fn place<'a>(&'a self, client: usize, at: &'a At) -> Result<Place<'a>> {
        let base = match at.base {
            Some(slot) => self.file(client, slot)?,
            None => self.root.as_fd(),
        };
        Ok((base, &at.path))
    }

    /// What a call that takes all ways to name a file gets.
    fn object<'a>(
        &'a self,
        client: usize,
        object: &'a Object,
    ) -> Result<(BorrowedFd<'a>, &'a str, AtFlags)> {
        let with = |(directory, path), flags| (directory, path, flags);
        Ok(match object {
            Object::Slot(slot) => (self.file(client, *slot)?, OWN, AtFlags::EMPTY_PATH),
            Object::Followed(at) => with(self.place(client, at)?, AtFlags::empty()),
            Object::Link(at) => with(self.place(client, at)?, AtFlags::SYMLINK_NOFOLLOW),
        })
    }

    fn on_files(&self, client: usize, operation: &Operation) -> Outcome {
        let file = |slot: usize| self.file(client, slot);
        match *operation {
            Operation::Read { from, len } => {
                let mut bytes = vec![0; len];
                let count = io(io::pread(file(from.slot)?, &mut bytes, from.offset))?;
                bytes.truncate(count);
                Ok(Value::Bytes(bytes))
            }
            Operation::Write { to, bytes } => {
                let count = io::pwrite(file(to.slot)?, &bytes.bytes(), to.offset);
                Ok(Value::Count(io(count)? as u64))
            }
            Operation::Truncate { slot, size } => done(fs::ftruncate(file(slot)?, size)),
            Operation::Allocate { at, len, mode } => {
                done(allocate(file(at.slot)?, at.offset, len, mode))
            }
            Operation::Seek { from: Position { slot, offset }, whence } => {
                let position = match whence {
                    Whence::Data => SeekFrom::Data(offset),
                    Whence::Hole => SeekFrom::Hole(offset),
                };
                io(fs::seek(file(slot)?, position)).map(Value::Count)
            }
            Operation::Copy { from, to, len } => {
                let (source, target) = (file(from.slot)?, file(to.slot)?);
                let (mut at, mut to_at) = (from.offset, to.offset);
                let len = usize::try_from(len).unwrap();
                let copied =
                    fs::copy_file_range(source, Some(&mut at), target, Some(&mut to_at), len);
                Ok(Value::Count(io(copied)? as u64))
            }
            Operation::Sync(slot) => done(fs::fsync(file(slot)?)),
            Operation::List(slot) => list(file(slot)?),
            _ => panic!("not on an open file: {operation:?}"),
        }
    }

    fn on_names(&self, client: usize, operation: &Operation) -> Outcome {
        let (directory, path) = self.place(client, operation.paths()[0].0)?;
        done(match operation {
            Operation::Mkdir { mode, .. } => fs::mkdirat(directory, path, bits(*mode)),
            Operation::MakeNode { mode, .. } => {
                let kind = FileType::from_raw_mode(*mode);
                // 0 and a regular file's kind mean the same.
                let kind = if kind == FileType::Unknown { FileType::RegularFile } else { kind };
                fs::mknodat(directory, path, kind, bits(*mode), 0)
            }
            Operation::Symlink { target, .. } => fs::symlinkat(target, directory, path),
            Operation::ReadLink(_) => {
                let target = io(fs::readlinkat(directory, path, Vec::new()))?;
                return Ok(Value::Text(target.into_string().unwrap()));
            }
            Operation::Remove { kind: UnlinkKind::File, .. } => {
                fs::unlinkat(directory, path, AtFlags::empty())
            }
            Operation::Remove { kind: UnlinkKind::Directory, .. } => {
                fs::unlinkat(directory, path, AtFlags::REMOVEDIR)
            }
            Operation::Rename { new, flags, .. } => {
                let (to, new) = self.place(client, new)?;
                let flags = RenameFlags::from_bits_retain(flags.bits());
                fs::renameat_with(directory, path, to, new, flags)
            }
            _ => panic!("not on a name: {operation:?}"),
        })
    }

    fn link(&self, client: usize, from: &Object, to: &At) -> Outcome {
        let (to, new) = self.place(client, to)?;
        let (directory, old, flags) = match from {
            Object::Slot(slot) => {
                let name = self.file(client, *slot)?.as_raw_fd().to_string();
                (self.own_files.as_fd(), name, AtFlags::SYMLINK_FOLLOW)
            }
            Object::Followed(at) => {
                let (directory, path) = self.place(client, at)?;
                (directory, path.to_owned(), AtFlags::SYMLINK_FOLLOW)
            }
            Object::Link(at) => {
                let (directory, path) = self.place(client, at)?;
                (directory, path.to_owned(), AtFlags::empty())
            }
        };
        done(fs::linkat(directory, old, to, new, flags))
    }

    fn on_attributes(&self, client: usize, object: &Object, operation: &Operation) -> Outcome {
        let (directory, path, flags) = self.object(client, object)?;
        match operation {
            Operation::ChangeMode { mode, .. } => done(match object {
                Object::Slot(_) => fs::fchmod(directory, bits(*mode)),
                _ => fs::chmodat(directory, path, bits(*mode), flags),
            }),
            Operation::ChangeOwner { uid, gid, .. } => {
                let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
                done(fs::chownat(directory, path, uid, gid, flags))
            }
            Operation::ChangeTimes { accessed, modified, .. } => {
                let times = Timestamps {
                    last_access: timespec(*accessed),
                    last_modification: timespec(*modified),
                };
                done(fs::utimensat(directory, path, &times, flags))
            }
            _ => on_xattrs(object, directory, operation),
        }
    }
}

/// Extended attributes are those of a file that is open, or of a path from the present directory.
fn on_xattrs(object: &Object, file: BorrowedFd<'_>, operation: &Operation) -> Outcome {
    let mut room = vec![0; ROOM];
    match operation {
        Operation::SetXattr { name, value, mode, .. } => {
            let (value, flags) = (&value.bytes(), XattrFlags::from_bits_retain(mode.bits()));
            done(match object {
                Object::Slot(_) => fs::fsetxattr(file, name, value, flags),
                Object::Followed(at) => fs::setxattr(&at.path, name, value, flags),
                Object::Link(at) => fs::lsetxattr(&at.path, name, value, flags),
            })
        }
        Operation::Xattr { name, .. } => {
            let len = io(match object {
                Object::Slot(_) => fs::fgetxattr(file, name, &mut room[..]),
                Object::Followed(at) => fs::getxattr(&at.path, name, &mut room[..]),
                Object::Link(at) => fs::lgetxattr(&at.path, name, &mut room[..]),
            })?;
            Ok(Value::Bytes(room[..len].to_vec()))
        }
        Operation::XattrNames(_) => {
            let len = io(match object {
                Object::Slot(_) => fs::flistxattr(file, &mut room[..]),
                Object::Followed(at) => fs::listxattr(&at.path, &mut room[..]),
                Object::Link(at) => fs::llistxattr(&at.path, &mut room[..]),
            })?;
            Ok(Value::names(&room[..len]))
        }
        Operation::RemoveXattr { name, .. } => done(match object {
            Object::Slot(_) => fs::fremovexattr(file, name),
            Object::Followed(at) => fs::removexattr(&at.path, name),
            Object::Link(at) => fs::lremovexattr(&at.path, name),
        }),
        _ => panic!("not on attributes: {operation:?}"),
    }
}

fn allocate(file: BorrowedFd<'_>, offset: u64, len: u64, mode: AllocateMode) -> io::Result<()> {
    let keep_size = FallocateFlags::KEEP_SIZE;
    let punch = keep_size | FallocateFlags::PUNCH_HOLE;
    let (first, then) = match mode {
        AllocateMode::Allocate => (FallocateFlags::empty(), None),
        AllocateMode::AllocateKeepSize => (keep_size, None),
        AllocateMode::PunchHole => (punch, None),
        AllocateMode::ZeroRange => (punch, Some(FallocateFlags::empty())),
        AllocateMode::ZeroRangeKeepSize => (punch, Some(keep_size)),
    };
    fs::fallocate(file, first, offset, len)?;
    then.map_or(Ok(()), |flags| fs::fallocate(file, flags, offset, len))
}

fn list(directory: BorrowedFd<'_>) -> Outcome {
    io(fs::seek(directory, SeekFrom::Start(0)))?;
    let mut room = vec![MaybeUninit::uninit(); ROOM];
    let mut listing = RawDir::new(directory, &mut room);
    let mut entries = vec![];
    while let Some(entry) = listing.next() {
        let entry = io(entry)?;
        let name = entry.file_name().to_str().unwrap();
        if ![".", ".."].contains(&name) {
            let kind = FileKind::from_mode(entry.file_type().as_raw_mode()).unwrap();
            entries.push((name.to_owned(), kind));
        }
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Value::Entries(entries))
}

/// Opening must not wait: whether it does has no other influence here.
fn open_flags(flags: OpenFlags) -> OFlags {
    let mut to = OFlags::from_bits_retain(flags.bits()) | OFlags::CLOEXEC | OFlags::NONBLOCK;
    if flags.contains(OpenFlags::TEMPORARY) {
        to |= OFlags::DIRECTORY;
    }
    to
}

fn bits(mode: u32) -> Mode {
    Mode::from_raw_mode(mode)
}

fn timespec(change: TimeChange) -> Timespec {
    match change {
        TimeChange::Keep => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        TimeChange::Now => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
        TimeChange::Set((seconds, nanoseconds)) => {
            Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() }
        }
    }
}

impl From<Stat> for Status {
    fn from(status: Stat) -> Self {
        Self {
            inode: status.st_ino,
            mode: status.st_mode,
            links: status.st_nlink.try_into().unwrap(),
            uid: status.st_uid,
            gid: status.st_gid,
            size: status.st_size.try_into().unwrap(),
            modified: (status.st_mtime, status.st_mtime_nsec.try_into().unwrap()),
            changed: (status.st_ctime, status.st_ctime_nsec.try_into().unwrap()),
        }
    }
}

fn done(result: io::Result<()>) -> Outcome {
    io(result).map(|()| Value::Done)
}

fn io<T>(result: io::Result<T>) -> Result<T> {
    result.map_err(|errno| Errno(errno.raw_os_error()))
}
