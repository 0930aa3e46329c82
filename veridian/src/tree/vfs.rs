//! The system's files, through a queue of a session with the vfs.

use super::attributes::{Attributes, Preserved};
use super::side::{Entry, FileType, Identity, Located, Opened, Side, Status, World, Xattr};
use control::client::{ConnectError, Connection, Session, SessionOptions};
use dataplane::client::{ClientError, Queue};
use dataplane::entry::{Errno, Handle};
use dataplane::file::{
    AttributeChange, AttributeMask, FileKind, FileStatus, OpenFlags, UnlinkKind, XattrMode,
};
use std::io;

/// What the vfs is called.
const SERVICE: &str = "vfs";
/// Permissions that new things have at first: set-id bits would now be another owner's.
const KEPT: u32 = 0o1777;
/// What a directory's owner needs to fill it.
const OWNER_FILLS: u32 = 0o300;
const TIMES: AttributeMask = AttributeMask::ACCESSED.union(AttributeMask::MODIFIED);
const DIRECTORY: OpenFlags = OpenFlags::DIRECTORY.union(OpenFlags::NO_FOLLOW);

/// A session with the vfs, of one queue.
pub(crate) struct Vfs {
    pub(crate) queue: Queue,
    pub(crate) root: Handle,
    /// Keeps the session open.
    _session: Session,
}

impl Vfs {
    /// Opens a session.
    pub(crate) fn connect(
        connection: &Connection,
        options: SessionOptions,
    ) -> Result<Self, ConnectError> {
        let mut session = connection.connect(SERVICE, options)?;
        let queue = session.take_queue().ok_or(ConnectError::Protocol)?;
        Ok(Self { queue, root: session.root(), _session: session })
    }

    /// The attributes of what a path names; a symbolic link at its end is not followed.
    pub(crate) fn stat(&mut self, at: Handle, path: &[u8]) -> io::Result<FileStatus> {
        self.queue.stat_link(at, path).map_err(error)
    }

    /// Gives what a path names, a symbolic link itself too, to its owner, as far as that is
    /// permitted; whether it was.
    fn give_owner(&mut self, at: (Handle, &[u8]), preserved: &Preserved) -> io::Result<bool> {
        preserved.give_owner(|uid, gid| {
            let mut mask = AttributeMask::GROUP;
            mask.set(AttributeMask::OWNER, uid.is_some());
            let (mask, uid) = (mask.bits(), uid.unwrap_or(0));
            let change = AttributeChange { mask, uid, gid, ..AttributeChange::default() };
            self.queue.set_link_attributes(at, &change).map_err(error)
        })
    }

    fn open(&mut self, at: Handle, path: &[u8], flags: OpenFlags) -> io::Result<(Handle, Status)> {
        let file = self.queue.open(at, path, flags, 0).map_err(error)?;
        match self.status(&file, b"") {
            Ok(status) => Ok((file, status)),
            Err(error) => {
                self.close_directory(file);
                Err(error)
            }
        }
    }
}

impl Side for Vfs {
    const WORLD: World = World::System;
    type Directory = Handle;
    type File = Handle;

    fn locate(&mut self, path: &[u8]) -> io::Result<Located<Self>> {
        let found = self.queue.stat(self.root, path).map_err(error)?;
        Ok(match file_type(found.kind()) {
            FileType::Directory => Located::Directory(self.directory_at(path)?, status(&found)),
            FileType::Regular => {
                // What was named is followed; what is found within directories is not.
                let (file, status) = self.open(self.root, path, OpenFlags::empty())?;
                Located::File(file, status)
            }
            _ => Located::Special,
        })
    }

    fn directory_at(&mut self, path: &[u8]) -> io::Result<Handle> {
        self.queue.open(self.root, path, OpenFlags::DIRECTORY, 0).map_err(error)
    }

    fn open_directory(&mut self, at: &Handle, name: &[u8]) -> io::Result<Handle> {
        self.queue.open(*at, name, DIRECTORY, 0).map_err(error)
    }

    fn close_directory(&mut self, directory: Handle) {
        // It fails only if the session is over, and then nothing is left to close.
        let _ = self.queue.close(directory);
    }

    fn directory_status(&mut self, directory: &Handle) -> io::Result<Status> {
        self.status(directory, b"")
    }

