//! A vfs as naive as can be: a tree of nodes, rules written down one after the other, in the order
//! in which Linux checks them.
//!
//! ```text
//!   walk        from a path to what it names
//!   permission  who may do what, and what that changes
//!   open        opening and making files
//!   names       making, linking, listing and removing names
//!   rename      renaming
//!   contents    the bytes of files, space and holes
//!   attributes  mode, owner, times, extended attributes
//! ```

mod attributes;
mod contents;
mod names;
mod open;
mod permission;
mod rename;
mod walk;

pub(crate) use attributes::{Seen, Time, TimeChange};
pub(crate) use contents::Bytes;
pub(crate) use open::Opened;
pub(crate) use walk::Place;

use dataplane::entry::Errno;
use dataplane::file::FileKind;
use std::collections::BTreeMap;

pub(crate) type Outcome<T> = Result<T, Errno>;

/// The number of the root.
pub(crate) const ROOT: usize = 0;

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) body: Body,
    /// The lower 12 bits.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) links: u32,
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
    /// The time of the last change of contents, if it was set; else it is when that happened.
    modified: Option<Time>,
    /// Whether the time of the last change of attributes has moved since it was last looked at.
    is_changed: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Directory { children: BTreeMap<String, usize>, parent: usize },
    Regular(Bytes),
    Symlink(String),
    Special(FileKind),
}

impl Node {
    pub(crate) fn kind(&self) -> FileKind {
        match &self.body {
            Body::Directory { .. } => FileKind::Directory,
            Body::Regular(_) => FileKind::Regular,
            Body::Symlink(_) => FileKind::Symlink,
            Body::Special(kind) => *kind,
        }
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.kind() == FileKind::Directory
    }

    /// The contents; of a directory there are none.
    pub(crate) fn data(&self) -> &[u8] {
        match &self.body {
            Body::Regular(bytes) => &bytes.data,
            _ => &[],
        }
    }

    fn touch(&mut self) {
        self.is_changed = true;
    }

    fn touch_contents(&mut self) {
        self.modified = None;
        self.touch();
    }
}

/// The tree; node 0 is its root. A node that has gone keeps its number.
#[derive(Clone, Debug)]
pub(crate) struct Naive {
    pub(crate) nodes: Vec<Node>,
}

impl Naive {
    /// A root that belongs to somebody and that all may write, as /tmp.
    pub(crate) fn new(uid: u32, gid: u32) -> Self {
        let mut naive = Self { nodes: vec![] };
        let body = Body::Directory { children: BTreeMap::new(), parent: ROOT };
        naive.add(body, 0o1777, uid, gid);
        naive
    }

    fn add(&mut self, body: Body, mode: u32, uid: u32, gid: u32) -> usize {
        let links = if matches!(body, Body::Directory { .. }) { 2 } else { 1 };
        let xattrs = BTreeMap::new();
        let node = Node { body, mode, uid, gid, links, xattrs, modified: None, is_changed: true };
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn is_directory(&self, node: usize) -> bool {
        self.nodes[node].is_directory()
    }

    /// What is in a directory that is one.
    fn children(&mut self, directory: usize) -> &mut BTreeMap<String, usize> {
        match &mut self.nodes[directory].body {
            Body::Directory { children, .. } => children,
            other => panic!("node {directory} is no directory: {other:?}"),
        }
    }

    /// The directory above a directory that is one.
    fn parent(&self, directory: usize) -> usize {
        match self.nodes[directory].body {
            Body::Directory { parent, .. } => parent,
            ref other => panic!("node {directory} is no directory: {other:?}"),
        }
    }

    fn set_parent(&mut self, node: usize, above: usize) {
        if let Body::Directory { parent, .. } = &mut self.nodes[node].body {
            *parent = above;
        }
    }

    /// Drops the bytes of the files that have gone: no name leads to them, and they are not open.
    pub(crate) fn forget_gone(&mut self, is_open: impl Fn(usize) -> bool) {
        for (number, node) in self.nodes.iter_mut().enumerate() {
            if node.links == 0 && !is_open(number) {
                node.xattrs.clear();
                if let Body::Regular(bytes) = &mut node.body {
                    *bytes = Bytes::default();
                }
            }
        }
    }
}
