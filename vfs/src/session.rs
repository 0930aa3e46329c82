//! What the vfs keeps for a session: its handles, its rights, its grants.
//!
//! A handle is a capability: it keeps its file, also one that has no name any more, and says what
//! may be done through it. What is opened through a directory's handle never has more rights than
//! that handle, and the first one has those that the broker gave the session.

use crate::binds::Via;
use crate::error::Result;
use crate::grants::{Grant, SessionGrants};
use crate::inode::Inode;
use crate::locks::LockTable;
use crate::walk::Origin;
use crate::watches::Watches;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use dataplane::entry::{Errno, Handle};
use dataplane::{Arena, Credentials, HandleTable, SessionId, SessionInfo, SessionRights};

/// A session may have one lock for so many handles: a file's locks are looked through for each that
/// is asked for.
const HANDLES_PER_LOCK: u32 = 16;

/// One client's connection to the vfs.
pub struct Session {
    /// Names it.
    pub(crate) id: SessionId,
    /// The memory that its requests name.
    pub(crate) arena: Arena,
    /// Its grants.
    pub(crate) grants: Rc<SessionGrants>,
    locks: Rc<LockTable>,
    watches: Rc<Watches>,
    root: Rc<Inode>,
    principals: RefCell<Vec<Rc<Credentials>>>,
    handles: RefCell<HandleTable<Rc<OpenFile>>>,
    handle_quota: u32,
}

/// What a handle stands for.
pub(crate) struct OpenFile {
    /// The session's grant on the file, once it was read by one.
    pub(crate) grant: RefCell<Option<Rc<Grant>>>,
    /// The file.
    pub(crate) inode: Rc<Inode>,
    /// How one has come to it.
    pub(crate) via: Via,
    /// What may be done through it.
    pub(crate) rights: SessionRights,
    /// How it was opened.
    pub(crate) mode: OpenMode,
    /// Whether a lock was asked for through it.
    pub(crate) has_locked: Cell<bool>,
    /// Whether changes were watched for through it.
    pub(crate) has_watched: Cell<bool>,
}

bitflags::bitflags! {
    /// How a file was opened.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct OpenMode: u8 {
        /// To be read, or listed.
        const READ = 1;
        /// To be written.
        const WRITE = 2;
        /// Each write goes to the end.
        const APPEND = 4;
    }
}

impl OpenFile {
    /// A handle that was opened for this.
    ///
    /// # Errors
    /// EBADF.
    #[inline]
    pub(crate) fn require(&self, mode: OpenMode) -> Result<()> {
        if self.mode.contains(mode) { Ok(()) } else { Err(Errno::EBADF) }
    }

    /// A handle that was opened for anything, and is more than a name.
    ///
    /// # Errors
    /// EBADF.
    #[inline]
    pub(crate) fn require_open(&self) -> Result<()> {
        let is_open = self.mode.intersects(OpenMode::READ | OpenMode::WRITE);
        if is_open { Ok(()) } else { Err(Errno::EBADF) }
    }

