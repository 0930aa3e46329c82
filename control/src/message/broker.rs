//! What the broker answers a client.
//!
//! | kind   | message      | body           | descriptors                                       |
//! |--------|--------------|----------------|---------------------------------------------------|
//! | 0x0001 | Done         |                |                                                   |
//! | 0x0002 | Failed       | see `failed`   |                                                   |
//! | 0x0201 | Welcome      | `Welcome`      |                                                   |
//! | 0x0202 | Connected    | `Connected`    | client region, service region, arena, doorbell    |
//! | 0x0203 | Mapped       | bytes u64      | the region                                        |
//! | 0x0204 | Derived      | handle u64     |                                                   |
//! | 0x0205 | StatusReport | `StatusReport` |                                                   |
//!
//! `Welcome`: features u64, then a list of up to 32 `HeldCapability`. `StatusReport`: a list of up
//! to 32 `ServiceStatus`. `HeldCapability`:
//!
//! | offset | size | field   | meaning                                |
//! |--------|------|---------|----------------------------------------|
//! | 0      | 8    | handle  | of the capability, in the client's space |
//! | 8      | 8    | rights  | that it carries                        |
//! | 16     | 64   | service | that it is on                          |
//!
//! `Connected`:
//!
//! | offset | size | field    | meaning                                                    |
//! |--------|------|----------|------------------------------------------------------------|
//! | 0      | 60   | terms    | see `session`                                              |
//! | 60     | 8    | features | bits that both sides understand                            |
//! | 68     | 8    | root     | data-plane handle: slot in bits 0–31, generation in 32–47  |
//!
//! `ServiceStatus`:
//!
//! | offset | size | field          | meaning                                              |
//! |--------|------|----------------|------------------------------------------------------|
//! | 0      | 64   | name           | of the service                                       |
//! | 64     | 8    | start_ns       | from spawning it to its message that it is ready     |
//! | 72     | 8    | uptime_ns      | since it was ready                                   |
//! | 80     | 8    | resident_bytes | memory of its process                                |
//! | 88     | 4    | pid            | of its process                                       |
//! | 92     | 4    | sessions       | open ones                                            |
//! | 96     | 4    | epoch          | its incarnation                                      |
//! | 100    | 2    | state          | 0 starting, 1 ready, 2 stopping, 3 stopped, 4 failed |

use core::fmt;

use capability::{Handle, Rights};
use dataplane::entry;
use zerocopy::little_endian::U16;

use super::codec::messages;
use super::error::Fault;
use super::failed::Failed;
use super::field::{Field, record, sequence};
use super::list::List;
use super::name::Name;
use super::session::SessionTerms;

messages! {
    /// What the broker answers a client.
    BrokerReply {
        /// It is done.
        0x0001 + 0 => Done,
        /// It could not be done.
        0x0002 + 0 => Failed(body: Failed),
        /// What the client holds.
        0x0201 + 0 => Welcome(body: Welcome),
        /// A session; beside it its client region, service region, arena and doorbell.
        0x0202 + 4 => Connected(body: Connected),
        /// A grant's memory; beside it the region.
        0x0203 + 1 => Mapped(body: Mapped),
        /// A new capability.
        0x0204 + 0 => Derived(body: Derived),
        /// How the services are.
        0x0205 + 0 => StatusReport(body: StatusReport),
    }
}

sequence! {
    /// What the system offers and the client holds.
    Welcome {
        /// Bits that the system understands.
        features: u64,
        /// What the client was started with, or is given by its credentials.
        capabilities: List<HeldCapability, 32>,
    }
}

record! {
    /// A capability in the client's space.
    HeldCapability, 80 bytes {
        /// Its handle.
        0 => handle: Handle,
        /// What it allows.
        8 => rights: Rights,
        /// The service that it is on.
        16 => service: Name,
    }
}

record! {
    /// A session that was opened.
    Connected, 76 bytes {
        /// What was decided about it.
        0 => terms: SessionTerms,
        /// Bits that both sides understand.
        60 => features: u64,
        /// The object that all others are opened relative to.
        68 => root: entry::Handle,
    }
}

record! {
    /// Memory that a grant shows.
    Mapped, 8 bytes {
        /// Size of the region.
        0 => bytes: u64,
    }
}

record! {
    /// A capability that was derived.
    Derived, 8 bytes {
        /// Its handle.
        0 => handle: Handle,
    }
}

sequence! {
    /// How the services are.
    StatusReport {
        /// In the order in which they were started.
        services: List<ServiceStatus, 32>,
    }
}

record! {
    /// How a service is.
    ServiceStatus, 102 bytes {
        /// Its name.
        0 => name: Name,
        /// How long it took from being spawned to being ready.
        64 => start_ns: u64,
        /// How long it has been ready.
        72 => uptime_ns: u64,
        /// Memory of its process.
        80 => resident_bytes: u64,
        /// Its process.
        88 => pid: u32,
        /// How many sessions are open.
        92 => sessions: u32,
        /// Its incarnation.
        96 => epoch: u32,
        /// Where it is in its life.
        100 => state: ServiceState,
    }
}

/// Where a service is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceState {
    /// Spawned, not ready.
    Starting,
    /// Serves.
    Ready,
    /// Told to stop.
    Stopping,
    /// Ended as it was told.
    Stopped,
    /// Ended otherwise.
    Failed,
}

impl fmt::Display for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        })
    }
}

impl Field for ServiceState {
    type Layout = U16;

    fn to_layout(&self) -> U16 {
        let value: u16 = match self {
            Self::Starting => 0,
            Self::Ready => 1,
            Self::Stopping => 2,
            Self::Stopped => 3,
            Self::Failed => 4,
        };
        value.into()
    }

    fn from_layout(layout: U16) -> Result<Self, Fault> {
        match layout.get() {
            0 => Ok(Self::Starting),
            1 => Ok(Self::Ready),
            2 => Ok(Self::Stopping),
            3 => Ok(Self::Stopped),
            4 => Ok(Self::Failed),
            value => Err(Fault::Choice { value }),
        }
    }
}
