//! What a client asks of the broker.
//!
//! | kind   | message    | body         | uses the header's capability                 |
//! |--------|------------|--------------|----------------------------------------------|
//! | 0x0101 | Hello      |              | no                                           |
//! | 0x0102 | Connect    | `Connect`    | the service's, with `CONNECT`                |
//! | 0x0103 | Disconnect | session u64  | no                                           |
//! | 0x0104 | MapGrant   | `MapGrant`   | no                                           |
//! | 0x0105 | Derive     | `Derive`     | the one to derive from, with `DERIVE`        |
//! | 0x0106 | Revoke     |              | the one to revoke                            |
//! | 0x0107 | Status     |              | no                                           |
//! | 0x0108 | Shutdown   |              | the system's, with `SHUTDOWN`                |
//! | 0x0109 | Remains    | session u64  | no                                           |
//! | 0x010a | Tell       | text         | the service's, with `CONNECT`                |
//! | 0x010b | TellWith   | text         | the same, and a right to administer something |
//! | 0x010c | SetCredential | see `session` | no; the session stands on one with `ACT_AS`  |
//! | 0x010d | Statistics | session u64  | the service's, with `AUDIT`                  |
//! | 0x010e | Control    | action u16: 0 start, 1 stop, 2 restart | the service's, with `CAP_SPAWN` |
//! | 0x0117 | Configure  | see below    | the system's, with `CONFIGURE`               |
//! | 0x010f | Hand       | see `listing` | the one to hand over, with `DERIVE`         |
//! | 0x0110 | Take       | ticket, 16 bytes | no                                       |
//! | 0x0111 | Register   | endpoint u64 | the system's, with `CAP_SERVICE`             |
//! | 0x0112 | CreateEndpoint | name, see `name` | the system's, with `CAP_IPC_CREATE`  |
//! | 0x0114 | Capabilities | see `listing` | no, or the system's, with `AUDIT`        |
//! | 0x0115 | RevokeOf   | space u64, handle u64 | the system's, with `AUDIT` and `REVOKE` |
//! | 0x0119 | LastWords  |              | the service's, with `AUDIT`                  |
//! | 0x0116 | Authenticate | token: list of up to 1,024 bytes | no; the token says it     |
//! | 0x0118 | Reboot     |              | the system's, with `SHUTDOWN`                |
//!
//! A descriptor accompanies `TellWith`.
//!
//! `Connect`:
//!
//! | offset | size | field       | meaning                                        |
//! |--------|------|-------------|------------------------------------------------|
//! | 0      | 64   | service     | name, see `name`                               |
//! | 64     | 8    | arena_bytes | size of the arena that is asked for            |
//! | 72     | 8    | features    | bits that the client understands               |
//! | 80     | 4    | sq_entries  | of each queue                                  |
//! | 84     | 4    | cq_entries  | of each queue                                  |
//! | 88     | 2    | queues      | how many                                       |
//! | 90     | 2    | waiting     | 0 adaptive, 1 polling, 2 sleeping              |
//!
//! `Configure`: action u16 (0 show what comes after the key, 1 set, 2 reload), key (list of up to 256
//! bytes), value (a text).
//!
//! `MapGrant`: session u64, grant u32. `Derive`: rights u64, badge u64. A text is a list of up to
//! 3,500 bytes.

use capability::{Handle, Rights};
use dataplane::{SessionId, WaitMode};
use zerocopy::little_endian::U16;

use super::authentication::ShownToken;
use super::codec::messages;
use super::error::Fault;
use super::field::{Field, record, sequence};
use super::list::{List, Text};
use super::listing::{Hand, ListFrom, NodeNamed, Ticket};
use super::name::Name;
use super::session::{SessionNamed, SetCredential};

