//! The operations on capabilities, with the checks that each of them makes.
//!
//! Every operation takes the space that the caller acts for, and refuses before it changes
//! anything. Neighbours: `forest` holds the trees, `slots` the tables and the quotas.

use alloc::vec::Vec;

use crate::Rights;
use crate::error::Error;
use crate::forest::{Forest, Node, Place};
use crate::handle::{Handle, SpaceId};
use crate::slots::Slots;

/// The badge of a capability that has none yet.
pub const UNBADGED: u64 = 0;

/// What a handle stands for.
#[derive(Debug, PartialEq, Eq)]
pub struct Capability<'a, O> {
    /// What the rights are on.
    pub object: &'a O,
    /// What the holder may do.
    pub rights: Rights,
    /// Tells the object's service through whom it is used; [`UNBADGED`] if nobody said.
    pub badge: u64,
    /// What it was derived from.
    pub parent: Option<(SpaceId, Handle)>,
}

/// A capability that is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed<O> {
    /// The space that held it.
    pub space: SpaceId,
    /// Its handle there, now stale.
    pub handle: Handle,
    /// What it was on.
    pub object: O,
    /// The badge that it carried.
    pub badge: u64,
}

/// The capabilities of all processes, and what was derived from what.
///
/// `O` names an object and is copied into each capability on it: an identifier, or a counted
/// reference.
#[derive(Debug)]
pub struct Capabilities<O> {
    pub(crate) forest: Forest<O>,
}

impl<O: Clone> Capabilities<O> {
    /// Room for `max_spaces` spaces, none created yet.
    #[must_use]
    pub const fn new(max_spaces: u32) -> Self {
        Self { forest: Forest::new(max_spaces) }
    }

    pub(crate) const fn of(forest: Forest<O>) -> Self {
        Self { forest }
    }

    /// Creates an empty space that may hold `quota` capabilities.
    ///
    /// # Errors
    /// `QuotaExceeded`, if there are as many spaces as there may be.
    pub fn create_space(&mut self, quota: u32) -> Result<SpaceId, Error> {
        self.forest.create_space(quota)
    }

    /// Destroys a space and deletes all that it holds, as [`delete`](Self::delete) does: what
    /// other spaces derived from it stays with them. Returns what it held, oldest first.
    ///
    /// # Errors
    /// `StaleSpace`.
    pub fn destroy_space(&mut self, space: SpaceId) -> Result<Vec<Removed<O>>, Error> {
        let nodes = self.space(space)?;
        let mut held: Vec<_> = nodes.iter().map(|(key, node)| (node.serial, Handle(key))).collect();
        // Parents first: then a surviving child moves once, not once for each ancestor.
        held.sort_unstable_by_key(|(serial, _)| *serial);
        let removed = held
            .into_iter()
            .filter_map(|(_, handle)| {
                let place = Place { space, handle };
                Some(Removed::new(place, self.forest.remove(place)?))
            })
            .collect();
        self.forest.remove_space(space);
        Ok(removed)
    }

    /// How many spaces there are.
    #[must_use]
    pub const fn spaces(&self) -> u32 {
        self.forest.spaces().occupied()
    }

    /// How many capabilities a space holds.
    ///
    /// # Errors
    /// `StaleSpace`.
    pub fn held(&self, space: SpaceId) -> Result<u32, Error> {
        self.space(space).map(Slots::occupied)
    }

    /// All that a space holds, in no particular order.
    ///
    /// # Errors
    /// `StaleSpace`.
    pub fn list(
        &self,
        space: SpaceId,
    ) -> Result<impl Iterator<Item = (Handle, Capability<'_, O>)>, Error> {
        Ok(self.space(space)?.iter().map(|(key, node)| (Handle(key), Capability::of(node))))
    }

