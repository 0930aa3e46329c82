//! The entries of one directory: by name, and by cookie in the order in which they were made.

use crate::hash::{Map, map};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use core::ops::Bound;
use dataplane::filesystem::{FIRST_COOKIE, InodeNumber};

/// A directory's entries.
pub(super) struct Entries {
    by_name: Map<Rc<[u8]>, u64>,
    by_cookie: BTreeMap<u64, Entry>,
    next_cookie: u64,
}

struct Entry {
    name: Rc<[u8]>,
    inode: InodeNumber,
}

impl Entries {
    pub(super) fn new(seed: u64) -> Self {
        Self { by_name: map(seed), by_cookie: BTreeMap::new(), next_cookie: FIRST_COOKIE }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// What a name is.
    pub(super) fn find(&self, name: &[u8]) -> Option<InodeNumber> {
        let cookie = self.by_name.get(name)?;
        self.by_cookie.get(cookie).map(|entry| entry.inode)
    }

    /// Adds a name, or says what an existing one is from now on: it keeps its cookie.
    pub(super) fn set(&mut self, name: &[u8], inode: InodeNumber) {
        if let Some(cookie) = self.by_name.get(name) {
            if let Some(entry) = self.by_cookie.get_mut(cookie) {
                entry.inode = inode;
            }
            return;
        }
        let cookie = self.next_cookie;
        self.next_cookie += 1;
        let name: Rc<[u8]> = Box::<[u8]>::from(name).into();
        self.by_name.insert(Rc::clone(&name), cookie);
        self.by_cookie.insert(cookie, Entry { name, inode });
    }

    /// Removes a name.
    pub(super) fn remove(&mut self, name: &[u8]) {
        if let Some(cookie) = self.by_name.remove(name) {
            self.by_cookie.remove(&cookie);
        }
    }

    /// Entries behind a cookie: cookie, name, inode.
    pub(super) fn behind(&self, cookie: u64) -> impl Iterator<Item = (u64, &[u8], InodeNumber)> {
        let range = (Bound::Excluded(cookie), Bound::Unbounded);
        let entries = self.by_cookie.range(range);
        entries.map(|(cookie, entry)| (*cookie, &*entry.name, entry.inode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn entries_that_come_and_go_do_not_shift_the_others() {
        let mut entries = Entries::new(1);
        for name in [b"a", b"b", b"c"] {
            entries.set(name, InodeNumber(7));
        }
        let listed = |entries: &Entries, from| -> Vec<(u64, Vec<u8>)> {
            let behind = entries.behind(from);
            behind.map(|(cookie, name, _)| (cookie, name.to_vec())).collect()
        };
        let all = listed(&entries, 0);
        entries.remove(b"a");
        entries.set(b"b", InodeNumber(8));
        entries.set(b"d", InodeNumber(9));
        assert_eq!(entries.find(b"b"), Some(InodeNumber(8)));
        assert_eq!(entries.find(b"a"), None);
        let rest = listed(&entries, all[0].0);
        assert_eq!(rest[..2], all[1..]);
        assert_eq!(rest[2].1, b"d");
    }
}
