//! What the broker answers a client.
//!
//! | kind   | message      | body           | descriptors                                       |
//! |--------|--------------|----------------|---------------------------------------------------|
//! | 0x0001 | Done         |                |                                                   |
//! | 0x0002 | Failed       | see `failed`   |                                                   |
//! | 0x0201 | Welcome      | `Welcome`      |                                                   |
//! | 0x0202 | Connected    | `Connected`    | client region, service region, arena, doorbell    |
//! | 0x0203 | Mapped       | grant u32      | the region                                        |
//! | 0x0204 | Derived      | handle u64     |                                                   |
//! | 0x0205 | StatusReport | `StatusReport` |                                                   |
//! | 0x0206 | Remains      | list of up to 200 `Request` |                                      |
//! | 0x0207 | Told         | text           |                                                   |
//! | 0x0208 | Statistics   | see `page`, of `ClientStatistics` |                                |
//! | 0x0209 | Endpoint     | handle u64     | a service's control channel                       |
//! | 0x020e | Capabilities | see `listing`  |                                                   |
//! | 0x020f | Ticket       | 16 bytes       |                                                   |
//! | 0x0210 | Taken        | `HeldCapability` |                                                 |
//!
//! `Welcome`: features u64, then a list of up to 32 `HeldCapability`. `StatusReport`: `Counts`
//! (clients, sessions, regions, capabilities, init's pid and restarts, each u32), then a list of up to 16 `ServiceStatus`.
//! `Request`: user data u64, index u64, queue u16, accepted u16 (0 or 1). `HeldCapability`:
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
//! | 88     | 8    | accepted       | requests                                             |
//! | 96     | 8    | completed      | requests                                             |
//! | 104    | 8    | errors         | of these                                             |
//! | 112    | 8    | quarantined    | sessions ended because their rings were corrupt      |
//! | 120    | 8    | opened         | sessions so far                                      |
//! | 128    | 4    | pid            | of its process                                       |
//! | 132    | 4    | sessions       | open ones                                            |
//! | 136    | 4    | epoch          | its incarnation                                      |
//! | 140    | 2    | state          | 0 starting, 1 ready, 2 stopping, 3 stopped, 4 failed, 5 restarting, 6 quarantined, 7 paused |
//! | 142    | 8    | retry_ns       | until it is started again, if it is restarting       |
//! | 150    | 4    | restarts       | how often it was started again                       |
//! | 154    | 4    | failures       | deaths in a row before it had done anything          |
//! | 158    | 4    | last_end       | i32: how it ended last: exit code, or negated signal |
//! | 162    | 4    | confinement    | see `confinement`: what became of each layer         |
//! | 166    | 4    | refused        | system calls that were refused to it                 |

use core::fmt;

use capability::{Handle, Rights};
use dataplane::entry;
use zerocopy::little_endian::U16;

use super::codec::messages;
use super::confinement::Layers;
use super::error::Fault;
use super::failed::Failed;
use super::field::{Field, record, sequence};
use super::list::{List, Text};
use super::listing::{Listing, Ticket};
use super::name::Name;
use super::page::Page;
use super::session::SessionTerms;
use super::statistics::ClientStatistics;

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
        /// What a dead service left behind.
        0x0206 + 0 => Remains(body: Remains),
        /// A service's answer to a message of its own business.
        0x0207 + 0 => Told(body: Told),
        /// What a service has done for its sessions.
        0x0208 + 0 => Statistics(body: Page<ClientStatistics>),
        /// An endpoint: a new capability for it; beside it the channel on which it is served.
        0x0209 + 1 => Endpoint(body: Derived),
        /// Capabilities.
        0x020e + 0 => Capabilities(body: Listing),
        /// What stands for a capability that is being handed over.
        0x020f + 0 => Ticket(body: Ticket),
        /// A capability that was handed over.
        0x0210 + 0 => Taken(body: HeldCapability),
    }
}

