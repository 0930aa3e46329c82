//! A side in memory. It fails once at a chosen operation, and panics when something is used after
//! it was given back.

use crate::tree::Kept;
use crate::tree::attributes::{Attributes, Preserved};
use crate::tree::side::{Entry, FileType, Identity, Located, Opened, Side, Status, World, Xattr};
use dataplane::file::FileTime;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind};

/// A tree as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    File(u32, Vec<u8>),
    Directory(u32, BTreeMap<Vec<u8>, Tree>),
    Link(Vec<u8>),
    Leaf(FileType),
}

impl Tree {
    pub(super) fn entries(&self) -> BTreeMap<Vec<u8>, Self> {
        match self {
            Self::Directory(_, entries) => entries.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// Without what a copy leaves out.
    pub(super) fn kept(&self, kept: Kept) -> Self {
        let Self::Directory(permissions, entries) = self else { return self.clone() };
        let is_kept = |entry: &Self| match entry {
            Self::Leaf(_) => false,
            Self::Link(_) => kept >= Kept::Links,
            Self::File(..) | Self::Directory(..) => true,
        };
        let entries = entries.iter().filter(|(_, entry)| is_kept(entry));
        let entries = entries.map(|(name, entry)| (name.clone(), entry.kept(kept)));
        Self::Directory(*permissions, entries.collect())
    }

    pub(super) fn files(&self) -> usize {
        match self {
            Self::File(..) => 1,
            Self::Directory(_, entries) => entries.values().map(Self::files).sum(),
            Self::Link(_) | Self::Leaf(_) => 0,
        }
    }

    /// Whether every file and link here is, whole, in the other tree too.
    pub(super) fn is_part_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(_, ours), Self::File(_, theirs))
            | (Self::Link(ours), Self::Link(theirs)) => ours == theirs,
            (Self::Directory(_, ours), Self::Directory(_, theirs)) => ours
                .iter()
                .all(|(name, entry)| theirs.get(name).is_some_and(|other| entry.is_part_of(other))),
            _ => false,
        }
    }
}

#[derive(Debug)]
struct Node {
    permissions: u32,
    /// When it was changed last; what the test has not set is 0.
    modified: i64,
    xattrs: Vec<Xattr>,
    content: Content,
    parent: usize,
}

impl Node {
    fn new(permissions: u32, content: Content, parent: usize) -> Self {
        Self { permissions, modified: 0, xattrs: Vec::new(), content, parent }
    }
}

#[derive(Debug)]
enum Content {
    File(Vec<u8>),
    Directory(BTreeMap<Vec<u8>, usize>),
    Link(Vec<u8>),
    Leaf(FileType),
}

pub(super) struct Fake {
    nodes: Vec<Node>,
    open: HashMap<u64, usize>,
    next: u64,
    operations: u32,
    fails: Option<(u32, bool)>,
    has_failed: bool,
}

/// Something open; not `Copy`, so that nothing is given back twice.
#[derive(Debug)]
pub(super) struct Open(u64);

impl Fake {
    pub(super) fn new(tree: &Tree) -> Self {
        let mut fake = Self {
            nodes: Vec::new(),
            open: HashMap::new(),
            next: 0,
            operations: 0,
            fails: None,
            has_failed: false,
        };
        fake.plant(tree, 0);
        fake
    }

    fn plant(&mut self, tree: &Tree, parent: usize) -> usize {
        let index = self.nodes.len();
        let (permissions, content) = match tree {
            Tree::File(permissions, contents) => (*permissions, Content::File(contents.clone())),
            Tree::Directory(permissions, _) => (*permissions, Content::Directory([].into())),
            Tree::Link(text) => (0o777, Content::Link(text.clone())),
            Tree::Leaf(file_type) => (0o777, Content::Leaf(*file_type)),
        };
        self.nodes.push(Node::new(permissions, content, parent));
        for (name, entry) in tree.entries() {
            let child = self.plant(&entry, index);
            self.directory(index).insert(name, child);
        }
        index
    }

    fn directory(&mut self, index: usize) -> &mut BTreeMap<Vec<u8>, usize> {
        match &mut self.nodes[index].content {
            Content::Directory(entries) => entries,
            other => panic!("used as a directory: {other:?}"),
        }
    }

    /// From now on, the operation with this number fails, and no other.
    pub(super) fn fail_at(&mut self, operation: u32, fatal: bool) {
        self.fails = Some((self.operations + operation, fatal));
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Makes `..` of a directory at the top lead elsewhere, as if it had been moved.
    pub(super) fn move_up(&mut self, name: &[u8]) {
        let index = self.directory(0)[name];
        self.nodes[index].parent = index;
    }

    /// How much was not given back.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    pub(super) fn tree(&self) -> Tree {
        self.tree_at(0)
    }

    fn tree_at(&self, index: usize) -> Tree {
        let node = &self.nodes[index];
        match &node.content {
            Content::File(contents) => Tree::File(node.permissions, contents.clone()),
            Content::Link(text) => Tree::Link(text.clone()),
            Content::Leaf(file_type) => Tree::Leaf(*file_type),
            Content::Directory(entries) => Tree::Directory(
                node.permissions,
                entries.iter().map(|(name, child)| (name.clone(), self.tree_at(*child))).collect(),
            ),
        }
    }