    /// What `handle` stands for, if it carries all `needed` rights.
    ///
    /// # Errors
    /// `StaleSpace`, `StaleHandle`, or `Denied` with the rights that are missing.
    pub fn lookup(
        &self,
        space: SpaceId,
        handle: Handle,
        needed: Rights,
    ) -> Result<Capability<'_, O>, Error> {
        let node = self.space(space)?.find(handle.0).ok_or(Error::StaleHandle)?;
        let missing = needed.difference(node.rights);
        if missing.is_empty() { Ok(Capability::of(node)) } else { Err(Error::Denied { missing }) }
    }

    /// Makes a capability that is derived from nothing. Only who created `object` may ask.
    ///
    /// # Errors
    /// `StaleSpace`, or `QuotaExceeded`.
    pub fn mint(
        &mut self,
        space: SpaceId,
        object: O,
        rights: Rights,
        badge: u64,
    ) -> Result<Handle, Error> {
        Ok(self.forest.insert(space, None, (object, rights, badge))?.handle)
    }

    /// Derives a capability with the same or fewer rights, in the same space.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub fn derive(
        &mut self,
        space: SpaceId,
        handle: Handle,
        rights: Rights,
        badge: u64,
    ) -> Result<Handle, Error> {
        self.grant(space, handle, space, rights, badge)
    }

    /// Derives a capability with the same or fewer rights, in the space `to`, whose quota it is
    /// charged to.
    ///
    /// A badge is set once: the badge of the source is inherited, and `badge` must be the same or
    /// [`UNBADGED`]; if the source has none, `badge` is the new one. So no holder of a badge can
    /// pass for another.
    ///
    /// # Errors
    /// `StaleSpace`, `StaleHandle`; `Denied`, if the source has no right to derive or lacks some
    /// of `rights`; `Badged`; or `QuotaExceeded`.
    pub fn grant(
        &mut self,
        from: SpaceId,
        handle: Handle,
        to: SpaceId,
        rights: Rights,
        badge: u64,
    ) -> Result<Handle, Error> {
        let source = self.lookup(from, handle, Rights::DERIVE | rights)?;
        let badge = match (source.badge, badge) {
            (UNBADGED, new) => new,
            (set, UNBADGED) => set,
            (set, same) if same == set => set,
            (set, _) => return Err(Error::Badged { badge: set }),
        };
        let object = source.object.clone();
        let parent = Place { space: from, handle };
        Ok(self.forest.insert(to, Some(parent), (object, rights, badge))?.handle)
    }

    /// Removes a capability and everything derived from it, in every space.
    ///
    /// Returns what was removed, each after what it was derived from; the caller ends the sessions
    /// that stand on it. A holder can always take back what its own space holds; what has reached
    /// other spaces only with the right `REVOKE`.
    ///
    /// # Errors
    /// `StaleSpace`, `StaleHandle`, or `Denied`.
    pub fn revoke(&mut self, space: SpaceId, handle: Handle) -> Result<Vec<Removed<O>>, Error> {
        let rights = self.lookup(space, handle, Rights::empty())?.rights;
        let reaches_others =
            self.forest.subtree(Place { space, handle }).any(|place| place.space != space);
        if reaches_others && !rights.contains(Rights::REVOKE) {
            return Err(Error::Denied { missing: Rights::REVOKE });
        }
        self.uproot(space, handle)
    }

    /// The same whatever the capability allows. Only who looks after all of them may ask: the
    /// broker, the kernel.
    ///
    /// # Errors
    /// `StaleSpace`, or `StaleHandle`.
    pub fn uproot(&mut self, space: SpaceId, handle: Handle) -> Result<Vec<Removed<O>>, Error> {
        self.lookup(space, handle, Rights::empty())?;
        let root = Place { space, handle };
        let doomed: Vec<_> = self.forest.subtree(root).collect();
        self.forest.detach(root);
        let removed = doomed
            .into_iter()
            .filter_map(|place| Some(Removed::new(place, self.forest.take(place)?)))
            .collect();
        Ok(removed)
    }

    /// Removes this capability alone. What was derived from it stays, and counts as derived from
    /// what it was derived from itself, whose holder can still revoke it.
    ///
    /// # Errors
    /// `StaleSpace`, or `StaleHandle`.
    pub fn delete(&mut self, space: SpaceId, handle: Handle) -> Result<Removed<O>, Error> {
        self.space(space)?;
        let place = Place { space, handle };
        let node = self.forest.remove(place).ok_or(Error::StaleHandle)?;
        Ok(Removed::new(place, node))
    }

    fn space(&self, space: SpaceId) -> Result<&Slots<Node<O>>, Error> {
        self.forest.spaces().find(space.0).ok_or(Error::StaleSpace)
    }
}

impl<'a, O> Capability<'a, O> {
    fn of(node: &'a Node<O>) -> Self {
        let parent = node.parent.map(|Place { space, handle }| (space, handle));
        Self { object: &node.object, rights: node.rights, badge: node.badge, parent }
    }
}

impl<O> Removed<O> {
    fn new(place: Place, node: Node<O>) -> Self {
        let Place { space, handle } = place;
        Self { space, handle, object: node.object, badge: node.badge }
    }
}
