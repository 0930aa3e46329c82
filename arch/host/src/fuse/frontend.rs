//! The kernel's questions, one method each: arguments in, a call of [`Client`], the answer out.

use super::convert::{attributes, errno, file_type};
use super::locks::{self, Asked};
use super::principals::Caller;
use super::replies::{GENERATION, TIME_TO_LIVE, done, opened, space, status, told, xattr};
use super::requests::{Client, Result, Wanted, open_file};
use dataplane::client::ClientError;
use dataplane::entry::Errno as ServiceErrno;
use dataplane::file::{
    AllocateMode, DirectoryReader, LinkFlags, OpenFlags as VfsFlags, RenameFlags as VfsRename,
    SyncKind, UnlinkKind, Whence, XattrMode,
};
use fuser::{
    CopyFileRangeFlags, FileHandle, FileType, Filesystem, FopenFlags, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyLock, ReplyLseek, ReplyOpen, ReplyStatfs,
    ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

/// Largest write in one question, bytes.
const MAX_WRITE: u32 = 1 << 20;
/// Questions of the kernel's own, such as read-ahead, at a time.
const MAX_BACKGROUND: u16 = 64;

/// The file system that the kernel sees.
pub(super) struct Frontend(pub(super) Client);

fn caller(request: &Request) -> Caller {
    Caller { uid: request.uid(), gid: request.gid(), pid: request.pid() }
}

impl Filesystem for Frontend {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // What the kernel does not have, it does not need.
        for wanted in [
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_AUTO_INVAL_DATA,
            InitFlags::FUSE_POSIX_LOCKS,
        ] {
            let _unsupported = config.add_capabilities(wanted);
        }
        let _nearest = config.set_max_write(MAX_WRITE);
        let _nearest = config.set_max_background(MAX_BACKGROUND);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        told(reply, self.0.lookup(parent.0, name.as_bytes()));
    }

    fn forget(&self, _: &Request, number: INodeNo, times: u64) {
        self.0.forget(number.0, times);
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        status(reply, number, self.0.status(number.0));
    }

    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        permissions: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        accessed: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        file: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let wanted = Wanted { permissions, uid, gid, accessed, modified };
        let file = file.map(|file| file.0);
        status(reply, number, self.0.change(number.0, file, size, &wanted));
    }

    fn readlink(&self, _: &Request, number: INodeNo, reply: ReplyData) {
        let target = self.0.node(number.0).and_then(|link| self.0.queue().read_link(link, b""));
        match target {
            Ok(target) => reply.data(&target),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        device: u32,
        reply: ReplyEntry,
    ) {
        let name = name.as_bytes();
        let made = self.0.make(caller(request), (parent.0, name), |queue, directory| {
            queue.make_node((directory, name), mode, u64::from(device))
        });
        told(reply, made);
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let name = name.as_bytes();
        let made = self.0.make(caller(request), (parent.0, name), |queue, directory| {
            queue.mkdir(directory, name, mode & 0o7777)
        });
        told(reply, made);
    }

    fn unlink(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let at = (parent.0, name.as_bytes());
        done(reply, self.0.remove(caller(request), at, UnlinkKind::File));
    }

    fn rmdir(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let at = (parent.0, name.as_bytes());
        done(reply, self.0.remove(caller(request), at, UnlinkKind::Directory));
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let (name, target) = (name.as_bytes(), target.as_os_str().as_bytes());
        let made = self.0.make(caller(request), (parent.0, name), |queue, directory| {
            queue.symlink(target, (directory, name))
        });
        told(reply, made);
    }

    fn rename(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let renamed = (|| {
            let flags = VfsRename::from_bits(flags.bits())
                .ok_or(ClientError::Service(ServiceErrno::EINVAL))?;
            let (from, to) = (self.0.node(parent.0)?, self.0.node(new_parent.0)?);
            let (old, new) = ((from, name.as_bytes()), (to, new_name.as_bytes()));
            self.0.queue_of(caller(request))?.rename(old, new, flags)
        })();
        done(reply, renamed);
    }

    fn link(
        &self,
        request: &Request,
        number: INodeNo,
        new_parent: INodeNo,
        new_name: &OsStr,
        reply: ReplyEntry,
    ) {
        let linked = (|| {
            let (file, to) = (self.0.node(number.0)?, self.0.node(new_parent.0)?);
            let new = (to, new_name.as_bytes());
            self.0.queue_of(caller(request))?.link((file, b""), new, LinkFlags::EMPTY_PATH)?;
            self.0.lookup(new_parent.0, new_name.as_bytes())
        })();
        told(reply, linked);
    }

    fn open(&self, request: &Request, number: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        opened(reply, self.0.open(caller(request), number.0, flags.0));
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        file: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let mut queue = self.0.queue();
        match open_file(file.0).and_then(|file| queue.read_kept(file, offset, size)) {
            Ok(bytes) => reply.data(bytes),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        file: FileHandle,
        offset: u64,
        data: &[u8],
        write_flags: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let appends = !write_flags.contains(WriteFlags::FUSE_WRITE_CACHE);
        let writer = self.0.writer(file.0, appends);
        let written = writer.and_then(|file| self.0.queue().write(file, offset, data));
        match written {
            Ok(count) => reply.written(u32::try_from(count).unwrap_or(u32::MAX)),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn flush(
        &self,
        _: &Request,
        number: INodeNo,
        file: FileHandle,
        owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        done(reply, self.0.unlock_all((number.0, file.0, owner.0)));
    }

    fn release(
        &self,
        _: &Request,
        number: INodeNo,
        file: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.0.locks.holders.released(number.0, file.0);
        done(reply, self.0.release(file.0));
    }

    fn fsync(&self, _: &Request, _: INodeNo, file: FileHandle, data_only: bool, reply: ReplyEmpty) {
        let kind = if data_only { SyncKind::Data } else { SyncKind::All };
        done(reply, open_file(file.0).and_then(|file| self.0.queue().fsync(file, kind)));
    }

    fn opendir(&self, request: &Request, number: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        opened(
            reply,
            self.0.open(caller(request), number.0, VfsFlags::empty().bits().cast_signed()),
        );
    }

    fn readdir(
        &self,
        _: &Request,
        number: INodeNo,
        file: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        match self.list(number.0, file.0, offset, &mut reply) {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        file: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        done(reply, self.0.release(file.0));
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, file: FileHandle, _: bool, reply: ReplyEmpty) {
        done(reply, open_file(file.0).and_then(|file| self.0.queue().fsync(file, SyncKind::All)));
    }

    fn statfs(&self, _: &Request, number: INodeNo, reply: ReplyStatfs) {
        let node = self.0.node(number.0);
        space(reply, node.and_then(|node| self.0.queue().filesystem_status(node)));
    }

    fn setxattr(
        &self,
        _: &Request,
        number: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _: u32,
        reply: ReplyEmpty,
    ) {
        let set = (|| {
            let mode = XattrMode::from_bits(flags.cast_unsigned())?;
            let node = self.0.node(number.0)?;
            self.0.queue().set_xattr(node, (name.as_bytes(), value), mode)
        })();
        done(reply, set);
    }

    fn getxattr(&self, _: &Request, number: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let node = self.0.node(number.0);
        xattr(reply, size, node.and_then(|node| self.0.queue().xattr(node, name.as_bytes())));
    }

    fn listxattr(&self, request: &Request, number: INodeNo, size: u32, reply: ReplyXattr) {
        let node = self.0.node(number.0);
        let names = node.and_then(|node| self.0.queue().xattr_names(node));
        // The session may know of more than the caller.
        let visible = |name: &&[u8]| request.uid() == 0 || !name.starts_with(b"trusted.");
        let names = names.map(|names| {
            names.split_inclusive(|byte| *byte == 0).filter(visible).collect::<Vec<_>>().concat()
        });
        xattr(reply, size, names);
    }

    fn removexattr(&self, _: &Request, number: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let node = self.0.node(number.0);
        done(reply, node.and_then(|node| self.0.queue().remove_xattr(node, name.as_bytes())));
    }

    fn fallocate(
        &self,
        _: &Request,
        _: INodeNo,
        file: FileHandle,
        offset: u64,
        len: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let allocated = (|| {
            let mode = AllocateMode::from_bits(mode.cast_unsigned())?;
            self.0.queue().allocate(open_file(file.0)?, mode, offset, len)
        })();
        done(reply, allocated);
    }

    fn lseek(
        &self,
        _: &Request,
        _: INodeNo,
        file: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let found = (|| {
            let whence = Whence::from_bits(whence.cast_unsigned())?;
            let offset = u64::try_from(offset).map_err(|_| ServiceErrno::ENXIO)?;
            self.0.queue().seek(open_file(file.0)?, offset, whence)
        })();
        match found {
            Ok(found) => reply.offset(found.cast_signed()),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn copy_file_range(
        &self,
        _: &Request,
        _: INodeNo,
        from: FileHandle,
        offset: u64,
        _: INodeNo,
        to: FileHandle,
        to_offset: u64,
        len: u64,
        _: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        let copied = (|| {
            let (from, to) = (open_file(from.0)?, open_file(to.0)?);
            let len = u32::try_from(len).unwrap_or(u32::MAX);
            self.0.queue().copy_range((from, offset), (to, to_offset), len)
        })();
        match copied {
            Ok(count) => reply.written(count),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn getlk(
        &self,
        _: &Request,
        number: INodeNo,
        file: FileHandle,
        owner: LockOwner,
        first: u64,
        last: u64,
        kind: i32,
        pid: u32,
        reply: ReplyLock,
    ) {
        match Asked::parse((number.0, file.0, owner.0), pid, (first, last), kind) {
            Ok(asked) => self.0.tell_lock(&asked, reply),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn setlk(
        &self,
        request: &Request,
        number: INodeNo,
        file: FileHandle,
        owner: LockOwner,
        first: u64,
        last: u64,
        kind: i32,
        pid: u32,
        waits: bool,
        reply: ReplyEmpty,
    ) {
        let asked = match Asked::parse((number.0, file.0, owner.0), pid, (first, last), kind) {
            Ok(asked) => asked,
            Err(error) => return reply.error(errno(error)),
        };
        match self.0.lock(&asked) {
            Ok(()) => reply.ok(),
            Err(ClientError::Service(ServiceErrno::EAGAIN)) if waits => {
                self.0.wait_for_lock(asked, request.pid(), reply);
            }
            Err(error) => reply.error(locks::errno(error)),
        }
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let at = (parent.0, name.as_bytes());
        match self.0.create(caller(request), at, mode & 0o7777, flags) {
            Ok((number, status, file)) => reply.created(
                &TIME_TO_LIVE,
                &attributes(number, &status),
                GENERATION,
                FileHandle(file),
                FopenFlags::empty(),
            ),
            Err(error) => reply.error(errno(error)),
        }
    }
}

impl Frontend {
    /// Adds entries behind a cookie until the reply is full.
    fn list(&self, number: u64, file: u64, cookie: u64, reply: &mut ReplyDirectory) -> Result<()> {
        let device = self.0.nodes.device(number);
        let device = device.ok_or(ClientError::Service(ServiceErrno::ESTALE))?;
        let mut entries = Vec::new();
        self.0.queue().directory_part(open_file(file)?, cookie, &mut entries)?;
        for entry in DirectoryReader::new(&entries) {
            let number = INodeNo(self.0.nodes.number_in_listing(device, entry.inode));
            let kind = entry.kind.map_or(FileType::RegularFile, file_type);
            if reply.add(number, entry.cookie, kind, OsStr::from_bytes(entry.name)) {
                break;
            }
        }
        Ok(())
    }
}
