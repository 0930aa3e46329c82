//! The inodes that the vfs knows: numbers, references, and a bounded number of open descriptors.
//!
//! Directories, and inodes without a known name, stay open: there is no safe way back to them.
//! Others may be closed and are reached again by their name, see [`Way`]. The directory of that
//! name is kept for as long.

use super::reach::{Held, Way};
use super::seen::Identity;
use dataplane::entry::Errno;
use dataplane::file::FileKind;
use dataplane::filesystem::InodeNumber;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Where an inode was last seen.
type Place = (u64, Box<[u8]>);

struct Entry {
    identity: Identity,
    held: Option<Arc<Held>>,
    /// Only of what is no directory.
    place: Option<Place>,
    /// Of the vfs.
    references: u64,
    /// Entries whose place is in this directory.
    children: u64,
    /// When it was used last; its key among the recent.
    used: u64,
}

impl Entry {
    fn can_be_closed(&self) -> bool {
        self.held.is_some() && self.place.is_some()
    }
}

pub(super) struct Table {
    entries: HashMap<u64, Entry>,
    numbers: HashMap<Identity, u64>,
    /// What can be closed, the longest unused first.
    recent: BTreeMap<u64, u64>,
    clock: u64,
    open: usize,
    most_open: usize,
    root: u64,
    root_device: u64,
}

impl Table {
    /// Only the root, which stays.
    pub(super) fn new(root: Arc<Held>, most_open: usize) -> Self {
        let identity = root.identity;
        let mut table = Self {
            entries: HashMap::new(),
            numbers: HashMap::new(),
            recent: BTreeMap::new(),
            clock: 0,
            open: 1,
            most_open: most_open.max(2),
            root: 0,
            root_device: identity.device,
        };
        table.root = table.number_for(&identity);
        table.insert(table.root, root);
        table
    }

    /// The number of the root.
    pub(super) fn root(&self) -> InodeNumber {
        InodeNumber(self.root)
    }

    /// The number that an inode has, or would have: that of the host, on the root's device.
    pub(super) fn number_for(&self, identity: &Identity) -> u64 {
        if let Some(number) = self.numbers.get(identity) {
            return *number;
        }
        let device = identity.device ^ self.root_device;
        let mut number = identity.number ^ device.wrapping_mul(SPREAD);
        // Another device's inode may have that number, or a closed one that is gone meanwhile.
        while number == 0 || self.entries.contains_key(&number) {
            number = number.wrapping_add(SPREAD);
        }
        number
    }

