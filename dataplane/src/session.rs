//! What a service knows about one client's connection: who it is, what it may do, how much.

use crate::memory::Arena;
use crate::wait::WaitMode;
use alloc::vec::Vec;
use rings::Geometry;

/// Names a session, system-wide, for as long as the system runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

bitflags::bitflags! {
    /// What a session may do, whatever its credentials allow; decided by the broker at connect.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SessionRights: u64 {
        /// Open for reading, list, stat.
        const READ = 1 << 0;
        /// Open for writing, truncate.
        const WRITE = 1 << 1;
        /// Change the namespace: create, remove, rename.
        const CREATE = 1 << 2;
    }
}

/// How much a session may have; what exceeds it is refused with EMFILE or EDQUOT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Open handles.
    pub handles: u32,
    /// Requests in flight over all queues: the broker refuses a session whose queues have more
    /// completion slots than this.
    pub in_flight: u32,
    /// Pages (4,096 bytes) pinned by grants.
    pub pinned_pages: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self { handles: 65_536, in_flight: 65_536, pinned_pages: 16_384 }
    }
}

/// A principal that requests can act as; approved by the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Supplementary groups, at most 32.
    pub groups: Vec<u32>,
}

impl Credentials {
    /// Most principals of a session, the client itself included.
    pub const MOST: usize = 1024;

    /// Whether the principal is in a group.
    #[must_use]
    pub fn in_group(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }
}

/// What the broker decided about a session, and the memory that the service shares with it.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    /// The session.
    pub id: SessionId,
    /// The service's incarnation.
    pub epoch: u32,
    /// Tells the service which of its clients this is; the client cannot choose it.
    pub badge: u64,
    /// What the session may do.
    pub rights: SessionRights,
    /// How much.
    pub quota: Quota,
    /// Principals that its requests can act as; index 0 is the client itself.
    pub credentials: Vec<Credentials>,
    /// Number of queues.
    pub queues: u16,
    /// Sizes of each queue.
    pub geometry: Geometry,
    /// How to wait for this client.
    pub waiting: WaitMode,
    /// The memory that both write.
    pub arena: Arena,
}
