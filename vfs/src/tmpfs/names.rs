//! Making, removing and renaming names.

use super::directory::Entries;
use super::nodes::{Body, Nodes};
use crate::error::Result;
use alloc::collections::BTreeMap;
use dataplane::entry::Errno;
use dataplane::file::{FileKind, RenameFlags};
use dataplane::filesystem::{Created, InodeNumber, Name, NewNode, Node, Relinked, Renamed};
use dataplane::platform::Timestamp;

/// The directory above each directory but the root.
pub(super) type Parents = BTreeMap<u64, InodeNumber>;

impl Nodes {
    fn found(&self, inode: InodeNumber) -> Result<Node> {
        let attributes = self.get(inode)?.attributes;
        Ok(Node { inode, attributes })
    }

    fn is_directory(&self, inode: InodeNumber) -> Result<bool> {
        Ok(self.get(inode)?.attributes.kind == FileKind::Directory)
    }

    pub(super) fn lookup(&mut self, at: Name<'_>) -> Result<Node> {
        let inode = self.entries(at.directory)?.find(at.name);
        let inode = inode.ok_or(Errno::ENOENT)?;
        self.get_mut(inode)?.references += 1;
        self.found(inode)
    }

    pub(super) fn create(
        &mut self,
        at: Name<'_>,
        new: &NewNode<'_>,
        parents: &mut Parents,
    ) -> Result<Created> {
        if self.entries(at.directory)?.find(at.name).is_some() {
            return Err(Errno::EEXIST);
        }
        let is_directory = new.kind == FileKind::Directory;
        if is_directory {
            self.check_links(at.directory)?;
        }
        self.charge_name(at.name)?;
        let inode = self.add(new).inspect_err(|_| self.refund_name(at.name))?;
        self.entries(at.directory)?.set(at.name, inode);
        if is_directory {
            parents.insert(inode.0, at.directory);
        }
        Ok(Created {
            node: self.found(inode)?,
            directory: self.touch(at.directory, i32::from(is_directory), new.time)?,
        })
    }

    pub(super) fn create_unnamed(
        &mut self,
        directory: InodeNumber,
        new: &NewNode<'_>,
    ) -> Result<Node> {
        if !self.is_directory(directory)? {
            return Err(Errno::ENOTDIR);
        }
        let inode = self.add(new)?;
        let node = self.get_mut(inode)?;
        node.attributes.links = 0;
        node.is_unnamed = true;
        self.found(inode)
    }

    pub(super) fn link(
        &mut self,
        inode: InodeNumber,
        at: Name<'_>,
        time: Timestamp,
    ) -> Result<Relinked> {
        if self.entries(at.directory)?.find(at.name).is_some() {
            return Err(Errno::EEXIST);
        }
        let node = self.get(inode)?;
        if node.attributes.links == 0 && !node.is_unnamed {
            return Err(Errno::ENOENT);
        }
        if self.is_directory(inode)? {
            return Err(Errno::EPERM);
        }
        self.check_links(inode)?;
        self.charge_name(at.name)?;
        self.entries(at.directory)?.set(at.name, inode);
        let node = self.get_mut(inode)?;
        node.is_unnamed = false;
        node.attributes.links += 1;
        node.attributes.changed = time;
        Ok(Relinked { node: self.found(inode)?, directory: self.touch(at.directory, 0, time)? })
    }

    pub(super) fn unlink(&mut self, at: Name<'_>, time: Timestamp) -> Result<Relinked> {
        let inode = self.entries(at.directory)?.find(at.name);
        let inode = inode.ok_or(Errno::ENOENT)?;
        if self.is_directory(inode)? {
            return Err(Errno::EISDIR);
        }
        self.entries(at.directory)?.remove(at.name);
        self.refund_name(at.name);
        let node = self.unnamed(inode, time)?;
        Ok(Relinked { node, directory: self.touch(at.directory, 0, time)? })
    }

    pub(super) fn rmdir(
        &mut self,
        at: Name<'_>,
        time: Timestamp,
        parents: &mut Parents,
    ) -> Result<Relinked> {
        let inode = self.entries(at.directory)?.find(at.name);
        let inode = inode.ok_or(Errno::ENOENT)?;
        match &self.get(inode)?.body {
            Body::Directory(entries) if entries.is_empty() => {}
            Body::Directory(_) => return Err(Errno::ENOTEMPTY),
            _ => return Err(Errno::ENOTDIR),
        }
        self.entries(at.directory)?.remove(at.name);
        self.refund_name(at.name);
        parents.remove(&inode.0);
        let node = self.unnamed(inode, time)?;
        Ok(Relinked { node, directory: self.touch(at.directory, -1, time)? })
    }

