//! What the kernel knows: node numbers, the PATH handles behind them, and how often each was told.
//!
//! A node's number is its file's inode number where it can be, so that listings and attributes
//! agree: that is, within the file system of the root, whose own number is always 1. What is
//! mounted below gets numbers with the highest bit set.

use dataplane::entry::Handle;
use dataplane::file::FileStatus;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The number of the root, as FUSE has it.
pub(super) const ROOT: u64 = 1;
const OTHER_MOUNTS: u64 = 1 << 63;

/// Which file: mount and inode number.
type Key = (u64, u64);

struct Node {
    handle: Handle,
    key: Key,
    lookups: u64,
}

struct Inner {
    nodes: HashMap<u64, Node>,
    numbers: HashMap<Key, u64>,
    next_other: u64,
}

impl Inner {
    fn tell_again(&mut self, key: Key) -> Option<u64> {
        let number = *self.numbers.get(&key)?;
        self.nodes.get_mut(&number)?.lookups += 1;
        Some(number)
    }
}

/// The table of nodes.
pub(super) struct Nodes {
    root: Key,
    inner: Mutex<Inner>,
}

impl Nodes {
    /// A table with the root, which is never forgotten.
    pub(super) fn new(handle: Handle, status: &FileStatus) -> Self {
        let root = key(status);
        let node = Node { handle, key: root, lookups: 1 };
        Self {
            root,
            inner: Mutex::new(Inner {
                nodes: HashMap::from([(ROOT, node)]),
                numbers: HashMap::from([(root, ROOT)]),
                next_other: OTHER_MOUNTS,
            }),
        }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handle behind a number.
    pub(super) fn handle(&self, number: u64) -> Option<Handle> {
        self.inner().nodes.get(&number).map(|node| node.handle)
    }

    /// The kernel is told once more about a file that it knows: its number.
    pub(super) fn tell_again(&self, status: &FileStatus) -> Option<u64> {
        self.inner().tell_again(key(status))
    }

    /// The kernel is told about a file: its number, and the handle to be closed if the file was
    /// known meanwhile.
    pub(super) fn tell(&self, handle: Handle, status: &FileStatus) -> (u64, Option<Handle>) {
        let (mut inner, key) = (self.inner(), key(status));
        if let Some(number) = inner.tell_again(key) {
            return (number, Some(handle));
        }
        let number = self.new_number(&mut inner, key);
        inner.numbers.insert(key, number);
        inner.nodes.insert(number, Node { handle, key, lookups: 1 });
        (number, None)
    }

    fn new_number(&self, inner: &mut Inner, key: Key) -> u64 {
        if self.keeps_inode(key) {
            return key.1;
        }
        inner.next_other += 1;
        inner.next_other
    }

    /// The mount that a node's file is in.
    pub(super) fn device(&self, number: u64) -> Option<u64> {
        self.inner().nodes.get(&number).map(|node| node.key.0)
    }

    /// The number that a file of a directory's mount will have, for listings.
    pub(super) fn number_in_listing(&self, device: u64, inode: u64) -> u64 {
        let key = (device, inode);
        if self.keeps_inode(key) && key != self.root {
            return inode;
        }
        let known = self.inner().numbers.get(&key).copied();
        known.unwrap_or(inode.max(ROOT))
    }

    /// Whether a file other than the root has its inode's number.
    fn keeps_inode(&self, (device, inode): Key) -> bool {
        device == self.root.0 && inode != ROOT && inode < OTHER_MOUNTS
    }

    /// The kernel forgets a number so many times; the handle to be closed if it no longer knows
    /// it.
    pub(super) fn forget(&self, number: u64, times: u64) -> Option<Handle> {
        if number == ROOT {
            return None;
        }
        let mut inner = self.inner();
        let node = inner.nodes.get_mut(&number)?;
        node.lookups = node.lookups.saturating_sub(times);
        if node.lookups > 0 {
            return None;
        }
        let node = inner.nodes.remove(&number)?;
        inner.numbers.remove(&node.key);
        Some(node.handle)
    }
}

fn key(status: &FileStatus) -> Key {
    (status.device, status.inode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(device: u64, inode: u64) -> FileStatus {
        FileStatus { device, inode, ..FileStatus::default() }
    }

    fn handle(slot: u32) -> Handle {
        Handle { slot, generation: 1 }
    }

    #[test]
    fn numbers_are_the_inodes_where_they_can_be_and_never_two_files() {
        let nodes = Nodes::new(handle(0), &status(5, 2));
        assert_eq!(nodes.tell(handle(1), &status(5, 7)), (7, None));
        // The root's own number is 1, so inode 1 is another.
        let (one, _) = nodes.tell(handle(2), &status(5, 1));
        let (mounted, _) = nodes.tell(handle(3), &status(6, 7));
        assert!(one > OTHER_MOUNTS && mounted > OTHER_MOUNTS && one != mounted);
        let listed = [(6, 7), (5, 7), (5, 8), (5, 2)].map(|(d, i)| nodes.number_in_listing(d, i));
        assert_eq!(listed, [mounted, 7, 8, ROOT]);
        assert_eq!((nodes.device(mounted), nodes.device(8)), (Some(6), None));
        assert_eq!(nodes.handle(ROOT), Some(handle(0)));
    }

    #[test]
    fn a_file_is_forgotten_when_it_was_forgotten_as_often_as_told() {
        let nodes = Nodes::new(handle(0), &status(5, 1));
        assert_eq!(nodes.tell(handle(1), &status(5, 7)), (7, None));
        assert_eq!(nodes.tell_again(&status(5, 7)), Some(7));
        assert_eq!(nodes.tell(handle(2), &status(5, 7)), (7, Some(handle(2))));
        assert_eq!(nodes.forget(7, 2), None);
        assert_eq!(nodes.forget(7, 1), Some(handle(1)));
        assert_eq!(nodes.handle(7), None);
        assert_eq!(nodes.forget(7, 1), None);
        assert_eq!(nodes.forget(ROOT, 99), None);
        assert_eq!(nodes.tell_again(&status(5, 7)), None);
    }
}
