//! What the fake file system knows and how it judges; naive on purpose, and it panics when the vfs
//! breaks a rule of the seam.

use dataplane::entry::Errno;
use dataplane::file::{DirectoryEntry, DirectoryWriter, FileKind, RenameFlags};
use dataplane::filesystem::{
    Attributes, Changes, Created, DirectoryPart, FIRST_COOKIE, InodeNumber, NewNode, Node,
    PAGE_BYTES, PageBytes, Relinked, Renamed, WriteAt,
};
use dataplane::platform::Timestamp;
use std::collections::BTreeMap;

pub(crate) const ROOT: u64 = 10;

/// A name in a directory, owned.
pub(crate) type At = (u64, Vec<u8>);
type Outcome<T> = Result<T, Errno>;

#[derive(Debug)]
pub(crate) struct FakeNode {
    pub(crate) attributes: Attributes,
    pub(crate) references: u64,
    pub(crate) children: BTreeMap<Vec<u8>, (u64, u64)>,
    pub(crate) target: Vec<u8>,
    pub(crate) pages: BTreeMap<u64, Box<PageBytes>>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) nodes: BTreeMap<u64, FakeNode>,
    pub(crate) next: u64,
    /// Pages read from and written to it.
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) syncs: u64,
    /// Errors that the next page writes answer with.
    pub(crate) write_errors: Vec<Errno>,
}

fn check_name(name: &[u8]) {
    let bad = name.is_empty() || name.len() > 255 || name == b"." || name == b"..";
    assert!(!bad && !name.contains(&b'/') && !name.contains(&0), "bad name {name:?}");
}

impl State {
    pub(crate) fn new(permissions: u32) -> Self {
        let mut state = Self { next: ROOT, ..Self::default() };
        state.add(&NewNode {
            kind: FileKind::Directory,
            permissions,
            uid: 0,
            gid: 0,
            special_device: 0,
            target: &[],
            time: Timestamp(0),
        });
        state
    }

    fn add(&mut self, new: &NewNode<'_>) -> u64 {
        let number = self.next;
        self.next += 3;
        let time = new.time;
        let is_directory = new.kind == FileKind::Directory;
        let attributes = Attributes {
            kind: new.kind,
            permissions: new.permissions,
            links: if is_directory { 2 } else { 1 },
            uid: new.uid,
            gid: new.gid,
            size: new.target.len() as u64,
            blocks: 0,
            special_device: new.special_device,
            accessed: time,
            modified: time,
            changed: time,
            created: time,
        };
        let node = FakeNode {
            attributes,
            references: 0,
            children: BTreeMap::new(),
            target: new.target.to_vec(),
            pages: BTreeMap::new(),
        };
        self.nodes.insert(number, node);
        number
    }

    /// A node that the vfs may name: it has a reference, or it is the root.
    pub(crate) fn node(&mut self, number: u64) -> &mut FakeNode {
        let node = self.nodes.get_mut(&number);
        let node = node.unwrap_or_else(|| panic!("inode {number} is used after it is gone"));
        assert!(
            number == ROOT || node.references > 0,
            "inode {number} is used without a reference"
        );
        node
    }

    fn known(&self, number: u64) -> Node {
        Node { inode: InodeNumber(number), attributes: self.nodes[&number].attributes }
    }

    fn child(&mut self, at: &At) -> Outcome<u64> {
        check_name(&at.1);
        let directory = self.node(at.0);
        assert_eq!(directory.attributes.kind, FileKind::Directory, "not a directory");
        if directory.attributes.links == 0 {
            return Err(Errno::ENOENT);
        }
        let child = directory.children.get(&at.1).ok_or(Errno::ENOENT)?;
        Ok(child.1)
    }

    fn is_directory(&self, number: u64) -> bool {
        self.nodes[&number].attributes.kind == FileKind::Directory
    }

    fn touch(&mut self, directory: u64, subdirectories: i32, time: Timestamp) -> Attributes {
        let attributes = &mut self.nodes.get_mut(&directory).unwrap().attributes;
        attributes.links = attributes.links.checked_add_signed(subdirectories).unwrap();
        (attributes.modified, attributes.changed) = (time, time);
        *attributes
    }

    fn settle(&mut self, number: u64) {
        let node = &self.nodes[&number];
        if node.references == 0 && node.attributes.links == 0 {
            self.nodes.remove(&number);
        }
    }

    pub(crate) fn lookup(&mut self, at: &At) -> Outcome<Node> {
        let number = self.child(at)?;
        self.nodes.get_mut(&number).unwrap().references += 1;
        Ok(self.known(number))
    }

    fn put(&mut self, at: &At, number: u64) {
        let cookie = self.next + FIRST_COOKIE;
        self.next += 1;
        let children = &mut self.node(at.0).children;
        let cookie = children.get(&at.1).map_or(cookie, |(cookie, _)| *cookie);
        children.insert(at.1.clone(), (cookie, number));
    }