messages! {
    /// What a client asks of the broker. Each is answered once: by the [reply](super::BrokerReply)
    /// named here, or by `Failed`.
    ClientMessage {
        /// Who am I, and what do I hold? Answered by `Welcome`.
        0x0101 + 0 => Hello,
        /// Open a session. Answered by `Connected`.
        0x0102 + 0 => Connect(body: Connect),
        /// End a session of the client's own. Answered by `Done`.
        0x0103 + 0 => Disconnect(body: SessionNamed),
        /// Hand over the memory that a grant shows. Answered by `Mapped`.
        0x0104 + 0 => MapGrant(body: MapGrant),
        /// Derive from the header's capability. Answered by `Derived`.
        0x0105 + 0 => Derive(body: Derive),
        /// Revoke the header's capability and what was derived from it. Answered by `Done`, once
        /// nothing executes any more that stood on them.
        0x0106 + 0 => Revoke,
        /// How are the services? Answered by `StatusReport`.
        0x0107 + 0 => Status,
        /// Stop the system. Answered by `Done`, when stopping has begun.
        0x0108 + 0 => Shutdown,
        /// Which requests of a session of the client's own did a dead service leave behind?
        /// Answered by `Remains`.
        0x0109 + 0 => Remains(body: SessionNamed),
        /// Hand a message to the service whose capability the header names. Answered by `Told`.
        0x010a + 0 => Tell(body: Tell),
        /// The same, with a descriptor that the service is to use.
        0x010b + 1 => TellWith(body: Tell),
        /// Have requests of a session of the client's own act as somebody. Answered by `Done`,
        /// when the service knows.
        0x010c + 0 => SetCredential(body: SetCredential),
        /// What has the service done, whose capability the header names, for this session and
        /// those with higher numbers? 0 stands for all that have ended. Answered by `Statistics`.
        0x010d + 0 => Statistics(body: SessionNamed),
        /// Start, stop or restart the service whose capability the header names. Answered by
        /// `Done`, when that has begun.
        0x010e + 0 => Control(body: Control),
        /// Hand the header's capability, or a part of it, to whoever has the ticket. Answered by
        /// `Ticket`, which counts once and for a minute.
        0x010f + 0 => Hand(body: Hand),
        /// Take what a ticket stands for. Answered by `Taken`.
        0x0110 + 0 => Take(body: Ticket),
        /// Have all that connect from now on hold a capability for an endpoint of the sender's own.
        /// Answered by `Done`.
        0x0111 + 0 => Register(body: Register),
        /// Make an endpoint, which the sender serves. Answered by `Endpoint`.
        0x0112 + 0 => CreateEndpoint(body: CreateEndpoint),
        /// Which capabilities are there? The sender's own; everybody's, if the header names the
        /// system's. Answered by `Capabilities`.
        0x0114 + 0 => Capabilities(body: ListFrom),
        /// Revoke a capability of anybody's, and what was derived from it. Answered as `Revoke` is.
        0x0115 + 0 => RevokeOf(body: NodeNamed),
        /// Why and where was the last incarnation ended of the service whose capability the header
        /// names, if it was because it gave no sign of life? Answered by `Told`.
        0x0119 + 0 => LastWords,
        /// Give me what this token allows, besides what I hold. Answered by `Welcome`, with what the
        /// token gave alone.
        0x0116 + 0 => Authenticate(body: ShownToken),
        /// Show or change the configuration of the system. Answered by `Told`: a line `done` or
        /// `refused`, then a text.
        0x0117 + 0 => Configure(body: Configure),
        /// Stop the system and start it again in place. Answered by `Done`, when stopping has
        /// begun.
        0x0118 + 0 => Reboot,
    }
}

record! {
    /// Asks for a session with a service. The sizes are wishes; `Connected` says what came of them.
    Connect, 92 bytes {
        /// The service, whose capability the header names.
        0 => service: Name,
        /// Size of the arena.
        64 => arena_bytes: u64,
        /// Features that the client understands; 0 are needed by none.
        72 => features: u64,
        /// Submission entries of each queue.
        80 => sq_entries: u32,
        /// Completion entries of each queue.
        84 => cq_entries: u32,
        /// Number of queues.
        88 => queues: u16,
        /// How the client means to wait.
        90 => waiting: WaitMode,
    }
}

record! {
    /// Makes an endpoint known.
    Register, 8 bytes {
        /// The sender's capability for it.
        0 => endpoint: Handle,
    }
}

record! {
    /// Asks for an endpoint.
    CreateEndpoint, 64 bytes {
        /// What clients connect to.
        0 => name: Name,
    }
}

record! {
    /// Asks for the memory behind a grant, to map it for reading.
    MapGrant, 12 bytes {
        /// The session that the grant was given in.
        0 => session: SessionId,
        /// The grant, as the completion named it.
        8 => grant: u32,
    }
}

record! {
    /// Asks for a capability derived from the header's.
    Derive, 16 bytes {
        /// The rights of the new one, all of which the source must have.
        0 => rights: Rights,
        /// The badge of the new one: 0, or the source's, unless the source has none.
        8 => badge: u64,
    }
}

sequence! {
    /// A message that is a service's own business.
    Tell {
        /// As the service defines it.
        text: Text,
    }
}

record! {
    /// What is to be done with a service.
    Control, 2 bytes {
        /// What.
        0 => action: ServiceAction,
    }
}

/// What an operator wants of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceAction {
    /// That it runs.
    Start,
    /// That it ends, and stays so.
    Stop,
    /// That it ends, and is started again.
    Restart,
}

impl Field for ServiceAction {
    type Layout = U16;

    fn to_layout(&self) -> U16 {
        let value: u16 = match self {
            Self::Start => 0,
            Self::Stop => 1,
            Self::Restart => 2,
        };
        value.into()
    }

    fn from_layout(layout: U16) -> Result<Self, Fault> {
        match layout.get() {
            0 => Ok(Self::Start),
            1 => Ok(Self::Stop),
            2 => Ok(Self::Restart),
            value => Err(Fault::Choice { value }),
        }
    }
}

sequence! {
    /// Asks for the configuration of the system.
    Configure {
        /// What is wanted.
        action: ConfigurationAction,
        /// The setting.
        key: List<u8, 256>,
        /// What it is to be.
        value: Text,
    }
}

/// What an operator wants of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigurationAction {
    /// To see the settings that come after the key.
    Show,
    /// To give a setting another value.
    Set,
    /// That it is read again.
    Reload,
}

impl Field for ConfigurationAction {
    type Layout = U16;

    fn to_layout(&self) -> U16 {
        let value: u16 = match self {
            Self::Show => 0,
            Self::Set => 1,
            Self::Reload => 2,
        };
        value.into()
    }

    fn from_layout(layout: U16) -> Result<Self, Fault> {
        match layout.get() {
            0 => Ok(Self::Show),
            1 => Ok(Self::Set),
            2 => Ok(Self::Reload),
            value => Err(Fault::Choice { value }),
        }
    }
}
