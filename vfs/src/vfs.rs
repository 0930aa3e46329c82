//! The state of one vfs: what all its operations share.

use crate::binds::{self, Bind, Cover, Covering, Via};
use crate::budget::Budget;
use crate::cache::PURGE_DIRTY_AT;
use crate::config::{Usage, VfsConfig};
use crate::dentries::Dentries;
use crate::error::Result;
use crate::hash::{self, Map};
use crate::inode::Inode;
use crate::locks::LockTable;
use crate::mounts::{Label, Mount, Mounts, Writability};
use crate::watches::Watches;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::rc::{Rc, Weak};
use control::platform::Machine;
use control::service::Broker;
use core::cell::{Cell, RefCell};
use dataplane::entry::Errno;
use dataplane::file::FileKind;
use dataplane::filesystem::{Attributes, FileSystem, Node};
use dataplane::platform::Timestamp;

/// One vfs. Its operations are in `operations`.
pub(crate) struct Vfs {
    // Dropped in this order: what refers to inodes before the mounts that know them.
    pub(crate) dentries: Dentries,
    /// Files that the clock's hand visits to find memory.
    pub(crate) clock: RefCell<VecDeque<Weak<Inode>>>,
    /// Files that are to be written back, by id; some may be gone.
    pub(crate) dirty: RefCell<Map<u64, Weak<Inode>>>,
    /// Length of that list at which those that are gone are taken out.
    pub(crate) purge_dirty_at: Cell<usize>,
    mounts: Mounts,
    /// Advisory locks of all files.
    pub(crate) locks: Rc<LockTable>,
    /// Who is told of changes.
    pub(crate) watches: Rc<Watches>,
    pub(crate) budget: Rc<Budget>,
    pub(crate) machine: Machine,
    pub(crate) broker: Rc<dyn Broker>,
    pub(crate) seed: u64,
    next_inode: Cell<u64>,
}

impl Vfs {
    pub(crate) fn new(config: &VfsConfig, machine: Machine, broker: Rc<dyn Broker>) -> Self {
        Self {
            dentries: Dentries::new(config.dentries, config.seed),
            clock: RefCell::default(),
            dirty: RefCell::new(hash::map(config.seed)),
            purge_dirty_at: Cell::new(PURGE_DIRTY_AT),
            mounts: Mounts::default(),
            locks: Rc::default(),
            watches: Rc::default(),
            budget: Rc::new(Budget::new(config.memory_budget_bytes)),
            machine,
            broker,
            seed: config.seed,
            next_inode: Cell::new(1),
        }
    }

    /// Time of day.
    pub(crate) fn time(&self) -> Timestamp {
        self.machine.waiting.wall_clock()
    }

    /// The root of everything.
    ///
    /// # Errors
    /// ENOTCONN before it is mounted.
    pub(crate) fn root(&self) -> Result<Rc<Inode>> {
        self.mounts.root().ok_or(Errno::ENOTCONN)
    }

    /// The root of each mount.
    pub(crate) fn roots(&self) -> alloc::vec::Vec<Rc<Inode>> {
        self.mounts.roots()
    }

    /// Mounts a file system on a directory, or as the root of everything.
    ///
    /// # Errors
    /// EBUSY if something is mounted there, ENOTDIR, or what the file system says.
    pub(crate) async fn mount(
        &self,
        at: Option<(&Rc<Inode>, &Via)>,
        filesystem: Box<dyn FileSystem>,
        label: Label,
    ) -> Result<()> {
        let mount = self.mounts.prepare(filesystem, label, &self.budget, self.seed);
        let number = mount.filesystem.root();
        let attributes = mount.filesystem.attributes(number).await?;
        if attributes.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        match at {
            Some((at, via)) if is_taken(at, via) => return Err(Errno::EBUSY),
            None if self.mounts.root().is_some() => return Err(Errno::EBUSY),
            _ => {}
        }
        let inode = Inode::new(self.new_id(), number, &mount, &attributes, 0);
        let root = Rc::new(inode);
        mount.insert(&root);
        if let Some((at, via)) = at {
            let below = at.directory()?;
            root.directory()?.covers.replace(Some(Rc::clone(at)));
            let covering = Covering { through: via.clone(), by: Cover::Mount(Rc::clone(&root)) };
            below.covered_by.borrow_mut().push(covering);
        }
        self.mounts.add(root);
        Ok(())
    }

