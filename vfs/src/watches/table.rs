//! All watches; told of each change.

use super::object::Object;
use super::watch::Watch;
use crate::error::Result;
use crate::inode::Inode;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use dataplane::SessionId;
use dataplane::entry::{Errno, Handle};
use dataplane::file::WatchEvents;

/// Most watches of one user: what they have yet to report is charged to nobody.
const MOST_OF_USER: usize = 512;
/// Most watches of one user on one object, or everywhere: each change costs whoever makes it a look
/// at all of them.
const MOST_OF_OBJECT: usize = 16;

/// Who is told of changes.
#[derive(Default)]
pub(crate) struct Watches {
    by_object: RefCell<BTreeMap<Object, Vec<Rc<Watch>>>>,
    everywhere: RefCell<Vec<Rc<Watch>>>,
    by_user: RefCell<BTreeMap<u32, usize>>,
    /// How many there are.
    count: Cell<usize>,
    /// The session whose request is being carried out.
    acting: Cell<Option<SessionId>>,
}

impl Watches {
    /// What changes from now on, a request of this session changes.
    #[inline]
    pub(crate) fn act_for(&self, session: SessionId) {
        self.acting.set(Some(session));
    }

    /// The session whose request is being carried out.
    pub(crate) fn acting(&self) -> Option<SessionId> {
        self.acting.get()
    }

    /// Does something as if a session's request did.
    pub(crate) fn acting_for(&self, session: Option<SessionId>, tell: impl FnOnce(&Self)) {
        let before = self.acting.replace(session);
        tell(self);
        self.acting.set(before);
    }

    /// Tells a watch of all changes from now on.
    ///
    /// # Errors
    /// EDQUOT: the user has too many, or too many of this object.
    pub(crate) fn add(&self, watch: &Rc<Watch>) -> Result<()> {
        let mut by_user = self.by_user.borrow_mut();
        let has = by_user.get(&watch.user).copied().unwrap_or(0);
        let mut everywhere = self.everywhere.borrow_mut();
        let mut by_object = self.by_object.borrow_mut();
        let is_everywhere = watch.wanted.contains(WatchEvents::EVERYWHERE);
        let others = if is_everywhere { Some(&*everywhere) } else { by_object.get(&watch.object) };
        let of_user = |other: &&Rc<Watch>| other.user == watch.user;
        let of_object = others.map_or(0, |others| others.iter().filter(of_user).count());
        if has >= MOST_OF_USER || of_object >= MOST_OF_OBJECT {
            return Err(Errno::EDQUOT);
        }
        if is_everywhere {
            everywhere.push(Rc::clone(watch));
        } else {
            by_object.entry(watch.object).or_default().push(Rc::clone(watch));
        }
        by_user.insert(watch.user, has + 1);
        self.count.set(self.count.get() + 1);
        Ok(())
    }

    /// Tells it no more.
    pub(super) fn remove(&self, watch: &Rc<Watch>) {
        let is_other = |other: &Rc<Watch>| !Rc::ptr_eq(other, watch);
        if watch.wanted.contains(WatchEvents::EVERYWHERE) {
            self.everywhere.borrow_mut().retain(is_other);
        } else {
            let mut by_object = self.by_object.borrow_mut();
            if let Some(watches) = by_object.get_mut(&watch.object) {
                watches.retain(is_other);
                if watches.is_empty() {
                    by_object.remove(&watch.object);
                }
            }
        }
        self.count.set(self.count.get() - 1);
        let mut by_user = self.by_user.borrow_mut();
        if let Some(count) = by_user.get_mut(&watch.user) {
            *count -= 1;
            if *count == 0 {
                by_user.remove(&watch.user);
            }
        }
    }

    /// Contents or attributes of a file have changed.
    #[inline]
    pub(crate) fn changed(&self, inode: &Inode, events: WatchEvents) {
        if self.count.get() > 0 {
            let object = inode.object();
            self.tell_of_entry(object, 0, b"", events);
            self.tell_everywhere(object, events);
            inode.place.look(|directory, name| {
                let directory = Object { inode: directory, ..object };
                self.tell_of_entry(directory, object.inode, name, events);
            });
        }
    }

    /// A name in a directory is another file's, or nobody's. `entry` is the inode number of the
    /// file that has it, or had it.
    #[inline]
    pub(crate) fn names_changed(&self, directory: &Inode, name: &[u8], entry: u64) {
        if self.count.get() > 0 {
            let directory = directory.object();
            self.tell_of_entry(directory, entry, name, WatchEvents::NAMES);
            self.tell_everywhere(directory, WatchEvents::NAMES);
        }
    }

    /// A file has lost its last name.
    #[inline]
    pub(crate) fn gone(&self, inode: &Inode) {
        if self.count.get() > 0
            && let Some(watches) = self.by_object.borrow().get(&inode.object())
        {
            watches.iter().for_each(|watch| watch.end(Ok(())));
        }
    }

    /// A handle of a file was closed that was watched through.
    pub(crate) fn closed(&self, object: Object, session: SessionId, handle: Handle) {
        let by_object = self.by_object.borrow();
        let everywhere = self.everywhere.borrow();
        for watch in by_object.get(&object).into_iter().flatten().chain(everywhere.iter()) {
            if watch.is_through(session, handle) {
                watch.close();
            }
        }
    }

    /// `entry` is 0 and has no name where the object itself has changed.
    fn tell_of_entry(&self, object: Object, entry: u64, name: &[u8], events: WatchEvents) {
        if let Some(watches) = self.by_object.borrow().get(&object) {
            for watch in watches.iter().filter(|watch| self.is_wanted(watch)) {
                watch.note(object, entry, name, events);
            }
        }
    }

    /// Names are not told: not everybody who sees the root may read every directory.
    fn tell_everywhere(&self, object: Object, events: WatchEvents) {
        for watch in self.everywhere.borrow().iter().filter(|watch| self.is_wanted(watch)) {
            watch.note(object, 0, b"", events);
        }
    }

    fn is_wanted(&self, watch: &Watch) -> bool {
        !watch.wanted.contains(WatchEvents::OF_OTHERS) || self.acting.get() != Some(watch.session)
    }
}
