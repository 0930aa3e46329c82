//! The seam: each operation is a call on the pool, and what the table learns when it has returned.

use super::calls::{self, New};
use super::listing;
use super::reach::{self, Held, Way, child};
use super::seen::see;
use super::table::Table;
use super::xattrs;
use dataplane::entry::Errno;
use dataplane::file::{DirectoryWriter, FilesystemStatus, RenameFlags, XattrMode};
use dataplane::filesystem::{
    Answer, Attributes, Changes, ContentsIn, Created, DirectoryPart, Durable, FileSystem,
    InodeNumber, Name, NewNode, Node, PageBytes, Relinked, Renamed, Reply, Validity, WriteAt,
    Xattr,
};
use dataplane::platform::{Offload, Timestamp};
use platform::offload::{Leftovers, Lost, call};
use rustix::fd::OwnedFd;
use rustix::fs::AtFlags;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// How much of the process's means a mount may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most descriptors that are kept open, at least 2. While a call runs it has one or two more.
    pub descriptors: usize,
}

/// A directory of the host.
pub struct HostDirectory {
    table: Rc<RefCell<Table>>,
    offload: Arc<dyn Offload>,
    leftovers: Leftovers,
    root: InodeNumber,
}

impl HostDirectory {
    /// The directory of a descriptor that was opened for reading, by whoever may mount it: nothing
    /// is served that its opener could not open. `offload` should be this mount's own.
    ///
    /// # Errors
    /// ENOTDIR; EBADF if it was opened for nothing (`O_PATH`), which takes no right to it.
    pub async fn open(
        directory: OwnedFd,
        offload: Arc<dyn Offload>,
        limits: Limits,
    ) -> Result<Self, Errno> {
        let opened = call(&*offload, move || reach::root(&directory)).await;
        let (held, _) = opened.map_err(lost)??;
        let table = Table::new(held, limits.descriptors);
        let root = table.root();
        let leftovers = Leftovers::default();
        Ok(Self { table: Rc::new(RefCell::new(table)), offload, leftovers, root })
    }

    /// Counts the calls that are given up and go on among these.
    #[must_use]
    pub fn with_leftovers(self, leftovers: Leftovers) -> Self {
        Self { leftovers, ..self }
    }

    /// Has a call made when the answer is first asked for, and then tells the table.
    fn run<T: Send + 'static, R: 'static>(
        &self,
        blocking: impl FnOnce() -> Result<T, Errno> + Send + 'static,
        then: impl FnOnce(&mut Table, T) -> Result<R, Errno> + 'static,
    ) -> Answer<R> {
        let (table, offload) = (Rc::clone(&self.table), Arc::clone(&self.offload));
        let leftovers = self.leftovers.clone();
        Reply::Later(Box::pin(async move {
            let outcome = leftovers.call(&*offload, blocking).await.map_err(lost)??;
            then(&mut table.borrow_mut(), outcome)
        }))
    }

    /// Has a call made on one inode.
    fn on<T: Send + 'static>(
        &self,
        inode: InodeNumber,
        blocking: impl FnOnce(&Held) -> Result<T, Errno> + Send + 'static,
    ) -> Answer<T> {
        let way = match self.way(inode) {
            Ok(way) => way,
            Err(error) => return Reply::Now(Err(error)),
        };
        let blocking = move || {
            let held = way.reach()?;
            let outcome = blocking(&held)?;
            Ok((held, outcome))
        };
        self.run(blocking, move |table, (held, outcome)| {
            table.restore(inode.0, held);
            Ok(outcome)
        })
    }

    fn way(&self, inode: InodeNumber) -> Result<Way, Errno> {
        self.table.borrow_mut().way(inode)
    }

    fn remove(&self, at: Name<'_>, flags: AtFlags) -> Answer<Relinked> {
        let (way, name) = match self.way(at.directory) {
            Ok(way) => (way, at.name.to_vec()),
            Err(error) => return Reply::Now(Err(error)),
        };
        let blocking = move || {
            let directory = way.reach()?;
            let removed = calls::remove(&directory, &name, flags)?;
            Ok((removed, see(&*directory)?.attributes))
        };
        self.run(blocking, |table, ((held, seen), directory)| {
            let inode = InodeNumber(table.number_for(&seen.identity));
            table.lost_name(held);
            Ok(Relinked { node: Node { inode, attributes: seen.attributes }, directory })
        })
    }
}

