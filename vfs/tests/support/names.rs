//! What a client asks for about names and attributes.

use super::client::{Client, DATA, Outcome, RECORD, SECOND_PATH};
use dataplane::ArenaRange;
use dataplane::entry::Handle;
use dataplane::file::{
    AllocateMode, AttributeChange, AttributeMask, FileTime, FilesystemStatus, LinkFlags, Request,
    Whence, XattrMode,
};
use zerocopy::{FromBytes, IntoBytes};

/// Nothing yet; for `..NO_CHANGE`.
pub(crate) fn change(mask: AttributeMask) -> AttributeChange {
    AttributeChange { mask: mask.bits(), ..AttributeChange::default() }
}

/// A time.
pub(crate) fn time(seconds: i64, nanoseconds: u32) -> FileTime {
    FileTime { seconds, nanoseconds, reserved: 0 }
}

impl Client {
    /// A second handle of the same kind of path: relative to the root.
    pub(crate) fn set_attributes(&self, path: &str, change: &AttributeChange) -> Outcome<()> {
        self.set_attributes_at(self.root, path, true, change)
    }

    pub(crate) fn set_attributes_at(
        &self,
        handle: Handle,
        path: &str,
        follow: bool,
        change: &AttributeChange,
    ) -> Outcome<()> {
        self.arena.write(RECORD as usize, change.as_bytes()).unwrap();
        let len = u32::try_from(AttributeChange::BYTES).unwrap();
        let from = ArenaRange { offset: RECORD, len };
        let path = self.path(path, 0);
        self.run(&Request::Setattr { handle, path, follow, from }).map(drop)
    }

    pub(crate) fn chmod(&self, path: &str, permissions: u32) -> Outcome<()> {
        let change = change(AttributeMask::PERMISSIONS);
        self.set_attributes(path, &AttributeChange { permissions, ..change })
    }

    pub(crate) fn chown(&self, path: &str, uid: Option<u32>, gid: Option<u32>) -> Outcome<()> {
        let mut mask = AttributeMask::empty();
        mask.set(AttributeMask::OWNER, uid.is_some());
        mask.set(AttributeMask::GROUP, gid.is_some());
        let (uid, gid) = (uid.unwrap_or(0), gid.unwrap_or(0));
        self.set_attributes(path, &AttributeChange { uid, gid, ..change(mask) })
    }

    pub(crate) fn link(&self, old: &str, new: &str) -> Outcome<()> {
        self.link_at(self.root, old, new, LinkFlags::empty())
    }

    pub(crate) fn link_at(
        &self,
        from: Handle,
        old: &str,
        new: &str,
        flags: LinkFlags,
    ) -> Outcome<()> {
        let (old, new) = (self.path(old, 0), self.path(new, SECOND_PATH));
        self.run(&Request::LinkAt { from, old, to: self.root, new, flags }).map(drop)
    }

    pub(crate) fn symlink(&self, target: &str, path: &str) -> Outcome<()> {
        let (path, target) = (self.path(path, 0), self.path(target, SECOND_PATH));
        self.run(&Request::SymlinkAt { directory: self.root, path, target }).map(drop)
    }

    pub(crate) fn read_link(&self, path: &str, bytes: u32) -> Outcome<String> {
        let path = self.path(path, 0);
        let into = ArenaRange { offset: DATA, len: bytes };
        let request = Request::ReadlinkAt { handle: self.root, path, into };
        let (count, _, _) = self.run(&request)?;
        let mut target = vec![0; count as usize];
        self.arena.read(DATA as usize, &mut target).unwrap();
        Ok(String::from_utf8(target).unwrap())
    }

    pub(crate) fn make_node(&self, path: &str, mode: u32, device: u64) -> Outcome<()> {
        let path = self.path(path, 0);
        self.run(&Request::MknodAt { directory: self.root, path, mode, device }).map(drop)
    }

    pub(crate) fn filesystem_status(&self, handle: Handle) -> Outcome<FilesystemStatus> {
        let len = u32::try_from(FilesystemStatus::BYTES).unwrap();
        let into = ArenaRange { offset: RECORD, len };
        self.run(&Request::Statfs { handle, into })?;
        let mut bytes = [0; FilesystemStatus::BYTES];
        self.arena.read(RECORD as usize, &mut bytes).unwrap();
        Ok(FilesystemStatus::read_from_bytes(&bytes).unwrap())
    }

    pub(crate) fn allocate(
        &self,
        handle: Handle,
        mode: AllocateMode,
        offset: u64,
        len: u64,
    ) -> Outcome<()> {
        self.run(&Request::Fallocate { handle, mode, offset, len }).map(drop)
    }

    pub(crate) fn seek(&self, handle: Handle, offset: u64, whence: Whence) -> Outcome<u64> {
        self.run(&Request::Lseek { handle, offset, whence }).map(|(_, _, found)| found)
    }

    pub(crate) fn copy_range(
        &self,
        (from, offset): (Handle, u64),
        (to, to_offset): (Handle, u64),
        len: u32,
    ) -> Outcome<u32> {
        let request = Request::CopyFileRange { from, offset, to, to_offset, len };
        self.run(&request).map(|(count, _, _)| count)
    }

    pub(crate) fn set_xattr(
        &self,
        handle: Handle,
        (name, value): (&str, &[u8]),
        mode: XattrMode,
    ) -> Outcome<()> {
        self.arena.write(DATA as usize, value).unwrap();
        let from = ArenaRange { offset: DATA, len: u32::try_from(value.len()).unwrap() };
        let name = self.path(name, 0);
        self.run(&Request::Setxattr { handle, name, mode, from }).map(drop)
    }

    /// The value, or only its length if there is no room.
    pub(crate) fn xattr(&self, handle: Handle, name: &str, room: u32) -> Outcome<(u32, Vec<u8>)> {
        let name = self.path(name, 0);
        let into = ArenaRange { offset: DATA, len: room };
        let (count, _, _) = self.run(&Request::Getxattr { handle, name, into })?;
        let mut value = vec![0; count.min(room) as usize];
        self.arena.read(DATA as usize, &mut value).unwrap();
        Ok((count, value))
    }

    pub(crate) fn xattr_names(&self, handle: Handle) -> Outcome<Vec<String>> {
        let into = ArenaRange { offset: DATA, len: 70_000 };
        let (count, _, _) = self.run(&Request::Listxattr { handle, into })?;
        let mut names = vec![0; count as usize];
        self.arena.read(DATA as usize, &mut names).unwrap();
        let names = String::from_utf8(names).unwrap();
        Ok(names.split_terminator('\0').map(str::to_owned).collect())
    }

    pub(crate) fn remove_xattr(&self, handle: Handle, name: &str) -> Outcome<()> {
        let name = self.path(name, 0);
        self.run(&Request::Removexattr { handle, name }).map(drop)
    }
}
