//! Who may do what, and how much of it: from the platform's word about a peer to capabilities
//! and quotas.

use alloc::vec::Vec;
use capability::Rights;
use control::message::{Connect, Credentials, SessionTerms};
use control::platform::Peer;
use dataplane::entry::Errno;
use dataplane::{Quota, WaitMode};
use rings::Geometry;

/// Limits and rights of clients.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The user that the system runs for, who may do everything, as root may.
    pub owner: u32,
    /// Most connections to the broker.
    pub max_clients: usize,
    /// Most connections of one user who is not the owner.
    pub max_clients_per_user: usize,
    /// Most sessions of one connection.
    pub max_sessions_per_client: usize,
    /// Most capabilities of one connection.
    pub max_capabilities: u32,
    /// Most capabilities, and most sessions, of one user who is not the owner: what init keeps of all
    /// users has to fit into its journal, and its descriptors into what a process may have.
    pub max_capabilities_per_user: u32,
    /// See above.
    pub max_sessions_per_user: usize,
    /// Most queues of one session.
    pub max_queues: u16,
    /// Most slots of one ring.
    pub max_entries: u32,
    /// Largest arena, bytes.
    pub max_arena_bytes: u64,
    /// Most memory for the regions of one connection's sessions, bytes.
    pub max_client_bytes: u64,
    /// What a session may have.
    pub quota: Quota,
    /// Most handles of a session of the owner, or of root: a front end for many programs has one for
    /// each file that they know.
    pub owner_handles: u32,
}

impl Policy {
    /// Defaults for a machine of a few gigabytes.
    #[must_use]
    pub fn new(owner: u32) -> Self {
        Self {
            owner,
            max_clients: 4096,
            max_clients_per_user: 256,
            max_sessions_per_client: 1024,
            max_capabilities: 4096,
            max_capabilities_per_user: 32_768,
            max_sessions_per_user: 2048,
            max_queues: 16,
            max_entries: 8192,
            max_arena_bytes: 64 << 20,
            max_client_bytes: 1 << 30,
            quota: Quota::default(),
            owner_handles: 1 << 20,
        }
    }

    pub(crate) fn is_owner(&self, peer: &Peer) -> bool {
        peer.uid == 0 || peer.uid == self.owner
    }

    /// The rights of anybody's capability for an endpoint.
    pub(crate) fn endpoint_rights(&self) -> Rights {
        Rights::CONNECT
            | Rights::READ
            | Rights::WRITE
            | Rights::CREATE
            | Rights::DERIVE
            | Rights::REVOKE
    }

    /// The rights of a peer's capability for a service. Files are protected by their own
    /// permissions on top.
    pub(crate) fn service_rights(&self, peer: &Peer) -> Rights {
        let everyone = self.endpoint_rights();
        let owner =
            Rights::MOUNT | Rights::AUDIT | Rights::ACT_AS | Rights::CAP_SPAWN | Rights::CONFIGURE;
        if self.is_owner(peer) { everyone | owner } else { everyone }
    }

    /// Whether a peer that holds the right may have its requests act as somebody. Root may act as
    /// anybody; whoever else the system runs for, as itself without some of its groups.
    pub(crate) fn may_act_as(&self, peer: &Peer, whom: &Credentials) -> bool {
        let is_own = |group: &u32| *group == peer.gid || peer.groups.contains(group);
        peer.uid == 0
            || (self.is_owner(peer)
                && whom.uid == peer.uid
                && is_own(&whom.gid)
                && whom.groups.iter().all(is_own))
    }

    /// The rights of a peer's capability for the system itself.
    pub(crate) fn system_rights(&self, peer: &Peer) -> Rights {
        if self.is_owner(peer) {
            Rights::CAP_SERVICE
                | Rights::CAP_IPC_CREATE
                | Rights::CAP_SPAWN
                | Rights::SHUTDOWN
                | Rights::AUDIT
                | Rights::CONFIGURE
                | Rights::DERIVE
                | Rights::REVOKE
        } else {
            Rights::empty()
        }
    }

    /// The most that any principal may have of a service, and of the system: what the owner has.
    pub(crate) fn most_service_rights(&self) -> Rights {
        self.service_rights(&self.of_owner())
    }

    pub(crate) fn most_system_rights(&self) -> Rights {
        self.system_rights(&self.of_owner())
    }

    fn of_owner(&self) -> Peer {
        Peer { pid: 0, uid: self.owner, gid: 0, groups: Vec::new() }
    }

    /// Checks what a client wishes; what is more than it may have is refused, not cut down.
    pub(crate) fn check(&self, wish: &Connect) -> Result<Geometry, (Errno, &'static str)> {
        let geometry = Geometry::new(wish.sq_entries, wish.cq_entries).map_err(|_| {
            (Errno::EINVAL, "the sizes of a queue must be powers of two from 2 to 32768")
        })?;
        if wish.queues == 0 || wish.arena_bytes == 0 {
            return Err((Errno::EINVAL, "a session needs a queue and an arena"));
        }
        if wish.queues > self.max_queues
            || wish.sq_entries.max(wish.cq_entries) > self.max_entries
            || u32::from(wish.queues).saturating_mul(wish.cq_entries) > self.quota.in_flight
            || wish.arena_bytes > self.max_arena_bytes
        {
            return Err((Errno::EDQUOT, "the session would be larger than this system allows"));
        }
        Ok(geometry)
    }

    /// How a peer's session is waited for: only the system's owner may make a service poll for
    /// ever.
    pub(crate) fn waiting(&self, peer: &Peer, wish: WaitMode) -> WaitMode {
        match wish {
            WaitMode::Polling if !self.is_owner(peer) => WaitMode::Adaptive,
            wish => wish,
        }
    }

    pub(crate) fn apply_quota(&self, peer: &Peer, terms: &mut SessionTerms) {
        let is_owner = self.is_owner(peer);
        terms.max_handles = if is_owner { self.owner_handles } else { self.quota.handles };
        terms.max_in_flight = self.quota.in_flight;
        terms.max_pinned_pages = self.quota.pinned_pages;
    }
}

/// The principal that a client's requests act as.
pub(crate) fn credentials(peer: &Peer) -> Credentials {
    let groups: Vec<u32> = peer.groups.iter().copied().take(32).collect();
    Credentials { uid: peer.uid, gid: peer.gid, groups: groups.try_into().unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(uid: u32) -> Peer {
        Peer { uid, gid: uid, groups: alloc::vec![7], pid: 1 }
    }

    fn whom(uid: u32, gid: u32, groups: &[u32]) -> Credentials {
        Credentials { uid, gid, groups: groups.to_vec().try_into().unwrap_or_default() }
    }

    #[test]
    fn only_root_acts_as_anybody() {
        let policy = Policy::new(1000);
        assert!(policy.may_act_as(&peer(0), &whom(5, 6, &[8])));
        assert!(policy.may_act_as(&peer(1000), &whom(1000, 1000, &[7])));
        assert!(policy.may_act_as(&peer(1000), &whom(1000, 7, &[])));
        for other in [whom(0, 1000, &[]), whom(1000, 0, &[]), whom(1000, 1000, &[7, 0])] {
            assert!(!policy.may_act_as(&peer(1000), &other), "{other:?}");
        }
        assert!(!policy.may_act_as(&peer(1001), &whom(1001, 1001, &[])), "not the owner");
        assert!(!policy.service_rights(&peer(1001)).contains(Rights::ACT_AS));
        assert!(policy.service_rights(&peer(1000)).contains(Rights::ACT_AS));
    }
}