    /// Gives the vfs a reference to an inode that was found under a name.
    ///
    /// # Errors
    /// ENFILE: no descriptor may be open besides those that are.
    pub(super) fn adopt(
        &mut self,
        held: Arc<Held>,
        directory: u64,
        name: &[u8],
    ) -> Result<InodeNumber, Errno> {
        let number = self.number_for(&held.identity);
        if self.entries.contains_key(&number) {
            self.restore(number, held);
        } else {
            self.make_room()?;
            self.open += 1;
            self.insert(number, held);
        }
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.references += 1;
        }
        self.set_place(number, Some((directory, name)));
        Ok(InodeNumber(number))
    }

    /// How an inode is reached.
    ///
    /// # Errors
    /// ESTALE if the vfs has no reference to it.
    pub(super) fn way(&mut self, number: InodeNumber) -> Result<Way, Errno> {
        self.touch(number.0);
        let entry = self.entries.get(&number.0).ok_or(Errno::ESTALE)?;
        if let Some(held) = &entry.held {
            return Ok(Way::Open(Arc::clone(held)));
        }
        let (directory, name) = entry.place.as_ref().ok_or(Errno::ESTALE)?;
        let directory = self.entries.get(directory).and_then(|entry| entry.held.as_ref());
        Ok(Way::Closed {
            directory: Arc::clone(directory.ok_or(Errno::ESTALE)?),
            name: name.clone(),
            identity: entry.identity,
        })
    }

    /// An inode was reached: its descriptor is kept, if there is room.
    pub(super) fn restore(&mut self, number: u64, held: Arc<Held>) {
        let is_closed = |entry: &Entry| entry.held.is_none() && entry.identity == held.identity;
        if self.entries.get(&number).is_some_and(is_closed) && self.make_room().is_ok() {
            self.open += 1;
            if let Some(entry) = self.entries.get_mut(&number) {
                entry.held = Some(held);
            }
            self.touch(number);
        }
    }

    /// An inode has lost a name, perhaps its last: it stays open, as it may be reached by no other.
    pub(super) fn lost_name(&mut self, held: Arc<Held>) {
        if let Some(number) = self.numbers.get(&held.identity).copied() {
            if let Some(entry) = self.entries.get_mut(&number)
                && entry.held.is_none()
            {
                // Beyond the limit, if need be: it could not be found again.
                entry.held = Some(held);
                self.open += 1;
            }
            self.set_place(number, None);
        }
    }

    /// An inode has another name.
    pub(super) fn has_name(&mut self, identity: &Identity, directory: InodeNumber, name: &[u8]) {
        if let Some(number) = self.numbers.get(identity).copied() {
            self.set_place(number, Some((directory.0, name)));
        }
    }

    /// Takes references back.
    pub(super) fn forget(&mut self, number: InodeNumber, references: u64) {
        if let Some(entry) = self.entries.get_mut(&number.0) {
            entry.references = entry.references.saturating_sub(references);
        }
        self.remove_if_unused(number.0);
    }

    fn insert(&mut self, number: u64, held: Arc<Held>) {
        self.numbers.insert(held.identity, number);
        let identity = held.identity;
        let held = Some(held);
        let entry = Entry { identity, held, place: None, references: 0, children: 0, used: 0 };
        self.entries.insert(number, entry);
    }

    fn set_place(&mut self, number: u64, place: Option<(u64, &[u8])>) {
        let place = place.filter(|(directory, _)| self.entries.contains_key(directory));
        let Some(entry) = self.entries.get_mut(&number) else { return };
        if entry.identity.kind == FileKind::Directory {
            return;
        }
        let place = place.map(|(directory, name)| (directory, Box::from(name)));
        let new = place.as_ref().map(|(directory, _)| *directory);
        let old = core::mem::replace(&mut entry.place, place);
        // The new one first, as it may be the old one.
        if let Some(directory) = new.and_then(|directory| self.entries.get_mut(&directory)) {
            directory.children += 1;
        }
        if let Some((directory, _)) = old {
            self.leave(directory);
        }
        self.touch(number);
    }

    fn leave(&mut self, directory: u64) {
        if let Some(entry) = self.entries.get_mut(&directory) {
            entry.children = entry.children.saturating_sub(1);
        }
        self.remove_if_unused(directory);
    }

    /// Removes what nobody refers to; at most the directory goes with it, which has no place.
    fn remove_if_unused(&mut self, number: u64) {
        let is_unused = |entry: &Entry| entry.references == 0 && entry.children == 0;
        if number == self.root || !self.entries.get(&number).is_some_and(is_unused) {
            return;
        }
        if let Some(entry) = self.entries.remove(&number) {
            self.numbers.remove(&entry.identity);
            self.recent.remove(&entry.used);
            self.open -= usize::from(entry.held.is_some());
            if let Some((directory, _)) = entry.place {
                self.leave(directory);
            }
        }
    }

    /// Notes that an inode is used, or whether it can be closed has changed.
    fn touch(&mut self, number: u64) {
        let Some(entry) = self.entries.get_mut(&number) else { return };
        self.recent.remove(&entry.used);
        self.clock += 1;
        entry.used = self.clock;
        if entry.can_be_closed() {
            self.recent.insert(entry.used, number);
        }
    }

    /// Makes room for one more open descriptor.
    fn make_room(&mut self) -> Result<(), Errno> {
        while self.open >= self.most_open {
            let (_, number) = self.recent.pop_first().ok_or(Errno::ENFILE)?;
            if let Some(entry) = self.entries.get_mut(&number) {
                // A call that is in it keeps it open until it returns.
                entry.held = None;
                self.open -= 1;
            }
        }
        Ok(())
    }
}