    pub(crate) fn create(&mut self, at: &At, new: &NewNode<'_>) -> Outcome<Created> {
        match self.child(at) {
            Ok(_) => return Err(Errno::EEXIST),
            Err(_) if self.node(at.0).attributes.links == 0 => return Err(Errno::ENOENT),
            Err(_) => {}
        }
        let number = self.add(new);
        self.nodes.get_mut(&number).unwrap().references = 1;
        self.put(at, number);
        let by = i32::from(new.kind == FileKind::Directory);
        let directory = self.touch(at.0, by, new.time);
        Ok(Created { node: self.known(number), directory })
    }

    pub(crate) fn link(&mut self, inode: u64, at: &At, time: Timestamp) -> Outcome<Relinked> {
        assert!(!self.is_directory(inode), "a directory has one name");
        if self.child(at).is_ok() {
            return Err(Errno::EEXIST);
        }
        let attributes = &mut self.node(inode).attributes;
        if attributes.links == 0 {
            return Err(Errno::ENOENT);
        }
        attributes.links += 1;
        attributes.changed = time;
        self.put(at, inode);
        Ok(Relinked { node: self.known(inode), directory: self.touch(at.0, 0, time) })
    }

    fn take(&mut self, number: u64, time: Timestamp) -> Node {
        let is_directory = self.is_directory(number);
        let attributes = &mut self.nodes.get_mut(&number).unwrap().attributes;
        attributes.links = if is_directory { 0 } else { attributes.links - 1 };
        attributes.changed = time;
        let node = self.known(number);
        self.settle(number);
        node
    }

    pub(crate) fn unlink(&mut self, at: &At, time: Timestamp) -> Outcome<Relinked> {
        let number = self.child(at)?;
        if self.is_directory(number) {
            return Err(Errno::EISDIR);
        }
        self.node(at.0).children.remove(&at.1);
        Ok(Relinked { node: self.take(number, time), directory: self.touch(at.0, 0, time) })
    }

    pub(crate) fn rmdir(&mut self, at: &At, time: Timestamp) -> Outcome<Relinked> {
        let number = self.child(at)?;
        if !self.is_directory(number) {
            return Err(Errno::ENOTDIR);
        }
        if !self.nodes[&number].children.is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        self.node(at.0).children.remove(&at.1);
        Ok(Relinked { node: self.take(number, time), directory: self.touch(at.0, -1, time) })
    }

    fn is_below(&self, number: u64, above: u64) -> bool {
        let children = |number| self.nodes[&number].children.values();
        let mut todo = vec![above];
        while let Some(at) = todo.pop() {
            if at == number {
                return true;
            }
            todo.extend(children(at).map(|(_, child)| *child));
        }
        false
    }

    pub(crate) fn rename(
        &mut self,
        from: &At,
        to: &At,
        flags: RenameFlags,
        time: Timestamp,
    ) -> Outcome<Renamed> {
        let moved = self.child(from)?;
        let replaced = match self.child(to) {
            Ok(replaced) => Some(replaced),
            Err(_) if self.node(to.0).attributes.links == 0 => return Err(Errno::ENOENT),
            Err(_) => None,
        };
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        let directories = i32::from(self.is_directory(moved));
        let mut other_directories = 0;
        if directories > 0 && self.is_below(to.0, moved) {
            return Err(Errno::EINVAL);
        }
        if let Some(replaced) = replaced {
            other_directories = i32::from(self.is_directory(replaced));
            if flags.contains(RenameFlags::NO_REPLACE) {
                return Err(Errno::EEXIST);
            }
            let empty = self.nodes[&replaced].children.is_empty();
            if exchange && other_directories > 0 && self.is_below(from.0, replaced) {
                return Err(Errno::EINVAL);
            }
            match (directories > 0, other_directories > 0) {
                _ if exchange => {}
                (true, false) => return Err(Errno::ENOTDIR),
                (false, true) => return Err(Errno::EISDIR),
                (true, true) if !empty => return Err(Errno::ENOTEMPTY),
                _ => {}
            }
        } else if exchange {
            return Err(Errno::ENOENT);
        }
        let (mut by_from, mut by_to) = (-directories, directories);
        let mut replaced_node = None;
        if replaced != Some(moved) {
            self.put(to, moved);
            self.nodes.get_mut(&moved).unwrap().attributes.changed = time;
            match replaced {
                Some(other) if exchange => {
                    self.put(from, other);
                    self.nodes.get_mut(&other).unwrap().attributes.changed = time;
                    replaced_node = Some(self.known(other));
                    by_from += other_directories;
                    by_to -= other_directories;
                }
                other => {
                    self.node(from.0).children.remove(&from.1);
                    replaced_node = other.map(|other| self.take(other, time));
                    by_to -= other_directories;
                }
            }
        }
        self.touch(from.0, by_from, time);
        let to_attributes = self.touch(to.0, by_to, time);
        Ok(Renamed {
            moved: self.known(moved),
            replaced: replaced_node,
            from: self.nodes[&from.0].attributes,
            to: to_attributes,
        })
    }