sequence! {
    /// What the system offers and the client holds.
    Welcome {
        /// Bits that the system understands.
        features: u64,
        /// What the client was started with, or is given by its credentials.
        capabilities: List<HeldCapability, { Welcome::MOST }>,
    }
}

impl StatusReport {
    /// Most services that are told of.
    pub const MOST: usize = 16;
}

impl Welcome {
    /// Most capabilities that are told.
    pub const MOST: usize = 32;
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
    Mapped, 4 bytes {
        /// The grant, as it was asked for.
        0 => grant: u32,
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
        /// What the broker keeps.
        counts: Counts,
        /// In the order in which they were started.
        services: List<ServiceStatus, { StatusReport::MOST }>,
    }
}

record! {
    /// How much the broker keeps for everybody together.
    Counts, 24 bytes {
        /// Connections.
        0 => clients: u32,
        /// Sessions of clients.
        4 => sessions: u32,
        /// Regions that services grant from.
        8 => regions: u32,
        /// Capabilities that clients hold.
        12 => capabilities: u32,
        /// The broker's process.
        16 => init_pid: u32,
        /// How often the broker was started again.
        20 => init_restarts: u32,
    }
}

record! {
    /// How a service is.
    ServiceStatus, 170 bytes {
        /// Its name.
        0 => name: Name,
        /// How long it took from being spawned to being ready.
        64 => start_ns: u64,
        /// How long it has been ready.
        72 => uptime_ns: u64,
        /// Memory of its process.
        80 => resident_bytes: u64,
        /// Requests that it has accepted.
        88 => accepted: u64,
        /// Requests that it has completed.
        96 => completed: u64,
        /// Of these, with an error.
        104 => errors: u64,
        /// Sessions that it ended because their rings were corrupt.
        112 => quarantined: u64,
        /// Sessions opened so far.
        120 => opened: u64,
        /// Its process.
        128 => pid: u32,
        /// How many sessions are open.
        132 => sessions: u32,
        /// Its incarnation.
        136 => epoch: u32,
        /// Where it is in its life.
        140 => state: ServiceState,
        /// Time until it is started again, if it is restarting.
        142 => retry_ns: u64,
        /// How often it was started again.
        150 => restarts: u32,
        /// Deaths in a row before the incarnation had done anything.
        154 => failures: u32,
        /// How it ended last: its exit code, or the negated signal; 0 if it never did.
        158 => last_end: i32,
        /// How it is confined.
        162 => confinement: Layers,
        /// System calls that were refused to it, in all its incarnations.
        166 => refused: u32,
    }
}

record! {
    /// A request that has no completion.
    Request, 20 bytes {
        /// Its user data.
        0 => user_data: u64,
        /// Its place in the submission ring, counted from the start.
        8 => index: u64,
        /// Its queue.
        16 => queue: u16,
        /// 1 if the service had accepted it, 0 if it was still in the ring.
        18 => accepted: u16,
    }
}

impl Request {
    /// Most requests in one answer.
    pub const MOST: usize = 200;
}

sequence! {
    /// The requests of a session that a dead service left without a completion; the first
    /// [`Request::MOST`] of them.
    Remains {
        /// In the order of submission, queue by queue.
        requests: List<Request, { Request::MOST }>,
    }
}

sequence! {
    /// A service's answer.
    Told {
        /// As the service defines it.
        text: Text,
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
    /// Ended otherwise, and not started again.
    Failed,
    /// Ended otherwise, and about to be started again, at once or after a delay.
    Restarting,
    /// Ended so often before it did anything that it is not started again.
    Quarantined,
    /// Accepts no requests until what it needs is there again.
    Paused,
}

impl fmt::Display for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Restarting => "restarting",
            Self::Quarantined => "quarantined",
            Self::Paused => "paused",
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
            Self::Restarting => 5,
            Self::Quarantined => 6,
            Self::Paused => 7,
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
            5 => Ok(Self::Restarting),
            6 => Ok(Self::Quarantined),
            7 => Ok(Self::Paused),
            value => Err(Fault::Choice { value }),
        }
    }
}