/// Spreads numbers; odd, so that adding it comes to all.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::super::reach::{child, root};
    use super::*;
    use std::fs;

    impl Table {
        /// Descriptors that are open.
        fn open(&self) -> usize {
            let open = self.entries.values().filter(|entry| entry.held.is_some()).count();
            assert_eq!(self.open, open);
            open
        }

        /// Inodes that are known.
        fn len(&self) -> usize {
            self.entries.len()
        }
    }

    struct Stage {
        host: tempfile::TempDir,
        top: Arc<Held>,
        table: Table,
    }

    impl Stage {
        fn new(most_open: usize) -> Self {
            let host = tempfile::tempdir().unwrap();
            let (top, _) = root(&fs::File::open(host.path()).unwrap().into()).unwrap();
            let table = Table::new(Arc::clone(&top), most_open);
            Self { host, top, table }
        }

        fn adopt(&mut self, name: &str) -> Result<InodeNumber, Errno> {
            let (held, _) = child(&self.top, name.as_bytes()).unwrap();
            self.table.adopt(held, self.table.root().0, name.as_bytes())
        }

        fn file(&mut self, name: &str) -> InodeNumber {
            fs::write(self.host.path().join(name), b"").unwrap();
            self.adopt(name).unwrap()
        }
    }

    #[test]
    fn few_are_open_and_all_are_reached() {
        let mut stage = Stage::new(4);
        let numbers: Vec<_> = (0..50).map(|n| stage.file(&format!("f{n}"))).collect();
        assert_eq!(stage.table.open(), 4);
        assert_eq!(stage.table.len(), 51);
        for number in &numbers {
            let held = stage.table.way(*number).unwrap().reach().unwrap();
            assert_eq!(held.identity.number, number.0, "the host's number");
            stage.table.restore(number.0, held);
            assert_eq!(stage.table.open(), 4);
        }
        // The last ones stay open, without another look.
        assert!(matches!(stage.table.way(*numbers.last().unwrap()), Ok(Way::Open(_))));
        assert!(matches!(stage.table.way(*numbers.first().unwrap()), Ok(Way::Closed { .. })));
        assert_eq!(stage.adopt("f0").unwrap(), *numbers.first().unwrap());
        stage.table.forget(*numbers.first().unwrap(), 1);
        for number in numbers {
            stage.table.forget(number, 1);
        }
        assert_eq!((stage.table.len(), stage.table.open()), (1, 1));
    }

    #[test]
    fn what_has_lost_its_name_is_not_closed() {
        let mut stage = Stage::new(3);
        let kept = stage.file("kept");
        let held = stage.table.way(kept).unwrap().reach().unwrap();
        stage.table.lost_name(held);
        for n in 0..10 {
            stage.file(&format!("f{n}"));
        }
        fs::remove_file(stage.host.path().join("kept")).unwrap();
        assert!(stage.table.way(kept).unwrap().reach().is_ok());
        assert_eq!(stage.table.open(), 3);
    }

    #[test]
    fn where_none_can_be_closed_none_is_opened() {
        let mut stage = Stage::new(2);
        for name in ["a", "b"] {
            fs::create_dir(stage.host.path().join(name)).unwrap();
        }
        let first = stage.adopt("a").unwrap();
        assert_eq!(stage.adopt("b"), Err(Errno::ENFILE));
        assert_eq!(stage.adopt("a"), Ok(first), "it is open already");
        stage.table.forget(first, 2);
        assert!(stage.adopt("b").is_ok());
        assert!(matches!(stage.table.way(first), Err(Errno::ESTALE)), "it is forgotten");
    }

    #[test]
    fn a_directory_is_kept_for_what_is_in_it() {
        let mut stage = Stage::new(16);
        fs::create_dir(stage.host.path().join("d")).unwrap();
        fs::write(stage.host.path().join("d/f"), b"").unwrap();
        let directory = stage.adopt("d").unwrap();
        let held = stage.table.way(directory).unwrap().reach().unwrap();
        let (file, _) = child(&held, b"f").unwrap();
        let file = stage.table.adopt(file, directory.0, b"f").unwrap();
        stage.table.forget(directory, 1);
        assert_eq!(stage.table.len(), 3);
        stage.table.forget(file, 1);
        assert_eq!((stage.table.len(), stage.table.open()), (1, 1));
    }
}