    fn entries(&mut self, directory: &Handle) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut unknown = Vec::new();
        self.queue
            .read_directory(*directory, |entry| match entry.kind {
                Some(kind) => entries.extend(Entry::parse(entry.name, file_type(kind))),
                None => unknown.push(entry.name.to_vec()),
            })
            .map_err(error)?;
        for name in unknown {
            match self.status(directory, &name) {
                Ok(status) => entries.extend(Entry::parse(&name, status.file_type)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    fn status(&mut self, at: &Handle, name: &[u8]) -> io::Result<Status> {
        self.stat(*at, name).map(|found| status(&found))
    }

    fn open_file(&mut self, at: &Handle, name: &[u8]) -> io::Result<(Handle, Status)> {
        self.open(*at, name, OpenFlags::NO_FOLLOW)
    }

    fn read(&mut self, file: &Handle, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.queue.read(*file, offset, into).map_err(error)
    }

    fn create_file(&mut self, at: &Handle, name: &[u8], permissions: u32) -> io::Result<Handle> {
        let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::NO_FOLLOW;
        let flags = flags | OpenFlags::WRITE_ONLY;
        self.queue.open(*at, name, flags, permissions & KEPT).map_err(error)
    }

    fn write(&mut self, file: &Handle, offset: u64, from: &[u8]) -> io::Result<()> {
        let mut done = 0;
        while let Some(rest) = from.get(done..).filter(|rest| !rest.is_empty()) {
            // It stops at an error after part was written; going on brings the error to light.
            match self.queue.write(*file, offset + done as u64, rest).map_err(error)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => done += count,
            }
        }
        Ok(())
    }

    fn close_file(&mut self, file: Handle) -> io::Result<()> {
        self.queue.close(file).map_err(error)
    }

    fn make_directory(&mut self, at: &Handle, name: &[u8], permissions: u32) -> io::Result<()> {
        self.queue.mkdir(*at, name, permissions & KEPT | OWNER_FILLS).map_err(error)
    }

    fn finish(&mut self, opened: Opened<'_, Self>, attributes: &Attributes) -> io::Result<()> {
        let handle = handle(opened);
        let permissions = attributes.permissions(false);
        match (&attributes.preserved, opened) {
            (Some(preserved), _) => {
                let has_owner = self.give_owner((handle, b""), preserved)?;
                let permissions = attributes.permissions(has_owner);
                let mask = AttributeMask::PERMISSIONS | TIMES;
                let change = AttributeChange { permissions, ..change(mask, preserved) };
                self.queue.set_attributes((handle, b""), &change).map_err(error)
            }
            (None, Opened::Directory(_)) if permissions & OWNER_FILLS != OWNER_FILLS => {
                let mask = AttributeMask::PERMISSIONS.bits();
                let change = AttributeChange { mask, permissions, ..AttributeChange::default() };
                self.queue.set_attributes((handle, b""), &change).map_err(error)
            }
            // It was made with them.
            (None, _) => Ok(()),
        }
    }

    fn xattrs(&mut self, opened: Opened<'_, Self>) -> io::Result<Vec<Xattr>> {
        let handle = handle(opened);
        let list = match self.queue.xattr_names(handle) {
            Err(ClientError::Service(Errno::EOPNOTSUPP)) => return Ok(Vec::new()),
            listed => listed.map_err(error)?,
        };
        let mut xattr = |name: &[u8]| {
            let value = self.queue.xattr(handle, name).map_err(error)?;
            Ok(Xattr { name: name.to_vec(), value })
        };
        Xattr::names(&list).map(&mut xattr).collect()
    }

    fn set_xattr(&mut self, opened: Opened<'_, Self>, xattr: &Xattr) -> io::Result<()> {
        let pair = (xattr.name.as_slice(), xattr.value.as_slice());
        self.queue.set_xattr(handle(opened), pair, XattrMode::Any).map_err(error)
    }

    fn read_link(&mut self, at: &Handle, name: &[u8]) -> io::Result<Vec<u8>> {
        self.queue.read_link(*at, name).map_err(error)
    }

    fn make_link(&mut self, at: &Handle, name: &[u8], text: &[u8]) -> io::Result<()> {
        self.queue.symlink(text, (*at, name)).map_err(error)
    }

    fn finish_link(&mut self, at: &Handle, name: &[u8], preserved: &Preserved) -> io::Result<()> {
        self.give_owner((*at, name), preserved)?;
        let change = change(TIMES, preserved);
        self.queue.set_link_attributes((*at, name), &change).map_err(error)
    }

    fn remove_file(&mut self, at: &Handle, name: &[u8]) -> io::Result<()> {
        self.queue.unlink(*at, name, UnlinkKind::File).map_err(error)
    }

    fn remove_directory(&mut self, at: &Handle, name: &[u8]) -> io::Result<()> {
        self.queue.unlink(*at, name, UnlinkKind::Directory).map_err(error)
    }
}

/// The client's error as one of the standard library's; see [`super::side`].
pub(crate) fn error(error: ClientError) -> io::Error {
    match error {
        ClientError::Service(Errno(errno)) => io::Error::from_raw_os_error(errno),
        over => io::Error::other(over),
    }
}

fn handle(opened: Opened<'_, Vfs>) -> Handle {
    match opened {
        Opened::File(handle) | Opened::Directory(handle) => *handle,
    }
}

/// A change of times, and of what else the mask says.
fn change(mask: AttributeMask, preserved: &Preserved) -> AttributeChange {
    let Preserved { accessed, modified, .. } = *preserved;
    AttributeChange { mask: mask.bits(), accessed, modified, ..AttributeChange::default() }
}

fn file_type(kind: FileKind) -> FileType {
    match kind {
        FileKind::Regular => FileType::Regular,
        FileKind::Directory => FileType::Directory,
        FileKind::Symlink => FileType::Symlink,
        FileKind::Fifo => FileType::Fifo,
        FileKind::Socket => FileType::Socket,
        FileKind::CharacterDevice | FileKind::BlockDevice => FileType::Device,
    }
}

fn status(status: &FileStatus) -> Status {
    Status {
        file_type: file_type(status.kind()),
        permissions: status.mode & 0o7777,
        uid: status.uid,
        gid: status.gid,
        bytes: status.size,
        accessed: status.accessed,
        modified: status.modified,
        identity: Identity { world: World::System, device: status.device, inode: status.inode },
    }
}
