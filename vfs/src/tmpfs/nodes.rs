//! The inodes of a tmpfs.

use super::directory::Entries;
use super::xattrs::{self, Xattrs};
use crate::budget::{Account, Budget};
use crate::error::Result;
use crate::hash::{Map, map};
use crate::inode::Inode;
use alloc::boxed::Box;
use alloc::rc::Rc;
use dataplane::entry::Errno;
use dataplane::file::{FileKind, FilesystemStatus, MAX_NAME};
use dataplane::filesystem::{Attributes, InodeNumber, NewNode, PAGE_BYTES};
use dataplane::platform::Timestamp;

/// Charged for an inode: what is kept here and in the vfs, and its places in two tables.
const NODE_BYTES: u64 = (size_of::<Node>() + size_of::<Inode>() + 128) as u64;
/// Charged for a name beside its bytes: its places by name and by cookie.
const ENTRY_BYTES: u64 = 144;
/// Most names of an inode, most subdirectories of a directory and 2: so many that memory ends
/// before, as in Linux's tmpfs, and so few that the count cannot overflow.
pub(super) const MAX_LINKS: u32 = 1 << 30;

/// The number by which statfs(2) names a tmpfs.
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// An inode.
pub(super) struct Node {
    pub(super) attributes: Attributes,
    /// References that the vfs has.
    pub(super) references: u64,
    /// Whether it has never had a name, and may get one.
    pub(super) is_unnamed: bool,
    pub(super) xattrs: Xattrs,
    pub(super) body: Body,
}

/// What only one kind has.
pub(super) enum Body {
    Directory(Box<Entries>),
    Symlink(Rc<[u8]>),
    Other,
}

/// All inodes, by number.
pub(super) struct Nodes {
    /// Not in place: a table that grows has room for many more than it holds.
    nodes: Map<u64, Box<Node>>,
    next: u64,
    seed: u64,
    /// What goes with the file system is given back.
    budget: Account,
}

/// What a name costs.
pub(super) fn entry_bytes(name: &[u8]) -> u64 {
    ENTRY_BYTES + name.len() as u64
}

impl Nodes {
    pub(super) const ROOT: InodeNumber = InodeNumber(1);

    /// A root directory of user 0 that all may search and nobody else may write.
    pub(super) fn new(budget: Rc<Budget>, seed: u64, permissions: u32, time: Timestamp) -> Self {
        let budget = Account::new(budget);
        let mut nodes = Self { nodes: map(seed), next: Self::ROOT.0 + 1, seed, budget };
        let root = NewNode {
            kind: FileKind::Directory,
            permissions,
            uid: 0,
            gid: 0,
            special_device: 0,
            target: &[],
            time,
        };
        let root = nodes.node(&root, 0);
        nodes.nodes.insert(Self::ROOT.0, Box::new(root));
        nodes
    }

    fn node(&self, new: &NewNode<'_>, references: u64) -> Node {
        let is_directory = new.kind == FileKind::Directory;
        Node {
            attributes: Attributes {
                kind: new.kind,
                permissions: new.permissions,
                links: if is_directory { 2 } else { 1 },
                uid: new.uid,
                gid: new.gid,
                size: new.target.len() as u64,
                blocks: 0,
                special_device: new.special_device,
                accessed: new.time,
                modified: new.time,
                changed: new.time,
                created: new.time,
            },
            references,
            is_unnamed: false,
            xattrs: Xattrs::new(),
            body: match new.kind {
                FileKind::Directory => Body::Directory(Box::new(Entries::new(self.seed))),
                FileKind::Symlink => Body::Symlink(new.target.into()),
                _ => Body::Other,
            },
        }
    }

    /// What the budget has room for: blocks and inodes share it.
    pub(super) fn status(&self) -> FilesystemStatus {
        let page = PAGE_BYTES as u64;
        let limit = self.budget.budget().limit_bytes();
        let free = limit.saturating_sub(self.budget.budget().used_bytes());
        let used_inodes = self.nodes.len() as u64;
        FilesystemStatus {
            kind: TMPFS_MAGIC,
            block_size: page,
            blocks: limit / page,
            free_blocks: free / page,
            available_blocks: free / page,
            inodes: used_inodes + free / NODE_BYTES,
            free_inodes: free / NODE_BYTES,
            max_name: u32::try_from(MAX_NAME).unwrap_or(u32::MAX),
            ..FilesystemStatus::default()
        }
    }

    /// Adds an inode with one reference.
    ///
    /// # Errors
    /// ENOSPC.
    pub(super) fn add(&mut self, new: &NewNode<'_>) -> Result<InodeNumber> {
        self.budget.charge(NODE_BYTES + new.target.len() as u64)?;
        let number = self.next;
        self.next += 1;
        let node = self.node(new, 1);
        self.nodes.insert(number, Box::new(node));
        Ok(InodeNumber(number))
    }

    /// Whom everything is charged to.
    pub(super) fn budget(&self) -> &Account {
        &self.budget
    }

    /// Pays for a name.
    ///
    /// # Errors
    /// ENOSPC.
    pub(super) fn charge_name(&self, name: &[u8]) -> Result<()> {
        self.budget.charge(entry_bytes(name))
    }

    /// A name is gone.
    pub(super) fn refund_name(&self, name: &[u8]) {
        self.budget.refund(entry_bytes(name));
    }

    /// An inode.
    ///
    /// # Errors
    /// ESTALE: no such inode.
    pub(super) fn get(&self, inode: InodeNumber) -> Result<&Node> {
        self.nodes.get(&inode.0).map(Box::as_ref).ok_or(Errno::ESTALE)
    }

    /// An inode to be changed.
    ///
    /// # Errors
    /// ESTALE: no such inode.
    pub(super) fn get_mut(&mut self, inode: InodeNumber) -> Result<&mut Node> {
        self.nodes.get_mut(&inode.0).map(Box::as_mut).ok_or(Errno::ESTALE)
    }

    /// The entries of a directory that still has a name.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR.
    pub(super) fn entries(&mut self, directory: InodeNumber) -> Result<&mut Entries> {
        let node = self.get_mut(directory)?;
        match &mut node.body {
            Body::Directory(_) if node.attributes.links == 0 => Err(Errno::ENOENT),
            Body::Directory(entries) => Ok(entries),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// Removes an inode if it has neither names nor references.
    pub(super) fn settle(&mut self, inode: InodeNumber) {
        let Some(node) = self.nodes.get(&inode.0) else {
            return;
        };
        if node.references == 0 && node.attributes.links == 0 {
            let size = match &node.body {
                Body::Symlink(target) => target.len() as u64,
                _ => 0,
            };
            self.budget.refund(NODE_BYTES + size + xattrs::total(&node.xattrs));
            self.nodes.remove(&inode.0);
        }
    }

    /// Notes a change of a directory's names, and of its number of subdirectories.
    ///
    /// # Errors
    /// ESTALE.
    pub(super) fn touch(
        &mut self,
        directory: InodeNumber,
        subdirectories: i32,
        time: Timestamp,
    ) -> Result<Attributes> {
        let attributes = &mut self.get_mut(directory)?.attributes;
        attributes.links = attributes.links.saturating_add_signed(subdirectories);
        attributes.modified = time;
        attributes.changed = time;
        Ok(*attributes)
    }

    /// Whether an inode can have another name, or a directory another subdirectory.
    ///
    /// # Errors
    /// EMLINK.
    pub(super) fn check_links(&self, inode: InodeNumber) -> Result<()> {
        if self.get(inode)?.attributes.links < MAX_LINKS { Ok(()) } else { Err(Errno::EMLINK) }
    }
}
