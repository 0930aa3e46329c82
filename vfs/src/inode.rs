//! A file as the vfs knows it, for as long as anything here refers to it.
//!
//! An inode is kept alive by its dentries, its handles, its pinned pages, its directory's children
//! and, where the page cache is the only place of its contents, by its mount (the *anchor*) until
//! its last name is gone. Dropping it gives the file system its references back.

use crate::binds::{Cover, Covering, Via, is_same_way};
use crate::budget::Budget;
use crate::cache::Contents;
use crate::mounts::Mount;
use crate::watches::{Object, Place};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, OnceCell, Ref, RefCell, RefMut};
use dataplane::entry::Errno;
use dataplane::file::FileKind;
use dataplane::filesystem::{Attributes, ContentsIn, InodeNumber};

/// A file.
pub(crate) struct Inode {
    /// Names it in this vfs; never used again.
    pub(crate) id: u64,
    /// Names it in its file system.
    pub(crate) number: InodeNumber,
    /// Where it is.
    pub(crate) mount: Rc<Mount>,
    /// What it is.
    pub(crate) kind: FileKind,
    /// What only this kind has.
    pub(crate) body: Body,
    attributes: RefCell<Attributes>,
    /// Counts the reasons to ask the file system for them again; 0 if there are none.
    doubts: Cell<u64>,
    references: Cell<u64>,
    /// The name that it was found by last, or none.
    pub(crate) place: Place,
    /// Whether it has lost its last name.
    pub(crate) is_gone: Cell<bool>,
    budget: Rc<Budget>,
}

/// What only one kind of file has.
pub(crate) enum Body {
    /// Of a directory.
    Directory(Directory),
    /// Of a regular file.
    Regular(Contents),
    /// Of a symbolic link: where it points to, once it was asked.
    Symlink(OnceCell<Rc<[u8]>>),
    /// FIFOs, sockets and devices have nothing here.
    Special,
}

/// What a directory has.
#[derive(Default)]
pub(crate) struct Directory {
    /// The directory above; none above a file system's root.
    parent: RefCell<Option<Rc<Inode>>>,
    /// What is mounted on this directory, by the ways that one comes to it.
    pub(crate) covered_by: RefCell<Vec<Covering>>,
    /// The directory that this root is mounted on.
    pub(crate) covers: RefCell<Option<Rc<Inode>>>,
    /// Changes before and after each change of names, so that what was looked up meanwhile is not
    /// taken for what is there now.
    version: Cell<u64>,
}

impl Directory {
    /// See the field.
    pub(crate) fn version(&self) -> u64 {
        self.version.get()
    }

    /// Notes a change; returns the new version.
    pub(crate) fn bump(&self) -> u64 {
        self.version.set(self.version.get() + 1);
        self.version.get()
    }
}

impl Inode {
    /// An inode to which the vfs has one reference, or none if it is a root.
    pub(crate) fn new(
        id: u64,
        number: InodeNumber,
        mount: &Rc<Mount>,
        attributes: &Attributes,
        references: u64,
    ) -> Self {
        let budget = Rc::clone(mount.budget());
        budget.inodes.add(1);
        let body = match attributes.kind {
            FileKind::Directory => Body::Directory(Directory::default()),
            FileKind::Regular => Body::Regular(Contents::new(&budget)),
            FileKind::Symlink => Body::Symlink(OnceCell::new()),
            _ => Body::Special,
        };
        Self {
            id,
            number,
            mount: Rc::clone(mount),
            kind: attributes.kind,
            body,
            attributes: RefCell::new(*attributes),
            doubts: Cell::new(0),
            references: Cell::new(references),
            place: Place::default(),
            is_gone: Cell::new(false),
            budget,
        }
    }

    /// Another lookup has given another reference.
    pub(crate) fn add_reference(&self) {
        self.references.set(self.references.get() + 1);
    }

    /// What watches call it.
    pub(crate) fn object(&self) -> Object {
        Object { device: self.mount.id, inode: self.number.0 }
    }

    /// It was found by this name once more.
    #[inline]
    pub(crate) fn found_again(&self, directory: &Self, name: &[u8]) {
        let has_names = || self.kind != FileKind::Directory && self.attributes().links > 1;
        if self.place.is_unknown() || has_names() {
            self.place.set(directory.number.0, name);
        }
    }