    /// Counts an operation, which fails if it is its turn.
    fn operate(&mut self) -> io::Result<()> {
        let number = self.operations;
        self.operations += 1;
        match self.fails {
            Some((at, fatal)) if at == number => {
                self.has_failed = true;
                let kind = if fatal { ErrorKind::StorageFull } else { ErrorKind::PermissionDenied };
                Err(kind.into())
            }
            _ => Ok(()),
        }
    }

    fn hold(&mut self, index: usize) -> Open {
        self.next += 1;
        self.open.insert(self.next, index);
        Open(self.next)
    }

    fn held(&self, open: &Open) -> usize {
        self.open[&open.0]
    }

    fn opened(&self, opened: Opened<'_, Self>) -> usize {
        match opened {
            Opened::File(open) | Opened::Directory(open) => self.held(open),
        }
    }

    /// Puts something into a directory, which changes that.
    fn insert(&mut self, parent: usize, name: &[u8], index: usize) {
        self.directory(parent).insert(name.to_vec(), index);
        self.nodes[parent].modified = 0;
    }

    /// Gives everything another time and another extended attribute, and files set-id bits.
    pub(super) fn mark(&mut self) {
        for (seconds, node) in (1000..).zip(&mut self.nodes) {
            node.modified = seconds;
            if !matches!(node.content, Content::Link(_) | Content::Leaf(_)) {
                let (name, value) = (b"user.at".to_vec(), seconds.to_string().into_bytes());
                node.xattrs = vec![Xattr { name, value }];
                node.permissions |= 0o4000;
            }
        }
    }

    /// Permissions, time and extended attributes of everything that is copied, by path.
    pub(super) fn attributes(&self) -> BTreeMap<Vec<u8>, (u32, i64, Vec<Xattr>)> {
        let mut found = BTreeMap::new();
        let mut pending = vec![(Vec::new(), 0)];
        while let Some((path, index)) = pending.pop() {
            let node = &self.nodes[index];
            if let Content::Directory(entries) = &node.content {
                pending.extend(
                    entries.iter().map(|(n, child)| ([&path[..], b"/", n].concat(), *child)),
                );
            }
            if !matches!(node.content, Content::Leaf(_)) {
                found.insert(path, (node.permissions, node.modified, node.xattrs.clone()));
            }
        }
        found
    }

    fn child(&mut self, at: &Open, name: &[u8]) -> io::Result<usize> {
        let index = self.held(at);
        match name {
            b"." => Ok(index),
            b".." => Ok(self.nodes[index].parent),
            name => self.directory(index).get(name).copied().ok_or(ErrorKind::NotFound.into()),
        }
    }

    fn status_of(&self, index: usize) -> Status {
        let node = &self.nodes[index];
        let (file_type, bytes) = match &node.content {
            Content::File(contents) => (FileType::Regular, contents.len() as u64),
            Content::Directory(_) => (FileType::Directory, 0),
            Content::Link(text) => (FileType::Symlink, text.len() as u64),
            Content::Leaf(file_type) => (*file_type, 0),
        };
        // Two fakes differ in nothing else, and neither is in the other.
        let device = std::ptr::from_ref(self).addr() as u64;
        let identity = Identity { world: World::Host, device, inode: index as u64 };
        let (uid, gid) = (7, 8);
        let time = |seconds| FileTime { seconds, nanoseconds: 5, reserved: 0 };
        let (accessed, modified) = (time(-1), time(node.modified));
        let permissions = node.permissions;
        Status { file_type, permissions, uid, gid, bytes, accessed, modified, identity }
    }

    fn remove(&mut self, at: &Open, name: &[u8]) -> io::Result<()> {
        let index = self.held(at);
        self.directory(index).remove(name).map(drop).ok_or(ErrorKind::NotFound.into())
    }
}

impl Side for Fake {
    const WORLD: World = World::Host;
    type Directory = Open;
    type File = Open;

    fn locate(&mut self, path: &[u8]) -> io::Result<Located<Self>> {
        let directory = self.directory_at(path)?;
        Ok(Located::Directory(directory, self.status_of(0)))
    }

    fn directory_at(&mut self, path: &[u8]) -> io::Result<Open> {
        assert_eq!(path, b".");
        self.operate()?;
        Ok(self.hold(0))
    }

