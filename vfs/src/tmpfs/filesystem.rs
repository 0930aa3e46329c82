//! A tmpfs as the vfs sees it.

use super::names::Parents;
use super::nodes::{Body, Nodes};
use crate::budget::Budget;
use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::RefCell;
use dataplane::entry::Errno;
use dataplane::file::{DirectoryEntry, DirectoryWriter, FilesystemStatus, RenameFlags, XattrMode};
use dataplane::filesystem::{
    Answer, Attributes, Changes, ContentsIn, Created, DirectoryPart, Durable, FIRST_COOKIE,
    FileSystem, InodeNumber, Name, NewNode, Node, PageBytes, Relinked, Renamed, Reply, Xattr,
};
use dataplane::platform::Timestamp;

/// A file system in memory.
pub(crate) struct Tmpfs {
    inner: RefCell<Inner>,
}

struct Inner {
    nodes: Nodes,
    parents: Parents,
}

impl Tmpfs {
    /// An empty one, whose root belongs to user 0.
    pub(crate) fn new(budget: Rc<Budget>, seed: u64, permissions: u32, time: Timestamp) -> Self {
        Self {
            inner: RefCell::new(Inner {
                nodes: Nodes::new(budget, seed, permissions, time),
                parents: Parents::new(),
            }),
        }
    }
}

impl FileSystem for Tmpfs {
    fn root(&self) -> InodeNumber {
        Nodes::ROOT
    }

    fn contents(&self) -> ContentsIn {
        ContentsIn::PageCache
    }

    fn lookup(&self, at: Name<'_>) -> Answer<Node> {
        Reply::Now(self.inner.borrow_mut().nodes.lookup(at))
    }

    fn create(&self, at: Name<'_>, new: &NewNode<'_>) -> Answer<Created> {
        let Inner { nodes, parents } = &mut *self.inner.borrow_mut();
        Reply::Now(nodes.create(at, new, parents))
    }

    fn create_unnamed(&self, directory: InodeNumber, new: &NewNode<'_>) -> Answer<Node> {
        Reply::Now(self.inner.borrow_mut().nodes.create_unnamed(directory, new))
    }

    fn link(&self, inode: InodeNumber, at: Name<'_>, time: Timestamp) -> Answer<Relinked> {
        Reply::Now(self.inner.borrow_mut().nodes.link(inode, at, time))
    }

    fn unlink(&self, at: Name<'_>, time: Timestamp) -> Answer<Relinked> {
        Reply::Now(self.inner.borrow_mut().nodes.unlink(at, time))
    }

    fn rmdir(&self, at: Name<'_>, time: Timestamp) -> Answer<Relinked> {
        let Inner { nodes, parents } = &mut *self.inner.borrow_mut();
        Reply::Now(nodes.rmdir(at, time, parents))
    }

    fn rename(
        &self,
        from: Name<'_>,
        to: Name<'_>,
        flags: RenameFlags,
        time: Timestamp,
    ) -> Answer<Renamed> {
        let Inner { nodes, parents } = &mut *self.inner.borrow_mut();
        Reply::Now(nodes.rename(from, to, flags, time, parents))
    }

    fn attributes(&self, inode: InodeNumber) -> Answer<Attributes> {
        let inner = self.inner.borrow();
        Reply::Now(inner.nodes.get(inode).map(|node| node.attributes))
    }

    fn set_attributes(&self, inode: InodeNumber, changes: &Changes) -> Answer<Attributes> {
        let mut inner = self.inner.borrow_mut();
        Reply::Now(inner.nodes.get_mut(inode).map(|node| {
            let attributes = &mut node.attributes;
            let set = |to: &mut u32, from: Option<u32>| *to = from.unwrap_or(*to);
            set(&mut attributes.permissions, changes.permissions);
            set(&mut attributes.uid, changes.uid);
            set(&mut attributes.gid, changes.gid);
            attributes.size = changes.size.unwrap_or(attributes.size);
            let set = |to: &mut Timestamp, from: Option<Timestamp>| *to = from.unwrap_or(*to);
            set(&mut attributes.accessed, changes.accessed);
            set(&mut attributes.modified, changes.modified);
            set(&mut attributes.changed, changes.changed);
            *attributes
        }))
    }

    fn read_directory(
        &self,
        directory: InodeNumber,
        cookie: u64,
        mut records: DirectoryWriter,
    ) -> Answer<DirectoryPart> {
        let inner = self.inner.borrow();
        let node = match inner.nodes.get(directory) {
            Ok(node) => node,
            Err(error) => return Reply::Now(Err(error)),
        };
        let Body::Directory(entries) = &node.body else {
            return Reply::Now(Err(Errno::ENOTDIR));
        };
        let (mut next, mut more) = (cookie, false);
        for (cookie, name, inode) in entries.behind(cookie.max(FIRST_COOKIE - 1)) {
            let kind = inner.nodes.get(inode).map(|node| node.attributes.kind).ok();
            let entry = DirectoryEntry { inode: inode.0, cookie, kind, name };
            if !records.push(&entry) {
                more = true;
                break;
            }
            next = cookie;
        }
        Reply::Now(Ok(DirectoryPart { records, next, more }))
    }

    fn read_symlink(&self, inode: InodeNumber) -> Answer<Box<[u8]>> {
        let inner = self.inner.borrow();
        Reply::Now(inner.nodes.get(inode).and_then(|node| match &node.body {
            Body::Symlink(target) => Ok(Box::from(&**target)),
            _ => Err(Errno::EINVAL),
        }))
    }

    fn xattr(&self, inode: InodeNumber, name: &[u8]) -> Answer<Box<[u8]>> {
        Reply::Now(self.inner.borrow().nodes.xattr(inode, name))
    }

    fn set_xattr(
        &self,
        inode: InodeNumber,
        attribute: Xattr<'_>,
        mode: XattrMode,
        time: Timestamp,
    ) -> Answer<()> {
        Reply::Now(self.inner.borrow_mut().nodes.set_xattr(inode, attribute, mode, time))
    }

    fn xattr_names(&self, inode: InodeNumber) -> Answer<Box<[u8]>> {
        Reply::Now(self.inner.borrow().nodes.xattr_names(inode))
    }

    fn remove_xattr(&self, inode: InodeNumber, name: &[u8], time: Timestamp) -> Answer<()> {
        Reply::Now(self.inner.borrow_mut().nodes.remove_xattr(inode, name, time))
    }

    fn read_page(&self, _: InodeNumber, _: u64, _: Box<PageBytes>) -> Answer<Box<PageBytes>> {
        Reply::Now(Err(Errno::EOPNOTSUPP))
    }

    fn write_page(&self, _: InodeNumber, _: u64, _: &PageBytes, _: usize) -> Answer<()> {
        Reply::Now(Err(Errno::EOPNOTSUPP))
    }

    fn status(&self) -> Answer<FilesystemStatus> {
        Reply::Now(Ok(self.inner.borrow().nodes.status()))
    }

    fn sync(&self, _: Durable) -> Answer<()> {
        Reply::Now(Ok(()))
    }

    fn forget(&self, inode: InodeNumber, references: u64) {
        let mut inner = self.inner.borrow_mut();
        if let Ok(node) = inner.nodes.get_mut(inode) {
            node.references = node.references.saturating_sub(references);
        }
        inner.nodes.settle(inode);
    }
}