    pub(crate) fn set_attributes(&mut self, number: u64, changes: &Changes) -> Attributes {
        let node = self.node(number);
        if let Some(size) = changes.size {
            assert_eq!(node.attributes.kind, FileKind::Regular, "only files have a size");
            node.pages.retain(|index, _| index * 4096 < size);
            if let Some(page) = node.pages.get_mut(&(size / 4096)) {
                page[usize::try_from(size % 4096).unwrap()..].fill(0);
            }
            node.attributes.size = size;
        }
        let attributes = &mut node.attributes;
        attributes.permissions = changes.permissions.unwrap_or(attributes.permissions);
        attributes.uid = changes.uid.unwrap_or(attributes.uid);
        attributes.gid = changes.gid.unwrap_or(attributes.gid);
        attributes.accessed = changes.accessed.unwrap_or(attributes.accessed);
        attributes.modified = changes.modified.unwrap_or(attributes.modified);
        attributes.changed = changes.changed.unwrap_or(attributes.changed);
        attributes.blocks = node.pages.len() as u64 * 8;
        *attributes
    }

    pub(crate) fn read_directory(
        &mut self,
        number: u64,
        cookie: u64,
        mut records: DirectoryWriter,
    ) -> DirectoryPart {
        let children = self.node(number).children.clone();
        let mut by_cookie: Vec<_> = children.iter().collect();
        by_cookie.sort_by_key(|(_, (cookie, _))| *cookie);
        let (mut next, mut more) = (cookie, false);
        for (name, (its, child)) in by_cookie {
            if *its <= cookie {
                continue;
            }
            let entry = DirectoryEntry {
                inode: *child,
                cookie: *its,
                kind: Some(self.nodes[child].attributes.kind),
                name,
            };
            if !records.push(&entry) {
                more = true;
                break;
            }
            next = *its;
        }
        DirectoryPart { records, next, more }
    }

    pub(crate) fn read_page(&mut self, number: u64, index: u64, page: &mut PageBytes) {
        self.reads += 1;
        let node = self.node(number);
        match node.pages.get(&index) {
            Some(bytes) => page.copy_from_slice(&**bytes),
            None => page.fill(0),
        }
    }

    pub(crate) fn write_page(
        &mut self,
        number: u64,
        index: u64,
        page: &PageBytes,
        len: usize,
    ) -> Outcome<()> {
        if let Some(error) = self.write_errors.pop() {
            return Err(error);
        }
        self.writes += 1;
        assert!(len > 0 && len <= PAGE_BYTES, "nothing, or too much, to write");
        assert!(page[len..].iter().all(|byte| *byte == 0), "not zero behind the end");
        let node = self.node(number);
        node.pages.insert(index, Box::new(*page));
        let end = index * 4096 + len as u64;
        node.attributes.size = node.attributes.size.max(end);
        Ok(())
    }

    /// Bytes up to the end of the first page, as it likes.
    pub(crate) fn read(&mut self, number: u64, offset: u64, len: usize) -> Vec<u8> {
        assert!(len > 0, "nothing to read");
        let mut page = Box::new([0; PAGE_BYTES]);
        self.read_page(number, offset / 4096, &mut page);
        let size = self.node(number).attributes.size;
        let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let within = usize::try_from(offset % 4096).unwrap();
        page[within..].iter().take(len.min(left)).copied().collect()
    }

    /// Writes bytes, page by page.
    pub(crate) fn write(&mut self, number: u64, at: WriteAt, bytes: &[u8]) -> Outcome<usize> {
        assert!(!bytes.is_empty(), "nothing to write");
        let mut at = at;
        let mut done = 0;
        while done < bytes.len() {
            match self.write_part(number, at, &bytes[done..]) {
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
                Ok(written) => done += written,
            }
            if let WriteAt::Offset(offset) = &mut at {
                *offset = (*offset / 4096 + 1) * 4096;
            }
        }
        Ok(done)
    }

    fn write_part(&mut self, number: u64, at: WriteAt, bytes: &[u8]) -> Outcome<usize> {
        let size = self.node(number).attributes.size;
        let offset = match at {
            WriteAt::Offset(offset) => offset,
            WriteAt::End => size,
        };
        let within = usize::try_from(offset % 4096).unwrap();
        let bytes = &bytes[..bytes.len().min(4096 - within)];
        let mut page = Box::new([0; PAGE_BYTES]);
        self.read_page(number, offset / 4096, &mut page);
        page[within..within + bytes.len()].copy_from_slice(bytes);
        let end = within + bytes.len();
        let before = usize::try_from(size.saturating_sub(offset - offset % 4096));
        let len = end.max(before.unwrap_or(4096).min(4096));
        self.write_page(number, offset / 4096, &page, len)?;
        // A time of its own.
        let attributes = &mut self.node(number).attributes;
        attributes.modified.0 += 1;
        attributes.changed.0 += 1;
        Ok(bytes.len())
    }

    pub(crate) fn forget(&mut self, number: u64, references: u64) {
        assert!(references > 0, "nothing is forgotten");
        let node = self.node(number);
        let left = node.references.checked_sub(references);
        node.references = left.expect("more is forgotten than there was");
        self.settle(number);
    }
}