fn lost(Lost: Lost) -> Errno {
    Errno::EIO
}

impl FileSystem for HostDirectory {
    fn root(&self) -> InodeNumber {
        self.root
    }

    fn contents(&self) -> ContentsIn {
        ContentsIn::Backing
    }

    fn validity(&self) -> Validity {
        Validity::Momentary
    }

    fn lookup(&self, at: Name<'_>) -> Answer<Node> {
        let (way, name) = match self.way(at.directory) {
            Ok(way) => (way, at.name.to_vec()),
            Err(error) => return Reply::Now(Err(error)),
        };
        let (directory, found) = (at.directory.0, name.clone());
        let blocking = move || child(&*way.reach()?, &name);
        self.run(blocking, move |table, (held, seen)| {
            let inode = table.adopt(held, directory, &found)?;
            Ok(Node { inode, attributes: seen.attributes })
        })
    }

    fn create(&self, at: Name<'_>, new: &NewNode<'_>) -> Answer<Created> {
        let (way, name) = match self.way(at.directory) {
            Ok(way) => (way, at.name.to_vec()),
            Err(error) => return Reply::Now(Err(error)),
        };
        let (parent, new, made) = (at.directory.0, New::of(new), name.clone());
        let blocking = move || {
            let directory = way.reach()?;
            let created = calls::create(&directory, &name, &new)?;
            Ok((created, see(&*directory)?.attributes))
        };
        self.run(blocking, move |table, ((held, seen), directory)| {
            let inode = table.adopt(held, parent, &made)?;
            Ok(Created { node: Node { inode, attributes: seen.attributes }, directory })
        })
    }

    fn link(&self, inode: InodeNumber, at: Name<'_>, _: Timestamp) -> Answer<Relinked> {
        let ways = self.way(inode).and_then(|inode| Ok((inode, self.way(at.directory)?)));
        let (way, directory) = match ways {
            Ok(ways) => ways,
            Err(error) => return Reply::Now(Err(error)),
        };
        let (parent, name, linked) = (at.directory, at.name.to_vec(), at.name.to_vec());
        let blocking = move || {
            let (held, directory) = (way.reach()?, directory.reach()?);
            let seen = calls::link(&held, &directory, &name)?;
            Ok((seen, see(&*directory)?.attributes))
        };
        self.run(blocking, move |table, (seen, directory)| {
            table.has_name(&seen.identity, parent, &linked);
            Ok(Relinked { node: Node { inode, attributes: seen.attributes }, directory })
        })
    }

    fn unlink(&self, at: Name<'_>, _: Timestamp) -> Answer<Relinked> {
        self.remove(at, AtFlags::empty())
    }

    fn rmdir(&self, at: Name<'_>, _: Timestamp) -> Answer<Relinked> {
        self.remove(at, AtFlags::REMOVEDIR)
    }

