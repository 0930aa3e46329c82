//! What is compared with the model: the capability space, and faulty versions of it.
//!
//! Each faulty version is the real one with one check undone, as a careless change would.

use capability::{Capabilities, Changes, Error, Handle, Removed, Rights, SpaceId};

use crate::naive::Found;

/// The operations that a faulty version gets wrong, and the real space for all others.
pub(crate) trait Subject {
    fn inner(&mut self) -> &mut Capabilities<u8>;

    fn grant(
        &mut self,
        from: SpaceId,
        handle: Handle,
        to: SpaceId,
        rights: Rights,
        badge: u64,
    ) -> Result<Handle, Error> {
        if from == to {
            return self.inner().derive(from, handle, rights, badge);
        }
        self.inner().grant(from, handle, to, rights, badge)
    }

    fn revoke(&mut self, space: SpaceId, handle: Handle) -> Result<Vec<Removed<u8>>, Error> {
        self.inner().revoke(space, handle)
    }

    fn lookup(&mut self, space: SpaceId, handle: Handle, needed: Rights) -> Result<Found, Error> {
        let found = self.inner().lookup(space, handle, needed)?;
        Ok((*found.object, found.rights, found.badge))
    }

    fn take_changes(&mut self) -> Changes {
        self.inner().take_changes()
    }
}

/// All that a space holds, by handle.
pub(crate) fn list(
    capabilities: &Capabilities<u8>,
    space: SpaceId,
) -> Result<Vec<(Handle, Found)>, Error> {
    let mut list: Vec<_> = capabilities
        .list(space)?
        .map(|(handle, found)| (handle, (*found.object, found.rights, found.badge)))
        .collect();
    assert_eq!(capabilities.held(space)? as usize, list.len());
    list.sort_by_key(|(handle, _)| *handle);
    Ok(list)
}

/// The real one.
pub(crate) struct Faultless(pub(crate) Capabilities<u8>);

impl Subject for Faultless {
    fn inner(&mut self) -> &mut Capabilities<u8> {
        &mut self.0
    }
}

/// Lets a derived capability have rights that its source lacks.
pub(crate) struct Amplifying(pub(crate) Capabilities<u8>);

impl Subject for Amplifying {
    fn inner(&mut self) -> &mut Capabilities<u8> {
        &mut self.0
    }

    fn grant(
        &mut self,
        from: SpaceId,
        handle: Handle,
        to: SpaceId,
        rights: Rights,
        badge: u64,
    ) -> Result<Handle, Error> {
        let (object, ..) = self.lookup(from, handle, Rights::DERIVE)?;
        match self.0.grant(from, handle, to, rights, badge) {
            Err(Error::Denied { .. }) => self.0.mint(to, object, rights, badge),
            granted => granted,
        }
    }
}

/// Lets a derived capability have any badge.
pub(crate) struct Rebadging(pub(crate) Capabilities<u8>);

impl Subject for Rebadging {
    fn inner(&mut self) -> &mut Capabilities<u8> {
        &mut self.0
    }

    fn grant(
        &mut self,
        from: SpaceId,
        handle: Handle,
        to: SpaceId,
        rights: Rights,
        badge: u64,
    ) -> Result<Handle, Error> {
        match self.0.grant(from, handle, to, rights, badge) {
            Err(Error::Badged { .. }) => self.0.grant(from, handle, to, rights, 0),
            granted => granted,
        }
    }
}

/// Revokes the one capability and not what was derived from it.
pub(crate) struct ShallowRevoke(pub(crate) Capabilities<u8>);

impl Subject for ShallowRevoke {
    fn inner(&mut self) -> &mut Capabilities<u8> {
        &mut self.0
    }

    fn revoke(&mut self, space: SpaceId, handle: Handle) -> Result<Vec<Removed<u8>>, Error> {
        self.0.delete(space, handle).map(|removed| vec![removed])
    }
}

/// Finds whatever is in the handle's slot now.
pub(crate) struct NoGenerations(pub(crate) Capabilities<u8>);

impl Subject for NoGenerations {
    fn inner(&mut self) -> &mut Capabilities<u8> {
        &mut self.0
    }

    fn lookup(&mut self, space: SpaceId, handle: Handle, needed: Rights) -> Result<Found, Error> {
        let slot = |handle: Handle| handle.to_word() & 0xffff_ffff;
        let occupant =
            list(&self.0, space)?.into_iter().find(|(other, _)| slot(*other) == slot(handle));
        let handle = occupant.map_or(handle, |(handle, _)| handle);
        let found = self.0.lookup(space, handle, needed)?;
        Ok((*found.object, found.rights, found.badge))
    }
}

/// Does not say what becomes of others' capabilities when a space is destroyed.
pub(crate) struct ForgetsHeirs(pub(crate) Capabilities<u8>);

impl Subject for ForgetsHeirs {
    fn inner(&mut self) -> &mut Capabilities<u8> {
        &mut self.0
    }

    fn take_changes(&mut self) -> Changes {
        let mut changes = self.0.take_changes();
        let spaces = &changes.spaces;
        changes.slots.retain(|at| spaces.is_empty() || spaces.contains(&at.space));
        changes
    }
}
