//! The inodes that the vfs knows: numbers, references, and a bounded number of open descriptors.
//!
//! The root, and inodes without a known name, stay open: there is no safe way back to them. Others
//! may be closed and are reached again by their names, see [`Way`]. The directory of a name is known
//! for as long.

use super::reach::{Closed, Held, Way};
use super::seen::Identity;
use dataplane::entry::Errno;
use dataplane::filesystem::InodeNumber;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Where an inode was last seen.
type Place = (u64, Box<[u8]>);

struct Entry {
    identity: Identity,
    held: Option<Arc<Held>>,
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

    fn is_unused(&self) -> bool {
        self.references == 0 && self.children == 0
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
        let mut closed = Vec::new();
        let mut at = number.0;
        loop {
            let entry = self.entries.get(&at).ok_or(Errno::ESTALE)?;
            if let Some(held) = &entry.held {
                closed.reverse();
                return Ok(Way { open: Arc::clone(held), closed });
            }
            let (directory, name) = entry.place.as_ref().ok_or(Errno::ESTALE)?;
            closed.push(Closed { name: name.clone(), identity: entry.identity });
            at = *directory;
        }
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
        let place = place.filter(|(directory, _)| self.can_be_in(number, *directory));
        let Some(entry) = self.entries.get_mut(&number) else { return };
        let place = place.map(|(directory, name)| (directory, Box::from(name)));
        let new = place.as_ref().map(|(directory, _)| *directory);
        let old = core::mem::replace(&mut entry.place, place);
        // The new one first, as it may be the old one.
        if let Some(directory) = new.and_then(|directory| self.entries.get_mut(&directory)) {
            directory.children += 1;
        }
        if let Some((directory, _)) = old {
            self.lose_child(directory);
            self.remove_if_unused(directory);
        }
        self.touch(number);
    }

    /// Whether a directory is known, and not below what is to be in it: others may have turned the
    /// two around since they were seen.
    fn can_be_in(&self, number: u64, directory: u64) -> bool {
        let mut at = directory;
        loop {
            match self.entries.get(&at) {
                None => return false,
                Some(_) if at == number => return false,
                Some(Entry { place: Some((above, _)), .. }) => at = *above,
                Some(_) => return true,
            }
        }
    }

    fn lose_child(&mut self, directory: u64) {
        if let Some(entry) = self.entries.get_mut(&directory) {
            entry.children = entry.children.saturating_sub(1);
        }
    }

    /// Removes what nobody refers to, and the directories that were only known for it.
    fn remove_if_unused(&mut self, number: u64) {
        let mut next = Some(number);
        while let Some(number) = next.take() {
            if number == self.root || !self.entries.get(&number).is_some_and(Entry::is_unused) {
                return;
            }
            let Some(entry) = self.entries.remove(&number) else { return };
            self.numbers.remove(&entry.identity);
            self.recent.remove(&entry.used);
            self.open -= usize::from(entry.held.is_some());
            next = entry.place.map(|(directory, _)| directory);
            if let Some(directory) = next {
                self.lose_child(directory);
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
        assert_eq!(stage.table.way(*numbers.last().unwrap()).unwrap().closed.len(), 0);
        assert_eq!(stage.table.way(*numbers.first().unwrap()).unwrap().closed.len(), 1);
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
        let first = stage.file("a");
        fs::write(stage.host.path().join("b"), b"").unwrap();
        let held = stage.table.way(first).unwrap().reach().unwrap();
        stage.table.lost_name(held);
        assert_eq!(stage.adopt("b"), Err(Errno::ENFILE));
        stage.table.forget(first, 1);
        assert!(stage.adopt("b").is_ok());
        assert!(matches!(stage.table.way(first), Err(Errno::ESTALE)), "it is forgotten");
    }

    #[test]
    fn directories_are_closed_and_reached_by_several_names() {
        let mut stage = Stage::new(3);
        let mut at = (Arc::clone(&stage.top), stage.table.root());
        let mut numbers = Vec::new();
        for depth in 0..20 {
            rustix::fs::mkdirat(&*at.0, "d", rustix::fs::Mode::RWXU).unwrap();
            let (held, _) = child(&at.0, b"d").unwrap();
            let number = stage.table.adopt(Arc::clone(&held), at.1.0, b"d").unwrap();
            assert!(stage.table.open() <= 3, "at depth {depth}");
            numbers.push(number);
            at = (held, number);
        }
        let first = *numbers.first().unwrap();
        let way = stage.table.way(first).unwrap();
        assert_eq!((way.closed.len(), way.reach().unwrap().identity.number), (1, first.0));
        let last = *numbers.last().unwrap();
        let held = stage.table.way(first).unwrap().reach().unwrap();
        stage.table.restore(first.0, held);
        for number in &numbers {
            assert_eq!(
                stage.table.way(*number).unwrap().reach().unwrap().identity.number,
                number.0
            );
        }
        // The way to the last one keeps all above it known.
        numbers.iter().filter(|number| **number != last).for_each(|n| stage.table.forget(*n, 1));
        assert_eq!(stage.table.len(), 21);
        assert!(stage.table.way(last).unwrap().reach().is_ok());
        stage.table.forget(last, 1);
        assert_eq!((stage.table.len(), stage.table.open()), (1, 1));
    }

    #[test]
    fn directories_that_were_turned_around_are_no_circle() {
        let mut stage = Stage::new(16);
        let at = |name: &str| stage.host.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        let (top, moved) = (at("b"), at("b/a"));
        let a = stage.adopt("a").unwrap();
        let held = stage.table.way(a).unwrap().reach().unwrap();
        let (b, _) = child(&held, b"b").unwrap();
        let b = stage.table.adopt(b, a.0, b"b").unwrap();
        fs::rename(stage.host.path().join("a/b"), top).unwrap();
        fs::rename(stage.host.path().join("a"), moved).unwrap();
        let held = stage.table.way(b).unwrap().reach().unwrap();
        let (again, _) = child(&held, b"a").unwrap();
        assert_eq!(stage.table.adopt(again, b.0, b"a"), Ok(a));
        stage.table.forget(a, 2);
        stage.table.forget(b, 1);
        assert_eq!((stage.table.len(), stage.table.open()), (1, 1));
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