    /// A handle of any kind with these rights.
    ///
    /// # Errors
    /// EPERM.
    #[inline]
    pub(crate) fn grants(&self, rights: SessionRights) -> Result<()> {
        if self.rights.contains(rights) { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// A directory's handle with these rights.
    ///
    /// # Errors
    /// ENOTDIR, EPERM.
    #[inline]
    pub(crate) fn allow(&self, rights: SessionRights) -> Result<()> {
        self.inode.directory()?;
        self.grants(rights)
    }
}

impl Session {
    /// A session, and the handle of its root.
    ///
    /// # Errors
    /// EMFILE if it may have no handle, EINVAL if it can act as nobody.
    pub(crate) fn new(
        info: &SessionInfo,
        root: Rc<Inode>,
        locks: &Rc<LockTable>,
        watches: &Rc<Watches>,
        seed: u64,
    ) -> Result<(Self, Handle)> {
        if info.credentials.is_empty() {
            return Err(Errno::EINVAL);
        }
        let mut handles = HandleTable::new(info.quota.handles);
        let handle = handles.insert(Rc::new(OpenFile {
            inode: Rc::clone(&root),
            via: None,
            rights: info.rights,
            mode: if info.rights.contains(SessionRights::READ) {
                OpenMode::READ
            } else {
                OpenMode::empty()
            },
            grant: RefCell::default(),
            has_locked: Cell::new(false),
            has_watched: Cell::new(false),
        }))?;
        let grants = SessionGrants::new(info.id, info.quota.pinned_pages, seed);
        let session = Self {
            id: info.id,
            locks: Rc::clone(locks),
            watches: Rc::clone(watches),
            arena: info.arena.clone(),
            grants: Rc::new(grants),
            root,
            principals: RefCell::new(info.credentials.iter().cloned().map(Rc::new).collect()),
            handles: RefCell::new(handles),
            handle_quota: info.quota.handles,
        };
        Ok((session, handle))
    }

    /// Whether the broker has approved a principal of this index.
    ///
    /// # Errors
    /// EINVAL.
    #[inline]
    pub(crate) fn check_principal(&self, index: u16) -> Result<()> {
        let known = index == 0 || usize::from(index) < self.principals.borrow().len();
        if known { Ok(()) } else { Err(Errno::EINVAL) }
    }

    /// The principal that a request acts as.
    ///
    /// # Errors
    /// EINVAL: the broker has not approved any of this index.
    #[inline]
    pub(crate) fn principal(&self, index: u16) -> Result<Rc<Credentials>> {
        let principals = self.principals.borrow();
        principals.get(usize::from(index)).map(Rc::clone).ok_or(Errno::EINVAL)
    }

    /// Requests that come from now on and name an index act as somebody.
    ///
    /// # Errors
    /// EINVAL: neither a known index nor the next one.
    pub(crate) fn set_principal(&self, index: u16, who: Credentials) -> Result<()> {
        let mut principals = self.principals.borrow_mut();
        let (index, count) = (usize::from(index), principals.len());
        match principals.get_mut(index) {
            Some(known) => *known = Rc::new(who),
            None if index == count => principals.push(Rc::new(who)),
            None => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    /// What a handle stands for.
    ///
    /// # Errors
    /// EBADF.
    #[inline]
    pub(crate) fn file(&self, handle: Handle) -> Result<Rc<OpenFile>> {
        self.handles.borrow().find(handle).cloned()
    }

    /// Where a walk from a directory's handle begins.
    pub(crate) fn origin<'a>(&'a self, from: &'a OpenFile, who: &'a Credentials) -> Origin<'a> {
        Origin { root: &self.root, directory: &from.inode, via: &from.via, who }
    }

    /// Whether another handle can be had.
    ///
    /// # Errors
    /// EMFILE.
    pub(crate) fn check_room(&self) -> Result<()> {
        if self.handles.borrow().len() < self.handle_quota { Ok(()) } else { Err(Errno::EMFILE) }
    }

    /// Most locks that it may have.
    pub(crate) fn most_locks(&self) -> usize {
        (self.handle_quota / HANDLES_PER_LOCK) as usize
    }

    /// A handle for an open file.
    ///
    /// # Errors
    /// EMFILE.
    pub(crate) fn add(&self, file: OpenFile) -> Result<Handle> {
        self.handles.borrow_mut().insert(Rc::new(file))
    }

    /// Gives a handle up.
    ///
    /// # Errors
    /// EBADF.
    pub(crate) fn close(&self, handle: Handle) -> Result<()> {
        let removed = self.handles.borrow_mut().remove(handle);
        // Dropped here, when nothing is borrowed: it may be the last that keeps the file.
        let file = removed?;
        if file.has_locked.get() {
            self.locks.closed(file.inode.id, self.id, handle);
        }
        if file.has_watched.get() {
            self.watches.closed(file.inode.object(), self.id, handle);
        }
        Ok(())
    }

    /// Gives everything up.
    pub(crate) fn close_all(&self) {
        let files: Vec<_> = self.handles.borrow_mut().drain().collect();
        drop(files);
        self.locks.session_closed(self.id);
        self.grants.release_all();
    }
}