    fn open_directory(&mut self, at: &Open, name: &[u8]) -> io::Result<Open> {
        self.operate()?;
        let child = self.child(at, name)?;
        match self.nodes[child].content {
            Content::Directory(_) => Ok(self.hold(child)),
            _ => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn close_directory(&mut self, directory: Open) {
        self.open.remove(&directory.0).expect("it was open");
    }

    fn directory_status(&mut self, directory: &Open) -> io::Result<Status> {
        self.operate()?;
        Ok(self.status_of(self.held(directory)))
    }

    fn entries(&mut self, directory: &Open) -> io::Result<Vec<Entry>> {
        self.operate()?;
        let index = self.held(directory);
        let entries = self.directory(index).clone();
        let entry = |(name, child): (Vec<u8>, usize)| {
            Entry::parse(&name, self.status_of(child).file_type).expect("a name")
        };
        // In an order that nobody may rely on.
        Ok(entries.into_iter().rev().map(entry).collect())
    }

    fn status(&mut self, at: &Open, name: &[u8]) -> io::Result<Status> {
        self.operate()?;
        let child = self.child(at, name)?;
        Ok(self.status_of(child))
    }

    fn open_file(&mut self, at: &Open, name: &[u8]) -> io::Result<(Open, Status)> {
        self.operate()?;
        let child = self.child(at, name)?;
        Ok((self.hold(child), self.status_of(child)))
    }

    fn read(&mut self, file: &Open, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.operate()?;
        let Content::File(contents) = &self.nodes[self.held(file)].content else {
            panic!("not a file")
        };
        let rest = &contents[usize::try_from(offset).unwrap().min(contents.len())..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn create_file(&mut self, at: &Open, name: &[u8], permissions: u32) -> io::Result<Open> {
        self.operate()?;
        let parent = self.held(at);
        let index = self.nodes.len();
        self.nodes.push(Node::new(permissions, Content::File(Vec::new()), parent));
        self.insert(parent, name, index);
        Ok(self.hold(index))
    }

    fn write(&mut self, file: &Open, offset: u64, from: &[u8]) -> io::Result<()> {
        let index = self.held(file);
        // A write that fails has written a part.
        let failed = self.operate();
        let from = if failed.is_err() { &from[..from.len() / 2] } else { from };
        let Content::File(contents) = &mut self.nodes[index].content else { panic!("not a file") };
        assert_eq!(contents.len() as u64, offset, "files are written from start to end");
        contents.extend_from_slice(from);
        self.nodes[index].modified = 0;
        failed
    }

    fn close_file(&mut self, file: Open) -> io::Result<()> {
        self.open.remove(&file.0).expect("it was open");
        self.operate()
    }

    fn make_directory(&mut self, at: &Open, name: &[u8], permissions: u32) -> io::Result<()> {
        self.operate()?;
        let parent = self.held(at);
        if self.directory(parent).contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let index = self.nodes.len();
        let content = Content::Directory([].into());
        self.nodes.push(Node::new(permissions | 0o700, content, parent));
        self.insert(parent, name, index);
        Ok(())
    }

    fn finish(&mut self, opened: Opened<'_, Self>, attributes: &Attributes) -> io::Result<()> {
        self.operate()?;
        let index = self.opened(opened);
        let has_owner = match &attributes.preserved {
            Some(preserved) => {
                self.nodes[index].modified = preserved.modified.seconds;
                preserved.give_owner(|uid, gid| {
                    assert_eq!((uid, gid), (Some(7), 8), "the whole owner first");
                    Ok(())
                })?
            }
            None => false,
        };
        self.nodes[index].permissions = attributes.permissions(has_owner);
        Ok(())
    }

    fn xattrs(&mut self, opened: Opened<'_, Self>) -> io::Result<Vec<Xattr>> {
        self.operate()?;
        let index = self.opened(opened);
        Ok(self.nodes[index].xattrs.clone())
    }

    fn set_xattr(&mut self, opened: Opened<'_, Self>, xattr: &Xattr) -> io::Result<()> {
        self.operate()?;
        let index = self.opened(opened);
        self.nodes[index].xattrs.push(xattr.clone());
        Ok(())
    }

    fn read_link(&mut self, at: &Open, name: &[u8]) -> io::Result<Vec<u8>> {
        self.operate()?;
        let child = self.child(at, name)?;
        match &self.nodes[child].content {
            Content::Link(text) => Ok(text.clone()),
            _ => Err(ErrorKind::InvalidInput.into()),
        }
    }

    fn make_link(&mut self, at: &Open, name: &[u8], text: &[u8]) -> io::Result<()> {
        self.operate()?;
        let parent = self.held(at);
        if self.directory(parent).contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let index = self.nodes.len();
        self.nodes.push(Node::new(0o777, Content::Link(text.to_vec()), parent));
        self.insert(parent, name, index);
        Ok(())
    }

    fn finish_link(&mut self, at: &Open, name: &[u8], preserved: &Preserved) -> io::Result<()> {
        self.operate()?;
        let child = self.child(at, name)?;
        assert!(matches!(self.nodes[child].content, Content::Link(_)), "it is a link");
        self.nodes[child].modified = preserved.modified.seconds;
        Ok(())
    }

    fn remove_file(&mut self, at: &Open, name: &[u8]) -> io::Result<()> {
        self.operate()?;
        let child = self.child(at, name)?;
        assert!(!matches!(self.nodes[child].content, Content::Directory(_)), "it is a directory");
        self.remove(at, name)
    }

    fn remove_directory(&mut self, at: &Open, name: &[u8]) -> io::Result<()> {
        self.operate()?;
        let child = self.child(at, name)?;
        if !self.directory(child).is_empty() {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        self.remove(at, name)
    }
}