    /// Takes one name from an inode's count; a directory has only one, and then none.
    fn unnamed(&mut self, inode: InodeNumber, time: Timestamp) -> Result<Node> {
        let is_directory = self.is_directory(inode)?;
        let attributes = &mut self.get_mut(inode)?.attributes;
        attributes.links = if is_directory { 0 } else { attributes.links.saturating_sub(1) };
        attributes.changed = time;
        let node = self.found(inode)?;
        self.settle(inode);
        Ok(node)
    }

    pub(super) fn rename(
        &mut self,
        from: Name<'_>,
        to: Name<'_>,
        flags: RenameFlags,
        time: Timestamp,
        parents: &mut Parents,
    ) -> Result<Renamed> {
        let moved = self.entries(from.directory)?.find(from.name);
        let moved = moved.ok_or(Errno::ENOENT)?;
        let replaced = self.entries(to.directory)?.find(to.name);
        self.check_rename(from, moved, to, replaced, flags, parents)?;
        if replaced == Some(moved) {
            return self.renamed(moved, self.found(moved).ok(), from, to, (0, 0), time);
        }
        let is_directory = i32::from(self.is_directory(moved)?);
        if from.directory != to.directory {
            self.check_subdirectories(from, moved, to, replaced, flags)?;
        }
        if replaced.is_none() {
            self.charge_name(to.name)?;
        }
        self.entries(to.directory)?.set(to.name, moved);
        self.get_mut(moved)?.attributes.changed = time;
        if is_directory > 0 {
            parents.insert(moved.0, to.directory);
        }
        if flags.contains(RenameFlags::EXCHANGE)
            && let Some(other) = replaced
        {
            self.entries(from.directory)?.set(from.name, other);
            self.get_mut(other)?.attributes.changed = time;
            let other_directory = i32::from(self.is_directory(other)?);
            if other_directory > 0 {
                parents.insert(other.0, from.directory);
            }
            let by = other_directory - is_directory;
            let node = self.found(other)?;
            return self.renamed(moved, Some(node), from, to, (by, -by), time);
        }
        self.entries(from.directory)?.remove(from.name);
        self.refund_name(from.name);
        let replaced_node = match replaced {
            Some(replaced) => {
                parents.remove(&replaced.0);
                Some(self.unnamed(replaced, time)?)
            }
            None => None,
        };
        // A directory is replaced by a directory only: the number in `to` stays.
        let added = if replaced.is_some() { 0 } else { is_directory };
        let by = (-is_directory, added);
        self.renamed(moved, replaced_node, from, to, by, time)
    }

    fn renamed(
        &mut self,
        moved: InodeNumber,
        replaced: Option<Node>,
        from: Name<'_>,
        to: Name<'_>,
        subdirectories: (i32, i32),
        time: Timestamp,
    ) -> Result<Renamed> {
        self.touch(from.directory, subdirectories.0, time)?;
        let to_attributes = self.touch(to.directory, subdirectories.1, time)?;
        Ok(Renamed {
            moved: self.found(moved)?,
            replaced,
            from: self.get(from.directory)?.attributes,
            to: to_attributes,
        })
    }

    /// Whether each of two directories can have a subdirectory more, if it gets one.
    fn check_subdirectories(
        &self,
        from: Name<'_>,
        moved: InodeNumber,
        to: Name<'_>,
        replaced: Option<InodeNumber>,
        flags: RenameFlags,
    ) -> Result<()> {
        let moves_directory = self.is_directory(moved)?;
        let replaces_directory = match replaced {
            Some(replaced) => self.is_directory(replaced)?,
            None => false,
        };
        match (moves_directory, replaces_directory) {
            (true, false) => self.check_links(to.directory),
            (false, true) if flags.contains(RenameFlags::EXCHANGE) => {
                self.check_links(from.directory)
            }
            _ => Ok(()),
        }
    }