    fn rename(
        &self,
        from: Name<'_>,
        to: Name<'_>,
        flags: RenameFlags,
        _: Timestamp,
    ) -> Answer<Renamed> {
        let ways = self.way(from.directory).and_then(|way| Ok((way, self.way(to.directory)?)));
        let (from_way, to_way) = match ways {
            Ok(ways) => ways,
            Err(error) => return Reply::Now(Err(error)),
        };
        let old = (from.directory, from.name.to_vec());
        let new = (to.directory, to.name.to_vec());
        let (old_name, new_name) = (old.1.clone(), new.1.clone());
        let blocking = move || {
            let (from, to) = (from_way.reach()?, to_way.reach()?);
            let moved = calls::rename((&from, &old_name), (&to, &new_name), flags)?;
            Ok((moved, see(&*from)?.attributes, see(&*to)?.attributes))
        };
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        self.run(blocking, move |table, (moved, from, to)| {
            let (_, seen) = moved.moved;
            table.has_name(&seen.identity, new.0, &new.1);
            let node = |table: &Table, seen: &super::seen::Seen| Node {
                inode: InodeNumber(table.number_for(&seen.identity)),
                attributes: seen.attributes,
            };
            let replaced = moved.replaced.map(|(held, replaced)| {
                let node = node(table, &replaced);
                match exchange {
                    true => table.has_name(&replaced.identity, old.0, &old.1),
                    false if replaced.identity != seen.identity => table.lost_name(held),
                    false => {}
                }
                node
            });
            Ok(Renamed { moved: node(table, &seen), replaced, from, to })
        })
    }

    fn attributes(&self, inode: InodeNumber) -> Answer<Attributes> {
        self.on(inode, |held| Ok(see(held)?.attributes))
    }

    fn set_attributes(&self, inode: InodeNumber, changes: &Changes) -> Answer<Attributes> {
        let changes = *changes;
        self.on(inode, move |held| calls::set_attributes(held, &changes))
    }

    fn read_directory(
        &self,
        directory: InodeNumber,
        cookie: u64,
        records: DirectoryWriter,
    ) -> Answer<DirectoryPart> {
        self.on(directory, move |held| listing::list(held, cookie, records))
    }

    fn read_symlink(&self, inode: InodeNumber) -> Answer<Box<[u8]>> {
        self.on(inode, |held| calls::read_link(held).map(Into::into))
    }

    fn xattr(&self, inode: InodeNumber, name: &[u8]) -> Answer<Box<[u8]>> {
        let name = name.to_vec();
        self.on(inode, move |held| xattrs::get(held, &name).map(Into::into))
    }

    fn set_xattr(
        &self,
        inode: InodeNumber,
        attribute: Xattr<'_>,
        mode: XattrMode,
        _: Timestamp,
    ) -> Answer<()> {
        let (name, value) = (attribute.name.to_vec(), attribute.value.to_vec());
        self.on(inode, move |held| xattrs::set(held, &name, &value, mode))
    }

    fn xattr_names(&self, inode: InodeNumber) -> Answer<Box<[u8]>> {
        self.on(inode, |held| xattrs::names(held).map(Into::into))
    }

    fn remove_xattr(&self, inode: InodeNumber, name: &[u8], _: Timestamp) -> Answer<()> {
        let name = name.to_vec();
        self.on(inode, move |held| xattrs::remove(held, &name))
    }

    fn read_page(&self, _: InodeNumber, _: u64, _: Box<PageBytes>) -> Answer<Box<PageBytes>> {
        Reply::Now(Err(Errno::EOPNOTSUPP))
    }

    fn write_page(&self, _: InodeNumber, _: u64, _: &PageBytes, _: usize) -> Answer<()> {
        Reply::Now(Err(Errno::EOPNOTSUPP))
    }

    fn read(&self, inode: InodeNumber, offset: u64, len: usize) -> Answer<Vec<u8>> {
        self.on(inode, move |held| calls::read(held, offset, len))
    }

    fn write(&self, inode: InodeNumber, at: WriteAt, bytes: Vec<u8>) -> Answer<usize> {
        self.on(inode, move |held| calls::write(held, at, &bytes))
    }

    fn status(&self) -> Answer<FilesystemStatus> {
        self.on(self.root, calls::status)
    }

    fn sync(&self, what: Durable) -> Answer<()> {
        match what {
            Durable::File(inode) => self.on(inode, calls::sync),
            Durable::Everything => self.on(self.root, calls::sync_all),
        }
    }

    fn forget(&self, inode: InodeNumber, references: u64) {
        self.table.borrow_mut().forget(inode, references);
    }
}