    /// Its attributes.
    #[inline]
    pub(crate) fn attributes(&self) -> Ref<'_, Attributes> {
        self.attributes.borrow()
    }

    /// Its attributes, to be changed.
    #[inline]
    pub(crate) fn attributes_mut(&self) -> RefMut<'_, Attributes> {
        self.attributes.borrow_mut()
    }

    /// Takes over what the file system says after a change of names. Of a regular file, size,
    /// times and permissions are kept here, and may be newer.
    pub(crate) fn merge(&self, news: &Attributes) {
        let mut attributes = self.attributes.borrow_mut();
        if self.kind == FileKind::Regular && !self.mount.is_momentary() {
            attributes.links = news.links;
            attributes.changed = attributes.changed.max(news.changed);
        } else {
            *attributes = *news;
        }
    }

    /// Changes of names overlapped, or one was cut off: the attributes may not be so any more.
    pub(crate) fn doubt(&self) {
        self.doubts.set(self.doubts.get() + 1);
    }

    /// Sees to it that the attributes are what the file system has, if there is doubt; where
    /// others change them, there always is.
    ///
    /// # Errors
    /// Of the file system.
    #[inline]
    pub(crate) async fn dispel_doubt(&self) -> Result<(), Errno> {
        if self.mount.is_momentary() {
            let news = self.mount.filesystem.attributes(self.number).await?;
            self.merge(&news);
            return Ok(());
        }
        while self.doubts.get() > 0 {
            let version = || self.directory().map(Directory::version);
            let before = (self.doubts.get(), version());
            let news = self.mount.filesystem.attributes(self.number).await?;
            if before == (self.doubts.get(), version()) {
                self.merge(&news);
                self.doubts.set(0);
            }
        }
        Ok(())
    }

    /// Whether the page cache is the only place of the contents.
    #[inline]
    pub(crate) fn is_cache_only(&self) -> bool {
        self.mount.contents_in == ContentsIn::PageCache
    }

    /// The directory part.
    ///
    /// # Errors
    /// ENOTDIR.
    #[inline]
    pub(crate) fn directory(&self) -> Result<&Directory, Errno> {
        match &self.body {
            Body::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// The contents of a regular file.
    ///
    /// # Errors
    /// EISDIR of a directory, EINVAL of anything else.
    #[inline]
    pub(crate) fn contents(&self) -> Result<&Contents, Errno> {
        match &self.body {
            Body::Regular(contents) => Ok(contents),
            Body::Directory(_) => Err(Errno::EISDIR),
            Body::Symlink(_) | Body::Special => Err(Errno::EINVAL),
        }
    }

    /// Whether this is a directory that has lost its name. Where others change it, only the file
    /// system knows.
    #[inline]
    pub(crate) fn is_removed(&self) -> bool {
        self.attributes.borrow().links == 0 && !self.mount.is_momentary()
    }

    /// The directory above, within the file system.
    pub(crate) fn parent(&self) -> Option<Rc<Self>> {
        let directory = self.directory().ok()?;
        directory.parent.borrow().clone()
    }

    /// Sets the directory above, if this is a directory.
    pub(crate) fn set_parent(&self, parent: Option<Rc<Self>>) {
        if let Body::Directory(directory) = &self.body {
            let before = directory.parent.replace(parent);
            drop(before);
        }
    }

    /// What who came in this way sees here, and the way that he has come in then: the root mounted
    /// on top, or the directory itself.
    #[inline]
    pub(crate) fn visible(self: Rc<Self>, via: &Via) -> (Rc<Self>, Via) {
        let (mut inode, mut via) = (self, via.clone());
        loop {
            let Body::Directory(directory) = &inode.body else {
                return (inode, via);
            };
            let coverings = directory.covered_by.borrow();
            let covering = coverings.iter().find(|it| is_same_way(&it.through, &via));
            let Some(covering) = covering else {
                drop(coverings);
                return (inode, via);
            };
            let root = match &covering.by {
                Cover::Mount(root) => Rc::clone(root),
                Cover::Bind(bind) => {
                    via = Some(Rc::clone(bind));
                    Rc::clone(&bind.root)
                }
            };
            drop(coverings);
            inode = root;
        }
    }

    /// Whether something is mounted on it, or it is itself a root.
    pub(crate) fn is_mount_point(&self) -> bool {
        let Body::Directory(directory) = &self.body else {
            return false;
        };
        self.number == self.mount.filesystem.root() || !directory.covered_by.borrow().is_empty()
    }

    /// Whether this is `other`, or above it.
    pub(crate) fn is_above(self: &Rc<Self>, other: &Rc<Self>) -> bool {
        let mut at = Some(Rc::clone(other));
        while let Some(inode) = at {
            if Rc::ptr_eq(self, &inode) {
                return true;
            }
            at = inode.parent();
        }
        false
    }

    /// Sets the directory above where others rename directories too: what was above it when it was
    /// last seen may be below it now.
    pub(crate) fn set_parent_anew(self: &Rc<Self>, parent: &Rc<Self>, root: Option<Rc<Self>>) {
        let mut at = Rc::clone(parent);
        while let Some(above) = at.parent() {
            if Rc::ptr_eq(&above, self) {
                // It is not there any more; where it is, is seen when somebody comes by.
                at.set_parent(root);
                break;
            }
            at = above;
        }
        self.set_parent(Some(Rc::clone(parent)));
    }

    fn take_parent(&self) -> Option<Rc<Self>> {
        match &self.body {
            Body::Directory(directory) => directory.parent.take(),
            _ => None,
        }
    }
}

impl Drop for Inode {
    fn drop(&mut self) {
        self.budget.inodes.sub(1);
        self.mount.remove(self.number);
        let references = self.references.get();
        if references > 0 {
            self.mount.filesystem.forget(self.number, references);
        }
        // One after the other, not one within the other: a chain of parents may be long.
        let mut parent = self.take_parent();
        while let Some(mut inode) = parent.and_then(Rc::into_inner) {
            parent = inode.take_parent();
            inode.body = Body::Special;
        }
    }
}