    /// Shows a directory in place of another one.
    ///
    /// # Errors
    /// EBUSY if something is mounted there, ENOTDIR.
    pub(crate) fn bind(
        &self,
        (root, from): (&Rc<Inode>, &Via),
        (at, outer): (&Rc<Inode>, &Via),
        label: Label,
    ) -> Result<()> {
        root.directory()?;
        let below = at.directory()?;
        if is_taken(at, outer) {
            return Err(Errno::EBUSY);
        }
        let ways = binds::check_writable(from).and(binds::check_writable(outer));
        let writability = if ways.is_err() { Writability::ReadOnly } else { label.writability };
        let bind = Rc::new(Bind {
            root: Rc::clone(root),
            covers: Rc::clone(at),
            outer: outer.clone(),
            label: Label { writability, ..label },
        });
        let covering = Covering { through: outer.clone(), by: Cover::Bind(Rc::clone(&bind)) };
        below.covered_by.borrow_mut().push(covering);
        self.mounts.add_bind(bind);
        Ok(())
    }

    /// What is mounted and bound, but for the root of everything.
    pub(crate) fn labels(&self) -> alloc::vec::Vec<Label> {
        self.mounts.labels()
    }

    /// Takes a bind out of the list.
    pub(crate) fn forget_bind(&self, bind: &Rc<Bind>) {
        self.mounts.remove_bind(bind);
    }

    /// Takes the root of a mount out of the list.
    pub(crate) fn forget_root(&self, root: &Rc<Inode>) {
        self.mounts.remove(root);
    }

    fn new_id(&self) -> u64 {
        let id = self.next_inode.get();
        self.next_inode.set(id + 1);
        id
    }

    /// The inode of a node that the file system has just given a reference to.
    pub(crate) fn adopt(&self, mount: &Rc<Mount>, directory: &Rc<Inode>, node: &Node) -> Rc<Inode> {
        if let Some(inode) = mount.find(node.inode) {
            inode.add_reference();
            if mount.is_momentary() {
                inode.merge(&node.attributes);
                inode.set_parent_anew(directory, mount.find(mount.filesystem.root()));
            } else {
                inode.set_parent(Some(Rc::clone(directory)));
            }
            return inode;
        }
        let attributes: &Attributes = &node.attributes;
        let inode = Inode::new(self.new_id(), node.inode, mount, attributes, 1);
        let inode = Rc::new(inode);
        inode.set_parent(Some(Rc::clone(directory)));
        mount.insert(&inode);
        if inode.kind == FileKind::Regular && inode.is_cache_only() && attributes.links > 0 {
            mount.anchor(&inode);
        }
        inode
    }

    /// What there is now.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            used_bytes: self.budget.used_bytes(),
            limit_bytes: self.budget.limit_bytes(),
            pages: self.budget.pages.value(),
            dentries: self.dentries.len() as u64,
            inodes: self.budget.inodes.value(),
            regions: self.budget.regions.value(),
            grants: self.budget.grants.value(),
            pinned_pages: self.budget.pinned.value(),
        }
    }
}

/// Whether something is mounted already where one has come to in this way.
fn is_taken(at: &Rc<Inode>, via: &Via) -> bool {
    let is_root = at.number == at.mount.filesystem.root();
    // Another request may have been faster since one has come here.
    let is_covered = at.directory().is_ok_and(|directory| {
        let coverings = directory.covered_by.borrow();
        coverings.iter().any(|covering| binds::is_same_way(&covering.through, via))
    });
    is_root || is_covered || binds::is_bind_root(via, at)
}
