//! The rights that a capability can carry.
//!
//! The bits are part of the control-plane messages, so a number once given stays. The lowest three
//! are the rights of a session on the data plane, with the same numbers there.
//!
//! | bits  | who asks for them                                         |
//! |-------|-----------------------------------------------------------|
//! | 0–15  | the broker and the data plane: what a session may do      |
//! | 16–31 | the broker: what a process may do to the system           |
//! | 32–63 | the service named by the capability: its privileged parts |

use bitflags::bitflags;

bitflags! {
    /// A set of rights; deriving can only take from it.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Rights: u64 {
        /// Read objects and their attributes.
        const READ = 1 << 0;
        /// Change the contents and attributes of objects.
        const WRITE = 1 << 1;
        /// Change the namespace: create, remove and rename objects.
        const CREATE = 1 << 2;
        /// Open sessions with the service.
        const CONNECT = 1 << 3;
        /// Derive capabilities from this one, and grant them to other spaces.
        const DERIVE = 1 << 4;
        /// Take back from other spaces what was derived from this one.
        const REVOKE = 1 << 5;

        /// Register a service.
        const CAP_SERVICE = 1 << 16;
        /// Create endpoints.
        const CAP_IPC_CREATE = 1 << 17;
        /// Start processes.
        const CAP_SPAWN = 1 << 18;
        /// Have requests act as principals other than the client itself.
        const ACT_AS = 1 << 19;

        /// Mount and unmount file systems.
        const MOUNT = 1 << 32;
        /// Configure addresses, routes and the firewall.
        const NET_ADMIN = 1 << 33;
        /// Send and receive packets below TCP and UDP.
        const RAW_PACKET = 1 << 34;
        /// Configure arrays and volumes.
        const BLOCK_ADMIN = 1 << 35;
        /// Take and release devices.
        const DEVICE = 1 << 36;
        /// Read the audit log.
        const AUDIT = 1 << 37;
        /// Stop the system.
        const SHUTDOWN = 1 << 38;
        /// Change the configuration of a service, or of the system.
        const CONFIGURE = 1 << 39;
    }
}
