//! Mounted file systems, and the inodes of each that the vfs knows.

use crate::binds::Bind;
use crate::budget::Budget;
use crate::hash::{self, Map};
use crate::inode::Inode;
use alloc::boxed::Box;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use dataplane::entry::Errno;
use dataplane::filesystem::{ContentsIn, FileSystem, InodeNumber, Validity};

/// Whether what is mounted may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writability {
    /// By whom its permissions allow it.
    ReadWrite,
    /// By nobody: EROFS.
    ReadOnly,
}

/// What a mount is called, and how it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    /// The kind of file system.
    pub(crate) kind: Box<[u8]>,
    /// The path that it was mounted by; empty for the root of everything.
    pub(crate) path: Box<[u8]>,
    /// Whether it may be changed.
    pub(crate) writability: Writability,
}

/// A mounted file system.
pub(crate) struct Mount {
    /// Its number, the `device` of its files' status.
    pub(crate) id: u64,
    /// What is mounted.
    pub(crate) filesystem: Box<dyn FileSystem>,
    /// Where its files' contents are.
    pub(crate) contents_in: ContentsIn,
    /// How long what the file system says stays true.
    pub(crate) validity: Validity,
    /// What it is, and how it was mounted.
    pub(crate) label: Label,
    budget: Rc<Budget>,
    inodes: RefCell<Map<u64, Known>>,
}

struct Known {
    inode: Weak<Inode>,
    /// Keeps the inode until its last name is gone.
    anchor: Option<Rc<Inode>>,
}

impl Mount {
    fn new(
        id: u64,
        filesystem: Box<dyn FileSystem>,
        label: Label,
        budget: &Rc<Budget>,
        seed: u64,
    ) -> Self {
        Self {
            id,
            contents_in: filesystem.contents(),
            validity: filesystem.validity(),
            label,
            filesystem,
            budget: Rc::clone(budget),
            inodes: RefCell::new(hash::map(seed)),
        }
    }

    /// Whether others change it too, so that nothing of it is kept.
    #[inline]
    pub(crate) fn is_momentary(&self) -> bool {
        self.validity == Validity::Momentary
    }

    /// Whether it may be changed.
    ///
    /// # Errors
    /// EROFS.
    #[inline]
    pub(crate) fn check_writable(&self) -> Result<(), Errno> {
        match self.label.writability {
            Writability::ReadWrite => Ok(()),
            Writability::ReadOnly => Err(Errno::EROFS),
        }
    }

    /// Whom its inodes are charged to.
    pub(crate) fn budget(&self) -> &Rc<Budget> {
        &self.budget
    }

    /// The inode of this number, if it is known.
    pub(crate) fn find(&self, number: InodeNumber) -> Option<Rc<Inode>> {
        self.inodes.borrow().get(&number.0)?.inode.upgrade()
    }

    /// Adds an inode.
    pub(crate) fn insert(&self, inode: &Rc<Inode>) {
        let known = Known { inode: Rc::downgrade(inode), anchor: None };
        self.inodes.borrow_mut().insert(inode.number.0, known);
    }

    /// Keeps an inode from being dropped until [`Mount::release`].
    pub(crate) fn anchor(&self, inode: &Rc<Inode>) {
        if let Some(known) = self.inodes.borrow_mut().get_mut(&inode.number.0) {
            known.anchor = Some(Rc::clone(inode));
        }
    }

    /// No longer keeps an inode.
    pub(crate) fn release(&self, number: InodeNumber) {
        let mut inodes = self.inodes.borrow_mut();
        let anchor = inodes.get_mut(&number.0).and_then(|k| k.anchor.take());
        drop(inodes);
        drop(anchor);
    }

    /// An inode is being dropped.
    pub(crate) fn remove(&self, number: InodeNumber) {
        let mut inodes = self.inodes.borrow_mut();
        if let Some(known) = inodes.get(&number.0)
            && known.inode.strong_count() == 0
        {
            inodes.remove(&number.0);
        }
    }

    /// Whether anything but the root is in use, by more than this mount itself.
    pub(crate) fn is_used_beside(&self, root: &Rc<Inode>) -> bool {
        let inodes = self.inodes.borrow();
        inodes.iter().any(|(number, known)| {
            let own = usize::from(known.anchor.is_some());
            *number != root.number.0 && known.inode.strong_count() > own
        })
    }

    fn release_all(&self) {
        let mut inodes = self.inodes.borrow_mut();
        let anchors: Vec<_> = inodes.values_mut().map(|k| k.anchor.take()).collect();
        drop(inodes);
        drop(anchors);
    }
}

/// All mounts; the first is the root.
#[derive(Default)]
pub(crate) struct Mounts {
    roots: RefCell<Vec<Rc<Inode>>>,
    binds: RefCell<Vec<Rc<Bind>>>,
    last_id: Cell<u64>,
}

impl Mounts {
    /// Makes the mount for a file system, not yet in the tree.
    pub(crate) fn prepare(
        &self,
        filesystem: Box<dyn FileSystem>,
        label: Label,
        budget: &Rc<Budget>,
        seed: u64,
    ) -> Rc<Mount> {
        self.last_id.set(self.last_id.get() + 1);
        Rc::new(Mount::new(self.last_id.get(), filesystem, label, budget, seed))
    }

    /// Adds the root of a prepared mount.
    pub(crate) fn add(&self, root: Rc<Inode>) {
        self.roots.borrow_mut().push(root);
    }

    /// Takes a root out, and lets go of what its mount keeps.
    pub(crate) fn remove(&self, root: &Rc<Inode>) {
        let mut roots = self.roots.borrow_mut();
        roots.retain(|other| !Rc::ptr_eq(other, root));
        drop(roots);
        root.mount.release_all();
    }

    /// Adds a bind.
    pub(crate) fn add_bind(&self, bind: Rc<Bind>) {
        self.binds.borrow_mut().push(bind);
    }

    /// Takes a bind out.
    pub(crate) fn remove_bind(&self, bind: &Rc<Bind>) {
        self.binds.borrow_mut().retain(|other| !Rc::ptr_eq(other, bind));
    }

    /// What is mounted and bound, but for the root of everything.
    pub(crate) fn labels(&self) -> Vec<Label> {
        let (roots, binds) = (self.roots.borrow(), self.binds.borrow());
        let mounted = roots.iter().skip(1).map(|root| &root.mount.label);
        mounted.chain(binds.iter().map(|bind| &bind.label)).cloned().collect()
    }

    /// The root of everything, once it is mounted.
    pub(crate) fn root(&self) -> Option<Rc<Inode>> {
        self.roots.borrow().first().cloned()
    }

    /// The root of each mount.
    pub(crate) fn roots(&self) -> Vec<Rc<Inode>> {
        self.roots.borrow().clone()
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        for bind in self.binds.take() {
            if let Ok(below) = bind.covers.directory() {
                drop(below.covered_by.take());
            }
        }
        for root in self.roots.take() {
            if let Ok(directory) = root.directory() {
                let covered = directory.covers.take();
                if let Some(Ok(below)) = covered.as_deref().map(Inode::directory) {
                    drop(below.covered_by.take());
                }
            }
            root.mount.release_all();
        }
    }
}