    fn check_rename(
        &self,
        from: Name<'_>,
        moved: InodeNumber,
        to: Name<'_>,
        replaced: Option<InodeNumber>,
        flags: RenameFlags,
        parents: &Parents,
    ) -> Result<()> {
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        let is_above = |above: InodeNumber, mut at: InodeNumber| loop {
            if at == above {
                return true;
            }
            match parents.get(&at.0) {
                Some(parent) => at = *parent,
                None => return false,
            }
        };
        let is_directory = self.is_directory(moved)?;
        if is_directory && is_above(moved, to.directory) {
            return Err(Errno::EINVAL);
        }
        let Some(replaced) = replaced else {
            return if exchange { Err(Errno::ENOENT) } else { Ok(()) };
        };
        if flags.contains(RenameFlags::NO_REPLACE) {
            return Err(Errno::EEXIST);
        }
        if exchange {
            let loops = self.is_directory(replaced)? && is_above(replaced, from.directory);
            return if loops { Err(Errno::EINVAL) } else { Ok(()) };
        }
        match (&self.get(replaced)?.body, is_directory) {
            (Body::Directory(_), false) => Err(Errno::EISDIR),
            (Body::Directory(entries), true) if !Entries::is_empty(entries) => {
                Err(Errno::ENOTEMPTY)
            }
            (Body::Directory(_), true) => Ok(()),
            (_, true) if replaced != moved => Err(Errno::ENOTDIR),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::nodes::MAX_LINKS;
    use super::*;
    use crate::budget::Budget;
    use alloc::rc::Rc;

    const ROOT: InodeNumber = Nodes::ROOT;
    const NOW: Timestamp = Timestamp(1);

    /// A tmpfs with the directories `full`, which can have no other subdirectory, and `other`, each
    /// with a directory `d` and a file `f`.
    struct Tree {
        nodes: Nodes,
        parents: Parents,
        full: InodeNumber,
        other: InodeNumber,
    }

    impl Tree {
        fn new() -> Self {
            let nodes = Nodes::new(Rc::new(Budget::new(1 << 20)), 7, 0o755, NOW);
            let mut tree = Self { nodes, parents: Parents::new(), full: ROOT, other: ROOT };
            tree.full = tree.make(ROOT, b"full", FileKind::Directory).unwrap();
            tree.other = tree.make(ROOT, b"other", FileKind::Directory).unwrap();
            for directory in [tree.full, tree.other] {
                tree.make(directory, b"d", FileKind::Directory).unwrap();
                tree.make(directory, b"f", FileKind::Regular).unwrap();
            }
            tree.fill(tree.full);
            tree
        }

        fn make(
            &mut self,
            directory: InodeNumber,
            name: &[u8],
            kind: FileKind,
        ) -> Result<InodeNumber> {
            let new = NewNode {
                kind,
                permissions: 0o755,
                uid: 0,
                gid: 0,
                special_device: 0,
                target: &[],
                time: NOW,
            };
            let created = self.nodes.create(Name { directory, name }, &new, &mut self.parents)?;
            Ok(created.node.inode)
        }

        fn fill(&mut self, inode: InodeNumber) {
            self.nodes.get_mut(inode).unwrap().attributes.links = MAX_LINKS;
        }

        fn rename(&mut self, from: Name<'_>, to: Name<'_>, flags: RenameFlags) -> Result<()> {
            self.nodes.rename(from, to, flags, NOW, &mut self.parents).map(drop)
        }

        fn links(&self, inode: InodeNumber) -> u32 {
            self.nodes.get(inode).unwrap().attributes.links
        }
    }

    #[test]
    fn a_file_has_no_more_names_than_can_be_counted() {
        let mut tree = Tree::new();
        let file = tree.nodes.lookup(Name { directory: tree.other, name: b"f" }).unwrap().inode;
        tree.fill(file);
        let at = Name { directory: ROOT, name: b"link" };
        assert_eq!(tree.nodes.link(file, at, NOW).map(drop), Err(Errno::EMLINK));
        assert_eq!(tree.nodes.lookup(at).map(drop), Err(Errno::ENOENT));
        tree.nodes.unlink(Name { directory: tree.other, name: b"f" }, NOW).unwrap();
        assert!(tree.nodes.link(file, at, NOW).is_ok());
        assert_eq!(tree.links(file), MAX_LINKS);
    }

    #[test]
    fn a_directory_has_no_more_subdirectories_than_can_be_counted() {
        let mut tree = Tree::new();
        let (full, other) = (tree.full, tree.other);
        let at = |directory, name| Name { directory, name };
        let (plain, exchange) = (RenameFlags::empty(), RenameFlags::EXCHANGE);
        assert_eq!(tree.make(full, b"new", FileKind::Directory), Err(Errno::EMLINK));
        assert!(tree.make(full, b"new", FileKind::Regular).is_ok());
        let moved = tree.rename(at(other, b"d"), at(full, b"moved"), plain);
        assert_eq!(moved, Err(Errno::EMLINK));
        let exchanged = [(at(other, b"d"), at(full, b"f")), (at(full, b"f"), at(other, b"d"))];
        for (from, to) in exchanged {
            assert_eq!(tree.rename(from, to, exchange), Err(Errno::EMLINK));
        }
        // Where one comes and one goes, there are no more than before.
        assert_eq!(tree.rename(at(full, b"d"), at(full, b"same"), plain), Ok(()));
        assert_eq!(tree.rename(at(other, b"d"), at(full, b"same"), exchange), Ok(()));
        assert_eq!(tree.rename(at(other, b"d"), at(full, b"same"), plain), Ok(()));
        assert_eq!((tree.links(full), tree.links(other)), (MAX_LINKS, 2));
    }
}
