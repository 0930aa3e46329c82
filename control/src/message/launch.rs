//! What whoever starts a system and init tell each other, over the channel that init is started
//! with. When that channel closes, the system ends, unless it was started to stay.
//!
//! | kind   | message | direction | body                                                        |
//! |--------|---------|-----------|-------------------------------------------------------------|
//! | 0x0501 | Start   | to init   | `StartSystem`: address text, stays u16 (0 or 1)             |
//! | 0x0002 | Failed  | from init | see `failed`                                                |
//! | 0x0601 | Started | from init | total u64 ns, then a list of up to 24 service starts        |
//!
//! A service start: name (64 bytes), time u64 ns.

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
        address: Text,
        /// 1 if the system goes on when its starter has ended.
        stays: u16,
    }
}

sequence! {
    /// How long the start took.
    Started {
        /// From init's first step until every service was ready.
        total_ns: u64,
        /// By service.
        services: List<ServiceStart, 24>,
    }
}

record! {
    /// A service's start.
    ServiceStart, 72 bytes {
        /// The service.
        0 => name: Name,
        /// From being spawned to being ready.
        64 => start_ns: u64,
    }
}
