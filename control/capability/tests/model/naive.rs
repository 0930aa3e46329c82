//! The model: a list of all capabilities that ever were, searched from end to end.

use capability::{Error, Handle, Removed, Rights, SpaceId};

/// What a space holds or a lookup finds: object, rights, badge.
pub(crate) type Found = (u8, Rights, u64);

/// A capability, named once the space under test has chosen its handle.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) space: SpaceId,
    parent: Option<usize>,
    found: Found,
}

pub(crate) struct Naive {
    max_spaces: usize,
    quota: u32,
    spaces: Vec<SpaceId>,
    /// By index, which parents are named by; `None` for those that were removed.
    entries: Vec<Option<(Entry, Handle)>>,
}

/// Removals in an order of their own, to compare those whose order is not promised.
pub(crate) fn sorted(removed: Result<Vec<Removed<u8>>, Error>) -> Result<Vec<Removed<u8>>, Error> {
    removed.map(|mut removed| {
        removed.sort_by_key(|removed| (removed.space, removed.handle));
        removed
    })
}

impl Naive {
    pub(crate) fn new(max_spaces: u32, quota: u32) -> Self {
        Self { max_spaces: max_spaces as usize, quota, spaces: Vec::new(), entries: Vec::new() }
    }

    pub(crate) fn may_create_space(&self) -> Result<(), Error> {
        if self.spaces.len() < self.max_spaces {
            return Ok(());
        }
        Err(Error::QuotaExceeded { limit: self.max_spaces as u32 })
    }

    pub(crate) fn add_space(&mut self, space: SpaceId) {
        self.spaces.push(space);
    }

    pub(crate) fn hold(&mut self, entry: Entry, handle: Handle) {
        self.entries.push(Some((entry, handle)));
    }

    pub(crate) fn mint(
        &self,
        space: SpaceId,
        object: u8,
        rights: Rights,
        badge: u64,
    ) -> Result<Entry, Error> {
        self.add(Entry { space, parent: None, found: (object, rights, badge) })
    }

    pub(crate) fn grant(
        &self,
        from: SpaceId,
        handle: Handle,
        to: SpaceId,
        rights: Rights,
        badge: u64,
    ) -> Result<Entry, Error> {
        let (object, _, source_badge) = self.lookup(from, handle, rights | Rights::DERIVE)?;
        if source_badge != 0 && badge != 0 && source_badge != badge {
            return Err(Error::Badged { badge: source_badge });
        }
        let parent = Some(self.index(from, handle)?);
        let badge = source_badge.max(badge);
        self.add(Entry { space: to, parent, found: (object, rights, badge) })
    }

    fn add(&self, entry: Entry) -> Result<Entry, Error> {
        if self.list(entry.space)?.len() as u32 == self.quota {
            return Err(Error::QuotaExceeded { limit: self.quota });
        }
        Ok(entry)
    }

    pub(crate) fn lookup(
        &self,
        space: SpaceId,
        handle: Handle,
        needed: Rights,
    ) -> Result<Found, Error> {
        let index = self.index(space, handle)?;
        let (entry, _) = self.entries[index].unwrap();
        let missing = needed & !entry.found.1;
        if missing.is_empty() { Ok(entry.found) } else { Err(Error::Denied { missing }) }
    }

    pub(crate) fn list(&self, space: SpaceId) -> Result<Vec<(Handle, Found)>, Error> {
        if !self.spaces.contains(&space) {
            return Err(Error::StaleSpace);
        }
        let held = self.entries.iter().flatten().filter(|(entry, _)| entry.space == space);
        let mut list: Vec<_> = held.map(|(entry, handle)| (*handle, entry.found)).collect();
        list.sort_by_key(|(handle, _)| *handle);
        Ok(list)
    }

    pub(crate) fn revoke(
        &mut self,
        space: SpaceId,
        handle: Handle,
    ) -> Result<Vec<Removed<u8>>, Error> {
        let root = self.index(space, handle)?;
        let below: Vec<_> =
            (0..self.entries.len()).filter(|index| self.descends(*index, root)).collect();
        let reaches_others =
            below.iter().any(|index| self.entries[*index].unwrap().0.space != space);
        if reaches_others {
            self.lookup(space, handle, Rights::REVOKE)?;
        }
        sorted(Ok(below.into_iter().map(|index| self.take(index)).collect()))
    }

    /// Whether each of `removed` comes after its parent, if that is among them.
    pub(crate) fn parents_come_first(&self, removed: &[Removed<u8>]) -> bool {
        let indices: Vec<_> =
            removed.iter().map(|r| self.index(r.space, r.handle).unwrap()).collect();
        indices.iter().enumerate().all(|(position, index)| {
            let parent = self.entries[*index].unwrap().0.parent;
            position == 0 || parent.is_some_and(|parent| indices[..position].contains(&parent))
        })
    }

    pub(crate) fn delete(&mut self, space: SpaceId, handle: Handle) -> Result<Removed<u8>, Error> {
        let index = self.index(space, handle)?;
        let grandparent = self.entries[index].unwrap().0.parent;
        for (entry, _) in self.entries.iter_mut().flatten() {
            if entry.parent == Some(index) {
                entry.parent = grandparent;
            }
        }
        Ok(self.take(index))
    }

    pub(crate) fn destroy_space(&mut self, space: SpaceId) -> Result<Vec<Removed<u8>>, Error> {
        let held = self.list(space)?;
        let removed = held.into_iter().map(|(handle, _)| self.delete(space, handle).unwrap());
        let removed = removed.collect();
        self.spaces.retain(|other| *other != space);
        sorted(Ok(removed))
    }

    fn index(&self, space: SpaceId, handle: Handle) -> Result<usize, Error> {
        if !self.spaces.contains(&space) {
            return Err(Error::StaleSpace);
        }
        let is_it = |entry: &Option<(Entry, Handle)>| {
            entry.is_some_and(|(entry, name)| (entry.space, name) == (space, handle))
        };
        self.entries.iter().position(is_it).ok_or(Error::StaleHandle)
    }

    fn descends(&self, index: usize, root: usize) -> bool {
        let Some((entry, _)) = self.entries[index] else {
            return false;
        };
        index == root || entry.parent.is_some_and(|parent| self.descends(parent, root))
    }

    fn take(&mut self, index: usize) -> Removed<u8> {
        let (Entry { space, found: (object, _, badge), .. }, handle) =
            self.entries[index].take().unwrap();
        Removed { space, handle, object, badge }
    }
}
