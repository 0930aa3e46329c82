//! Showing who holds what, and revoking it for those who look after the system.

use crate::clients::{Client, Object};
use crate::commands::{NOT_HELD, Refused};
use crate::init::Init;
use crate::needs::Used;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use capability::{Handle, SpaceId};
use control::message::{
    BrokerReply, CapabilityNode, ClientIdentity, ListFrom, Listing, Name, NodeNamed,
};
use dataplane::entry::Errno;

impl Init {
    /// Tells a client what it holds; what everybody holds, if it uses a capability for that.
    pub(crate) fn list_capabilities(
        &mut self,
        id: u64,
        request: u64,
        used: Option<Used>,
        from: ListFrom,
    ) -> Result<(), Refused> {
        let own = self.clients.get(&id).ok_or(NOT_HELD)?.space;
        let mut spaces: Vec<SpaceId> = match used {
            None => [own].into(),
            Some(_) => self.clients.values().map(|client| client.space).chain([self.own]).collect(),
        };
        spaces.retain(|space| space.to_word() >= from.space);
        spaces.sort_unstable_by_key(|space| space.to_word());
        let mut nodes = Vec::new();
        for space in spaces {
            let first = if space.to_word() == from.space { from.handle } else { 0 };
            let mut held = self.nodes(space);
            held.retain(|node| node.handle.to_word() >= first);
            held.sort_unstable_by_key(|node| node.handle.to_word());
            nodes.extend(held);
            if nodes.len() > Listing::MOST {
                break;
            }
        }
        let next = nodes.get(Listing::MOST);
        let next = next.map(|node| ListFrom { space: node.space, handle: node.handle.to_word() });
        nodes.truncate(Listing::MOST);
        let nodes = nodes.try_into().unwrap_or_default();
        let listing = Listing { next: next.unwrap_or_default(), nodes };
        self.reply(id, request, &BrokerReply::Capabilities(listing));
        Ok(())
    }

    /// What a space holds.
    fn nodes(&self, space: SpaceId) -> Vec<CapabilityNode> {
        let holder = self.clients.iter().find(|(_, client)| client.space == space);
        let ClientIdentity { pid, uid } = holder.map_or_else(
            || ClientIdentity { pid: self.machine.pid, uid: self.policy.owner },
            |(_, client)| ClientIdentity { pid: client.peer.pid, uid: client.peer.uid },
        );
        let sessions = holder.map(|(_, client)| self.standing(client)).unwrap_or_default();
        let Ok(held) = self.capabilities.list(space) else { return Vec::new() };
        let nodes = held.filter_map(|(handle, capability)| {
            let (parent_space, parent_handle) =
                capability.parent.map_or((0, 0), |(space, at)| (space.to_word(), at.to_word()));
            Some(CapabilityNode {
                space: space.to_word(),
                handle,
                parent_space,
                parent_handle,
                rights: capability.rights,
                badge: capability.badge,
                object: self.name_of(*capability.object)?,
                pid,
                uid,
                sessions: sessions.get(&handle).copied().unwrap_or(0),
            })
        });
        nodes.collect()
    }

    /// How many sessions of a client stand on each of its capabilities.
    fn standing(&self, client: &Client) -> BTreeMap<Handle, u32> {
        let mut counts = BTreeMap::new();
        for record in client.sessions.iter().filter_map(|session| self.sessions.get(session)) {
            *counts.entry(record.capability).or_default() += 1;
        }
        counts
    }

    pub(crate) fn name_of(&self, object: Object) -> Option<Name> {
        match object {
            Object::System => "init".parse().ok(),
            Object::Service(place) => self.services.get(place).map(|service| service.name),
        }
    }

    /// Revokes what somebody else holds.
    pub(crate) fn revoke_of(
        &mut self,
        id: u64,
        request: u64,
        named: NodeNamed,
    ) -> Result<(), Refused> {
        const NO_NODE: Refused = (Errno::ENOENT, "there is no such capability, or not any more");
        let space = SpaceId::from_word(named.space).ok_or(NO_NODE)?;
        let is_given = self.given.values().any(|given| given.roots.contains(&named.handle));
        if space == self.own && !is_given && !self.tickets.stand_for(named.handle) {
            return Err((Errno::EPERM, "it is init's own: nobody could use the service any more"));
        }
        let removed = self.capabilities.uproot(space, named.handle).map_err(|_| NO_NODE)?;
        self.end_what_stood_on(id, request, &removed);
        Ok(())
    }
}
