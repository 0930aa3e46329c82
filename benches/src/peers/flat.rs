//! `fuser`: the least that a file system on the crate `fuser` can be, which is what our mount is
//! built on too: one directory of files in memory, and no service behind it.
//!
//! No permissions, no owners, nothing but regular files; what is removed is gone, also for who has
//! it open.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use fuser::{
    Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, KernelConfig, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, Session, SessionACL,
    TimeOrNow, WriteFlags,
};

use crate::mounts;
use crate::server::Control;

/// What the kernel may keep from one question to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Pages of files that have not changed, as of our mount.
    Pages,
    /// Names, attributes, pages and listings, for as long as it likes.
    Everything,
}

/// Serves an empty one at a mount point until the client is gone.
///
/// # Errors
/// When it cannot be mounted, or not be unmounted.
pub(super) fn serve(control: &Control<'_>, point: &str, keeping: Keeping) -> Result<()> {
    control.outlive_client()?;
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName("bench".to_owned()),
        MountOption::DefaultPermissions,
        MountOption::NoDev,
    ];
    config.acl = if mounts::others() { SessionACL::All } else { SessionACL::Owner };
    config.n_threads = Some(usize::from(mounts::THREADS));
    config.clone_fd = true;
    let files = Flat { keeping, files: RwLock::default() };
    let session = Session::new(files, point, &config)?.spawn()?;
    mounts::serve(control, point, || mounts::unmount(point))?;
    // Who is still in there is not waited for.
    std::mem::forget(session);
    Ok(())
}

const GENERATION: Generation = Generation(0);

struct Flat {
    keeping: Keeping,
    files: RwLock<Files>,
}

/// Numbers are given in order and never again, so a listing goes on behind the last one.
#[derive(Default)]
struct Files {
    numbers: HashMap<OsString, u64>,
    files: BTreeMap<u64, File>,
    last: u64,
}

struct File {
    name: OsString,
    bytes: Vec<u8>,
    modified: SystemTime,
}

impl Flat {
    fn files(&self) -> RwLockReadGuard<'_, Files> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn files_mut(&self) -> RwLockWriteGuard<'_, Files> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn time_to_live(&self) -> Duration {
        match self.keeping {
            Keeping::Pages => Duration::ZERO,
            Keeping::Everything => Duration::from_secs(3600),
        }
    }

    fn open_flags(&self, of_directory: bool) -> FopenFlags {
        match self.keeping {
            Keeping::Pages => FopenFlags::empty(),
            Keeping::Everything if of_directory => {
                FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR
            }
            Keeping::Everything => FopenFlags::FOPEN_KEEP_CACHE,
        }
    }
}

impl Files {
    /// The attributes of a file, or of the directory.
    fn attributes(&self, number: u64) -> Option<FileAttr> {
        if number == INodeNo::ROOT.0 {
            return Some(attributes(number, FileType::Directory, 0, SystemTime::UNIX_EPOCH));
        }
        let file = self.files.get(&number)?;
        Some(attributes(number, FileType::RegularFile, file.bytes.len() as u64, file.modified))
    }
}

fn attributes(number: u64, kind: FileType, size: u64, modified: SystemTime) -> FileAttr {
    FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: modified,
        mtime: modified,
        ctime: modified,
        crtime: modified,
        kind,
        perm: 0o777,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

/// An offset as an index.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl Filesystem for Flat {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let _unsupported = config.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS);
        if self.keeping == Keeping::Pages {
            let _unsupported = config.add_capabilities(InitFlags::FUSE_AUTO_INVAL_DATA);
        }
        let _nearest = config.set_max_write(1 << 20);
        let _nearest = config.set_max_background(64);
        Ok(())
    }

    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let files = self.files();
        let found = files.numbers.get(name).and_then(|number| files.attributes(*number));
        match found {
            Some(found) => reply.entry(&self.time_to_live(), &found, GENERATION),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.files().attributes(number.0) {
            Some(found) => reply.attr(&self.time_to_live(), &found),
            None => reply.error(Errno::ESTALE),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut files = self.files_mut();
        if let (Some(size), Some(file)) = (size, files.files.get_mut(&number.0)) {
            file.bytes.resize(index(size), 0);
            file.modified = SystemTime::now();
        }
        match files.attributes(number.0) {
            Some(now) => reply.attr(&self.time_to_live(), &now),
            None => reply.error(Errno::ESTALE),
        }
    }

    fn unlink(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let mut files = self.files_mut();
        match files.numbers.remove(name) {
            Some(number) => {
                files.files.remove(&number);
                reply.ok();
            }
            None => reply.error(Errno::ENOENT),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), self.open_flags(false));
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), self.open_flags(true));
    }

    fn create(
        &self,
        _: &Request,
        _: INodeNo,
        name: &OsStr,
        _: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let mut files = self.files_mut();
        files.last = files.last.max(INodeNo::ROOT.0) + 1;
        let number = files.last;
        let (name, modified) = (name.to_owned(), SystemTime::now());
        files.numbers.insert(name.clone(), number);
        files.files.insert(number, File { name, bytes: Vec::new(), modified });
        let made = attributes(number, FileType::RegularFile, 0, modified);
        let flags = self.open_flags(false);
        reply.created(&self.time_to_live(), &made, GENERATION, FileHandle(0), flags);
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let files = self.files();
        let bytes = files.files.get(&number.0).map(|file| file.bytes.as_slice());
        let rest = bytes.and_then(|bytes| bytes.get(index(offset)..)).unwrap_or_default();
        reply.data(rest.get(..size as usize).unwrap_or(rest));
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut files = self.files_mut();
        let Some(file) = files.files.get_mut(&number.0) else {
            return reply.error(Errno::ESTALE);
        };
        let (start, end) = (index(offset), index(offset).saturating_add(data.len()));
        file.bytes.resize(file.bytes.len().max(end), 0);
        if let Some(place) = file.bytes.get_mut(start..end) {
            place.copy_from_slice(data);
        }
        file.modified = SystemTime::now();
        reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX));
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        for (number, file) in self.files().files.range(offset + 1..) {
            if reply.add(INodeNo(*number), *number, FileType::RegularFile, &file.name) {
                break;
            }
        }
        reply.ok();
    }
}
