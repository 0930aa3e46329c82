//! What whoever starts a system and init tell each other, over the channel that init is started
//! with. When that channel closes, the system ends, unless it was started to stay.
//!
//! | kind   | message | direction | body                                                        |
//! |--------|---------|-----------|-------------------------------------------------------------|
//! | 0x0501 | Start   | to init   | `StartSystem`: address (list of up to 256 bytes), stays u16 (0 or 1), then a text: where the configuration is read, as init defines it |
//! | 0x0002 | Failed  | from init | see `failed`                                                |
//! | 0x0601 | Started | from init | total u64 ns, then a list of up to 16 service starts        |
//!
//! A service start: name (64 bytes), spawned u64 ns and ready u64 ns since init's first step, memory
//! u64 bytes, waited_for u16 (the place in this list, from 1, of the service that it waited for last;
//! 0 = none), state u16 (see `ServiceStatus`).

use super::broker::ServiceState;
use super::codec::messages;
use super::failed::Failed;
use super::field::{record, sequence};
use super::list::{List, Text};
use super::name::Name;

messages! {
    /// What the starter tells init.
    LaunchCommand {
        /// Start the system. Answered by `Started` or `Failed`.
        0x0501 + 0 => Start(body: StartSystem),
    }
}

messages! {
    /// What init tells its starter.
    LaunchReply {
        /// The system does not run.
        0x0002 + 0 => Failed(body: Failed),
        /// Every service is ready.
        0x0601 + 0 => Started(body: Started),
    }
}

sequence! {
    /// How to start.
    StartSystem {
        /// Where clients reach the system: `@name`, or a path.
        address: List<u8, 256>,
        /// 1 if the system goes on when its starter has ended.
        stays: u16,
        /// Where the configuration is read.
        configuration: Text,
    }
}

sequence! {
    /// How long the start took.
    Started {
        /// From init's first step until every service was ready.
        total_ns: u64,
        /// By service.
        services: List<ServiceStart, 16>,
    }
}

record! {
    /// A service's start.
    ServiceStart, 92 bytes {
        /// The service.
        0 => name: Name,
        /// When it was spawned, since init's first step.
        64 => spawned_ns: u64,
        /// When it was ready, since init's first step.
        72 => ready_ns: u64,
        /// Memory of its process.
        80 => resident_bytes: u64,
        /// The place in the list, from 1, of the service that it waited for last; 0: for none.
        88 => waited_for: u16,
        /// Where it is in its life: not ready, if it could not be started.
        90 => state: ServiceState,
    }
}
